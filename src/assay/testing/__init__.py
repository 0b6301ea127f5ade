"""For tests of your own: a scripted model and runs that need no model and no network.

from assay.testing import ScriptedModel, tiny_run
folder = tiny_run(tmp_path / "run", n=10)
"""

from pathlib import Path
from typing import Any

from assay.door.options import Plan
from assay.door.running import run
from assay.models.scripted import ScriptedModel


def tiny_run(
    out: str | Path, *, n: int = 5, seed: int = 0, blueprint: str = "returns", model: str = "template"
) -> dict[str, Any]:
    """A whole run on template wording: every stage, no model, about a second per ten sessions."""
    return run(blueprint, out, Plan(n=n, seed=seed, model=model))


__all__ = ["ScriptedModel", "tiny_run"]
