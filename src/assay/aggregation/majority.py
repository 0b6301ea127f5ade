"""CN01: shares of votes; ties are split and flagged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.aggregation.votes import Floats, Votes


@dataclass(frozen=True, slots=True)
class Majority:
    """Vote shares per item."""

    shares: Floats
    """Shape (items, labels): each annotator is one voice per item; 0 everywhere where an item has no vote."""
    tied: NDArray[np.bool_]
    """Shape (items,): whether the highest share is held by more than one label."""


def majority(votes: Votes) -> Majority:
    """Vote shares. A tie's best labels have equal shares: nothing is decided by their order."""
    k = len(votes.labels)
    flat = np.bincount(votes.item * k + votes.label, weights=votes.weights(), minlength=len(votes.items) * k)
    counts = flat.reshape(len(votes.items), k)
    total = counts.sum(1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    best = shares.max(1, keepdims=True)
    return Majority(shares, (np.isclose(shares, best) & (best > 0)).sum(1) > 1)


def expected_accuracy(shares: Floats, gold: dict[int, int]) -> float:
    """Accuracy against gold when every tie is broken at random, in [0, 1]. Raises ValueError without gold."""
    if not gold:
        raise ValueError("no gold")
    rows, right = np.array(list(gold)), np.array(list(gold.values()))
    best = np.isclose(shares[rows], shares[rows].max(1, keepdims=True))
    return float((best[np.arange(len(rows)), right] / best.sum(1)).mean())
