"""A run read for export in steps: all of it, or of a run in parts one part after another."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from assay.records import Label, Session, read
from assay.records.parts import parts_of, read_part, rows_in


class Step(NamedTuple):
    """Sessions that are held at once, with all their labels."""

    sessions: list[Session]
    labels: dict[str, list[Label]]
    """Session -> its labels."""


def steps_of(folder: Path) -> Iterator[Step]:
    """The run, in its order. Raises BadInput for a run without sessions or labels, or what cannot be read."""
    if not _in_parts(folder):
        yield Step(list(read(folder, "sessions")), _by_session(read(folder, "labels")))
        return
    for one, two in zip(parts_of(folder, "sessions"), parts_of(folder, "labels"), strict=True):
        yield Step(list(read_part(one, Session)), _by_session(read_part(two, Label)))


def total_of(folder: Path) -> int:
    """How many sessions there are."""
    if not _in_parts(folder):
        return sum(1 for _ in read(folder, "sessions"))
    return sum(rows_in(path) for path in parts_of(folder, "sessions"))


def _in_parts(folder: Path) -> bool:
    """Whether sessions and labels stand in parts beside each other; a table in one file goes first."""
    tables = ("sessions", "labels")
    whole = any((folder / f"{t}{suffix}").exists() for t in tables for suffix in (".jsonl", ".jsonl.gz"))
    counts = {len(parts_of(folder, t)) for t in tables}
    return not whole and len(counts) == 1 and counts != {0}


def _by_session(labels: Iterator[Label]) -> dict[str, list[Label]]:
    found: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        found[label.session].append(label)
    return found


class Seen:
    """What a card says of the sessions and labels that went by: one of a kind is held, however many there are."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        """As many as there were; those that a card says the same of are one."""
        self.labels: list[Label] = []
        """As many as there were; of one name and tier it is always the first."""
        self._kinds: dict[Any, Any] = {}

    def add(self, step: Step) -> Step:
        """Note a step, and hand it on."""
        for session in step.sessions:
            worded = [t for t in session.turns if t.realised_by]
            own = (session.language, session.authored, session.licence, session.source, session.mode)
            like = (*own, tuple((t.speaker, t.realised_by) for t in worded))
            self.sessions.append(self._kinds.setdefault(like, session))
            for label in step.labels[session.id]:
                self.labels.append(self._kinds.setdefault((label.name, label.tier), label))
        return step
