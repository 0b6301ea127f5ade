"""Which adapter words the user: for the doctor, on this machine, in a run folder and in a training folder."""

import hashlib
from pathlib import Path
from typing import Any

from assay.door.making import model_mark
from assay.errors import AssayError
from assay.models import embedded
from assay.models.adapter import BASE, NAME, check_base, read_head, text_of
from assay.runs.folder import RunFolder

Line = tuple[str, str, str]
"""(fine, missing or broken; what was looked at; what was found)."""


def shipped() -> Line:
    """The adapter that `embedded` uses by default."""
    if not embedded.ADAPTER.is_file():
        return "missing", "adapter", "no adapter comes with this build; `embedded` is the bare model"
    return described(embedded.ADAPTER)


def described(path: Path) -> Line:
    """Name, digest and base of an adapter file; broken when the embedded engine cannot use it."""
    try:
        silent = None if path == embedded.ADAPTER else embedded.SILENT_ADAPTERS
        check_base(path, embedded.WEIGHTS_SHA256, silent=silent)
        head = read_head(path)
    except AssayError as error:
        return "broken", "adapter", f"{path}: {error.what}"
    base = "made for the embedded weights" if text_of(head, BASE) else "says nothing of its base"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "fine", "adapter", f"{text_of(head, NAME) or path.stem} ({path.name}), sha256 {digest[:16]}, {base}"


def of_run(folder: RunFolder) -> list[Line]:
    """The adapter that worded a run, and whether it is still the same file; nothing for other models."""
    config = folder.run().get("config") or {}
    model, then = str(config.get("model")), config.get("weights")
    if model != "embedded" and not model.startswith("embedded:"):
        return []
    try:
        now = model_mark(model)
    except AssayError as error:
        return [("missing", "adapter", f"{error.what}: {error.where}; the run was worded by {then}")]
    if then not in (None, now):
        return [("missing", "adapter", f"the run was worded by {then}, and {model} is {now} now")]
    path = embedded.adapter_of(model)
    return [described(path)] if path is not None else []


def of_training(folder: RunFolder) -> list[Line]:
    """State of a training folder: its stages, and whether the exported adapter is what the summary says.

    Empty for a folder that is none.
    """
    run = folder.run()
    if not str(run.get("command", "")).startswith("learn "):
        return []
    stages = run.get("stages", {})
    found: list[Line] = [
        ("fine" if stages.get(name, {}).get("done") else "missing", name, _told(name, stages.get(name, {})))
        for name in ("train", "measure")
    ]
    summary = folder.json("summary.json") if folder.has("summary.json") else {}
    adapter: dict[str, Any] = summary.get("adapter") or {}
    if not adapter:
        return [*found, ("missing", "adapter", "not exported yet: the first checkpoint does that")]
    path = folder.file(adapter["file"])
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != adapter["sha256"]:
        return [*found, ("broken", "adapter", f"{path} is not the file that was exported")]
    if not summary["base"]["embedded"]:
        detail = f"{path.name}, sha256 {adapter['sha256'][:16]}, for {summary['base']['name']}"
        return [*found, ("fine", "adapter", f"{detail}; the embedded engine refuses it")]
    return [*found, described(path)]


def _told(name: str, stage: dict[str, Any]) -> str:
    if not stage.get("done"):
        return "not done: run the same `assay learn` command to go on"
    return f"{stage['steps']} steps, {stage['checkpoint']}" if name == "train" else "held-out figures are there"
