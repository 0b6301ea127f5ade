import numpy as np
import pytest
from scipy.stats import hypergeom

from assay.errors import NotEnoughData
from assay.stats.intervals import clopper_pearson, cluster_mean, hypergeometric_upper, rate_difference


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_impossible_counts(k, n, confidence):
    with pytest.raises(ValueError, match="is not between"):
        clopper_pearson(k, n, confidence)


def test_clopper_pearson_known_values():
    # Clopper and Pearson (1934) and R binom.test(4, 20)
    assert clopper_pearson(4, 20) == pytest.approx((0.0573340, 0.4366140), abs=1e-6)
    assert clopper_pearson(0, 10) == pytest.approx((0, 0.3084971), abs=1e-6)
    assert clopper_pearson(10, 10) == pytest.approx((0.6915029, 1), abs=1e-6)
    assert clopper_pearson(0, 59, 0.95, "upper") == (0.0, pytest.approx(1 - 0.05 ** (1 / 59)))
    assert clopper_pearson(59, 59, 0.95, "lower") == (pytest.approx(0.05 ** (1 / 59)), 1.0)


def test_no_trials_say_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_hypergeometric_limit_is_the_last_population_not_refuted():
    for k, n, size in [(0, 20, 100), (2, 30, 90), (30, 30, 60)]:
        most = hypergeometric_upper(k, n, size)
        assert hypergeom.cdf(k, size, most, n) > 0.05
        assert most == size - (n - k) or hypergeom.cdf(k, size, most + 1, n) <= 0.05
        assert most / size <= clopper_pearson(k, n, 0.95, "upper")[1] + 1 / size
    assert hypergeometric_upper(3, 10, 10) == 3


def test_one_item_per_cluster_is_the_plain_standard_error():
    x = np.random.default_rng(0).normal(size=50)
    found = cluster_mean(x, range(50), proportion=False)
    half = 2.009575 * x.std(ddof=1) / np.sqrt(50)
    assert (found.low, found.high) == pytest.approx((x.mean() - half, x.mean() + half), rel=1e-5)


def test_copies_of_a_cluster_add_nothing():
    x = np.random.default_rng(1).random(30) < 0.3
    once = cluster_mean(x, range(30))
    often = cluster_mean(np.repeat(x, 7), np.repeat(range(30), 7).tolist())
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_few_clusters_are_flagged_and_very_few_give_no_interval():
    x = [0, 1] * 50
    assert cluster_mean(x, [i % 25 for i in range(100)]).flag == ""
    assert cluster_mean(x, [i % 19 for i in range(100)]).flag == "few_clusters"
    few = cluster_mean(x, [i % 9 for i in range(100)])
    assert (few.low, few.high, few.flag) == (None, None, "too_few_clusters")


def test_no_events_are_counted_by_cluster():
    found = cluster_mean([0] * 300, [i % 30 for i in range(300)])
    assert (found.low, found.high) == clopper_pearson(0, 30)
    assert cluster_mean([1] * 300, [i % 30 for i in range(300)]).low == clopper_pearson(30, 30)[0]


def test_nothing_to_average():
    with pytest.raises(NotEnoughData):
        cluster_mean([], [])
    with pytest.raises(NotEnoughData):
        rate_difference(([], []), ([1], ["a"]))


def test_perfect_recall_without_false_alarms_is_not_certain():
    groups = list(range(100))
    found = rate_difference(([1] * 100, groups), ([0] * 100, groups))
    assert found.point == 1
    assert 0.9 < found.low < 1
    assert rate_difference(([1] * 20, groups[:20]), ([0] * 20, groups[:20])).low < found.low


def test_pairing_by_cluster_sharpens_a_difference():
    rng = np.random.default_rng(2)
    base = rng.random(200) < 0.5
    harder = base & (rng.random(200) < 0.8)
    groups = list(range(200))
    paired = rate_difference((base, groups), (harder, groups))
    apart = rate_difference((base, groups), (harder, [g + 1000 for g in groups]))
    assert paired.point == apart.point
    assert paired.low > apart.low


def test_difference_of_a_rate_with_itself_is_nothing():
    x, groups = [0, 1] * 50, list(range(100))
    assert rate_difference((x, groups), (x, groups)).low == 0
