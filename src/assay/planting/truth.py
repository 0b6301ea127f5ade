"""The truth about planted faults: one record per field that was changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from assay.records import Record, read_rows, write_rows

Kind = Literal["label", "text", "systematic"]
"""label: the record is changed; text: the words are; systematic: one value is worded as another in every session."""


class Planted(Record):
    """One field that a fault changed. Putting `before` back restores the session byte for byte."""

    session: str
    """Session id."""
    turn: int | None
    """0-based turn whose label or words were changed; null for a session label."""
    name: str | None
    """Label (or `private.<party>.<fact>`) that the fault breaks; null where the turn or session as such is broken."""
    operator: str
    """Operator that planted it."""
    kind: Kind
    """What was changed: the label, or the words (text, systematic)."""
    before: Any
    """Label value, text, or list of turns as it was."""
    after: Any
    """What stands there now."""


def write_truth(path: Path, planted: Iterable[Planted]) -> int:
    """Write the truth as JSON lines (gzip by suffix); returns how many."""
    return write_rows(path, planted)


def read_truth(path: Path) -> Iterator[Planted]:
    """Read what `write_truth` wrote. Raises BadInput with file and line where a row does not fit."""
    return read_rows(path, Planted)
