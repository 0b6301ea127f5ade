"""Omega as it has been published for judges of language models: kept to show what it measures, never to be used.

The published procedure (arXiv 2412.12509 and its code) takes repeated answers as rows and questions as columns,
replaces every correlation by its absolute value, counts constant columns as reliability 1, and weights. Repeats are
drawn independently per question, so the true correlations are 0 and what is left is E|r| = sqrt(2 / (pi (n - 1))): a
number that grows with the number of questions (docs/reliability.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput, NotEnoughData
from assay.stats.factors import minres

Floats = NDArray[np.float64]

WARNING = (
    "as published: repeats as rows, |r|, constant columns counted as 1. The number measures how many questions there "
    "are, as its shuffled twin shows; it says nothing of reliability."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsPublished:
    """The published number beside what it gives on shuffled columns."""

    omega: float
    """Omega total, three factors, weighted with the constant columns."""
    alpha: float
    """Alpha by the same steps."""
    shuffled_omega: tuple[float, ...]
    """Omega when every column is shuffled by itself, which leaves nothing to agree on."""
    shuffled_alpha: tuple[float, ...]
    """Alpha on the same shuffles."""
    expected_alpha: float
    """Alpha that independent columns give by the formula, from numbers of rows and columns alone."""
    columns: int
    """Questions that vary."""
    constant: int
    """Questions that never vary."""


def as_published(matrix: Floats, rng: np.random.Generator, shuffles: int = 20) -> AsPublished:
    """The published omega of a matrix with repeats as rows and questions as columns, shape (n, k).

    Raises BadInput for NaN, NotEnoughData below 3 rows or 4 columns that vary.

    *Guarantee*: none. On columns that are independent it is far above 0; tests/laws/test_reliability_laws.py shows it
    as the broken twin of the permutation test.
    """
    x = np.asarray(matrix, dtype=float)
    if not np.isfinite(x).all():
        raise BadInput("a rating that is NaN or infinite", now="drop incomplete rows first")
    varies = x.max(0) > x.min(0)
    n, k, constant = len(x), int(varies.sum()), int((~varies).sum())
    if n < 3 or k < 4:
        raise NotEnoughData(f"omega as published of {n} repeats and {k} questions that vary", now="needs 3 and 4")
    moving = x[:, varies]
    omega, alpha = _steps(moving, constant)
    twins = [_steps(rng.permuted(moving, axis=0), constant) for _ in range(shuffles)]
    chance = k * (k - 1) * np.sqrt(2 / (np.pi * (n - 1)))
    expected = k / (k - 1) * (1 - k / (k + chance))
    return AsPublished(
        omega=omega, alpha=alpha, columns=k, constant=constant,
        shuffled_omega=tuple(t[0] for t in twins), shuffled_alpha=tuple(t[1] for t in twins),
        expected_alpha=float((constant + k * expected) / (constant + k)),
    )  # fmt: skip


def _steps(x: Floats, constant: int) -> tuple[float, float]:
    """(omega, alpha) of columns that vary, weighted with `constant` columns of reliability 1."""
    r = np.abs(np.corrcoef(x, rowvar=False))
    k, total = len(r), float(r.sum())
    omega = 1 - float(minres(r, 3).unique.sum()) / total
    alpha = k / (k - 1) * (1 - k / total)
    return (constant + k * omega) / (constant + k), (constant + k * alpha) / (constant + k)
