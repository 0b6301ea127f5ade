"""What form a file of sessions is in, from its first record."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from assay.errors import BadInput, BadSessions
from assay.importing.json_stream import Text
from assay.importing.tau import FOLDER, RESULTS, is_simulation
from assay.records.storage import read_lines


class Guess(NamedTuple):
    """A format and the reason for it."""

    format: str
    """A name of formats.FORMATS, or unknown."""
    why: str
    """What was seen, in one sentence."""


BY_NAME = {".csv": "csv", ".tsv": "csv", ".eval": "inspect", ".parquet": "hf", ".arrow": "hf"}
"""End of a file's name -> format."""
SDIALOG = ("personas", "events", "parentId", "scenario")
"""Fields that dialogs of sdialog have and sessions in assay's own form do not, two of which are enough."""


def guess(path: str | Path) -> Guess:
    """Guess the format of a file. Never raises for what is in it; raises BadInput when it cannot be read at all."""
    file = Path(path)
    if file.is_dir():
        if (file / RESULTS).is_file() and (file / FOLDER).is_dir():
            return Guess("tau2", f"a folder with {RESULTS} and {FOLDER}/")
        return Guess("hf", "a folder of a dataset")
    for suffix, format in BY_NAME.items():
        if file.name.removesuffix(".gz").endswith(suffix):
            return Guess(format, f"the name ends in {suffix}")
    first = Text(file).peek()
    if first and first != "[":
        first = next(t for t in (line.removeprefix("\ufeff").strip() for _, line in read_lines(file)) if t)
    if not first:
        return Guess("unknown", "the file is empty")
    if first.startswith("["):
        return _guess_array(file)
    return _guess_record(_record(first, file), "the first line")


def _guess_array(file: Path) -> Guess:
    """The format of an array by its first entry, which alone is read."""
    text = Text(file)
    text.peek()
    text.skip(1)
    try:
        record = None if text.peek() in ("", "]") else text.value(file, 1)
    except BadSessions:
        return Guess("unknown", "the file begins like an array and is not JSON")
    if isinstance(record, dict) and "role" in record:
        return Guess("openai", "an array of messages with a role")
    return _guess_record(record, "an array whose first entry")


def _record(first: str, file: Path) -> Any:
    """The first record: the first line, or the whole file where that is one JSON value over several lines."""
    try:
        return json.loads(first)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads("".join(line for _, line in read_lines(file)))
    except (ValueError, RecursionError, BadInput):
        return None


def _guess_record(record: Any, what: str) -> Guess:
    """The format of one record."""
    if not isinstance(record, dict):
        return Guess("unknown", f"{what} is not a JSON object")
    turns, messages = record.get("turns"), record.get("messages")
    if isinstance(record.get("eval"), dict) and ("samples" in record or "plan" in record):
        return Guess("inspect", f"{what} has eval and samples")
    if isinstance(turns, list) and len(own := [f for f in SDIALOG if f in record and "private" not in record]) > 1:
        return Guess("sdialog", f"{what} has turns, {' and '.join(own)}")
    if isinstance(turns, list) and all(isinstance(t, dict) and "speaker" in t for t in turns):
        return Guess("sessions", f"{what} has turns with a speaker")
    if is_simulation(record):
        return Guess("tau2", f"{what} has task_id, messages and how the run ended: one simulation")
    if isinstance(record.get("simulation_index"), list) and "tasks" in record:
        return Guess("tau2", f"{what} has tasks and simulation_index; the simulations are in {FOLDER}/ beside it")
    if isinstance(messages, list) and all(isinstance(m, dict) and "role" in m for m in messages):
        return Guess("openai", f"{what} has messages with a role")
    if isinstance(record.get("simulations"), list):
        return Guess("tau2", f"{what} has simulations")
    if isinstance(record.get("traj"), list):
        return Guess("tau2", f"{what} has a list traj")
    if "role" in record and "content" in record:
        return Guess("openai", f"{what} is a message with role and content")
    lists = [k for k in ("conversations", "conversation", "dialogue", "dialog") if isinstance(record.get(k), list)]
    if lists and all(isinstance(m, dict) for m in record[lists[0]]):
        return Guess("hf", f"{what} has a list {lists[0]}")
    return Guess("unknown", f"{what} has neither turns with a speaker nor messages with a role")
