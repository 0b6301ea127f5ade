"""Laws of the belief filter, each with a broken twin that the same test catches."""

import itertools
import math

import numpy as np
import pytest

from assay.errors import BadInput
from assay.stats.beliefs import (
    drift_alarm,
    filter_beliefs,
    fit_temperature,
    held_out_temperatures,
    identifiable_from,
    increments,
    marginal,
    normalised,
    premature,
)
from assay.stats.calibration import ece

PRIOR = np.array([0.5, 0.25, 0.15, 0.1])


def world(n: int, turns: int, seed: int, drift: float = 0.0):
    """(truth (n,), log-likelihood tables (n, T, K)) of sessions drawn from the prior and an act table."""
    rng = np.random.default_rng(seed)
    acts = np.random.default_rng(1).dirichlet(np.ones(5), size=len(PRIOR))
    truth = rng.choice(len(PRIOR), size=n, p=PRIOR)
    now, tables = truth.copy(), []
    for _ in range(turns):
        moves = rng.random(n) < drift
        now = np.where(moves, rng.integers(len(PRIOR), size=n), now)
        said = (rng.random(n)[:, None] > acts[now].cumsum(axis=1)[:, :-1]).sum(axis=1)
        tables.append(np.log(acts[:, said].T))
    return truth, np.stack(tables, axis=1)


def test_bad_input_is_refused():
    with pytest.raises(BadInput):
        filter_beliefs([0.0, math.nan], [[0.0, 0.0]])
    with pytest.raises(BadInput):
        filter_beliefs([0.0, 0.0], [[0.0, 0.0, 0.0]])
    with pytest.raises(BadInput):
        filter_beliefs([0.0, 0.0], [[-math.inf, -math.inf]])
    with pytest.raises(BadInput):
        filter_beliefs([0.0, 0.0], [[0.0, 0.0]], drift=1.5)
    with pytest.raises(BadInput):
        increments([[0.5, 1.2]])
    with pytest.raises(BadInput, match="mean over sessions"):
        premature([0.1], [0.2])
    with pytest.raises(BadInput):
        ece([1.2], [1])


@pytest.mark.parametrize("drift", [0.0, 0.1, 1.0])
def test_recursive_equals_batch(drift):
    """Summing over all paths gives the filter's posteriors to 1e-9, both at t and at 0."""
    _, tables = world(5, 4, seed=3)
    k = len(PRIOR)
    kernel = (1 - drift) * np.eye(k) + drift / k
    for table in tables:
        got = filter_beliefs(np.log(PRIOR), table, drift=drift)
        first, last = np.zeros(k), np.zeros(k)
        for path in itertools.product(range(k), repeat=5):
            p = PRIOR[path[0]]
            for t in range(4):
                p *= kernel[path[t], path[t + 1]] * math.exp(table[t, path[t + 1]])
            first[path[0]] += p
            last[path[-1]] += p
        assert np.abs(np.exp(got.first[-1]) - first / first.sum()).max() < 1e-9
        assert np.abs(np.exp(got.now[-1]) - last / last.sum()).max() < 1e-9
        assert abs(got.evidence[-1] - math.log(first.sum())) < 1e-9
        twin = np.exp(got.now[-1]) if drift else np.exp(got.now[1])
        assert np.abs(twin - first / first.sum()).max() > 1e-6, "the wrong posterior would pass too"


def posterior(tables, power=1.0):
    return np.exp(normalised(np.log(PRIOR) + power * tables[:, 0]))


def test_one_turn_is_calibrated_and_wrong_sharpness_is_not():
    """ECE <= 0.03 under the true table; sharpened and flattened twins break it. Accuracy under a flat prior stays."""
    truth, tables = world(6000, 1, seed=5)
    errors = {}
    for power in (1.0, 3.0, 0.3):
        p = posterior(tables, power)
        errors[power] = ece(p.max(axis=1), p.argmax(axis=1) == truth)
    assert errors[1.0] <= 0.03
    assert errors[3.0] > 0.06
    flat_prior = {k: (k * tables[:, 0]).argmax(axis=1) for k in (1.0, 3.0, 0.3)}
    assert (flat_prior[1.0] == flat_prior[3.0]).all()
    assert (flat_prior[1.0] == flat_prior[0.3]).all()
    assert errors[0.3] > 0.06


def test_multiplying_answers_counts_the_prior_again():
    """Increments of the exact answers give the exact posterior; the twin that multiplies them does not."""
    _, tables = world(50, 6, seed=7)
    worst = 0.0
    for table in tables:
        exact = np.exp(filter_beliefs(np.log(PRIOR), table).now)
        again = np.exp(filter_beliefs(np.log(PRIOR), increments(exact, floor=1e-300)).now)
        assert np.abs(again - exact).max() < 1e-9
        twin = np.exp(filter_beliefs(np.log(PRIOR), np.log(exact[1:])).now)
        worst = max(worst, np.abs(twin - exact).max())
    assert worst > 0.2


def test_temperature_is_recovered_and_held_out():
    truth, tables = world(4000, 3, seed=9)
    total = tables.sum(axis=1)
    assert abs(fit_temperature(np.log(PRIOR), total, truth) - 1) < 0.1
    assert abs(fit_temperature(np.log(PRIOR), 3 * total, truth) - 3) < 0.3
    each = held_out_temperatures(np.log(PRIOR), 3 * total, truth, [str(i // 2) for i in range(4000)])
    assert len(set(each)) == 5
    assert np.abs(each - 3).max() < 0.4


def test_drift_alarm_keeps_its_level_and_rings():
    _, still = world(1500, 12, seed=11)
    rung = np.mean([drift_alarm(np.log(PRIOR), table, alpha=0.05)[0] is not None for table in still])
    assert rung <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)
    _, moved = world(300, 40, seed=12, drift=0.2)
    heard = np.mean([drift_alarm(np.log(PRIOR), table, alpha=0.05)[0] is not None for table in moved])
    assert heard > rung + 0.1


def test_identifiable_from_needs_every_later_turn():
    assert identifiable_from([0.2, 0.95, 0.5, 0.9, 0.99]) == 3
    assert identifiable_from([0.95, 0.95]) == 0
    assert identifiable_from([0.95, 0.5]) is None


def test_marginal_sums_the_hypotheses_of_a_value():
    names, p = marginal(np.log([[0.5, 0.3, 0.2]]), ["b", "a", "b"])
    assert names == ("a", "b")
    assert np.allclose(p, [[0.3, 0.7]])


def test_premature_interval_covers():
    rng = np.random.default_rng(13)
    held = 0
    for _ in range(400):
        _, low, high = premature(rng.normal(0.3, 1, 60), np.zeros(60))
        held += low <= 0.3 <= high
    assert 0.92 <= held / 400 <= 0.98
