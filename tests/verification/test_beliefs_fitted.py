"""The policy fitted to people: bad input, what it finds, and the twin whose temperature saw its own sessions."""

import numpy as np
import pytest

from assay.errors import BadInput
from assay.stats.beliefs import filter_beliefs
from assay.verification.beliefs.fitted import FittedPolicy, Told, fit_policy

ITEMS = ("apple", "pear", "plum")
HYPOTHESES = tuple({"wish": item} for item in ITEMS)


def people(n: int, seed: int) -> list[Told]:
    """Who wants a fruit says so now and then, names another as often as not, and says `need` of their own only."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        truth = int(rng.integers(3))
        turns = []
        for _ in range(4):
            named = truth if rng.random() < 0.5 else int(rng.integers(3))
            verb = ("need", "saw") if named == truth else ("saw", "need")
            turns.append(
                ("and you?", f"i {verb[int(rng.random() < 0.25)]} {ITEMS[named]} {rng.choice(list('abcdef'))}")
            )
        out.append(Told(group=f"s{seed}-{i}", truth=truth, turns=tuple(turns)))
    return out


@pytest.fixture(scope="module")
def policy() -> FittedPolicy:
    return fit_policy(people(150, 1), HYPOTHESES)


def test_what_cannot_be_fitted_is_refused() -> None:
    some = people(12, 2)
    with pytest.raises(BadInput, match="hypotheses"):
        fit_policy(some, HYPOTHESES[:1])
    with pytest.raises(BadInput, match="sessions"):
        fit_policy(some[:3], HYPOTHESES)
    with pytest.raises(BadInput, match="truth"):
        fit_policy([*some, Told(group="x", truth=7, turns=(("", "hi"),))], HYPOTHESES)
    with pytest.raises(BadInput, match="without turns"):
        fit_policy([*some, Told(group="x", truth=0, turns=())], HYPOTHESES)


def test_nobody_speaking_tells_nothing(policy: FittedPolicy) -> None:
    assert policy.table(()).shape == (0, 3)


def test_new_people_are_read_turn_by_turn(policy: FittedPolicy) -> None:
    """The truth gains on the prior with every turn; shuffled truths do not."""
    new = people(200, 3)
    p = np.array([np.exp(filter_beliefs(policy.log_prior, policy.table(t.turns)).now) for t in new])
    truth = np.array([t.truth for t in new])
    own = p[np.arange(len(new)), :, truth]
    assert own[:, 1].mean() > own[:, 0].mean() + 0.05
    assert own[:, 4].mean() > own[:, 1].mean() + 0.1
    wrong = p[np.arange(len(new)), :, np.roll(truth, 1)]
    assert wrong[:, 4].mean() < own[:, 4].mean() - 0.2


def test_what_is_learnt_of_one_value_holds_for_another() -> None:
    """Fitted without anybody who wants a plum, it still reads `need plum` as that; words alone, the twin, cannot."""
    policy = fit_policy([t for t in people(200, 4) if t.truth != 2], HYPOTHESES)
    table = policy.table((("and you?", "i need plum"),))[0]
    assert table.argmax() == 2


def test_the_held_out_temperature_is_not_over_confident(policy: FittedPolicy) -> None:
    """On new people confidence is accuracy; ten times as sharp, the twin, is far above it."""
    new = people(600, 5)
    for power, bound in ((1.0, True), (10.0, False)):
        logs = [policy.log_prior + power * policy.table(t.turns).sum(0) for t in new]
        p = np.exp(np.array(logs) - np.logaddexp.reduce(logs, axis=1)[:, None])
        gap = p.max(1).mean() - (p.argmax(1) == [t.truth for t in new]).mean()
        assert (gap < 0.05) == bound
