"""Which labels a fault made wrong: for whoever learns from faults how much the word of each check is worth."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from assay.planting.matching import Target
from assay.planting.operator import Operator
from assay.planting.run import Run
from assay.records import Verdict

WORDLESS = frozenset({"blank", "generic", "repeat", "persona_copy"})
"""Operators that take away a turn's own words, and with them every label of that turn."""

Observe = Callable[[Sequence[Target], Sequence[Verdict], Sequence[Verdict], frozenset[str]], None]
"""(labels that are wrong in a copy, verdicts on the originals, verdicts on the copy, codes that were asked in both)."""


def broken_labels(run: Run, spec: Operator, made: Iterable[tuple[Any, Sequence[Any]]]) -> list[Target]:
    """The labels that faults of one copy made wrong, each once; none for faults that leave every label true."""
    places = {(p.session, p.turn, p.name) for p in run.places}
    by_turn: dict[tuple[int, int | None], list[str]] = {}
    for n, turn, name in places:
        by_turn.setdefault((n, turn), []).append(name)
    found: dict[Target, None] = {}
    for unit, edits in made:
        session = run.sessions[unit.session].id
        if spec.counts_as is not None:
            if (unit.session, None, spec.counts_as) in places:
                found[Target(session, None, spec.counts_as)] = None
        elif spec.scope == "label":
            for edit in edits:
                turn = unit.place.turn if unit.place is not None else edit.turn
                if edit.name is not None:
                    found[Target(session, turn, edit.name)] = None
        elif spec.name in WORDLESS:
            for turn in sorted({edit.turn for edit in edits if edit.turn is not None}):
                for name in sorted(by_turn.get((unit.session, turn), ())):
                    found[Target(session, turn, name)] = None
    return list(found)
