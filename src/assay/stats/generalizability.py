"""A small generalizability study: how much of a reading's variance is the item, and how much the way of asking.

Items are crossed with facets (prompt, option order, seed, judge): every item is read under every combination. The
variance of one reading is split into parts by analysis of variance (Brennan, Generalizability Theory, 2001, ch. 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput, NotEnoughData

Floats = NDArray[np.float64]

LEAST_ITEMS = 3
"""Items below which nothing is split."""
SEP = " x "
"""Between the names of an interaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Variance of single readings by source."""

    facets: tuple[str, ...]
    """Names: item first, then the facets with at least two levels."""
    levels: tuple[int, ...]
    """Levels of each."""
    parts: Mapping[str, float]
    """Source -> variance component as estimated: may be slightly negative where the true one is near 0."""
    fixed: tuple[str, ...]
    """Facets with one level: nothing can be said of them."""

    def shares(self) -> dict[str, float]:
        """Source -> share of the variance of one reading; negative estimates count as 0. Empty where nothing varies."""
        kept = {name: max(v, 0.0) for name, v in self.parts.items()}
        total = sum(kept.values())
        return {name: v / total for name, v in kept.items()} if total > 0 else {}

    def dependability(self, times: Mapping[str, int] | None = None) -> float | None:
        """Share of the item in the mean over `times` levels of each facet (default 1 each), drawn afresh; in [0, 1].

        1 where the answer does not depend on how one asks. None where nothing varies. Also called phi.
        """
        return self._ratio(times or {}, absolute=True)

    def relative(self, times: Mapping[str, int] | None = None) -> float | None:
        """As `dependability`, but shifts that are the same for all items do not count: for ordering items only."""
        return self._ratio(times or {}, absolute=False)

    def _ratio(self, times: Mapping[str, int], *, absolute: bool) -> float | None:
        item = max(self.parts[self.facets[0]], 0.0)
        error = 0.0
        for source, variance in self.parts.items():
            names = source.split(SEP)
            others = [n for n in names if n != self.facets[0]]
            if others and (absolute or len(others) < len(names)):
                error += max(variance, 0.0) / prod(times.get(n, 1) for n in others)
        return item / (item + error) if item + error > 0 else None


def study(readings: Floats, facets: Sequence[str]) -> Study:
    """Variance components of fully crossed readings.

    readings: shape (items, levels of facet 1, ..., C): the last axis holds C numbers per reading that are added up (1
    for a score; for a nominal label its indicator per value, so that variances add to 1 - sum of squared shares);
    facets: names of all axes but the last, the first being the item. Raises BadInput for NaN or names that do not fit,
    NotEnoughData below 3 items or where no facet has two levels.

    *Guarantee*: components are unbiased where items and levels are random draws, whatever the distributions; with two
    or three prompts a prompt's component is known to its order of magnitude only. A facet with one level is hidden in
    the item's part, which is then too large: repeats under one prompt say nothing of other prompts. Proven by
    tests/laws/test_reliability_laws.py; its twin takes seeds for the only facet.
    """
    x = np.asarray(readings, dtype=float)
    if x.ndim != len(facets) + 1:
        raise BadInput(f"{len(facets)} facets for readings of shape {x.shape}", now="name every axis but the last")
    if not np.isfinite(x).all():
        raise BadInput(
            "a missing reading", now="a crossed study needs every item under every combination; drop incomplete items"
        )
    if x.shape[0] < LEAST_ITEMS:
        raise NotEnoughData(f"a generalizability study of {x.shape[0]} items", now=f"needs at least {LEAST_ITEMS}")
    fixed = tuple(n for n, size in zip(facets[1:], x.shape[1:-1], strict=True) if size < 2)
    kept = [0, *(i for i in range(1, len(facets)) if x.shape[i] >= 2)]
    if len(kept) == 1:
        raise NotEnoughData("a generalizability study without repeats", now="ask every item at least twice")
    x = x.reshape(*(x.shape[i] for i in kept), x.shape[-1])
    names, sizes = tuple(facets[i] for i in kept), x.shape[:-1]
    squares = _mean_squares(x)
    axes = range(len(names))
    parts: dict[str, float] = {}
    for size in range(1, len(names) + 1):
        for source in combinations(axes, size):
            rest = [a for a in axes if a not in source]
            found = 0.0
            for more in range(len(rest) + 1):
                for extra in combinations(rest, more):
                    found += (-1) ** more * squares[tuple(sorted((*source, *extra)))]
            parts[SEP.join(names[a] for a in source)] = float(found) / prod(sizes[a] for a in rest)
    return Study(facets=names, levels=tuple(sizes), parts=parts, fixed=fixed)


def _mean_squares(x: Floats) -> dict[tuple[int, ...], float]:
    """Mean square of every source of a crossed design, summed over the last axis."""
    axes = tuple(range(x.ndim - 1))
    means: dict[tuple[int, ...], Floats] = {}
    squares: dict[tuple[int, ...], float] = {}
    for size in range(len(axes) + 1):
        for source in combinations(axes, size):
            rest = tuple(a for a in axes if a not in source)
            effect = x.mean(axis=rest, keepdims=True)
            for smaller in range(size):
                for part in combinations(source, smaller):
                    effect = effect - means[part]
            means[source] = effect
            if source:
                free = prod(x.shape[a] - 1 for a in source)
                squares[source] = float((effect**2).sum()) * prod(x.shape[a] for a in rest) / free
    return squares


def indicators(codes: NDArray[np.int64], values: int) -> Floats:
    """Nominal readings as indicators: shape (...) of 0..values-1 -> shape (..., values).

    The variance of such a reading is 1 - sum of squared shares: the chance that two independent readings differ.
    """
    return np.eye(values)[codes]
