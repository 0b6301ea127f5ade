"""RL01 and RL02 against laws: sessions of one source are told apart no more often than said, templates always.

Vectors stand in for texts: what is under test is who is permuted, who shares a fold and what is resampled, which does
not depend on how texts become features. Sessions have an effect of their own, as people have.
"""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.divergence import shares, total_variation
from assay.stats.intervals import binomial_limit
from assay.verification.realism.discriminator import areas, control_area, discriminate, held_out, interval
from assay.verification.realism.ensemble import permuted_variation, split_variation, upper_variation
from assay.verification.realism.learners import KernelLogistic
from assay.verification.realism.nulls import Pool, Text, fold_of, permuted, pool

REPEATS = 300
SESSIONS, TURNS, PERMUTATIONS = 14, 5, 39
ALPHA = 0.05
LIMIT = binomial_limit(REPEATS, ALPHA)


def texts(side: str, sessions: int = SESSIONS, turns: int = TURNS) -> list[Text]:
    return [Text("", f"{side}{s}") for s in range(sessions) for _ in range(turns)]


def people(rng: np.random.Generator, sessions: int = SESSIONS, turns: int = TURNS) -> NDArray[np.float64]:
    """Turns of sessions that each have a manner of their own; shape (sessions * turns, 4)."""
    manner = rng.normal(size=(sessions, 4)) * 1.5
    return np.asarray(np.repeat(manner, turns, axis=0) + rng.normal(size=(sessions * turns, 4)))


def learner(features: NDArray[np.float64]) -> KernelLogistic:
    return KernelLogistic((features @ features.T).astype(np.float32), steps=8)


def p_value(made: Pool, features: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    found = areas(made, learner(features), np.hstack([made.simulated[:, None], labels]), np.random.default_rng(0))
    return float((1 + (found[1:] >= found[0] - 1e-12).sum()) / (1 + labels.shape[1]))


def alarms(turnwise: bool) -> int:
    count = 0
    for i in range(REPEATS):
        rng = np.random.default_rng([1, i])
        features = np.concatenate([people(rng), people(rng)])
        made = pool(texts("r"), texts("s"))
        labels = permuted(made, PERMUTATIONS, rng)
        if turnwise:
            labels = rng.permuted(np.repeat(made.simulated[:, None], PERMUTATIONS, axis=1), axis=0)
        count += p_value(made, features, labels) <= ALPHA
    return count


def test_one_source_is_told_apart_no_more_often_than_said() -> None:
    assert alarms(turnwise=False) <= LIMIT


def test_the_twin_that_permutes_turns_tells_one_source_apart_too_often() -> None:
    assert alarms(turnwise=True) > LIMIT


def test_the_test_is_not_vacuous() -> None:
    found = 0
    for i in range(40):
        rng = np.random.default_rng([2, i])
        features = np.concatenate([people(rng), people(rng) + np.array([3.0, 0, 0, 0])])
        made = pool(texts("r"), texts("s"))
        found += p_value(made, features, permuted(made, PERMUTATIONS, rng)) <= ALPHA
    assert found >= 32


def pairs(rng: np.random.Generator) -> tuple[Pool, NDArray[np.float64]]:
    """Real turns and regenerations that say the same in other words: what is said is theirs in common."""
    n = SESSIONS * TURNS
    said = rng.normal(size=(n, 30)) * 2
    sides = [said + rng.normal(size=(n, 30)) * 0.7 for _ in range(2)]
    made = pool(*([t._replace(pair=f"{i}") for i, t in enumerate(texts(side))] for side in "rs"))
    return made, np.concatenate(sides)


def out_of_interval(split: bool) -> int:
    count = 0
    for i in range(100):
        rng = np.random.default_rng([3, i])
        made, features = pairs(rng)
        if split:
            made = made._replace(fold_unit=np.arange(len(made.texts)))
        held = held_out(made, learner(features), 2, i)
        low, high = interval(made, held, rng)
        count += not low <= 0.5 <= high
    return count


def test_pairs_share_a_fold_or_the_interval_is_wrong() -> None:
    """A regeneration in training, of the other class, pulls its original to the wrong side."""
    whole, split = out_of_interval(split=False), out_of_interval(split=True)
    assert whole <= binomial_limit(100, 0.15)
    assert split > 60


def delong(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """DeLong's 95 % interval (1988), which takes every turn for independent."""
    a, b = scores[positive], scores[~positive]
    wins = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    half = 1.96 * np.sqrt(wins.mean(axis=1).var(ddof=1) / len(a) + wins.mean(axis=0).var(ddof=1) / len(b))
    return float(wins.mean() - half), float(wins.mean() + half)


def test_delong_on_pooled_scores_is_the_wrong_interval() -> None:
    """The bootstrap over sessions says `above chance` of one source rarely; DeLong on pooled scores often."""
    ours = theirs = 0
    for i in range(150):
        rng = np.random.default_rng([4, i])
        features = np.concatenate([people(rng), people(rng)])
        made = pool(texts("r"), texts("s"))
        held = held_out(made, learner(features), 3, i)
        ours += interval(made, held, rng)[0] > 0.5
        low, high = delong(held[0][1], made.simulated)
        theirs += low > 0.5 or high < 0.5
    assert ours <= binomial_limit(150, 0.10)
    assert theirs > binomial_limit(150, 0.15)


# --- RL02


MIX = np.array([0.35, 0.25, 0.15, 0.1, 0.1, 0.05])


def counts(rng: np.random.Generator, mix: NDArray[np.float64], sessions: int) -> NDArray[np.float64]:
    own = rng.dirichlet(8 * mix, sessions)
    return np.array([rng.multinomial(int(rng.integers(3, 12)), p) for p in own]).astype(float)


def test_equal_mixes_differ_no_more_often_than_said_and_the_twin_over_turns_does() -> None:
    found = twin = 0
    for i in range(REPEATS):
        rng = np.random.default_rng([5, i])
        a, b = counts(rng, MIX, 30), counts(rng, MIX, 30)
        tv = float(total_variation(shares(a.sum(axis=0)), shares(b.sum(axis=0))))
        found += (1 + (permuted_variation(a, b, 99, rng) >= tv - 1e-12).sum()) / 100 <= ALPHA
        turns = [np.repeat(np.eye(6), x.sum(axis=0).astype(int), axis=0) for x in (a, b)]
        n = min(map(len, turns))
        one, two = (rng.permutation(x)[:n] for x in turns)
        tv = float(total_variation(shares(one.sum(axis=0)), shares(two.sum(axis=0))))
        twin += (1 + (permuted_variation(one, two, 99, rng) >= tv - 1e-12).sum()) / 100 <= ALPHA
    assert found <= LIMIT
    assert twin > LIMIT


@pytest.mark.parametrize("tv", [0.02, 0.05, 0.1])
def test_the_upper_limit_covers(tv: float) -> None:
    other = MIX + tv * np.array([-1, 0.6, 0.4, 0, 0, 0])
    missed = 0
    for i in range(150):
        rng = np.random.default_rng([6, i])
        missed += upper_variation(counts(rng, other, 80), counts(rng, MIX, 80), rng) < tv
    assert missed <= binomial_limit(150, ALPHA)


def test_alike_is_said_of_equal_mixes_and_not_of_others() -> None:
    said = {0.0: 0, 0.2: 0}
    for i in range(40):
        for tv in said:
            rng = np.random.default_rng([7, i])
            real = counts(rng, MIX, 160)
            made = counts(rng, MIX + tv * np.array([-1, 0.6, 0.4, 0, 0, 0]), 160)
            margin = np.quantile(split_variation(real, 80, 200, rng), 0.95)
            said[tv] += upper_variation(made, real, rng) < margin
    assert said[0.0] >= 30
    assert said[0.2] == 0


# --- real sessions


DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
SETS = ("sgd", "camrest676", "casino", "ccpe_m")


def real_turns(name: str) -> list[tuple[str, list[Text]]]:
    path = DATA / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"needs the set {name} in ../shared/data")
    out = []
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        own = [Text(t["text"], row["id"]) for t in row["turns"] if t["speaker"] == "user" and t["text"].strip()]
        out.append((row["id"], own))
    return out


@pytest.mark.long
def test_halves_of_real_sets_are_told_apart_no_more_often_than_said() -> None:
    """200 splits over the sets, 40 sessions a half, 39 permutations: p of the whole discriminator."""
    sets = [real_turns(name) for name in SETS]
    found = 0
    for i in range(200):
        own = sets[i % len(sets)]
        rng = np.random.default_rng([8, i])
        chosen = rng.permutation(len(own))[:80]
        halves = [[t for j in part for t in own[j][1][:4]] for part in (chosen[:40], chosen[40:])]
        done = discriminate(*halves, seeds=1, permutations=39, control=(), seed=i)
        found += done.p <= ALPHA
    assert found <= binomial_limit(200, ALPHA)


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_templates_are_always_told_from_real_turns(name: str) -> None:
    from assay.verification.realism.control import degenerate

    own = real_turns(name)
    for i in range(5):
        rng = np.random.default_rng([9, i])
        chosen = rng.permutation(len(own))[:40]
        real = [t for j in chosen for t in own[j][1][:4]]
        assert control_area(real, degenerate(real, rng), i, 400) >= 0.9


def test_folds_never_cut_a_unit() -> None:
    rng = np.random.default_rng(0)
    units = rng.integers(0, 12, 100)
    fold = fold_of(units, 5, rng)
    assert all(len(set(fold[units == u].tolist())) == 1 for u in range(12))
    assert len(set(fold.tolist())) == 5
