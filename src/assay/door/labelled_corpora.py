"""Labelled sessions of others as examples for a trained annotator: the same label name, or acts mapped to core acts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.door.auditing import read_any
from assay.importing.core_acts import acts_map_of
from assay.records.core_acts import CORE_ACTS
from assay.records.label import key_of
from assay.records.label_schema import SESSION, AskedLabel
from assay.records.session import Session
from assay.verification.annotators.naming import Line
from assay.verification.annotators.trained import Example

MOST = 20_000
"""Examples of one file at most: the first ones."""


def examples_of(files: Sequence[Path], label: AskedLabel) -> tuple[list[Example], dict[str, Any]]:
    """Examples of all files, and per file how many and which values it tells of.

    A file tells of a value when at least one of its targets has it; of others it says neither yes nor no.
    """
    found: list[Example] = []
    told: dict[str, Any] = {}
    for file in files:
        held = [(line, values) for s in read_any(file) for line, values in _of_session(s, label)][:MOST]
        known = sorted({v for _, values in held for v in values if v in label.values})
        for line, values in held:
            found.append(Example(line, {v: v in values for v in known}))
        told[file.name] = {"examples": len(held), "tells_of": known}
    return found, told


def _of_session(session: Session, label: AskedLabel) -> Iterator[tuple[Line, frozenset[str]]]:
    """(words, values present) of every labelled target of a session."""
    if label.of == SESSION:
        if label.name in session.session_labels:
            text = "\n".join(f"{t.speaker}: {t.text}" for t in session.turns if t.text.strip())
            yield Line(text, ""), _values(session.session_labels[label.name])
        return
    table = acts_map_of(session) if set(label.values) <= set(CORE_ACTS) else None
    for i, turn in enumerate(session.turns):
        if turn.speaker != label.of or not turn.text.strip():
            continue
        line = Line(turn.text, session.turns[i - 1].text if i else "")
        if label.name in turn.labels:
            yield line, _values(turn.labels[label.name])
        elif table is not None:
            named = table.named(turn.labels)
            cores = [table.core(act.name, label.of) for act in named or ()]
            present = frozenset(core for held in cores for core in held or ())
            if present and all(held is not None for held in cores):
                yield line, present


def _values(value: Any) -> frozenset[str]:
    if isinstance(value, Mapping):
        return frozenset(key_of(v) for v in value.values())
    return frozenset(key_of(v) for v in value) if isinstance(value, list | tuple) else frozenset((key_of(value),))
