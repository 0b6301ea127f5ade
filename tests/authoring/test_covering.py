"""What can occur together, and arrays that cover it; held against brute force where that is possible."""

import os
import subprocess
import sys
from itertools import combinations, islice
from pathlib import Path

import pytest

from assay.authoring import feasible
from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.covering import covering, covering_rows
from assay.authoring.diversity import factor_values, pairs_present, pairwise
from assay.authoring.feasible import SUBTOPIC, Space
from assay.authoring.layers import own_pools
from assay.authoring.one import author_one
from assay.authoring.priors import banded, draw_all, stream
from assay.records.conditions import holds

HERE = Path(__file__).parent
TINY = (HERE / "tiny.yaml").read_text(encoding="utf-8")
LAYERED = TINY + (HERE / "layered.yaml").read_text(encoding="utf-8")
HARD = LAYERED.replace(
    "  - {forbid: {slots.book: an atlas, profile.visits: rarely}, why: atlases are for regulars}",
    """\
  - {forbid: {slots.book: an atlas, goal: borrow}, why: too heavy}
  - {forbid: {slots.book: a novel, context.location: at work, goal: borrow}, why: no novels at work}
  - {forbid: {persona.openness: low, goal: renew}, why: made up}
  - {forbid: {persona.openness: mid, context.age: older adult}, why: made up}""",
)
"""With one book left at work there is none, so borrow and at work cannot meet: two rules together forbid a pair."""


def space(text: str) -> Space:
    blueprint = parse_blueprint(text)
    return Space(blueprint, own_pools(blueprint))


def test_impossible_pairs_by_hand() -> None:
    found = space(HARD)
    assert found.possible({"goal": "borrow", "context.location": "at work"}) is False
    assert found.possible({"goal": "renew", "context.location": "at work"}) is True
    assert found.possible({"goal": "renew", "persona.openness": "low"}) is False
    assert found.possible({"persona.openness": "mid", "context.age": "older adult"}) is False
    assert found.possible({SUBTOPIC: "a school project", "goal": "renew"}) is False
    assert found.possible({SUBTOPIC: "a school project", "context.topic": "novels"}) is False
    # older adults cannot be mid, renewers cannot be low: together only high is left
    assert found.possible({"context.age": "older adult", "goal": "renew"}) is True
    assert found.possible({"context.age": "older adult", "goal": "renew", "persona.openness": "mid"}) is False
    assert found.factors["context.age"] == ("young adult", "older adult")
    # at work only renewals happen, and those are never low: a pair that no single rule names
    assert found.possible({"context.location": "at work", "persona.openness": "low"}) is False
    assert found.possible({"context.location": "at work", SUBTOPIC: "a school project"}) is False
    assert found.possible({"context.topic": "maps", SUBTOPIC: "a long train ride"}) is False
    assert found.pairs()[1:] == (8, 0)


def test_against_a_large_draw() -> None:
    """A pair that 700 draws show is possible; one that the search denies never shows, and few possible ones hide."""
    found = space(HARD)
    able, _, _ = found.pairs()
    blueprint = found.blueprint
    drawn = [author_one(blueprint, 1, i) for i in range(700)]
    seen = pairs_present(found, drawn)
    assert seen <= able
    assert len(able - seen) <= 0.01 * len(able)


def test_tied_means_what_it_says() -> None:
    found = space(HARD)
    assert found.group("goal") >= {"slots.book", "context.location", "persona.openness", "context.age", SUBTOPIC}
    assert found.group("context.emotion") == {"context.emotion"}
    assert "profile.age_group" in found.group("context.age")


def test_assignments_satisfy_everything() -> None:
    found = space(HARD)
    for i, name in enumerate(found.factors):
        for value in found.factors[name]:
            got = found.assignment({name: value}, stream(1, f"{i}{value}"))
            assert got is not None
            assert got[name] == value
            assert not any(holds(rule, dict(got)) for rule in found.rules)
            draw = draw_all(found.blueprint, stream(2, "x"), {k: v for k, v in got.items() if k != SUBTOPIC})
            assert all(banded(draw)[k] == v for k, v in got.items() if k != SUBTOPIC)


def test_a_search_that_is_cut_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasible, "MOST_STEPS", 2)
    found = space(HARD)
    _, impossible, undecided = found.pairs()
    assert undecided > 0
    assert impossible < 8
    rows = list(islice(covering_rows(found, 1), 3))
    assert len(rows) == 3


@pytest.mark.parametrize("name", BUNDLED)
def test_the_array_covers_every_possible_pair_soon(name: str) -> None:
    blueprint = load_blueprint(name)
    found = Space(blueprint, own_pools(blueprint))
    able, _, undecided = found.pairs()
    scenarios = list(covering(blueprint, 1, 75))
    assert undecided == 0
    assert pairs_present(found, scenarios) == able
    prior = [author_one(blueprint, 1, i) for i in range(75)]
    assert len(pairs_present(found, prior)) < 0.97 * len(able)
    figures = pairwise(found, [*scenarios, *prior])
    assert figures["by_arm"]["covering"]["share"] == 1
    assert figures["by_arm"]["prior"]["share"] < 0.97
    # no array can be smaller than the two largest factors that are free of each other
    sizes = [len(found.factors[a]) * len(found.factors[b]) for a, b in combinations(found.factors, 2)
             if b not in found.group(a)]  # fmt: skip
    assert max(sizes) <= 75


def test_rows_are_marked_keep_the_constraints_and_name_no_prior_draw() -> None:
    blueprint = parse_blueprint(HARD)
    scenarios = list(covering(blueprint, 3, 60))
    assert {s.arm for s in scenarios} == {"covering"}
    assert [s.id for s in scenarios[:2]] == ["c00000", "c00001"]
    for s in scenarios:
        assert not (s.goal == "borrow" and s.context["location"] == "at work")
        assert not (s.goal == "borrow" and s.slots["book"] == "an atlas")
    assert pairs_present(Space(blueprint, own_pools(blueprint)), scenarios) == space(HARD).pairs()[0]


def test_fewer_are_a_prefix_of_more_and_another_seed_is_another_array() -> None:
    blueprint = load_blueprint("clinic")
    ten = [s.line() for s in covering(blueprint, 5, 10)]
    assert [s.line() for s in covering(blueprint, 5, 25)][:10] == ten
    assert [s.line() for s in covering(blueprint, 6, 10)] != ten


def test_same_bytes_under_another_hash_seed() -> None:
    code = (
        "from assay.authoring.blueprints import load_blueprint\n"
        "from assay.authoring.covering import covering\n"
        "from assay.records.base import digest\n"
        "print(digest([s.row() for s in covering(load_blueprint('movies'), 2, 12)]))"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HERE.parents[1] / "src")},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(made) == 1


def test_a_second_round_begins_when_all_is_covered() -> None:
    blueprint = parse_blueprint(LAYERED)
    found = Space(blueprint, own_pools(blueprint))
    scenarios = list(covering(blueprint, 1, 80))
    first = next(i for i in range(1, 80) if len(pairs_present(found, scenarios[:i])) == len(found.pairs()[0]))
    later = pairs_present(found, scenarios[first:])
    assert first < 40
    assert len(later) > 0.95 * len(found.pairs()[0])
    assert all(set(factor_values(s)) == set(found.factors) for s in scenarios)
