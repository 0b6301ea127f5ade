"""One family of tests against laws: exchangeable sessions are told apart in any respect no more often than said.

Real tests of the comparison (a discriminator over vectors, shares of classes, rates of behaviours) on sessions of one
source; the twin reads each p by itself and finds something in far more comparisons than one in twenty.
"""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.divergence import holm, shares, total_variation
from assay.stats.intervals import binomial_limit
from assay.verification.realism.behaviour import behaviour_rates
from assay.verification.realism.discriminator import areas
from assay.verification.realism.ensemble import permuted_variation
from assay.verification.realism.family import ALPHA, Answer, Question, adjust
from assay.verification.realism.learners import KernelLogistic
from assay.verification.realism.lines import Lines
from assay.verification.realism.nulls import Text, least_p, permuted, pool

REPEATS, SESSIONS, TURNS, PERMUTATIONS, MORE = 200, 10, 4, 199, 999
WORDS = ("please", "thanks", "bye", "?", "no", "maybe", "um", "I want 4", "Hello", "it is!")
LIMIT = binomial_limit(REPEATS, ALPHA)


def speakers(rng: np.random.Generator, side: str, loud: float = 0.0) -> list[Lines]:
    """Sessions of people each of whom has words of their own; `loud`: how much more often they exclaim."""
    out = []
    for i in range(SESSIONS):
        taste = rng.dirichlet(np.full(len(WORDS), 0.6))
        taste = (1 - loud) * taste + loud * np.eye(len(WORDS))[-1]
        texts = tuple(" ".join(rng.choice(WORDS, 3, p=taste)) for _ in range(TURNS))
        out.append(Lines(f"{side}{i}", texts, (None,) * TURNS, ({},) * TURNS, {}, "", ()))
    return out


def discriminator(rng: np.random.Generator, per_session: int, apart: float) -> Question:
    """RL01 on vectors in place of texts."""
    manner = [rng.normal(size=(SESSIONS, 3)) + shift for shift in (0.0, apart)]
    features = np.concatenate([np.repeat(m, per_session, axis=0) for m in manner])
    features += 0.7 * rng.normal(size=features.shape)
    made = pool(*([Text("", f"{s}{i}") for i in range(SESSIONS) for _ in range(per_session)] for s in "rs"))
    labels = np.hstack([made.simulated[:, None], permuted(made, PERMUTATIONS, rng)])
    gram = (features @ features.T).astype(np.float32)
    found = areas(made, KernelLogistic(gram, steps=5), labels, np.random.default_rng(0))
    p = (1 + (found[1:] >= found[0] - 1e-12).sum()) / (1 + PERMUTATIONS)
    unit = "turn" if per_session > 1 else "session"
    return Question(f"RL01 {unit}", "", float(p), least_p(SESSIONS, SESSIONS, PERMUTATIONS))


def distribution(rng: np.random.Generator, name: str) -> Question:
    """RL02: shares of classes that a session has a taste for."""
    a, b = (
        np.array([rng.multinomial(6, p) for p in rng.dirichlet(np.ones(5), SESSIONS)]).astype(float) for _ in range(2)
    )
    tv = float(total_variation(shares(a.sum(axis=0)), shares(b.sum(axis=0))))
    moved = permuted_variation(a, b, MORE, rng)
    p = (1 + (moved >= tv - 1e-12).sum()) / (1 + MORE)
    return Question("RL02", name, float(p), least_p(SESSIONS, SESSIONS, MORE))


def compared(seed: int, apart: float = 0.0, loud: float = 0.0) -> list[Answer]:
    rng = np.random.default_rng([31, seed])
    rates = behaviour_rates(speakers(rng, "s", loud), speakers(rng, "r"), english=False, seed=seed)
    questions = [discriminator(rng, TURNS, apart), discriminator(rng, 1, apart)]
    questions += [distribution(rng, f"{i}") for i in range(4)]
    questions += [Question("RL06", name, r.p, least_p(SESSIONS, SESSIONS, MORE)) for name, r in rates.items()]
    return adjust(questions)


@lru_cache(maxsize=1)
def of_one_source() -> tuple[tuple[Answer, ...], ...]:
    return tuple(tuple(compared(i)) for i in range(REPEATS))


@pytest.fixture(autouse=True)
def fewer_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.verification.realism.behaviour.PERMUTATIONS", MORE)


def test_one_source_is_told_apart_in_any_respect_no_more_often_than_said() -> None:
    assert not any(a.unattainable for own in of_one_source() for a in own)
    assert sum(any(a.shown for a in own) for own in of_one_source()) <= LIMIT


def test_the_twin_without_holm_finds_something_too_often() -> None:
    assert sum(any(a.question.p <= ALPHA for a in own) for own in of_one_source()) > 2 * LIMIT


def test_the_twin_that_adjusts_within_each_part_finds_something_too_often() -> None:
    """Holm over the classifiers, Holm over the behaviours, and two discriminators as they come: not one family."""
    found = 0
    for own in of_one_source():
        groups: dict[str, list[float]] = {}
        for a in own:
            groups.setdefault(a.question.group, []).append(a.question.p)
        found += any(holm(p).min() <= ALPHA for p in groups.values())
    assert found > LIMIT


def test_each_p_of_a_behaviour_is_valid_by_itself() -> None:
    counts: dict[str, int] = {}
    for own in of_one_source():
        for a in own:
            if a.question.group == "RL06":
                counts[a.question.name] = counts.get(a.question.name, 0) + (a.question.p <= ALPHA)
    assert len(counts) == 9
    # nine tests share the bound, so that it is that of 1 in 1,000
    assert max(counts.values()) <= binomial_limit(REPEATS, ALPHA, 0.9995)


def test_what_differs_is_found_although_much_else_is_asked() -> None:
    told = [compared(i, apart=3.0) for i in range(20)]
    assert sum(own[0].shown and own[1].shown for own in told) >= 18
    loud = [next(a for a in compared(i, loud=0.7) if a.question.name == "exclaims") for i in range(20)]
    assert sum(a.shown for a in loud) >= 16


@pytest.mark.parametrize("shared", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("skewed", [False, True])
def test_weighted_holm_holds_whatever_the_tests_have_in_common(shared: float, skewed: bool) -> None:
    """Half of ten hypotheses are true; a false rejection of any of those is an error."""
    from scipy.stats import norm

    weights: NDArray[np.float64] = np.array([5.0, 1, 1, 1, 1, 5, 1, 1, 1, 1]) if skewed else np.ones(10)
    errors = 0
    for i in range(2000):
        rng = np.random.default_rng([32, i])
        z = np.sqrt(shared) * rng.normal() + np.sqrt(1 - shared) * rng.normal(size=10)
        z[5:] -= 2.5
        errors += holm(norm.cdf(z), weights)[:5].min() <= ALPHA
    assert errors <= binomial_limit(2000, ALPHA)
