"""Shares of outcomes given a context, smoothed from the general to the special (hierarchical Dirichlet back-off).

    P_0(x) = base(x)
    P_l(x | c_l) = (n(c_l, x) + a_l P_(l-1)(x | c_(l-1))) / (n(c_l) + a_l)

c_l holds the features of the levels up to l; a_l, the concentration, is chosen level by level on a grid by the
likelihood of sessions left out in turn, and may be infinite: the level then adds nothing and is passed over. The
recursion needs the probability of the outcome that happened alone, so that leaving out costs counts, not refits.
(MacKay and Bauman Peto 1995, A hierarchical Dirichlet language model; cross-validated instead of by evidence.)
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, math.inf)
"""Concentrations tried at every level, in turns."""
FOLDS = 5
"""Groups of sessions left out in turn."""

Context = Mapping[str, str]
Key = tuple[str, ...]
Outcome = Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that happened in a context."""

    context: Context
    """Feature -> value."""
    outcome: Outcome
    """What happened."""
    weight: float
    """Its share of the turn, in (0, 1]."""
    group: str
    """Session it belongs to."""


def key_of(context: Context, features: Sequence[str]) -> Key:
    """The values of some features."""
    return tuple(context[f] for f in features)


@dataclass(slots=True)
class Backoff:
    """A smoothed table. Made by `learn`."""

    levels: tuple[tuple[str, ...], ...]
    """Features of each level, the general ones first; each level holds those of the one before."""
    concentrations: tuple[float, ...]
    """One per level, in turns; infinite where a level adds nothing."""
    base: Callable[[Outcome], float]
    """Probability of an outcome before any count; positive for every possible outcome."""
    counts: list[dict[Key, dict[Outcome, float]]]
    """Per level: context -> outcome -> turns."""
    totals: list[dict[Key, float]] = field(default_factory=list)
    """Per level: context -> turns."""

    def __post_init__(self) -> None:
        self.totals = [{key: sum(seen.values()) for key, seen in table.items()} for table in self.counts]

    def probability(self, outcome: Outcome, context: Context, deepest: int | None = None) -> float:
        """P(outcome | context), in (0, 1]; `deepest` stops after so many levels (1: the plain frequencies)."""
        p = self.base(outcome)
        for level in range(len(self.levels) if deepest is None else deepest):
            a, key = self.concentrations[level], key_of(context, self.levels[level])
            total = 0.0 if math.isinf(a) else self.totals[level].get(key, 0.0)
            if total:
                p = (self.counts[level][key].get(outcome, 0.0) + a * p) / (total + a)
        return p


def learn(
    items: Sequence[Item], levels: Sequence[tuple[str, ...]], base: Callable[[Outcome], float],
    concentrations: Sequence[float] | None = None,
) -> Backoff:  # fmt: skip
    """Fit a table: counts of all items, concentrations as given or by the likelihood of sessions left out in turn.

    Deterministic: sessions go to folds in the order of their ids, one after the other.
    """
    counts: list[dict[Key, dict[Outcome, float]]] = []
    for features in levels:
        table: dict[Key, dict[Outcome, float]] = defaultdict(lambda: defaultdict(float))
        for item in items:
            table[key_of(item.context, features)][item.outcome] += item.weight
        counts.append({k: dict(v) for k, v in table.items()})
    chosen = _chosen(items, levels, base) if concentrations is None else tuple(concentrations)
    return Backoff(levels=tuple(levels), concentrations=chosen, base=base, counts=counts)


def folds_of(groups: Sequence[str], count: int = FOLDS) -> NDArray[np.intp]:
    """Fold of every item: groups in the order of their names, dealt out one after the other."""
    place = {g: i % count for i, g in enumerate(sorted(set(groups)))}
    return np.array([place[g] for g in groups], dtype=np.intp)


def _chosen(
    items: Sequence[Item], levels: Sequence[tuple[str, ...]], base: Callable[[Outcome], float]
) -> tuple[float, ...]:
    """Concentrations, level by level: each the best for sessions left out, given those below it."""
    fold = folds_of([i.group for i in items])
    weight = np.array([i.weight for i in items])
    outcome = _codes([i.outcome for i in items])
    p = np.array([base(i.outcome) for i in items])
    made = []
    for features in levels:
        context = _codes([key_of(i.context, features) for i in items])
        both = _codes(list(zip(context.tolist(), outcome.tolist(), strict=True)))
        n_both, n_context = _elsewhere(both, fold, weight), _elsewhere(context, fold, weight)
        tried = {a: p if math.isinf(a) else (n_both + a * p) / (n_context + a) for a in GRID}
        # of equal ones the largest: the plainer table
        best = max(GRID, key=lambda a: (round(float(weight @ np.log(tried[a])), 9), a))
        made.append(best)
        p = tried[best]
    return tuple(made)


def _elsewhere(codes: NDArray[np.intp], fold: NDArray[np.intp], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per item: weight of its code in the other folds."""
    cells = codes * FOLDS + fold
    inside = np.bincount(cells, weight)
    total = np.bincount(codes, weight)
    left: NDArray[np.float64] = np.maximum(total[codes] - inside[cells], 0.0)
    return left


def _codes(values: Sequence[Hashable]) -> NDArray[np.intp]:
    """Values as 0..K-1 in order of first appearance."""
    seen: dict[Hashable, int] = {}
    return np.fromiter((seen.setdefault(v, len(seen)) for v in values), dtype=np.intp, count=len(values))
