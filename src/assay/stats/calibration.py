"""How well probabilities match frequencies."""

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
