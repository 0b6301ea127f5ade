"""The fitted policy under a known truth: it converges, predicts like the true table, learns nothing from shuffles."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "authoring"))
from fitting_sessions import ACTS, FIRST, HEARD, TABLE, known_talks

from assay.authoring.fitting import FittedPolicy, context_of, fit_talks, items_of
from assay.authoring.heldout import HeldOut, held_out
from assay.authoring.steps import Corpus, Step, Talk

SEEDS = range(3)


def shares(policy: FittedPolicy, heard: str | None) -> dict[str, float]:
    """What the policy does in the first turn (None) or after an act, in a session two turns long."""
    history = [] if heard is None else [
        Step(party="user", acts=frozenset({"state_goal"})), Step(party="assistant", acts=frozenset({heard})),
    ]  # fmt: skip
    return policy.act_shares(context_of(history))


def divergence(policy: FittedPolicy) -> float:
    """KL of the true table from the fitted one in nats, mean over the contexts by how often they come up."""
    cells = [(0.2, FIRST, shares(policy, None))]
    cells += [(0.8 * p, TABLE[heard], shares(policy, heard)) for heard, p in HEARD.items()]
    return sum(w * p * math.log(p / fitted[a]) for w, true, fitted in cells for a, p in true.items())


def test_the_table_converges_to_the_true_one() -> None:
    """Mean KL over the seeds falls with n and is below 0.002 nats in each at 2,000 sessions."""
    found = {n: [divergence(fit_talks(known_talks(n, s), ACTS)) for s in SEEDS] for n in (20, 200, 2000)}
    means = [float(np.mean(found[n])) for n in (20, 200, 2000)]
    assert means[0] > 4 * means[1] > 16 * means[2]
    assert max(found[2000]) < 0.002
    assert min(found[20]) > 0.002, "the bound must be able to fail"


def true_score(talks: list[Talk]) -> float:
    """Mean log-probability of the true table per user turn."""
    items = items_of(talks)[0]
    return float(
        np.mean([
            math.log((FIRST if i.context["start"] == "yes" else TABLE[i.context["heard"]])[str(i.outcome)])
            for i in items
        ])
    )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_held_out_it_predicts_nearly_as_well_as_the_truth(seed: int) -> None:
    """At 400 sessions within 0.02 nats of the true table on the same turns, and never above it by more than chance."""
    talks = known_talks(400, seed)
    found = held_out(Corpus(talks=talks))
    short = true_score(talks) - found.nats["fitted"].point
    assert -0.005 < short < 0.02
    for other in ("uniform", "frequencies"):
        assert (found.gain[other].low or 0) > 0.3
    assert -0.005 < true_score(talks) - found.whole["fitted"].point < 0.03


def shuffled(talks: list[Talk], seed: int) -> list[Talk]:
    """The broken twin: users' acts are dealt out anew over all turns of all sessions."""
    rng = np.random.default_rng(seed)
    own = [s for t in talks for s in t.steps if s.party == "user"]
    dealt = iter([own[i] for i in rng.permutation(len(own))])
    return [
        Talk(session=t.session, steps=tuple(next(dealt) if s.party == "user" else s for s in t.steps)) for t in talks
    ]


def broken(seed: int) -> HeldOut:
    return held_out(Corpus(talks=shuffled(known_talks(300, seed), seed)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_twin_with_shuffled_labels_does_not_beat_plain_frequencies(seed: int) -> None:
    """Nor does choosing eight concentrations on noise cost it more than 0.01 nats."""
    gain = broken(seed).gain["frequencies"]
    assert gain.low is not None
    assert gain.low <= 0
    assert -0.01 < gain.point < 0.005


def test_the_interval_of_a_gain_covers_the_gain_on_new_sessions() -> None:
    """Fits held fixed: the interval made on one half of the sessions covers the mean on many others."""
    policy = fit_talks(known_talks(100, 50), ACTS)

    def gains(talks: list[Talk]) -> tuple[list[float], list[str]]:
        items = items_of(talks)[0]
        table = policy.act_table
        score = [
            math.log(table.probability(i.outcome, i.context) / table.probability(i.outcome, i.context, 1))
            for i in items
        ]
        return score, [i.group for i in items]

    from assay.stats.intervals import binomial_limit, cluster_mean

    want = float(np.mean(gains(known_talks(4000, 51))[0]))
    missed, repeats = 0, 150
    for r in range(repeats):
        interval = cluster_mean(*gains(known_talks(40, 100 + r)), proportion=False)
        assert interval.low is not None
        assert interval.high is not None
        missed += not interval.low <= want <= interval.high
    assert missed <= binomial_limit(repeats, 0.07)
