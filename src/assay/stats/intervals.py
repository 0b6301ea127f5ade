"""Intervals for proportions, for clustered means and for differences of two clustered rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import NotEnoughData

Side = Literal["two", "upper", "lower"]

FEW_CLUSTERS = 20
"""Below this many clusters an interval is marked `few_clusters`."""
NO_CLUSTERS = 10
"""Below this many clusters there is no interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A point with its interval; the limits are null where too few clusters carry them."""

    point: float
    """The estimate."""
    low: float | None
    """Lower limit."""
    high: float | None
    """Upper limit."""
    n: int
    """Items."""
    clusters: int
    """Independent groups of items."""
    flag: Literal["", "few_clusters", "too_few_clusters"] = ""
    """`few_clusters` below 20, `too_few_clusters` (no limits) below 10."""


def clopper_pearson(k: int, n: int, confidence: float = 0.95, side: Side = "two") -> tuple[float, float]:
    """Exact binomial limits (Clopper and Pearson 1934) of a proportion with k events in n.

    `side="two"` splits 1 - confidence over both ends; `upper` gives (0, limit), `lower` gives (limit, 1). With n = 0
    nothing is known: (0, 1). Raises ValueError when k is outside 0..n or confidence outside (0, 1).

    *Guarantee*: k is binomial (or hypergeometric: then the limits are conservative); each limit misses the true
    proportion with probability at most its share of 1 - confidence. Proven by tests/laws/test_interval_laws.py.
    """
    if not 0 <= k <= n:
        raise ValueError(f"k = {k} is not between 0 and n = {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is not between 0 and 1")
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2 if side == "two" else 1 - confidence
    low = 0.0 if k == 0 or side == "upper" else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n or side == "lower" else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high


def binomial_limit(n: int, p: float, confidence: float = 0.99) -> int:
    """Largest count that n trials of probability p stay at or below with at least this confidence; for law tests."""
    from scipy.stats import binom

    return int(binom.ppf(confidence, n, p))


def hypergeometric_upper(k: int, n: int, size: int, confidence: float = 0.95) -> int:
    """Largest number of events in a population of `size` that k events in n draws without replacement allow.

    *Guarantee*: the draw is a simple random sample without replacement; the true number is above the returned one with
    probability at most 1 - confidence. Never looser than Clopper-Pearson on the same counts.
    """
    if not 0 <= k <= n <= size:
        raise ValueError(f"need 0 <= k <= n <= size, got k = {k}, n = {n}, size = {size}")
    from scipy.stats import hypergeom

    low, high = k, size - (n - k)
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(k, size, middle, n) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def cluster_mean(
    values: ArrayLike, clusters: Sequence[Any], confidence: float = 0.95, *, proportion: bool = True
) -> Interval:
    """Mean of values with a cluster-robust t interval on G - 1 degrees of freedom.

    values: shape (n,); clusters: n keys. For proportions the limits are cut to [0, 1], and with 0 or n events they are
    Clopper-Pearson on the G clusters. Raises NotEnoughData without values.

    *Guarantee*: clusters are independent and many; items within one may depend in any way. The coverage is approximate:
    tests/laws/test_interval_laws.py measures it at G = 30.
    """
    x = np.asarray(values, dtype=float)
    groups = _codes(clusters)
    if x.size == 0:
        raise NotEnoughData("a mean of no values", now="needs at least one value, and 10 clusters for an interval")
    point, count = float(x.mean()), int(groups.max()) + 1
    flag: Literal["", "few_clusters", "too_few_clusters"] = ""
    if count < NO_CLUSTERS:
        return Interval(point=point, low=None, high=None, n=x.size, clusters=count, flag="too_few_clusters")
    if count < FEW_CLUSTERS:
        flag = "few_clusters"
    if proportion and point in (0.0, 1.0):
        low, high = clopper_pearson(count if point else 0, count, confidence)
    else:
        half = _t_quantile(confidence, "two", count) * _ratio_error(x, groups, count)
        low, high = point - half, point + half
        if proportion:
            low, high = max(low, 0.0), min(high, 1.0)
    return Interval(point=point, low=low, high=high, n=x.size, clusters=count, flag=flag)


def rate_difference(
    first: tuple[ArrayLike, Sequence[Any]],
    second: tuple[ArrayLike, Sequence[Any]],
    confidence: float = 0.95,
    side: Side = "lower",
) -> Interval:
    """Difference of two rates (first minus second) over the same clusters, with cluster-robust limits.

    Each argument is (0/1 values, cluster keys); a cluster may appear in both (a faulty copy and its original), so that
    the difference is paired by cluster. When one rate is exactly 0 or 1 its own variance estimate is 0, which would
    read as certainty: the limits then combine each rate's own limits (Newcombe's hybrid, conservative for positively
    correlated rates). Raises NotEnoughData when a side is empty.

    *Guarantee*: as `cluster_mean`; one-sided limits miss with probability about 1 - confidence.
    """
    a, b = (np.asarray(x[0], dtype=float) for x in (first, second))
    if a.size == 0 or b.size == 0:
        raise NotEnoughData(
            f"a difference of rates over {a.size} and {b.size} items", now="needs at least one item on both sides"
        )
    groups = _codes([*first[1], *second[1]])
    ga, gb = groups[: a.size], groups[a.size :]
    count, n = int(groups.max()) + 1, int(a.size + b.size)
    point = float(a.mean() - b.mean())
    if count < NO_CLUSTERS:
        return Interval(point=point, low=None, high=None, n=n, clusters=count, flag="too_few_clusters")
    if a.mean() in (0.0, 1.0) or b.mean() in (0.0, 1.0):
        below, above = _hybrid(a, ga, b, gb, confidence if side == "two" else 2 * confidence - 1)
    else:
        residual = np.bincount(ga, (a - a.mean()) / a.size, count) - np.bincount(gb, (b - b.mean()) / b.size, count)
        below = above = _t_quantile(confidence, side, count) * _sandwich(residual)
    return Interval(
        point=point,
        low=-1.0 if side == "upper" else max(point - below, -1.0),
        high=1.0 if side == "lower" else min(point + above, 1.0),
        n=n,
        clusters=count,
        flag="few_clusters" if count < FEW_CLUSTERS else "",
    )


def _hybrid(
    a: NDArray[np.float64], ga: NDArray[np.intp], b: NDArray[np.float64], gb: NDArray[np.intp], confidence: float
) -> tuple[float, float]:
    """Distances from the difference down and up, from the two rates' own two-sided limits."""
    la, ua = _limits(a, ga, confidence)
    lb, ub = _limits(b, gb, confidence)
    pa, pb = a.mean(), b.mean()
    return float(np.hypot(pa - la, ub - pb)), float(np.hypot(ua - pa, pb - lb))


def _limits(x: NDArray[np.float64], groups: NDArray[np.intp], confidence: float) -> tuple[float, float]:
    """Two-sided limits of one rate; a side with fewer than 10 clusters of its own says nothing."""
    interval = cluster_mean(x, groups.tolist(), confidence)
    return (interval.low or 0.0), (1.0 if interval.high is None else interval.high)


def _codes(clusters: Sequence[Any]) -> NDArray[np.intp]:
    """Cluster keys as 0..G-1, in order of first appearance."""
    seen: dict[Any, int] = {}
    return np.fromiter((seen.setdefault(c, len(seen)) for c in clusters), dtype=np.intp, count=len(clusters))


def _ratio_error(x: NDArray[np.float64], groups: NDArray[np.intp], count: int) -> float:
    """Cluster-robust standard error of a mean whose clusters differ in size."""
    return _sandwich(np.bincount(groups, (x - x.mean()) / x.size, count))


def _sandwich(residual: NDArray[Any]) -> float:
    """Root of G/(G-1) times the sum of squared cluster totals."""
    count = residual.size
    return float(np.sqrt(count / (count - 1) * np.square(residual).sum()))


def _t_quantile(confidence: float, side: Side, count: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + confidence) / 2 if side == "two" else confidence))
