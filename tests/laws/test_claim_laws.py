"""Laws of the wider claims: short lists, whole sessions, new sessions, a top part, and the overall error by strata.

Known truth, seeded repeats, the 99 % limit of a binomial; every broken twin differs in one point and must exceed it.
"""

from dataclasses import replace

import numpy as np
import pytest

from assay.certification.answers import Final
from assay.certification.bound import survives
from assay.certification.claims import Case, Item, decide
from assay.certification.design import Design
from assay.certification.drawing import INSIDE, OUTSIDE, chosen
from assay.certification.sessions import sessions_pass
from assay.records.label import Label
from assay.stats.intervals import binomial_limit
from assay.stats.sequential import betting_interval, betting_mean

ALPHA = DELTA = 0.05
REPEATS = 2000
LIMIT = binomial_limit(REPEATS, DELTA, 0.99)


def label(session, turn, score=0.5):
    return Label(
        id=f"{session}-{turn:03d}", session=session, turn=turn, name="a", kind="category", value="v",
        source="consensus", rank_score=score,
    )  # fmt: skip


# short lists


@pytest.mark.parametrize(("size", "draws"), [(100, 45), (240, 75), (240, 124), (1000, 92)])
def test_law_exact_test_on_a_short_list(size, draws):
    """Just above alpha; twin: the same test told that the list is shorter than it is."""
    bad = int(ALPHA * size + 1e-9) + 1
    k = np.random.default_rng(size + draws).hypergeometric(bad, size - bad, draws, size=REPEATS)
    false = survives(np.full(k.shape, draws), k, ALPHA, DELTA, accepted=np.full(k.shape, size)).sum()
    assert false <= LIMIT


def test_twin_exact_test_on_a_list_taken_for_shorter_than_it_is():
    size, draws = 2000, 60
    bad = int(ALPHA * size) + 1
    k = np.random.default_rng(1).hypergeometric(bad, size - bad, draws, size=REPEATS)
    broken = survives(np.full(k.shape, draws), k, ALPHA, DELTA, accepted=np.full(k.shape, 80)).sum()
    assert broken > max(LIMIT, 2 * DELTA * REPEATS)


def test_exact_test_asks_for_fewer_answers_and_never_for_more():
    m = np.arange(0, 201)
    for k in range(4):
        wide = survives(m, np.full(m.shape, k), ALPHA, DELTA)
        short = survives(m, np.full(m.shape, k), ALPHA, DELTA, accepted=np.full(m.shape, 240))
        assert (short | ~wide).all()
        assert short.sum() > wide.sum()


# whole sessions


def run_of(sessions, turns, bad_sessions):
    """Labels of a run in which all turns of some sessions are wrong."""
    labels = {s: [label(f"s{s:05d}", t) for t in range(turns)] for s in range(sessions)}
    wrong = {s: s < bad_sessions for s in range(sessions)}
    return labels, wrong


def test_law_whole_sessions_and_its_twin_that_counts_turns():
    sessions, turns, draws = 600, 6, 90
    bad = int(ALPHA * sessions) + 1
    rng = np.random.default_rng(2)
    y = np.zeros((REPEATS, sessions))
    y[:, :bad] = 1.0
    # every session has the same number of labels: y = z shifted, which is 1 where all are wrong
    drawn = rng.permuted(y, axis=1)[:, :draws]
    honest = (betting_mean(drawn, ALPHA, sessions).max(axis=1) >= -np.log(DELTA)).sum()
    assert honest <= LIMIT
    k = (drawn[:, : 124 // turns].sum(axis=1) * turns).astype(int)
    turnwise = survives(np.full(k.shape, 124 // turns * turns), k, ALPHA, DELTA).sum()
    assert turnwise > max(LIMIT, 2 * DELTA * REPEATS)


def test_law_whole_sessions_of_unequal_size_through_the_decision():
    """Long sessions are wrong, short ones right; labels wrong just above alpha."""
    rng = np.random.default_rng(3)
    sizes = [2] * 160 + [12] * 40
    labels = [[label(f"s{s:03d}", t) for t in range(n)] for s, n in enumerate(sizes)]
    everything = tuple(x for held in labels for x in held)
    total, wrong = len(everything), set()
    for held in reversed(labels):
        for x in held[:4]:
            if len(wrong) <= ALPHA * total:
                wrong.add(x.id)
    repeats = 300
    false = 0
    for _ in range(repeats):
        order = rng.permutation(len(sizes))[:80]
        read = [(x, x.id in wrong) for s in order for x in labels[s]]
        false += sessions_pass(read, everything, 0.0, ALPHA, DELTA, "run")
    assert false <= binomial_limit(repeats, DELTA, 0.99)


def test_whole_sessions_are_not_vacuous():
    labels = [[label(f"s{s:03d}", t) for t in range(5)] for s in range(200)]
    everything = tuple(x for held in labels for x in held)
    items = tuple(Item(x, Final("value", "v"), "v") for held in labels[:70] for x in held)
    case = Case(name="a", names=("a",), alpha=ALPHA, delta=DELTA, thresholds=(0.0,), listed=everything, items=items,
                unit="session")  # fmt: skip
    assert decide(case).granted
    assert decide(replace(case, about="new_sessions")).granted
    assert not decide(replace(case, items=items[:200], about="new_sessions")).granted


def test_law_new_sessions_and_its_twin_that_takes_the_run_for_the_source():
    """The run is a draw of a source that is just above alpha; all of the run is answered."""
    rng = np.random.default_rng(4)
    sessions = 120
    y = (rng.random((REPEATS, sessions)) < 1.02 * ALPHA).astype(float)
    honest = (betting_mean(y, ALPHA).max(axis=1) >= -np.log(DELTA)).sum()
    assert honest <= LIMIT
    broken = (betting_mean(y, ALPHA, sessions).max(axis=1) >= -np.log(DELTA)).sum()
    assert broken > max(LIMIT, 2 * DELTA * REPEATS)


def test_law_betting_on_fractions_read_after_every_answer():
    rng = np.random.default_rng(5)
    y = rng.beta(0.1, 0.1 * (1 - ALPHA) / ALPHA, size=(REPEATS, 300))
    assert (betting_mean(y, ALPHA).max(axis=1) >= -np.log(DELTA)).sum() <= LIMIT


# the top part and the overall error


def strata_world(size=2000, top=0.4):
    labels = [label(f"s{i:05d}", 0, round(1 - i / size, 6)) for i in range(size)]
    return labels, labels[: int(top * size)]


def test_law_overall_error_by_inverse_probability_and_its_twin_that_forgets_the_weights():
    """1 % wrong inside, 30 % outside; a quarter of the draws go outside. The interval misses in at most 5 %."""
    whole, inside = strata_world()
    bad = {x.id for x in inside[:: len(inside) // 8]} | {x.id for x in whole[len(inside) :: 3]}
    truth = len(bad) / len(whole)
    share = 1 - len(inside) / len(whole)
    design = Design(n=150, top=0.4, outside=0.25)
    weight = {OUTSIDE: share / 0.25, INSIDE: (1 - share) / 0.75}
    rng = np.random.default_rng(6)
    repeats = 200
    missed = unweighted = 0
    for _ in range(repeats):
        draws = chosen(whole, inside, design, rng).draws
        z = np.array([weight[s] * (i in bad) for i, s in draws])
        low, high = betting_interval(z, 0.0, max(weight.values()))
        missed += not low <= truth <= high
        plain = np.array([i in bad for i, _ in draws], dtype=float)
        low, high = betting_interval(plain, 0.0, 1.0)
        unweighted += not low <= truth <= high
    limit = binomial_limit(repeats, DELTA, 0.99)
    assert missed <= limit
    assert unweighted > max(limit, 2 * DELTA * repeats)


def test_law_the_inside_draws_of_two_strata_are_a_simple_random_sample():
    """Each listed label is drawn equally often, whatever its rank within the top part; the outside ones too."""
    whole, inside = strata_world(size=60, top=0.5)
    rng = np.random.default_rng(7)
    counts = dict.fromkeys((x.id for x in whole), 0)
    for _ in range(1500):
        for i in chosen(whole, inside, Design(n=12, top=0.5, outside=0.25), rng).certify:
            counts[i] += 1
    top = np.array([counts[x.id] for x in inside])
    rest = np.array([counts[x.id] for x in whole[len(inside) :]])
    # chance of at least one of 12 draws: 1 - (1 - 0.75 / 30)**12 and 1 - (1 - 0.25 / 30)**12
    for found, p in ((top, 1 - (1 - 0.025) ** 12), (rest, 1 - (1 - 0.25 / 30) ** 12)):
        assert np.abs(found / 1500 - p).max() < 4.5 * np.sqrt(p * (1 - p) / 1500)


@pytest.mark.parametrize("truth", [0.02, 0.3])
def test_law_betting_interval_covers_and_is_not_vacuous(truth):
    rng = np.random.default_rng(8)
    widths, missed, repeats = [], 0, 150
    for _ in range(repeats):
        low, high = betting_interval((rng.random(200) < truth).astype(float), 0.0, 1.0)
        missed += not low <= truth <= high
        widths.append(high - low)
    assert missed <= binomial_limit(repeats, DELTA, 0.99)
    assert np.mean(widths) < 0.25
