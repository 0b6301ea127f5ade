"""How varied a run is, for the report: what `diversity.json` says, and how many sessions copy their persona."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.authoring.diversity import persona_copied
from assay.errors import BadInput
from assay.pages.reading import Made

LEAST_EVEN = 0.8
"""Share of its largest entropy below which a field is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What the report says about variety."""

    arm: str
    """prior or covering: whose shares are shown."""
    pairs: tuple[tuple[str, int, float, int, bool], ...]
    """(arm, pairs present, share of the possible ones, scenarios, whether it was only drawn to compare)."""
    possible: int
    undecided: int
    entropies: tuple[tuple[str, float, float | None, int, int], ...]
    """(field, bits, share of the largest, values that occur, values that can)."""
    top_name: tuple[str, int, float] | None
    cells: tuple[tuple[str, Mapping[str, Any]], ...]
    removed: tuple[Mapping[str, Any], ...]
    n_removed: tuple[int, int]
    """(subtopics, personas) that were near-duplicates."""
    grown: Mapping[str, int]
    dropped: tuple[str, ...]
    rejection_rate: float | None
    copied: tuple[int, int, float] | None
    """(sessions that copy their persona, sessions, share)."""

    @property
    def uneven(self) -> list[str]:
        """Fields far from even, in words."""
        return [f"{name} ({share:.0%})" for name, _, share, _, _ in self.entropies if share and share < LEAST_EVEN]


def spread(made: Made) -> Spread | None:
    """What is known about the variety of a run; None for folders without `diversity.json` (foreign sessions, say)."""
    path = made.directory / "diversity.json"
    if not path.exists():
        return None
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return _spread(row, made)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"diversity.json cannot be read: {error}", where=str(made.directory), now="make the run's scenarios again"
        ) from error


def _spread(row: Mapping[str, Any], made: Made) -> Spread:
    arms = row["pairwise"]["by_arm"]
    top = row["top_name"]
    copied = None
    if made.scenarios and made.sessions:
        found = persona_copied(made.scenarios, made.sessions)
        copied = (found["sessions"], found["n"], found["share"]) if found["n"] else None
    return Spread(
        arm=row["arm"],
        pairs=tuple(
            (arm, a["present"], a["share"] or 0.0, a["scenarios"], bool(a.get("compared_only")))
            for arm, a in arms.items()
        ),
        possible=row["pairwise"]["possible"],
        undecided=row["pairwise"]["undecided"],
        entropies=tuple(
            (name, e["bits"], e["share_of_max"], e["values"], e["domain"]) for name, e in row["entropy"].items()
        ),
        top_name=(top["value"], top["count"], top["share"]) if top["value"] else None,
        cells=tuple(row["cells"].items()),
        removed=tuple(row["removed"]["list"]),
        n_removed=(row["removed"]["subtopics"], row["removed"]["personas"]),
        grown=row["grown"],
        dropped=tuple(row["dropped"]),
        rejection_rate=row["rejection_rate"],
        copied=copied,
    )
