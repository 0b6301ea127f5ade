"""Faulty copies of session files: the lines as they were, and in the touched ones only what the truth says."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from assay.planting.run import Run
from assay.planting.truth import Planted
from assay.records.session import Session
from assay.records.storage import read_lines


class Style(NamedTuple):
    """A way in which a line of JSON may have been written."""

    escaped: bool
    separators: tuple[str, str]


STYLES = tuple(Style(escaped, pair) for escaped in (False, True) for pair in ((",", ":"), (", ", ": ")))
"""Usual ways; a line written otherwise gets the second one where it has a fault."""


def raw_lines(paths: Sequence[Path]) -> list[str]:
    """The lines of session files, in order, one per session, without their line ends."""
    found = []
    for path in paths:
        for number, text in read_lines(path):
            found.append((text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n"))
    return found


def faulty_lines(lines: Sequence[str], sessions: Sequence[Session], planted: Sequence[Planted]) -> Iterator[str]:
    """Lines of a faulty copy: those of untouched sessions byte for byte; others with the changed fields put in.

    lines, sessions: one of each per session, in the same order; sessions as they were before the faults. A line that
    can be written as it was keeps its way of writing (spaces, escapes), so that nothing else in it differs.
    """
    by_session: dict[str, list[Planted]] = {}
    for fault in planted:
        by_session.setdefault(fault.session, []).append(fault)
    for line, session in zip(lines, sessions, strict=True):
        faults = by_session.get(session.id)
        yield line if faults is None else _with_faults(line, session, faults)


def _with_faults(line: str, session: Session, faults: Sequence[Planted]) -> str:
    row = json.loads(line)
    style = next((s for s in STYLES if _written(row, s) == line.strip()), STYLES[1])
    paths = {(p.turn, p.name): p.path for p in Run([session]).places}
    of_record = any((f.name or "").startswith("private.") for f in faults if f.kind == "label")
    for fault in faults:
        if fault.operator == "early_end":
            row["turns"] = row["turns"][: fault.turn]
        elif fault.kind != "label":
            row["turns"][fault.turn or 0]["text"] = fault.after
        elif (fault.name or "").startswith("private."):
            _set_fact(row, fault)
        else:
            holder = row if fault.turn is None else row["turns"][fault.turn]
            key = "session_labels" if fault.turn is None else "labels"
            path = paths[fault.turn, fault.name or ""]
            # a persona's label is read from the private facts where the file does not hold it
            if not (of_record and path[0] not in (holder.get(key) or {})):
                holder[key] = _put(holder.get(key) or {}, path, fault.after)
    return _written(row, style)


def _written(row: Any, style: Style) -> str:
    return json.dumps(row, ensure_ascii=style.escaped, separators=style.separators)


def _put(held: Any, path: Sequence[str], value: Any) -> Any:
    """A table with one value changed; what the file does not hold yet is added."""
    if not path:
        return value
    return {**held, path[0]: _put(held.get(path[0], {}), path[1:], value)}


def _set_fact(row: dict[str, Any], fault: Planted) -> None:
    """Change a private fact where the file keeps it: under its party, or under a key that a map gives to the party."""
    _, party, fact = (fault.name or "").split(".", 2)
    private = row["private"]
    held = private.get(party)
    if isinstance(held, dict) and fact in held:
        private[party] = {**held, fact: fault.after}
        return
    for key, value in private.items():
        if value == fault.before:
            private[key] = fault.after
            return
        inner = next((k for k, v in value.items() if v == fault.before), None) if isinstance(value, dict) else None
        if inner is not None:
            private[key] = {**value, inner: fault.after}
            return
    private[party] = {**(held if isinstance(held, dict) else {}), fact: fault.after}
