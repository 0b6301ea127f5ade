"""How well scores separate two classes, and how far annotators agree."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import NotEnoughData


def auroc(positive: ArrayLike, scores: ArrayLike) -> float:
    """Probability that a positive item scores above a negative one, ties counting half. Shapes (n,); range [0, 1].

    Raises NotEnoughData unless both classes are there.
    """
    y, s = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=float)
    n_positive, n_negative = int(y.sum()), int((~y).sum())
    if not n_positive or not n_negative:
        raise NotEnoughData(f"AUROC of {n_positive} positive and {n_negative} negative items", now="needs both classes")
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    # the mean rank of a group of ties, so that a tie counts half
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[y].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(positive: ArrayLike, scores: ArrayLike) -> float:
    """Mean precision at the positives, ties as one step (so that order within ties plays no part). Range (0, 1].

    Raises NotEnoughData without positives.
    """
    y, s = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=float)
    if not y.any():
        raise NotEnoughData("average precision without positive items", now="needs at least one")
    values, inverse = np.unique(-s, return_inverse=True)
    hits = np.bincount(inverse, y, values.size)
    seen = np.cumsum(np.bincount(inverse, minlength=values.size))
    return float((hits * np.cumsum(hits) / seen).sum() / hits.sum())


def krippendorff_nominal(units: Iterable[Sequence[Hashable]]) -> float:
    """Krippendorff's alpha for nominal values; one sequence of values per unit, any number of annotators.

    Units with fewer than two values carry nothing. Range (-1, 1]; 1 is agreement, 0 is chance. Raises NotEnoughData
    when no unit has two values, or when all values are the same (alpha is then undefined).
    Method: Krippendorff, Content Analysis (2004), ch. 11.
    """
    totals: Counter[Hashable] = Counter()
    disagreement = 0.0
    for unit in units:
        if len(unit) < 2:
            continue
        counts = Counter(unit)
        totals.update(counts)
        pairs = len(unit) ** 2 - sum(c * c for c in counts.values())
        disagreement += pairs / (len(unit) - 1)
    n = sum(totals.values())
    if n == 0:
        raise NotEnoughData("alpha without a unit that two annotators read", now="needs at least two values on a unit")
    expected = n * n - sum(c * c for c in totals.values())
    if expected == 0:
        raise NotEnoughData("alpha of values that are all the same", now="needs at least two different values")
    return 1 - (n - 1) * disagreement / expected
