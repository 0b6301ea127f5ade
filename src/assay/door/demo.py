"""demo: a small run that fits a coffee break, on the embedded model; or a recorded one."""

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from assay.door.options import Plan
from assay.door.running import run
from assay.errors import BadInput
from assay.runs.engine import Progress, silent

SESSIONS = 20
JUDGED = 8
"""Labels that the embedded base model reads in the demo."""
BUDGET = {"generated": 8000, "prompt_uncached": 12000}
"""Most tokens that the demo may spend over all stages."""


def demo(directory: str | Path, *, replay: bool = False, seed: int = 7, progress: Progress = silent) -> dict[str, Any]:
    """Run the `returns` blueprint on the embedded model, 20 sessions, into `directory`; returns the run's summary.

    With `replay` a recorded run that comes with assay is copied there instead. Raises BadInput when the folder holds
    something else.
    """
    out = Path(directory)
    if replay:
        return _replay(out)
    plan = Plan(n=SESSIONS, seed=seed, model="embedded", judge=("embedded-base",), judged_labels=JUDGED)
    return run("returns", out, plan, progress=progress, command="demo", usage_plan=BUDGET)


def _replay(out: Path) -> dict[str, Any]:
    from assay.door.trusting import report

    if out.exists() and any(out.iterdir()) and not (out / "replayed").exists():
        raise BadInput("the folder is not empty", where=str(out), now="give a new folder to `assay demo DIR --replay`")
    with as_file(files("assay") / "blueprints" / "replay") as recorded:
        if not recorded.is_dir():
            raise BadInput("this build carries no recorded run", now="run `assay demo` without --replay")
        shutil.copytree(recorded, out, dirs_exist_ok=True)
    (out / "replayed").write_text("a recorded run: assay demo --replay\n", encoding="utf-8")
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return {**summary, "report": str(report(out)), "replay": True}
