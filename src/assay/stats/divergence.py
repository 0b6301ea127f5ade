"""How far two samples are apart: area under the ROC curve, Jensen-Shannon divergence, total variation, entropy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def auc_columns(scores: NDArray[np.floating], positive: Bools, kept: Bools | None = None) -> Floats:
    """Area under the ROC curve of every column, ties counted half.

    scores, positive, kept: shape (n, P); rows of a column that are not kept do not exist for it. Returns shape (P,);
    0.5 where a column lacks one of the classes, since it then says nothing.
    """
    from scipy.stats import rankdata

    kept = np.ones_like(positive) if kept is None else kept
    # a row that does not count goes behind all others, where it changes no rank
    ranks = rankdata(np.where(kept, scores, np.inf), axis=0)
    above, below = positive & kept, ~positive & kept
    n1, n0 = above.sum(axis=0, dtype=float), below.sum(axis=0, dtype=float)
    total = np.where(above, ranks, 0.0).sum(axis=0) - n1 * (n1 + 1) / 2
    return np.asarray(np.where(n1 * n0 > 0, total / np.maximum(n1 * n0, 1), 0.5))


def weighted_pairs(scores: Floats, positive: Bools, weights: Floats) -> tuple[Floats, Floats]:
    """(pairs in the right order, all pairs) of each column of weights, ties counted half; their ratio is the AUC.

    scores, positive: shape (n,); weights: shape (n, B), such as how often a bootstrap drew each row.
    """
    _, place = np.unique(scores, return_inverse=True)
    count = int(place.max()) + 1 if len(place) else 0
    up, down = np.zeros((count, weights.shape[1])), np.zeros((count, weights.shape[1]))
    np.add.at(up, place[positive], weights[positive])
    np.add.at(down, place[~positive], weights[~positive])
    below = np.cumsum(down, axis=0) - down
    return (up * (below + down / 2)).sum(axis=0), up.sum(axis=0) * down.sum(axis=0)


def shares(counts: ArrayLike) -> Floats:
    """Counts as shares along the last axis; where nothing was counted, all shares are 0."""
    x = np.asarray(counts, dtype=float)
    total = x.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(x, total, out=np.zeros_like(x), where=total > 0))


def total_variation(p: ArrayLike, q: ArrayLike) -> Floats:
    """Half the sum of absolute differences along the last axis, in [0, 1]: the largest difference of any event."""
    return np.asarray(np.abs(np.asarray(p, dtype=float) - np.asarray(q, dtype=float)).sum(axis=-1) / 2)


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> Floats:
    """Jensen-Shannon divergence in bits along the last axis, in [0, 1]; 0 log 0 is 0 (Lin 1991)."""
    a, b = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    middle = (a + b) / 2
    found = entropy(middle) - (entropy(a) + entropy(b)) / 2
    return np.asarray(np.clip(found, 0.0, 1.0))


def entropy(p: ArrayLike) -> Floats:
    """Shannon entropy in bits along the last axis; 0 log 0 is 0."""
    x = np.asarray(p, dtype=float)
    logs = np.log2(x, out=np.zeros_like(x), where=x > 0)
    return np.asarray(-(x * logs).sum(axis=-1))


def holm(p: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Holm's adjusted p-values, in the order given (Holm 1979).

    weights: positive, shape (n,): how much of the error each hypothesis may spend before others are rejected; equal
    where none are given. Raises ValueError for weights of another shape or not above 0.

    *Guarantee*: whatever the p-values have to do with one another, the chance that any true hypothesis has an adjusted
    p of alpha or less is at most alpha, if each p is valid by itself and the weights were fixed without looking at
    them. Proven by tests/laws/test_realism_family_laws.py, whose twin leaves the adjustment out.
    """
    x = np.asarray(p, dtype=float)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    if w.shape != x.shape or (w <= 0).any():
        raise ValueError("holm needs one positive weight for each p-value")
    ratio = x / w
    order = np.argsort(ratio, kind="stable")
    left = np.cumsum(w[order][::-1])[::-1]
    out = np.empty_like(x)
    out[order] = np.minimum(np.maximum.accumulate(ratio[order] * left), 1.0)
    return out
