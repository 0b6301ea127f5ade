"""Law of aggregation/self_agreement.py: who picks by place is not shown to agree with itself, who reads is."""

import numpy as np
from numpy.typing import NDArray

from assay.aggregation.self_agreement import self_agreement

K, TARGETS, RUNS = 5, 60, 400


def _draws(rng: np.random.Generator, reads: float, favourite: float) -> list[NDArray[np.float64]]:
    """Two draws: with chance `reads` the target's own value, else a value by place, one of them favoured."""
    truth = rng.integers(K, size=TARGETS)
    share = np.array([favourite] + [(1 - favourite) / (K - 1)] * (K - 1))
    made = []
    for _ in range(2):
        blind = rng.choice(K, size=TARGETS, p=share)
        made.append(np.eye(K)[np.where(rng.random(TARGETS) < reads, truth, blind)])
    return made


def _shown(reads: float, favourite: float) -> float:
    rng = np.random.default_rng(7)
    found = (self_agreement(_draws(rng, reads, favourite), rng) for _ in range(RUNS))
    return float(np.mean([a is not None and a.shown for a in found]))


def test_who_reads_nothing_is_seldom_shown_to_agree() -> None:
    # the percentile limit of 60 targets: 5 % and its Monte Carlo error, with room for its asymptotics
    assert _shown(0.0, 0.2) < 0.09
    assert _shown(0.0, 0.8) < 0.09


def test_who_reads_half_of_the_time_is_heard() -> None:
    assert _shown(0.5, 0.2) > 0.9


def test_broken_twin_without_chance_a_favourite_passes() -> None:
    rng = np.random.default_rng(7)
    raw = [np.mean(a.argmax(1) == b.argmax(1)) for a, b in (_draws(rng, 0.0, 0.8) for _ in range(RUNS))]
    assert np.mean(np.array(raw) > 0.5) > 0.9


def test_one_value_always_is_no_agreement_and_few_targets_say_nothing() -> None:
    rng = np.random.default_rng(0)
    same = [np.eye(K)[np.zeros(30, int)]] * 2
    found = self_agreement(same, rng)
    assert found is not None
    assert found.kappa == 0
    assert not found.shown
    assert self_agreement([p[:10] for p in same], rng) is None
    assert self_agreement(same[:1], rng) is None
