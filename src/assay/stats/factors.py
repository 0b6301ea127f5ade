"""Factor analysis for reliability: minimum residuals, oblimin, Schmid-Leiman; as R psych does it, with refusals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import NotEnoughData

Floats = NDArray[np.float64]

LEAST_UNIQUE = 0.005
"""Smallest uniqueness that is searched; a solution that ends there is a Heywood case."""
TURNS = 1000
"""Most steps of a rotation."""


@dataclass(frozen=True, slots=True)
class Factors:
    """An orthogonal factor solution of a correlation matrix."""

    loadings: Floats
    """Shape (k, f)."""
    unique: Floats
    """Shape (k,): variance of each column that no factor carries."""
    heywood: tuple[int, ...]
    """Columns whose uniqueness ended at the edge of what is possible."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A Schmid-Leiman solution: one general factor, group factors beside it."""

    general: Floats
    """Shape (k,): loadings on the general factor."""
    groups: Floats
    """Shape (k, f): loadings on the group factors, made orthogonal to the general one."""


def minres(r: Floats, factors: int, tolerance: float = 1e-9) -> Factors:
    """Unrotated solution with the smallest sum of squared residual correlations (Harman and Jones 1966).

    r: shape (k, k), a correlation matrix; 1 <= factors < k. The search is over uniquenesses in [0.005, 1], from one
    minus the squared multiple correlations, until no slope is above `tolerance`. Never raises for a Heywood case:
    `heywood` names it.
    """
    from scipy.optimize import minimize

    k = len(r)

    def split(unique: Floats) -> tuple[Floats, Floats]:
        values, vectors = np.linalg.eigh(r - np.diag(unique))
        return values, vectors

    def loss(unique: Floats) -> tuple[float, Floats]:
        values, vectors = split(unique)
        kept = np.zeros(k, dtype=bool)
        kept[-factors:] = values[-factors:] > 0
        rest = np.where(kept, 0.0, values)
        return float((rest**2).sum() / 2), -np.asarray((vectors**2) @ rest)

    try:
        start = 1 / np.diag(np.linalg.inv(r))
    except np.linalg.LinAlgError:
        start = np.full(k, 0.5)
    start = np.clip(np.where(np.isfinite(start), start, 0.5), 0.05, 0.95)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_UNIQUE, 1.0)] * k,
        options={"maxiter": 5000, "maxfun": 20000, "ftol": tolerance * 1e-6, "gtol": tolerance},
    )  # fmt: skip
    unique = np.asarray(found.x, dtype=float)
    values, vectors = split(unique)
    loadings = vectors[:, ::-1][:, :factors] * np.sqrt(np.maximum(values[::-1][:factors], 0.0))
    loadings = loadings * np.where(loadings.sum(0) < 0, -1.0, 1.0)
    heywood = tuple(int(i) for i in np.flatnonzero(unique <= LEAST_UNIQUE * (1 + 1e-6)))
    return Factors(loadings, unique, heywood)


def oblimin(loadings: Floats) -> tuple[Floats, Floats]:
    """(pattern, factor correlations) of the quartimin rotation, from the unrotated solution; shapes (k, f), (f, f).

    Gradient projection (Jennrich 2002; Bernaards and Jennrich 2005), gamma 0, no row normalisation: the defaults of
    GPArotation that R psych uses. Factors are turned so that their loadings sum to a positive number.
    """
    factors = loadings.shape[1]
    turn = np.eye(factors)
    off = 1 - np.eye(factors)

    def criterion(t: Floats) -> tuple[float, Floats, Floats]:
        pattern = loadings @ np.linalg.inv(t).T
        squares = pattern**2
        gradient = pattern * (squares @ off)
        return float((squares * (squares @ off)).sum() / 4), gradient, pattern

    value, gradient, pattern = criterion(turn)
    step = 1.0
    for _ in range(TURNS):
        slope = -(pattern.T @ gradient @ np.linalg.inv(turn)).T
        slope = slope - turn * (turn * slope).sum(0)
        size = float(np.sqrt((slope**2).sum()))
        if size < 1e-9:
            break
        step *= 2
        for _ in range(40):
            tried = turn - step * slope
            tried = tried / np.sqrt((tried**2).sum(0))
            after = criterion(tried)
            if value - after[0] > 0.5 * size**2 * step:
                break
            step /= 2
        else:
            break
        turn, (value, gradient, pattern) = tried, after
    signs = np.where(pattern.sum(0) < 0, -1.0, 1.0)
    correlations = turn.T @ turn
    return pattern * signs, correlations * np.outer(signs, signs)


def schmid_leiman(pattern: Floats, correlations: Floats) -> Hierarchy:
    """General and group loadings of an oblique solution with at least 3 factors (Schmid and Leiman 1957).

    pattern: shape (k, f); correlations: shape (f, f), of the factors. Raises NotEnoughData where the factors do not
    share one general factor: one that it would have to explain wholly or negatively (a Heywood case of second order).
    """
    upper = minres(correlations, 1)
    second = upper.loadings[:, 0]
    if upper.heywood or (second <= 0).any():
        raise NotEnoughData(
            "no general factor that the group factors share",
            now="use the one-factor omega, or columns that hang together in groups of one kind",
        )
    return Hierarchy(pattern @ second, pattern * np.sqrt(np.maximum(1 - second**2, 0.0)))
