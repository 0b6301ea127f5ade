"""Agreement: what is refused, equality with the package krippendorff and with the definition, permutations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import BadInput, NotEnoughData
from assay.stats.agreement import krippendorff_nominal
from assay.stats.reliability import (
    Ratings,
    fleiss,
    item_interval,
    krippendorff,
    modal_share,
    permuted,
    permuted_agreement,
    ratings,
)  # fmt: skip


def of_table(x: np.ndarray) -> Ratings:
    """Ratings of an items-by-raters table with NaN for missing."""
    item, rater = np.nonzero(~np.isnan(x))
    scores, value = np.unique(x[item, rater], return_inverse=True)
    return ratings(item, value, scores)


def test_too_little_to_agree_on_is_refused() -> None:
    two_items = np.array([[1.0, 2.0], [2.0, 2.0]])
    with pytest.raises(NotEnoughData, match="2 items"):
        of_table(two_items)
    one_rater = np.array([[1.0], [2.0], [1.0], [2.0]])
    with pytest.raises(NotEnoughData, match="0 items"):
        of_table(one_rater)
    with pytest.raises(NotEnoughData, match="all the same"):
        of_table(np.ones((5, 3)))
    with pytest.raises(BadInput, match="NaN"):
        ratings([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [1.0, np.nan])
    with pytest.raises(NotEnoughData):
        ratings([], [])
    uneven = np.array([[1.0, 2.0, np.nan], [1.0, 1.0, 2.0], [2.0, 2.0, 1.0]])
    with pytest.raises(BadInput, match="2 to 3 values"):
        fleiss(of_table(uneven))
    assert item_interval(of_table(uneven), "krippendorff", np.random.default_rng(0)) is None


def by_definition(x: np.ndarray, metric: str) -> float:
    """Alpha from its coincidence matrix and difference function, written out."""
    values = np.unique(x[~np.isnan(x)])
    o = np.zeros((len(values), len(values)))
    for row in x:
        codes = np.searchsorted(values, row[~np.isnan(row)])
        if len(codes) < 2:
            continue
        for a, i in enumerate(codes):
            for b, j in enumerate(codes):
                if a != b:
                    o[i, j] += 1 / (len(codes) - 1)
    n = o.sum(0)
    kept = n > 0
    o, n, values = o[np.ix_(kept, kept)], n[kept], values[kept]
    d = np.zeros_like(o)
    for i in range(len(n)):
        for j in range(len(n)):
            low, high = min(i, j), max(i, j)
            if metric == "nominal":
                d[i, j] = i != j
            elif metric == "interval":
                d[i, j] = (values[i] - values[j]) ** 2
            else:
                d[i, j] = (n[low : high + 1].sum() - (n[low] + n[high]) / 2) ** 2 * (i != j)
    return float(1 - (n.sum() - 1) * (o * d).sum() / (np.outer(n, n) * d).sum())


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
def test_alpha_is_its_definition_and_the_package_to_1e_9(metric: str) -> None:
    rng = np.random.default_rng(5)
    tables = []
    for _ in range(60):
        n, m, values = int(rng.integers(8, 40)), int(rng.integers(2, 7)), int(rng.integers(2, 8))
        x = rng.integers(values, size=(n, m)).astype(float) * rng.choice([1, 2.5, 1000.0]) + rng.choice([0, -3.0, 1e4])
        x[rng.random((n, m)) < rng.choice([0, 0.3, 0.5])] = np.nan
        if ((~np.isnan(x)).sum(1) >= 2).sum() >= 3:
            tables.append(x)
    assert len(tables) > 40
    for x in tables:
        assert krippendorff(of_table(x), metric) == pytest.approx(by_definition(x, metric), abs=1e-9)
    package = pytest.importorskip("krippendorff", reason="the package krippendorff is not installed")
    for x in tables:
        theirs = package.alpha(reliability_data=x.T, level_of_measurement=metric)
        assert krippendorff(of_table(x), metric) == pytest.approx(theirs, abs=1e-9)


def test_the_older_nominal_alpha_says_the_same() -> None:
    x = np.random.default_rng(1).integers(3, size=(30, 4)).astype(float)
    assert krippendorff(of_table(x)) == pytest.approx(krippendorff_nominal([list(row) for row in x]), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_alpha_does_not_hang_on_order_names_or_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(4, size=(12, 3)).astype(float)
    for metric in ("nominal", "ordinal", "interval"):
        own = krippendorff(of_table(x), metric)
        assert own <= 1
        assert krippendorff(of_table(rng.permuted(x, axis=1)[rng.permutation(12)]), metric) == pytest.approx(own)
        assert krippendorff(of_table(3 * x + 7), metric) == pytest.approx(own)


def test_fleiss_worked_example() -> None:
    """Fleiss 1971 by way of the textbook example: 10 items, 14 raters, 5 values, kappa 0.210."""
    counts = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    item = [i for i, row in enumerate(counts) for c in row for _ in range(c)]
    value = [v for row in counts for v, c in enumerate(row) for _ in range(c)]
    assert fleiss(ratings(item, value)) == pytest.approx(0.2099, abs=5e-5)


def test_agreement_is_above_chance_and_noise_is_not() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(3, size=60)
    votes = np.where(rng.random((60, 5)) < 0.8, truth[:, None], rng.integers(3, size=(60, 5))).astype(float)
    noise = rng.integers(3, size=(60, 5)).astype(float)
    for statistic in ("krippendorff", "fleiss"):
        found = permuted_agreement(of_table(votes), statistic, rng, draws=200)
        assert found.p == pytest.approx(1 / 201)
        assert found.low < 0 < found.high
        chance = permuted_agreement(of_table(noise), statistic, rng, draws=200)
        assert chance.p > 0.02
        assert abs(chance.mean) < 0.02
    low, high = item_interval(of_table(votes), "krippendorff", rng, draws=200) or (0, 0)
    assert low < krippendorff(of_table(votes)) < high


def test_permutations_that_do_not_exist_count_against() -> None:
    draws = iter([0.1, float("nan"), 0.2, 0.3])
    found = permuted(0.25, lambda: next(draws), 4)
    assert found.p == pytest.approx((1 + 1 + 1) / 5)
    with pytest.raises(NotEnoughData):
        permuted(0.5, lambda: float("nan"), 3)


def test_modal_share_and_entropy() -> None:
    share, entropy = modal_share(ratings([0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 0, 1]))
    assert share.tolist() == pytest.approx([0.75, 1.0, 0.5])
    assert entropy.tolist() == pytest.approx([0.5623, 0.0, np.log(2)], abs=1e-4)
