"""McDonald's omega and Cronbach's alpha: how reliable the sum of several interval ratings is (RE03).

Rows are the things rated, columns the ratings that are summed. Ratings must be numbers with equal steps: letters coded
1 to 5 are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import BadInput, NotEnoughData
from assay.stats.factors import Factors, minres, oblimin, schmid_leiman
from assay.stats.reliability import NO_INTERVAL, Permuted, percentile_interval, permuted

Floats = NDArray[np.float64]

LEAST_COLUMNS = 3
"""Columns that one factor needs."""
HIERARCHICAL_COLUMNS = 6
"""Columns that three factors need."""
ROUNDING = 1e-3
"""How far below 0 an eigenvalue may lie: matrices printed with two digits are often not quite positive."""
EXACT = 1e-7
"""Largest residual correlation at which one factor explains everything, so that group factors have nothing to fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omega:
    """Reliability of a sum."""

    omega: float
    """One-factor congeneric omega."""
    total: float | None
    """Omega total of the three-factor solution; that of one factor below six columns; null where refused."""
    hierarchical: float | None
    """Share of the sum's variance that the general factor explains; null where it can't be said."""
    asymptotic: float | None
    """Hierarchical over total."""
    total_of_pattern: float | None
    """Omega total as reliabiliPy has it: uniqueness from squared oblique loadings, as if factors were uncorrelated. For
    comparison with its published values only."""
    alpha: float
    """Cronbach's alpha of the correlations, after `reversed` columns were turned."""
    loadings: tuple[float, ...]
    """One-factor loadings, after turning."""
    reversed: tuple[int, ...]
    """Columns that load negatively and were turned, as R psych does."""
    reason: str
    """Why `total` or `hierarchical` is null, or nothing."""


def correlation_of(covariance: ArrayLike) -> Floats:
    """The correlations of a covariance matrix, shape (k, k).

    Raises BadInput for a matrix that is not square, not symmetric, holds NaN or is not positive semi-definite, and
    NotEnoughData for a constant column (variance 0).
    """
    c = np.asarray(covariance, dtype=float)
    if c.ndim != 2 or c.shape[0] != c.shape[1]:
        raise BadInput(f"a covariance of shape {c.shape}", now="give a square matrix")
    if not np.isfinite(c).all():
        raise BadInput("a covariance that is NaN or infinite", now="fill it in, or leave the column out")
    scale = float(np.abs(c).max()) or 1.0
    if np.abs(c - c.T).max() > 1e-6 * scale:
        raise BadInput("a covariance that is not symmetric", now="give both triangles of the same matrix")
    c = (c + c.T) / 2
    variance = np.diag(c)
    if (variance < 0).any():
        raise BadInput("a negative variance", now="give a covariance or correlation matrix")
    if (constant := np.flatnonzero(variance <= 1e-12 * scale)).size:
        raise constant_columns([str(i + 1) for i in constant])
    r = c / np.sqrt(np.outer(variance, variance))
    if (lowest := float(np.linalg.eigvalsh(r)[0])) < -ROUNDING:
        raise BadInput(
            f"a covariance that is not positive semi-definite (smallest eigenvalue of its correlations {lowest:.3g})",
            now="compute it from complete rows: pairwise deletion can make such matrices",
        )
    return np.asarray(r)


def constant_columns(names: Sequence[str]) -> NotEnoughData:
    """The refusal of columns that never vary."""
    return NotEnoughData(
        f"constant column{'s' * (len(names) > 1)} {', '.join(names)}: reliability is not defined, and it is not 1",
        now="leave them out and say so, or give ratings that vary",
    )


def covariance_of(matrix: ArrayLike) -> Floats:
    """Covariance of the columns of complete rows; shape (n, k) -> (k, k).

    Raises BadInput for NaN, NotEnoughData for fewer than 3 rows or constant columns.
    """
    x = np.asarray(matrix, dtype=float)
    if x.ndim != 2:
        raise BadInput(f"ratings of shape {x.shape}", now="give rows and columns")
    if not np.isfinite(x).all():
        raise BadInput("a rating that is NaN or infinite", now="drop incomplete rows first")
    if len(x) < LEAST_COLUMNS:
        raise NotEnoughData(f"reliability from {len(x)} complete rows", now="needs at least 3, and 10 for an interval")
    spread = x.max(0) - x.min(0)
    if (constant := np.flatnonzero(spread <= 1e-12 * np.maximum(np.abs(x).max(0), 1.0))).size:
        raise constant_columns([str(i + 1) for i in constant])
    return np.atleast_2d(np.cov(x, rowvar=False))


def cronbach(covariance: ArrayLike) -> float:
    """Cronbach's alpha, k/(k-1) (1 - sum of variances / variance of the sum), in (-inf, 1].

    covariance: shape (k, k). Raises as `correlation_of`, NotEnoughData below 2 columns or when the sum is constant.

    *Guarantee*: a lower limit of the sum's reliability where errors are uncorrelated (Novick and Lewis 1967); equal to
    it only when all columns have the same true scores. Correlated errors make it too high, and so do columns that are
    repeats of one draw.
    """
    c = np.asarray(covariance, dtype=float)
    correlation_of(c)
    if len(c) < 2:
        raise NotEnoughData(f"alpha of {len(c)} column", now="needs at least 2: one rater shows nothing of agreement")
    return _alpha(c)


def _alpha(c: Floats) -> float:
    k, total = len(c), float(c.sum())
    if total <= 0:
        raise NotEnoughData("alpha of a sum that does not vary", now="reverse the columns that run the other way")
    return k / (k - 1) * (1 - float(np.trace(c)) / total)


def omega(covariance: ArrayLike) -> Omega:
    """McDonald's omega of a covariance or correlation matrix, on its correlations as in R psych; shape (k, k).

    omega: one-factor congeneric, (sum l)^2 / ((sum l)^2 + sum u), l by minimum residuals (McDonald 1999). total and
    hierarchical: three minres factors, oblimin, Schmid-Leiman: 1 - sum u / sum R and (sum g)^2 / sum R. Columns that
    load negatively are turned and named.

    *Guarantee*: the reliability of the sum where the factor model holds: errors of different columns are uncorrelated
    and rows are independent. It is not evidence of any agreement by itself: on independent columns its mean is 0.06 to
    0.5, not 0 (turning columns makes noise positive), so it is judged by the permutation p alone. Proven by
    tests/laws/test_reliability_laws.py, with the twin that judges by a bootstrap interval.

    Raises as `correlation_of`; NotEnoughData below 3 columns, for a Heywood case of the one-factor model, or when the
    columns share no factor.
    """
    r = correlation_of(covariance)
    if len(r) < LEAST_COLUMNS:
        raise NotEnoughData(
            f"omega of {len(r)} column{'s' * (len(r) > 1)}",
            now="one factor needs at least 3 columns, three factors 6; for two raters use krippendorff --interval",
        )
    one = minres(r, 1)
    signs = np.where(one.loadings[:, 0] < 0, -1.0, 1.0)
    turned = tuple(int(i) for i in np.flatnonzero(signs < 0))
    r = r * np.outer(signs, signs)
    loads = np.abs(one.loadings[:, 0])
    if one.heywood:
        raise NotEnoughData(
            f"Heywood case: column {one.heywood[0] + 1} would have no error at all",
            now="omega is not defined here: use alpha, more rows, or leave out a column that copies another",
        )
    explained = float(loads.sum() ** 2)
    value = explained / (explained + float(one.unique.sum()))
    total, high, pattern, reason = _hierarchy(r, one, loads, value)
    return Omega(
        omega=value, total=total, hierarchical=high, reason=reason, alpha=_alpha(r),
        asymptotic=high / total if high is not None and total else None, total_of_pattern=pattern,
        loadings=tuple(float(v) for v in loads), reversed=turned,
    )  # fmt: skip


Parts = tuple[float | None, float | None, float | None, str]
"""(omega total, omega hierarchical, total of the pattern, why one is missing)."""


def _hierarchy(r: Floats, one: Factors, loads: Floats, value: float) -> Parts:
    if len(r) < HIERARCHICAL_COLUMNS:
        why = f"omega hierarchical needs {HIERARCHICAL_COLUMNS} columns for three factors, not {len(r)}"
        return value, None, value, why
    left = r - np.outer(loads, loads)
    np.fill_diagonal(left, 0.0)
    if np.abs(left).max() < EXACT:
        return value, value, value, ""
    three = minres(r, 3)
    if three.heywood:
        return (
            None,
            None,
            None,
            f"Heywood case in the three-factor solution: column {three.heywood[0] + 1} has no error",
        )
    variance = float(r.sum())
    total = 1 - float(three.unique.sum()) / variance
    pattern, correlations = oblimin(three.loadings)
    of_pattern = 1 - (len(r) - float((pattern**2).sum())) / variance
    try:
        general = schmid_leiman(pattern, correlations).general
    except NotEnoughData as error:
        return total, None, of_pattern, error.what
    return total, float(general.sum()) ** 2 / variance, of_pattern, ""


def _value(x: Floats, congeneric: bool) -> float:
    """Omega or alpha of rows, NaN where a column is constant; Heywood cases included."""
    if (x.max(0) == x.min(0)).any():
        return float("nan")
    c = np.atleast_2d(np.cov(x, rowvar=False))
    try:
        return _one_factor(c) if congeneric else _alpha(c)
    except NotEnoughData:
        return float("nan")


def _one_factor(covariance: Floats) -> float:
    """One-factor omega without refusals: the distribution under resampling must not leave out what is refused."""
    deviations = np.sqrt(np.diag(covariance))
    found = minres(covariance / np.outer(deviations, deviations), 1, tolerance=1e-5)
    explained = float(np.abs(found.loadings).sum() ** 2)
    return explained / (explained + float(found.unique.sum()))


def resampled(
    matrix: ArrayLike, congeneric: bool, rng: np.random.Generator, draws: int = 500
) -> tuple[float, float] | None:
    """95 % percentile bootstrap over rows of omega (congeneric) or alpha; None below 10 rows.

    *Guarantee*: rows are independent; approximate. Proven by tests/laws/test_reliability_laws.py for columns that do
    share a factor; near none the interval of omega lies above 0 always (see `omega`), so it is no test.
    """
    x = np.asarray(matrix, dtype=float)
    if len(x) < NO_INTERVAL:
        return None
    found = [_value(x[rng.integers(len(x), size=len(x))], congeneric) for _ in range(draws)]
    return percentile_interval(np.array(found))


def shuffled(matrix: ArrayLike, value: float, congeneric: bool, rng: np.random.Generator, draws: int = 500) -> Permuted:
    """Omega (congeneric) or alpha when every column is shuffled by itself, so that the columns share nothing.

    *Guarantee*: as of `reliability.permuted`, for columns that are independent of each other.
    """
    x = np.asarray(matrix, dtype=float)
    return permuted(value, lambda: _value(rng.permuted(x, axis=0), congeneric), draws)
