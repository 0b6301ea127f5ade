"""For tests of your own: a scripted model, runs that need no model and no network, and certificates as assertions.

from assay.testing import ScriptedModel, assert_certified, tiny_run
folder = tiny_run(tmp_path / "run", n=10)
assert_certified("runs/returns", max_error=0.05)

As a pytest plugin (it is there once assay is installed): `--assay-run DIR`, and the fixtures `assay_run` and
`assay_session`, the latter once per session of that run.
"""

from pathlib import Path
from typing import Any

from assay.door.options import Plan
from assay.door.running import run
from assay.models.scripted import ScriptedModel
from assay.testing.certified import assert_certified


def tiny_run(
    out: str | Path, *, n: int = 5, seed: int = 0, blueprint: str = "returns", model: str = "template"
) -> dict[str, Any]:
    """A whole run on template wording: every stage, no model, about a second per ten sessions."""
    return run(blueprint, out, Plan(n=n, seed=seed, model=model))


__all__ = ["ScriptedModel", "assert_certified", "tiny_run"]
