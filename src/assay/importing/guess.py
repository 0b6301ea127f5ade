"""What form a file of sessions is in, from its first record."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from assay.errors import BadInput
from assay.records.storage import read_lines


class Guess(NamedTuple):
    """A format and the reason for it."""

    format: str
    """sessions, openai, tau2, csv or unknown."""
    why: str
    """What was seen, in one sentence."""


def guess(path: str | Path) -> Guess:
    """Guess the format of a file. Never raises for what is in it; raises BadInput when it cannot be read at all."""
    file = Path(path)
    if file.suffixes[:1] == [".csv"] or file.name.endswith(".csv.gz"):
        return Guess("csv", "the name ends in .csv")
    first = ""
    for _, line in read_lines(file):
        first = line.removeprefix("\ufeff").strip()
        break
    if not first:
        return Guess("unknown", "the file is empty")
    record = _record(first, file)
    if isinstance(record, list) and record and all(isinstance(m, dict) and "role" in m for m in record):
        return Guess("openai", "an array of messages with a role")
    if isinstance(record, list) and record:
        return _guess_record(record[0], "an array whose first entry")
    return _guess_record(record, "the first line")


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
    if isinstance(turns, list) and all(isinstance(t, dict) and "speaker" in t for t in turns):
        return Guess("sessions", f"{what} has turns with a speaker")
    if isinstance(messages, list) and all(isinstance(m, dict) and "role" in m for m in messages):
        return Guess("openai", f"{what} has messages with a role")
    if isinstance(record.get("simulations"), list):
        return Guess("tau2", f"{what} has simulations")
    if isinstance(record.get("traj"), list):
        return Guess("tau2", f"{what} has a list traj")
    if "role" in record and "content" in record:
        return Guess("openai", f"{what} is a message with role and content")
    return Guess("unknown", f"{what} has neither turns with a speaker nor messages with a role")
