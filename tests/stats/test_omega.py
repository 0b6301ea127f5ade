"""Omega: what is refused, closed forms, the reference values with their tolerances."""

import csv
import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import BadInput, NotEnoughData
from assay.stats.as_published import as_published
from assay.stats.factors import minres, oblimin, schmid_leiman
from assay.stats.omega import correlation_of, covariance_of, cronbach, omega, resampled, shuffled

DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"


def one_factor(loadings: list[float]) -> np.ndarray:
    r = np.outer(loadings, loadings)
    np.fill_diagonal(r, 1.0)
    return r


def test_what_is_no_covariance_is_refused() -> None:
    good = one_factor([0.8, 0.7, 0.6])
    for change, says in (
        (lambda c: c.__setitem__((0, 1), np.nan), "NaN"),
        (lambda c: c.__setitem__((0, 1), 0.9), "not symmetric"),
        (lambda c: c.__setitem__((0, 0), -1.0), "negative variance"),
    ):
        bad = good.copy()
        change(bad)
        with pytest.raises(BadInput, match=says):
            omega(bad)
    with pytest.raises(BadInput, match="shape"):
        omega(np.ones((3, 4)))
    indefinite = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    for statistic in (omega, cronbach):
        with pytest.raises(BadInput, match="positive semi-definite"):
            statistic(indefinite)
    with pytest.raises(BadInput, match="NaN"):
        covariance_of([[1, 2, np.nan], [1, 3, 2], [2, 2, 2]])


def test_too_little_is_refused_and_constants_are_not_one() -> None:
    constant = one_factor([0.8, 0.7, 0.6])
    constant[1, :] = constant[:, 1] = 0
    with pytest.raises(NotEnoughData, match=r"constant column 2: .*not 1"):
        omega(constant)
    x = np.random.default_rng(0).normal(size=(30, 4))
    x[:, 2] = 0.1
    with pytest.raises(NotEnoughData, match="constant column 3"):
        covariance_of(x)
    with pytest.raises(NotEnoughData, match="omega of 2 columns"):
        omega(one_factor([0.8, 0.7]))
    with pytest.raises(NotEnoughData, match="2 complete rows"):
        covariance_of(x[:2])
    with pytest.raises(NotEnoughData, match="at least 2"):
        cronbach([[1.0]])
    heywood = np.array([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])
    with pytest.raises(NotEnoughData, match="Heywood"):
        omega(heywood)


def test_closed_forms() -> None:
    """One factor exactly: psychometrics by hand, to 1e-6."""
    found = omega(one_factor([0.8, 0.7, 0.6, 0.5, 0.4]))
    assert found.omega == pytest.approx(0.743801653, abs=1e-6)
    assert found.alpha == pytest.approx(0.733471074, abs=1e-6)
    assert found.total == found.omega
    assert found.hierarchical is None
    assert "needs 6 columns" in found.reason
    same = omega(one_factor([0.7] * 6))
    assert same.omega == pytest.approx(0.852173913, abs=1e-6)
    assert same.alpha == pytest.approx(0.852173913, abs=1e-6)
    assert same.hierarchical == pytest.approx(0.852173913, abs=1e-6)
    assert omega(4 * one_factor([0.8, 0.7, 0.6])).omega == pytest.approx(omega(one_factor([0.8, 0.7, 0.6])).omega)


def test_negative_columns_are_turned_and_named() -> None:
    r = one_factor([0.8, -0.7, 0.6, 0.5])
    assert omega(r).reversed == (1,)
    assert omega(r).omega == pytest.approx(omega(np.abs(r)).omega)


def known() -> dict[str, Any]:
    path = DATA / "psych_known_values.json"
    if not path.exists():
        pytest.skip("the reference statistics are not at hand")
    return json.loads(path.read_text())


def test_revelle_table_7_5() -> None:
    row = known()["revelle_table_7_5_12x12"]
    found = omega(row["R"])
    assert found.hierarchical == pytest.approx(row["known"]["omega_hierarchical"], abs=1e-4)
    assert found.total == pytest.approx(row["known"]["omega_total"], abs=1e-4)
    assert found.asymptotic == pytest.approx(row["known"]["omega_hierarchical_asymptotic"], abs=1e-4)
    assert found.alpha == pytest.approx(row["known"]["alpha"], abs=1e-6)
    assert found.total_of_pattern == pytest.approx(found.total, abs=1e-6)


def test_preising_and_where_its_published_total_comes_from() -> None:
    """The published total takes oblique loadings for orthogonal ones; R psych's own source does not."""
    row = known()["preising_2002_9x9"]
    found = omega(row["R"])
    assert found.hierarchical == pytest.approx(row["known"]["omega_hierarchical"], abs=1e-4)
    assert found.alpha == pytest.approx(row["known"]["alpha"], abs=1e-6)
    assert found.total_of_pattern == pytest.approx(row["known"]["omega_total"], abs=1e-4)
    assert found.total is not None
    # the communality of correlated factors holds their correlation: recomputed without any rotation
    r = np.array(row["R"])
    unique = minres(r, 3).unique
    assert found.total == pytest.approx(1 - unique.sum() / r.sum(), abs=1e-9)
    assert found.total - row["known"]["omega_total"] > 0.01


def test_bfi_scales() -> None:
    scales = known()["bfi_scales_computed_here_numpy"]
    with gzip.open(DATA / "psych_bfi.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for row in scales.values():
        keyed = [(name.lstrip("-"), name.startswith("-")) for name in row["items"]]
        complete = [r for r in rows if all(r[n] not in ("", "NA") for n, _ in keyed)]
        x = np.array([[7 - float(r[n]) if minus else float(r[n]) for n, minus in keyed] for r in complete])
        assert len(x) == row["n_complete"]
        found = omega(covariance_of(x))
        assert cronbach(covariance_of(x)) == pytest.approx(row["alpha_raw"], abs=5.1e-5)
        assert found.alpha == pytest.approx(row["alpha_std"], abs=5.1e-5)
        assert found.omega == pytest.approx(row["omega_total_1factor_PAF_std"], abs=5.1e-5)


def test_factor_solution_fits_and_rotation_keeps_it() -> None:
    rng = np.random.default_rng(3)
    r = np.corrcoef(rng.normal(size=(200, 3)) @ rng.normal(size=(3, 9)) + rng.normal(size=(200, 9)), rowvar=False)
    found = minres(r, 3)
    assert np.allclose((found.loadings**2).sum(1) + found.unique, 1, atol=1e-4)
    pattern, phi = oblimin(found.loadings)
    assert np.allclose(pattern @ phi @ pattern.T, found.loadings @ found.loadings.T, atol=1e-8)
    assert np.allclose(np.diag(phi), 1)


def test_schmid_leiman_keeps_the_communalities() -> None:
    phi = one_factor([0.6, 0.5, 0.7])
    pattern = np.kron(np.eye(3), np.array([[0.7], [0.6], [0.8]]))
    found = schmid_leiman(pattern, phi)
    assert np.allclose(found.general**2 + (found.groups**2).sum(1), (pattern**2).sum(1), atol=1e-6)
    with pytest.raises(NotEnoughData, match="general factor"):
        schmid_leiman(pattern, one_factor([0.6, -0.5, 0.7]))


def test_resampling_and_shuffling() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(120, 1)) + rng.normal(size=(120, 5))
    value = omega(covariance_of(x)).omega
    low, high = resampled(x, True, rng, draws=100) or (1, 0)
    assert low < value < high
    assert shuffled(x, value, True, rng, draws=60).p == pytest.approx(1 / 61)
    assert resampled(x[:9], True, rng) is None
    flat = np.column_stack([rng.permutation(np.r_[np.ones(1), np.zeros(119)]) for _ in range(4)])
    assert resampled(flat, False, rng, draws=60) is None


def test_as_published_measures_the_number_of_questions() -> None:
    rng = np.random.default_rng(6)
    found = [as_published(rng.integers(1, 6, size=(100, k)).astype(float), rng, 5) for k in (8, 52)]
    assert found[1].alpha > found[0].alpha + 0.3
    for one in found:
        assert one.alpha == pytest.approx(one.expected_alpha, abs=0.12)
        assert min(one.shuffled_omega) - 0.15 < one.omega < max(one.shuffled_omega) + 0.15
    constant = np.hstack([rng.normal(size=(100, 8)), np.ones((100, 30))])
    assert as_published(constant, rng, 2).omega > 0.85
    with pytest.raises(NotEnoughData):
        as_published(np.ones((100, 9)), rng)
    with pytest.raises(BadInput):
        as_published(np.full((10, 5), np.nan), rng)


def test_correlation_of_keeps_a_correlation() -> None:
    r = one_factor([0.8, 0.7, 0.6])
    assert np.allclose(correlation_of(r), r)
