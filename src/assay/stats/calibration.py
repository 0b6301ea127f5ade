"""How well probabilities match frequencies, and how well scores choose what to keep."""

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput, NotEnoughData

BINS = 10
"""Bins of equal mass."""


def ece(confidence: NDArray[np.float64], right: NDArray[np.bool_] | NDArray[np.float64]) -> float:
    """Expected calibration error in [0, 1], BINS bins of equal mass (ties in order of position).

    confidence, right: shape (n,). Raises NotEnoughData without items, BadInput outside [0, 1].
    """
    if not len(confidence):
        raise NotEnoughData("calibration error of no items", now="needs gold labels")
    if not ((np.asarray(confidence) >= 0) & (np.asarray(confidence) <= 1 + 1e-9)).all():
        raise BadInput("a confidence that is NaN or outside [0, 1]", now="give probabilities")
    order = np.argsort(confidence, kind="stable")
    gap = np.asarray(confidence, dtype=float)[order] - np.asarray(right, dtype=float)[order]
    starts = np.linspace(0, len(gap), min(BINS, len(gap)), endpoint=False).astype(int)
    return float(np.abs(np.add.reduceat(gap, starts)).sum() / len(gap))


def risk_coverage(score: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of errors among the c items with the highest scores, for c = 1..n; shape (n,).

    score, right: shape (n,). Items with the same score count as in random order (their expected risk). Raises
    NotEnoughData without items, BadInput for a NaN score.
    """
    s, wrong = np.asarray(score, dtype=float), 1 - np.asarray(right, dtype=float)
    if not len(s):
        raise NotEnoughData("risk at coverage of no items", now="needs items with known truth")
    if np.isnan(s).any():
        raise BadInput("a score that is NaN", now="leave the item out where it has none")
    _, group = np.unique(-s, return_inverse=True)
    # each item of a tie carries the mean error of its tie
    mean = np.bincount(group, wrong) / np.bincount(group)
    kept = np.sort(group)
    return np.asarray(np.cumsum(mean[kept]) / np.arange(1, len(s) + 1))


def aurc(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: the mean of `risk_coverage`. Range [0, 1], lower is better."""
    return float(risk_coverage(score, right).mean())


def excess_aurc(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """AURC beyond that of a perfect order, e + (1 - e) ln(1 - e) at error share e (Geifman and El-Yaniv 2019).

    The optimum is that of infinitely many items: a perfect order of n items is off by less than 1/n.
    """
    e = float(1 - np.asarray(right, dtype=float).mean())
    best = e + (1 - e) * np.log(1 - e) if e < 1 else 1.0
    return aurc(score, right) - float(best)


def risk_at(score: NDArray[np.float64], right: NDArray[np.bool_], coverage: float) -> float:
    """Share of errors among the best-scored share `coverage` of the items, in (0, 1]; at least one item is kept.

    Raises BadInput for a coverage outside (0, 1].
    """
    if not 0 < coverage <= 1:
        raise BadInput(f"coverage {coverage} is not in (0, 1]", now="give a share of the items")
    curve = risk_coverage(score, right)
    return float(curve[max(1, round(coverage * len(curve))) - 1])
