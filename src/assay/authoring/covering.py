"""Pairwise covering scenarios: a greedy array in which every pair of values that can occur together does occur.

A separate arm, marked in each scenario (`arm: covering`): its rows are chosen, not drawn from the prior, so nothing
about prevalence or calibration may be read off them. Greedy construction after AETG (Cohen et al. 1997): a row starts
from a pair not yet covered; what that pair is tied to is searched for (authoring.feasible), every other factor takes
the value that covers most; the best of CANDIDATES such rows is kept. When every pair is covered the count starts anew.
Row i depends on (blueprint, pools, seed) and the rows before it, so a shorter array is a prefix of a longer one.
"""

from collections.abc import Iterator

import numpy as np

from assay.authoring.feasible import SUBTOPIC, Pair, Space, TooManySteps
from assay.authoring.layers import Pools, own_pools
from assay.authoring.one import Target, author_one
from assay.authoring.priors import stream
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario

CANDIDATES = 8
"""Rows tried for each row kept."""
TIED_TRIES = 3
"""Assignments tried for each group of factors that are tied to each other."""

Cell = tuple[str, str]


class Uncovered:
    """Pairs still to be covered, by either of their cells."""

    def __init__(self, pairs: set[Pair]) -> None:
        self.pairs = sorted(pairs)
        self.left: dict[Cell, set[Cell]] = {}
        self.refill()

    def refill(self) -> None:
        """Start over: all pairs are to be covered."""
        for a, b in self.pairs:
            self.left.setdefault(a, set()).add(b)
            self.left.setdefault(b, set()).add(a)

    def gain(self, new: dict[str, str], row: dict[str, str]) -> int:
        """Pairs that values would cover, among themselves and with those of a row."""
        cells, own = set(row.items()), list(new.items())
        found = sum(len(self.left.get(cell, set()) & cells) for cell in own)
        return found + sum(b in self.left.get(a, ()) for i, a in enumerate(own) for b in own[i + 1 :])

    def cover(self, row: dict[str, str]) -> None:
        """Take off what a row covers."""
        cells = set(row.items())
        for cell in cells:
            if cell in self.left:
                self.left[cell] -= cells
                if not self.left[cell]:
                    del self.left[cell]

    def pick(self, rng: np.random.Generator) -> Pair | None:
        """A pair that is not covered yet, or None."""
        if not self.left:
            return None
        cells = sorted(self.left)
        one = cells[int(rng.integers(len(cells)))]
        partners = sorted(self.left[one])
        return one, partners[int(rng.integers(len(partners)))]


def covering_rows(space: Space, seed: int) -> Iterator[Target]:
    """Rows of the covering array, without end: first every pair once, then every pair again."""
    pairs, _, _ = space.pairs()
    left = Uncovered(pairs)
    number = 0
    while True:
        rng = stream(seed, f"covering/{number}")
        best: dict[str, str] = {}
        fixed: dict[str, str] = {}
        most = -1
        for _ in range(CANDIDATES):
            row, held = _candidate(space, left, rng)
            if (gain := left.gain(row, {})) > most:
                best, fixed, most = row, held, gain
        left.cover(best)
        if not left.left:
            left.refill()
        values = {k: v for k, v in fixed.items() if k != SUBTOPIC}
        yield Target(values=values, subtopic=fixed.get(SUBTOPIC, ""))
        number += 1


def _candidate(space: Space, left: Uncovered, rng: np.random.Generator) -> tuple[dict[str, str], dict[str, str]]:
    """(factor values, everything fixed with them) of one row around a pair that is not covered yet."""
    start = left.pick(rng)
    given = dict(start) if start is not None else {}
    row: dict[str, str] = {}
    held: dict[str, str] = {}
    factors = [*given, *(f for f in (list(space.factors)[i] for i in rng.permutation(len(space.factors))))]
    for factor in factors:
        if factor in row:
            continue
        group = space.group(factor)
        own = {k: v for k, v in given.items() if k in group}
        if len(group) == 1:
            options = [{factor: v} for v in ([own[factor]] if factor in own else space.factors[factor])]
        else:
            options = _tied(space, own or _any(space, factor, rng), rng)
        gains = [left.gain({k: v for k, v in o.items() if k in space.factors}, row) for o in options]
        best = [o for o, g in zip(options, gains, strict=True) if g == max(gains)]
        chosen = best[int(rng.integers(len(best)))]
        held |= chosen
        row |= {k: v for k, v in chosen.items() if k in space.factors}
    return row, held


def _any(space: Space, factor: str, rng: np.random.Generator) -> dict[str, str]:
    values = space.factors[factor]
    return {factor: values[int(rng.integers(len(values)))]}


def _tied(space: Space, given: dict[str, str], rng: np.random.Generator) -> list[dict[str, str]]:
    """Assignments of a group of tied factors that hold the given values."""
    found = []
    for _ in range(TIED_TRIES):
        try:
            assignment = space.assignment(given, rng)
        except TooManySteps:
            assignment = None
        found.append(assignment if assignment is not None else dict(given))
    return found


def covering(blueprint: Blueprint, seed: int, n: int, pools: Pools | None = None) -> Iterator[Scenario]:
    """`n` scenarios of the covering arm, ids c00000, c00001, ...; what no factor names is drawn from the prior.

    Same (blueprint, pools, seed), same bytes; fewer are a prefix of more. Raises Unsatisfiable as `author_one` does.
    """
    pools = pools if pools is not None else own_pools(blueprint)
    rows = covering_rows(Space(blueprint, pools), seed)
    for index in range(n):
        yield author_one(blueprint, seed, index, pools, next(rows))
