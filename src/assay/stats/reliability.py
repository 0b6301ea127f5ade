"""How far repeated readings of the same items agree: Krippendorff's alpha, Fleiss' kappa, bootstrap, permutations.

Rows are items, raters (people, models, repeated draws of one) are columns. The other way round, with items as columns,
the same formulas measure how many items there are (docs/reliability.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import BadInput, NotEnoughData

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Metric = Literal["nominal", "ordinal", "interval"]

LEAST_ITEMS = 3
"""Items that two raters read, below which no statistic is given."""
NO_INTERVAL = 10
"""Items below which there is no interval."""
MOST_LOST = 0.05
"""Share of resamples on which a statistic may be undefined before its interval is withheld."""
BLOCK = 4_000_000
"""Numbers held at once while resampling."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """Values given to items by any number of raters; only items with at least two values are kept."""

    item: Ints
    """Shape (n,): index of the item of each value."""
    value: Ints
    """Shape (n,): index into `scores` of each value."""
    scores: Floats
    """Shape (V,): the values as numbers, strictly rising; for nominal values their index."""
    sizes: Ints
    """Shape (items,): values of each item, at least 2."""

    @property
    def items(self) -> int:
        """Number of items with at least two values."""
        return len(self.sizes)


def ratings(item: ArrayLike, value: ArrayLike, scores: ArrayLike | None = None) -> Ratings:
    """Ratings from the item and the value of each reading.

    item, value: shape (n,), non-negative integers; scores: shape (V,), what each value index stands for, where values
    are numbers. Raises BadInput for scores that are not finite, NotEnoughData when fewer than 3 items have two values
    or all values are the same.
    """
    items, codes = np.asarray(item, dtype=np.int64), np.asarray(value, dtype=np.int64)
    kept = np.bincount(items)[items] >= 2 if items.size else np.zeros(0, dtype=bool)
    _, items = np.unique(items[kept], return_inverse=True)
    codes = codes[kept]
    sizes = np.bincount(items) if items.size else np.zeros(0, dtype=np.int64)
    if len(sizes) < LEAST_ITEMS:
        raise NotEnoughData(
            f"agreement on {len(sizes)} items that two raters read",
            now=f"needs at least {LEAST_ITEMS} items with two values each, and {NO_INTERVAL} for an interval",
        )
    numbers = np.arange(int(codes.max()) + 1, dtype=float) if scores is None else np.asarray(scores, dtype=float)
    if not np.isfinite(numbers).all():
        raise BadInput("a value that is NaN or infinite", now="leave the reading out where there is none")
    used, codes = np.unique(numbers[codes], return_inverse=True)
    if len(used) < 2:
        raise NotEnoughData(
            "agreement on values that are all the same",
            now="needs at least two different values: raters who never differ on a constant show nothing",
        )
    return Ratings(items.astype(np.int64), codes.astype(np.int64), used, sizes.astype(np.int64))


def krippendorff(data: Ratings, metric: Metric = "nominal") -> float:
    """Krippendorff's alpha in (-1, 1]: 1 is agreement, 0 is chance. Missing values carry nothing.

    Nominal: any difference counts alike; ordinal: squared difference of mid-ranks in the pooled values; interval:
    squared difference. Method: Krippendorff, Content Analysis (2004), ch. 11; equal to the package `krippendorff`.

    *Guarantee*: a point estimate for these items and raters. Its interval (`item_interval`) takes items as independent
    draws and raters as fixed; tests/laws/test_reliability_laws.py measures that coverage, beside the twin that draws
    single readings.
    """
    return float(_alphas(data, np.ones((1, data.items)), metric)[0])


def _alphas(data: Ratings, times: Floats, metric: Metric) -> Floats:
    """Alpha when item u is there times[b, u] times, for each b; NaN where all values drawn are the same."""
    counts = _counts(data)
    sizes = data.sizes.astype(float)
    pooled = np.asarray((counts.T @ times.T).T)
    total = times @ sizes
    if metric == "nominal":
        squares = _squares(counts)
        observed = times @ ((sizes**2 - squares) / (sizes - 1))
        expected = (total**2 - (pooled**2).sum(1)) / (total - 1)
    else:
        ranks = np.cumsum(pooled, axis=1) - pooled / 2 if metric == "ordinal" else np.tile(data.scores, (len(times), 1))
        # distances do not change when all values move, and small numbers lose fewer digits
        ranks = ranks - (pooled * ranks).sum(1, keepdims=True) / total[:, None]
        first, second = np.asarray((counts @ ranks.T).T), np.asarray((counts @ (ranks**2).T).T)
        observed = (times * 2 * (sizes * second - first**2) / (sizes - 1)).sum(1)
        s1, s2 = (pooled * ranks).sum(1), (pooled * ranks**2).sum(1)
        expected = 2 * (total * s2 - s1**2) / (total - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def _counts(data: Ratings) -> Any:
    """Readings per item and value, shape (items, V): a plain array, or a sparse one where that would be large."""
    shape = (data.items, len(data.scores))
    if shape[0] * shape[1] <= BLOCK:
        return (
            np.bincount(data.item * shape[1] + data.value, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
        )
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(data.item)), (data.item, data.value)), shape=shape)


def _squares(counts: Any) -> Floats:
    """Sum of squared counts of each item."""
    dense = isinstance(counts, np.ndarray)
    return np.asarray(np.einsum("ij,ij->i", counts, counts) if dense else counts.power(2).sum(axis=1)).ravel()


def fleiss(data: Ratings) -> float:
    """Fleiss' kappa in [-1, 1]: 1 is agreement, 0 is chance. Every item must have the same number of values.

    Raises BadInput where it has not: Krippendorff's alpha takes missing values. Method: Fleiss 1971.

    *Guarantee*: as of `krippendorff`; under chance its mean is -1/(values - 1), not quite 0.
    """
    if data.sizes.min() != data.sizes.max():
        raise BadInput(
            f"Fleiss' kappa of items with {data.sizes.min()} to {data.sizes.max()} values",
            now="give every item the same raters, or use krippendorff, which takes missing values",
        )
    return float(_kappas(data, np.ones((1, data.items)))[0])


def _kappas(data: Ratings, times: Floats) -> Floats:
    counts, m = _counts(data), float(data.sizes[0])
    agreed = (_squares(counts) - m) / (m * (m - 1))
    share = np.asarray((counts.T @ times.T).T) / (times.sum(1, keepdims=True) * m)
    by_chance = (share**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by_chance < 1, (times @ agreed / times.sum(1) - by_chance) / (1 - by_chance), np.nan)


Statistic = Literal["krippendorff", "fleiss"]


def item_interval(
    data: Ratings, statistic: Statistic, rng: np.random.Generator, metric: Metric = "nominal", draws: int = 1000
) -> tuple[float, float] | None:
    """95 % percentile bootstrap over items; None below 10 items, or where resamples often leave one value only.

    *Guarantee*: items are independent draws of one population, raters stay the same; approximate. Proven by
    tests/laws/test_reliability_laws.py at 40 items; its twin, which draws single readings, misses.
    """
    if data.items < NO_INTERVAL:
        return None
    found = []
    block = max(1, BLOCK // (data.items + len(data.scores)))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        times = np.stack(
            [np.bincount(rng.integers(data.items, size=data.items), minlength=data.items) for _ in range(size)]
        ).astype(float)
        found.append(_alphas(data, times, metric) if statistic == "krippendorff" else _kappas(data, times))
    return percentile_interval(np.concatenate(found))


def percentile_interval(found: Floats) -> tuple[float, float] | None:
    """2.5 % and 97.5 % points of resampled values; None where more than 5 % of them are undefined."""
    known = found[np.isfinite(found)]
    if len(known) < (1 - MOST_LOST) * len(found):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permuted:
    """What a statistic is worth when its values are dealt anew."""

    mean: float
    """Mean over permutations."""
    low: float
    """2.5 % point."""
    high: float
    """97.5 % point."""
    p: float
    """(1 + permutations at least as large as the value) / (1 + permutations)."""


def permuted(value: float, draw: Callable[[], float], draws: int) -> Permuted:
    """The permutation control of a statistic.

    draw: the statistic of one permutation (NaN where undefined: counted as reaching the value, never as chance).

    *Guarantee*: where what is permuted is exchangeable, P(p <= x) <= x for every x, at any number of permutations.
    Proven by tests/laws/test_reliability_laws.py; its twin judges by whether the bootstrap interval excludes 0.
    """
    found = np.array([draw() for _ in range(draws)])
    known = found[np.isfinite(found)]
    reached = int((known >= value - 1e-12).sum()) + len(found) - len(known)
    if not len(known):
        raise NotEnoughData("a statistic that is undefined on every permutation", now="give more items")
    low, high = np.percentile(known, [2.5, 97.5])
    return Permuted(mean=float(known.mean()), low=float(low), high=float(high), p=(1 + reached) / (1 + len(found)))


def permuted_agreement(
    data: Ratings, statistic: Statistic, rng: np.random.Generator, metric: Metric = "nominal", draws: int = 1000
) -> Permuted:
    """Alpha or kappa when all values are dealt anew over all items: chance agreement with the same shares of values.

    *Guarantee*: 0 lies inside the 95 % range but for 5 % of data sets (alpha's mean under this shuffle is 0 exactly for
    nominal and interval values); p as in `permuted`.
    """
    value = fleiss(data) if statistic == "fleiss" else krippendorff(data, metric)
    one = np.ones((1, data.items))

    def draw() -> float:
        mixed = Ratings(data.item, rng.permutation(data.value), data.scores, data.sizes)
        return float((_kappas(mixed, one) if statistic == "fleiss" else _alphas(mixed, one, metric))[0])

    return permuted(value, draw, draws)


def modal_share(data: Ratings) -> tuple[Floats, Floats]:
    """(share of the most frequent value, entropy in nats) of each item, shape (items,) each."""
    counts = _counts(data)
    counts = (counts if isinstance(counts, np.ndarray) else counts.toarray()) / data.sizes[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(counts > 0, counts * np.log(counts), 0.0).sum(1)
    return counts.max(1), np.abs(entropy)
