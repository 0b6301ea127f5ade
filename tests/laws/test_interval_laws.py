"""Coverage of the intervals under known truth."""

import numpy as np
import pytest
from scipy.stats import binom

from assay.stats.intervals import binomial_limit, clopper_pearson, cluster_mean, rate_difference


@pytest.mark.parametrize("side", ["two", "upper", "lower"])
@pytest.mark.parametrize("n", [1, 12, 60])
def test_clopper_pearson_covers_exactly(n, side):
    """Summed over the binomial, no simulation: coverage is at least 0.95 at every true proportion."""
    limits = [clopper_pearson(k, n, 0.95, side) for k in range(n + 1)]
    for p in np.linspace(0.001, 0.999, 97):
        covered = sum(binom.pmf(k, n, p) for k, (low, high) in enumerate(limits) if low <= p <= high)
        assert covered >= 0.95 - 1e-9


def sessions(rng, groups, size, mean, concentration):
    """0/1 items of `groups` sessions, each with its own rate."""
    rates = rng.beta(mean * concentration, (1 - mean) * concentration, size=groups)
    return (rng.random((groups, size)) < rates[:, None]).astype(float)


def test_cluster_interval_covers_and_its_twin_that_forgets_the_sessions_does_not():
    rng = np.random.default_rng(0)
    groups, size, repeats = 30, 12, 1000
    keys = np.repeat(np.arange(groups), size).tolist()
    missed = naive = 0
    for _ in range(repeats):
        x = sessions(rng, groups, size, 0.3, 3.0).ravel()
        found = cluster_mean(x, keys)
        missed += not found.low <= 0.3 <= found.high
        low, high = clopper_pearson(int(x.sum()), x.size)
        naive += not low <= 0.3 <= high
    # nominal 5 %; the sandwich at 30 clusters is known to miss slightly more often
    assert missed <= binomial_limit(repeats, 0.07)
    assert naive > binomial_limit(repeats, 0.10)


@pytest.mark.parametrize(("recall", "alarms"), [(0.8, 0.3), (0.6, 0.0)])
def test_lower_limit_of_recall_minus_false_alarms(recall, alarms):
    rng = np.random.default_rng(1)
    groups, size, repeats = 40, 4, 1000
    keys = np.repeat(np.arange(groups), size).tolist()
    above = 0
    for _ in range(repeats):
        caught = sessions(rng, groups, size, recall, 4.0).ravel()
        false = sessions(rng, groups, size, alarms, 4.0).ravel() if alarms else np.zeros(groups * size)
        above += rate_difference((caught, keys), (false, keys)).low > recall - alarms
    assert above <= binomial_limit(repeats, 0.07)
