"""Known truth, many seeded repeats: how often a certificate is false, and that rules which look alike are caught.

Every law counts violations (a claim granted on labels of which more than alpha are wrong) and compares them with the
99 % limit of a binomial of probability delta. Every broken twin differs in one point, has a true violation rate of at
least 2 delta, and must exceed that limit: a law that cannot fail proves nothing.
"""

from dataclasses import replace

import numpy as np
import pytest

from assay.certification.answers import Final
from assay.certification.bound import (
    allowed_wrong,
    grid,
    passed_limit,
    stratified_limit,
    survives,
    upper_limit,
    walk,
)
from assay.certification.claims import Case, Item, decide, decide_in_order
from assay.records.label import Label
from assay.stats.intervals import binomial_limit
from assay.stats.sequential import betting_rejects

ALPHA = DELTA = 0.05
REPEATS = 4000
LIMIT = binomial_limit(REPEATS, DELTA, 0.99)
SIZE = 20_000
SCORES = np.linspace(1, 0, SIZE)


def accepted_at(draws, size=SIZE):
    """Accepted labels per threshold of the library's grid, strict to loose."""
    thresholds = grid(SCORES[:size].tolist(), draws, size, ALPHA, DELTA)
    return np.array([(SCORES[:size] >= t).sum() for t in thresholds])


def just_above(accepted):
    """Fewest wrong labels that make the claim false."""
    return np.floor(ALPHA * accepted + 1e-9).astype(int) + 1


def draw(rng, accepted, wrong, draws):
    """Answers and wrong answers per threshold, shape (repeats, J); `wrong` is cumulative over thresholds."""
    slices = np.diff(accepted, prepend=0)
    bad = np.diff(wrong, prepend=0)
    assert (bad >= 0).all()
    assert (bad <= slices).all()
    cells = np.concatenate([bad, slices - bad, [SIZE - accepted[-1]]])
    found = rng.multivariate_hypergeometric(cells, draws, size=REPEATS, method="marginals")
    k, right = found[:, : len(bad)].cumsum(axis=1), found[:, len(bad) : 2 * len(bad)].cumsum(axis=1)
    return k + right, k


def violations(best, accepted, wrong):
    """Repeats in which a false claim was granted."""
    false = np.append(wrong > ALPHA * accepted, False)
    return int(false[best].sum())


# The fixed sequence


@pytest.mark.parametrize("draws", [100, 300, 1000])
def test_law_risk_just_above_alpha_at_every_threshold(draws):
    accepted = accepted_at(draws)
    wrong = just_above(accepted)
    m, k = draw(np.random.default_rng(draws), accepted, wrong, draws)
    best = walk(survives(m, k, ALPHA, DELTA))
    assert violations(best, accepted, wrong) <= LIMIT


@pytest.mark.parametrize("last_safe", range(7))
def test_law_risk_steps_above_alpha_one_step_looser_than_the_last_safe_one(last_safe):
    accepted = accepted_at(600)
    wrong = just_above(accepted)
    wrong[: last_safe + 1] = 0
    m, k = draw(np.random.default_rng(last_safe), accepted, wrong, 600)
    best = walk(survives(m, k, ALPHA, DELTA))
    assert violations(best, accepted, wrong) <= LIMIT
    assert (best >= last_safe).mean() > 0.99


def test_twin_any_passing_threshold_instead_of_the_sequence():
    accepted = np.unique(np.geomspace(SIZE * 124 / 5000, SIZE, 40).round().astype(int))
    wrong = just_above(accepted)
    m, k = draw(np.random.default_rng(2), accepted, wrong, 5000)
    passes = survives(m, k, ALPHA, DELTA)
    assert violations(walk(passes), accepted, wrong) <= LIMIT
    loosest = np.where(passes.any(axis=1), passes.shape[1] - 1 - passes[:, ::-1].argmax(axis=1), -1)
    assert violations(loosest, accepted, wrong) > max(LIMIT, 2 * DELTA * REPEATS)


def test_law_holds_for_the_whole_decision():
    """The same law through `decide`: records, thresholds, counting and all."""
    rng = np.random.default_rng(3)
    size, draws, repeats = 1000, 200, 2000
    scores = np.linspace(1, 0, size).round(6).tolist()
    bad = np.zeros(size, dtype=bool)
    bad[np.linspace(0, size - 1, int(ALPHA * size) + 2).astype(int)] = True
    labels = [
        Label(id=f"{i:016x}", session="s", name="a", kind="category", value="v", source="authored", rank_score=s)
        for i, s in enumerate(scores)
    ]
    items = [Item(x, Final("value", "w" if b else "v"), "v") for x, b in zip(labels, bad, strict=True)]
    case = Case(
        name="a", names=("a",), alpha=ALPHA, delta=DELTA, listed=tuple(labels),
        thresholds=grid(scores, draws, size, ALPHA, DELTA),
    )  # fmt: skip
    false = 0
    for _ in range(repeats):
        drawn = tuple(items[i] for i in rng.choice(size, draws, replace=False))
        claim = decide(replace(case, items=drawn))
        false += claim.granted and bad[: claim.accepted].sum() > ALPHA * claim.accepted
    assert false <= binomial_limit(repeats, DELTA, 0.99)


# Several claims


def test_law_claims_by_name_with_shares_handed_on():
    """The first name is clean and always hands its share on; the others are just above alpha. Twin: delta for each."""
    rng = np.random.default_rng(14)
    size, draws, repeats = 2000, 124, 2000
    names = ("clean", "b", "c", "d")
    cases, pools = [], []
    for name in names:
        labels = tuple(
            Label(id=f"{name}{i:04d}", session="s", name=name, kind="category", value="v", source="authored")
            for i in range(size)
        )
        wrong = 0 if name == "clean" else int(ALPHA * size) + 1
        pools.append([Item(x, Final("value", "w" if i < wrong else "v"), "v") for i, x in enumerate(labels)])
        cases.append(Case(name=name, names=(name,), alpha=ALPHA, delta=DELTA / 4, thresholds=(0.0,), listed=labels[:1]))
    shared = alone = 0
    for _ in range(repeats):
        drawn = [tuple(pool[i] for i in rng.choice(size, draws, replace=False)) for pool in pools]
        full = [replace(c, items=items) for c, items in zip(cases, drawn, strict=True)]
        made = decide_in_order(full)
        assert made[0].granted
        assert made[1].delta == pytest.approx(DELTA / 2)
        shared += any(c.granted for c in made[1:])
        wrong = [sum(x.final.canon == "w" for x in items) for items in drawn[1:]]
        alone += survives([draws] * 3, wrong, ALPHA, DELTA).any()
    assert shared <= binomial_limit(repeats, DELTA, 0.99)
    assert alone > max(2 * DELTA * repeats, binomial_limit(repeats, DELTA, 0.99))


# Trust and the answers that certify it


def fitted_on(rng, *, own):
    """Best threshold per repeat when labels of 40 kinds are ordered by errors seen on tune or on certify answers."""
    kinds, per_kind = 40, 10
    error = 1.4 * ALPHA
    certify = rng.binomial(per_kind, error, size=(REPEATS, kinds))
    seen = certify if own else rng.binomial(per_kind, error, size=(REPEATS, kinds))
    order = np.argsort(seen + rng.random(seen.shape) / 2, axis=1)
    k = np.take_along_axis(certify, order, axis=1).cumsum(axis=1)[:, 12:]
    m = np.broadcast_to(per_kind * np.arange(13, kinds + 1), k.shape)
    return walk(survives(m, k, ALPHA, DELTA))


def test_twin_trust_fitted_on_the_certify_answers():
    honest = fitted_on(np.random.default_rng(4), own=False)
    assert (honest >= 0).sum() <= LIMIT
    broken = fitted_on(np.random.default_rng(4), own=True)
    assert (broken >= 0).sum() > max(LIMIT, 2 * DELTA * REPEATS)


# The unit


def test_twin_clopper_pearson_on_turns_of_whole_sessions():
    rng = np.random.default_rng(5)
    sessions, turns = 2000, 10
    bad_sessions = int(1.2 * ALPHA * sessions)
    allowed = allowed_wrong(200, ALPHA, DELTA)[200]
    singly = rng.hypergeometric(bad_sessions * turns, (sessions - bad_sessions) * turns, 200, size=REPEATS)
    assert (singly <= allowed).sum() <= LIMIT
    whole = turns * rng.hypergeometric(bad_sessions, sessions - bad_sessions, 200 // turns, size=REPEATS)
    assert (whole <= allowed).sum() > max(LIMIT, 2 * DELTA * REPEATS)


def test_twin_pooled_clopper_pearson_under_unequal_allocation():
    rng = np.random.default_rng(6)
    error = np.array([0.01, 0.095])
    assert error.mean() > ALPHA
    proportional = rng.binomial(150, error, size=(REPEATS, 2)).sum(axis=1)
    allowed = allowed_wrong(300, ALPHA, DELTA)[300]
    assert (proportional <= allowed).sum() <= LIMIT
    k = rng.binomial([250, 50], error, size=(REPEATS, 2))
    weighted = {p: stratified_limit(p, (250, 50), (0.5, 0.5), DELTA) for p in set(map(tuple, k.tolist()))}
    assert sum(weighted[tuple(p)] <= ALPHA for p in k.tolist()) <= LIMIT
    assert (k.sum(axis=1) <= allowed).sum() > max(LIMIT, 2 * DELTA * REPEATS)


# Reading answers one by one


def permutations(rng, share, draws, size=3000):
    population = np.zeros((2000, size), dtype=np.int8)
    population[:, : int(share * size) + 1] = 1
    return rng.permuted(population, axis=1)[:, :draws]


def test_law_betting_bound_may_be_read_after_every_answer():
    x = permutations(np.random.default_rng(7), ALPHA, 400)
    false = betting_rejects(x, 3000, ALPHA, DELTA).sum()
    assert false <= binomial_limit(len(x), DELTA, 0.99)


def test_law_betting_bound_on_a_whole_small_population():
    x = permutations(np.random.default_rng(8), ALPHA, 200, size=200)
    assert betting_rejects(x, 200, ALPHA, DELTA).sum() <= binomial_limit(len(x), DELTA, 0.99)


def test_twin_clopper_pearson_read_after_every_answer():
    x = permutations(np.random.default_rng(7), ALPHA, 400)
    m = np.broadcast_to(np.arange(1, 401), x.shape)
    false = survives(m, x.cumsum(axis=1, dtype=int), ALPHA, DELTA).any(axis=1).sum()
    assert false > max(binomial_limit(len(x), DELTA, 0.99), 2 * DELTA * len(x))


def test_twin_answers_read_in_the_order_people_chose():
    """People start with what is easy, and what is easy is right more often."""
    rng = np.random.default_rng(9)
    x = permutations(rng, 1.2 * ALPHA, 300)
    assert betting_rejects(x, 3000, ALPHA, DELTA).sum() <= binomial_limit(len(x), DELTA, 0.99)
    hard = x + rng.normal(0, 0.5, x.shape)
    chosen = np.take_along_axis(x, hard.argsort(axis=1), axis=1)
    assert betting_rejects(chosen, 3000, ALPHA, DELTA).sum() > max(
        binomial_limit(len(x), DELTA, 0.99), 2 * DELTA * len(x)
    )


def test_betting_bound_is_not_vacuous():
    x = permutations(np.random.default_rng(10), ALPHA / 5, 150)
    assert betting_rejects(x, 3000, ALPHA, DELTA).mean() > 0.6
    assert betting_rejects(np.zeros(70), 3000, ALPHA, DELTA)


# Assessors who pass wrong labels


@pytest.mark.parametrize("passes", [0.0, 0.1, 0.3])
def test_law_assessors_who_pass_wrong_labels_and_its_twin(passes):
    rng = np.random.default_rng(11)
    answers, planted = 800, 60
    beta = np.array([passed_limit(k, planted, DELTA / 2) for k in range(planted + 1)])
    seen = rng.binomial(answers, 1.02 * ALPHA * (1 - passes), size=REPEATS)
    slipped = rng.binomial(planted, passes, size=REPEATS)
    limit = np.array([upper_limit(k, answers, DELTA / 2) for k in range(seen.max() + 1)])
    assert (limit[seen] / (1 - beta[slipped]) <= ALPHA).sum() <= LIMIT
    if passes >= 0.3:
        ignored = (seen <= allowed_wrong(answers, ALPHA, DELTA)[answers]).sum()
        assert ignored > max(LIMIT, 2 * DELTA * REPEATS)


# Not vacuous, and power


def test_granted_at_a_fifth_of_alpha_with_150_answers():
    rng = np.random.default_rng(12)
    k = rng.hypergeometric(int(ALPHA / 5 * SIZE), SIZE - int(ALPHA / 5 * SIZE), 150, size=20_000)
    assert survives(np.full(k.shape, 150), k, ALPHA, DELTA).mean() >= 0.8


def rising(r):
    """Share wrong at rank r in [0, 1]: alpha/2 over all labels."""
    return 1.5 * ALPHA * r**2


def bimodal(r):
    """Most labels are nearly always right, the others mostly wrong."""
    return np.where(r < 0.7, 0.005, 0.4)


@pytest.mark.parametrize("law", [rising, bimodal])
def test_power_at_300_answers(law):
    """Granted in 0.85 of repeats, and the accepted share is 0.85 of what an oracle takes at alpha/2."""
    cumulative = np.cumsum(law(np.arange(SIZE) / SIZE))
    oracle = np.flatnonzero(cumulative / np.arange(1, SIZE + 1) <= ALPHA / 2 + 1e-9)[-1] + 1
    accepted = accepted_at(300)
    wrong = cumulative[accepted - 1].round().astype(int)
    m, k = draw(np.random.default_rng(13), accepted, wrong, 300)
    best = walk(survives(m, k, ALPHA, DELTA))
    share = np.append(accepted, 0)[best] / oracle
    assert (best >= 0).mean() >= 0.85
    assert share.mean() >= 0.85
