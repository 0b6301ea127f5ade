"""What an import read and made of it: counts in = out, facts by party, warnings."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """What a file holds, counted the same way before and after reading."""

    sessions: int = 0
    """Sessions."""
    turns: int = 0
    """Turns."""
    labels: int = 0
    """Label values, dicts flattened; null is no value, a list is one."""
    facts: int = 0
    """Private facts, dicts flattened, those without a value and those of no party included."""


@dataclass
class ImportReport:
    """What was read, filled while the sessions are taken from `import_sessions`."""

    read: Counts = field(default_factory=Counts)
    """Counted in the files."""
    made: Counts = field(default_factory=Counts)
    """Counted in the sessions handed out; equal to `read` once all are taken."""
    facts: Counter[str] = field(default_factory=Counter)
    """Party -> private facts."""
    kept_facts: int = 0
    """`gold_*` keys, kept and not watched."""
    empty_facts: int = 0
    """Facts without a value, left out."""
    structured: Counter[str] = field(default_factory=Counter)
    """Label name -> values that are lists of objects, carried along and not checked."""
    mapped: Counter[str] = field(default_factory=Counter)
    """Label name -> labels that a map made from lists of objects, on top of `made.labels`."""
    personas: int = 0
    """Session labels made from `private.<party>.persona`, on top of `made.labels`."""
    notes: Counter[str] = field(default_factory=Counter)
    """Warning -> sessions it concerns."""

    @property
    def sessions(self) -> int:
        """Sessions handed out."""
        return self.made.sessions

    @property
    def turns(self) -> int:
        """Turns handed out."""
        return self.made.turns

    @property
    def labels(self) -> int:
        """Labels of the files handed out, without mapped ones and personas."""
        return self.made.labels

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost: turns, labels and facts in = out."""
        return self.read == self.made

    @property
    def warnings(self) -> list[str]:
        """Warnings with the number of sessions they concern, most frequent first."""
        ordered = sorted(self.notes.items(), key=lambda item: (-item[1], item[0]))
        return [f"{text} ({n} session{'s' if n != 1 else ''})" for text, n in ordered]

    def row(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            **vars(self.made),
            "facts_by_party": dict(sorted(self.facts.items())),
            "kept_facts": self.kept_facts,
            "empty_facts": self.empty_facts,
            "structured": dict(sorted(self.structured.items())),
            "mapped": dict(sorted(self.mapped.items())),
            "personas": self.personas,
            "balanced": self.balanced,
            "warnings": self.warnings,
        }
