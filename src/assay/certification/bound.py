"""Exact bounds on the share of wrong labels, and the walk from strict to loose thresholds (METHODS 10, Thresholds)."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.intervals import clopper_pearson

STEPS = 8
"""Thresholds of a grid. Fewer steps risk fewer stops on the way down, more give a finer choice; 8 keeps the mean
accepted share above 0.85 of the oracle's in the power laws."""

LEAST_PLANTED = 40
"""Planted wrong labels below which how often assessors pass a wrong label is assumed, not measured."""

SLACK = 2
"""Wrong answers that the strictest threshold must be able to survive."""

SURE = 0.95
"""Probability with which the strictest threshold gets enough answers for that."""


def upper_limit(wrong: int, answers: int, delta: float, beta: float = 0.0) -> float:
    """Upper limit of the share of wrong labels at confidence 1 - delta; 1 when nothing is known.

    beta: limit of the share of wrong labels that assessors pass; the observed errors are at least (1 - beta) of all.

    *Guarantee*: the answers are a simple random sample without replacement of the labels meant (Clopper-Pearson is the
    conservative limit of the hypergeometric). Proven by tests/laws/test_certificate_laws.py.
    """
    if beta >= 1:
        return 1.0
    return min(1.0, clopper_pearson(wrong, answers, 1 - delta, "upper")[1] / (1 - beta))


def allowed_wrong(answers: int, alpha: float, delta: float, beta: float = 0.0) -> NDArray[np.int64]:
    """Largest number of wrong answers at which `error <= alpha` still passes, for 0..answers answers; -1 where none.

    Shape (answers + 1,). Entry m is the largest k with Clopper-Pearson limit(k, m, 1 - delta) <= alpha (1 - beta),
    found through the equivalent P(X <= k | m, alpha (1 - beta)) <= delta.
    """
    from scipy.stats import binom

    m = np.arange(answers + 1)
    return np.asarray(binom.ppf(delta, m, alpha * (1 - beta)) - 1, dtype=np.int64).clip(min=-1)


@lru_cache(maxsize=1024)
def least_answers(wrong: int, alpha: float, delta: float, beta: float = 0.0) -> int:
    """Fewest answers with which `wrong` wrong ones still pass: 59, 93, 124 for 0, 1, 2 wrong at 5 % and 5 %."""
    size = max(64, math.ceil((wrong + 4 - math.log(delta)) / (alpha * (1 - beta))))
    while True:
        enough = np.flatnonzero(allowed_wrong(size, alpha, delta, beta) >= wrong)
        if enough.size:
            return int(enough[0])
        size *= 2


def passed_limit(passed: int, planted: int, delta: float) -> float:
    """Beta: upper limit at confidence 1 - delta of the share of wrong labels that assessors pass; 1 without planted."""
    return clopper_pearson(passed, planted, 1 - delta, "upper")[1]


def planned_beta(planted: int, delta: float) -> float:
    """Beta when no planted label is passed, 0 when too few are planted to measure it."""
    return passed_limit(0, planted, delta) if planted >= LEAST_PLANTED else 0.0


def grid(
    scores: Sequence[float], draws: int, listed: int, alpha: float, delta: float, beta: float = 0.0
) -> tuple[float, ...]:
    """Thresholds from strict to loose, fixed from the scores alone.

    scores: rank scores of the labels that a claim covers; draws: labels to be drawn from all `listed` ones. The
    strictest threshold is the first whose expected number of answers survives 2 wrong (124 at 5 %/5 %) with a margin:
    enough are drawn in SURE of all draws. (At an expectation of exactly 124 every second draw has fewer and survives
    1 wrong only; the claim was then granted in 0.76 instead of 0.83 of repeats at a true error of 1 %.) When the draw
    is too small for that, there is one threshold, which accepts all. Labels at a threshold are accepted.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))[::-1]
    if ordered.size == 0:
        return ()
    start = _enough(least_answers(SLACK, alpha, delta, beta), draws, listed, ordered.size)
    counts = np.linspace(start, ordered.size, STEPS).round().astype(int)
    return tuple(sorted({float(ordered[c - 1]) for c in counts}, reverse=True))


def _enough(answers: int, draws: int, listed: int, most: int) -> int:
    """Fewest labels (at most `most`) of which at least `answers` are drawn with probability SURE."""
    from scipy.stats import hypergeom

    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if hypergeom.sf(answers - 1, listed, middle, draws) >= SURE:
            high = middle
        else:
            low = middle + 1
    return low


def walk(passes: ArrayLike) -> NDArray[np.int64]:
    """Index of the last threshold passed before the first failure, -1 when the strictest fails.

    passes: shape (..., J), thresholds from strict to loose; returns shape (...). A threshold looser than a failure is
    never looked at: that is what keeps J tests at the risk of one (fixed-sequence testing).
    """
    ok = np.asarray(passes, dtype=bool)
    return np.asarray(np.cumprod(ok, axis=-1).sum(axis=-1) - 1, dtype=np.int64)


def survives(
    answers: ArrayLike,
    wrong: ArrayLike,
    alpha: float,
    delta: float,
    beta: float = 0.0,
    accepted: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Which thresholds pass: wrong answers within what that many answers allow. Shapes (..., J).

    accepted: labels at or above each threshold, where they are a finite list that the answers were drawn from without
    replacement: the exact hypergeometric test then takes the place of Clopper-Pearson, its conservative limit. Where
    assessors are measured (beta > 0) it is Clopper-Pearson always: what they pass is no fixed part of the list.
    """
    m, k = np.asarray(answers, dtype=np.int64), np.asarray(wrong, dtype=np.int64)
    passed = np.asarray(k <= allowed_wrong(int(m.max(initial=0)), alpha, delta, beta)[m])
    if accepted is None or beta > 0:
        return passed
    from scipy.stats import hypergeom

    size = np.broadcast_to(np.asarray(accepted, dtype=np.int64), m.shape)
    fewest = np.floor(alpha * size + 1e-9).astype(np.int64) + 1
    # of a list that is answered whole, or of which so many wrong ones cannot be, there is nothing left to test
    exact = np.where(fewest > size, m > 0, hypergeom.cdf(k, size, np.minimum(fewest, size), m) <= delta)
    return passed | (exact & (m > 0))


def stratified_limit(wrong: Sequence[int], answers: Sequence[int], weights: Sequence[float], delta: float) -> float:
    """Upper limit of the overall share of wrong labels when strata were drawn at different rates.

    wrong, answers, weights: one per stratum, weights = shares of the population, summing to 1. The sum of W_h times
    Clopper-Pearson at delta/H: never Clopper-Pearson on a pooled or weighted count.

    *Guarantee*: simple random samples within the strata; misses with probability at most delta (union bound). Its
    broken twin, the pooled count, is in tests/laws/test_certificate_laws.py.
    """
    each = delta / len(weights)
    return sum(w * upper_limit(k, m, each) for k, m, w in zip(wrong, answers, weights, strict=True))
