"""Trust from tune answers: a logistic curve of the rank score, intercept included (Platt 1999)."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_TUNE = 20
"""Tune answers below which no trust is fitted."""


def fit(scores: Sequence[float], right: Sequence[bool]) -> tuple[float, float] | None:
    """(intercept, slope) of the log odds of being correct on the logit of the rank score; None below 20 answers.

    Platt's smoothed targets, (n1 + 1)/(n1 + 2) and 1/(n0 + 2), keep the fit finite when all answers agree. Only `tune`
    answers may be given: trust fitted on the answers that certify it grants false certificates (METHODS 10; the broken
    twin is in tests/laws/test_certificate_laws.py).
    """
    if len(scores) < LEAST_TUNE:
        return None
    y = np.asarray(right, dtype=bool)
    target = np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2))
    x = np.column_stack([np.ones(len(scores)), [_logit(s) for s in scores]])
    # a ridge far below the data's weight: it only decides what constant scores leave open
    ridge = np.array([1e-9, 1e-3])
    beta = np.zeros(2)
    for _ in range(100):
        p = 1 / (1 + np.exp(-(x @ beta)))
        gradient = x.T @ (target - p) - ridge * beta
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step: NDArray[np.float64] = np.linalg.solve(hessian, gradient)
        beta = beta + step * min(1.0, 5 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(beta[1])


def predict(curve: tuple[float, float], score: float) -> float:
    """Probability of being correct at a rank score."""
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, curve[0] + curve[1] * _logit(score)))))


def _logit(score: float) -> float:
    p = min(max(score, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))
