# ruff: noqa: E501  (YAML in one line)
"""Scenarios: same seed same bytes, order does not matter, the joint prior is the one that was written down."""

from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import binomtest

from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.one import MAX_DRAWS, Unsatisfiable, author_one
from assay.authoring.priors import draw_all, stream
from assay.records.conditions import holds
from assay.records.scenario import Scenario

TINY = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")
N = 800


@pytest.fixture(scope="module")
def drawn() -> list[Scenario]:
    blueprint = parse_blueprint(TINY)
    return [author_one(blueprint, 11, i) for i in range(N)]


def within(hits: int, n: int, p: float) -> bool:
    """Whether a count is inside the two-sided 99.99 % range of a binomial."""
    return bool(binomtest(hits, n, p).pvalue > 1e-4)


@pytest.mark.parametrize("name", BUNDLED)
def test_same_seed_same_bytes_in_any_order(name: str) -> None:
    blueprint = load_blueprint(name)
    forth = {i: author_one(blueprint, 3, i).line() for i in range(12)}
    again = load_blueprint(name)
    back = {i: author_one(again, 3, i).line() for i in reversed(range(12))}
    assert forth == back
    assert len(set(forth.values())) == 12
    assert author_one(blueprint, 4, 0).line() != forth[0]


def test_goal_shares(drawn: list[Scenario]) -> None:
    # The constraint does not touch the goal, so its prior is 3:1 after rejection too.
    assert within(sum(s.goal == "borrow" for s in drawn), N, 0.75)


def test_joint_prior_after_rejection(drawn: list[Scenario]) -> None:
    cells = Counter((s.profile["age_group"], s.profile["visits"]) for s in drawn)
    # Before rejection: young/rarely .45, young/often .05, old/rarely .1, old/often .4. A rare visitor loses the half
    # of the draws that has an atlas, so .275 of all draws go and the rest is divided by .725.
    expected = {
        ("18 to 40", "rarely"): 0.225, ("18 to 40", "often"): 0.05, ("41 or older", "rarely"): 0.05, ("41 or older", "often"): 0.4,
    }  # fmt: skip
    for cell, share in expected.items():
        assert within(cells[cell], N, share / 0.725), (cell, cells[cell] / N)


def test_a_wrong_prior_would_be_seen(drawn: list[Scenario]) -> None:
    young_and_rare = sum(s.profile["age_group"] == "18 to 40" and s.profile["visits"] == "rarely" for s in drawn)
    assert not within(young_and_rare, N, 0.45)


def test_rejection_is_counted(drawn: list[Scenario]) -> None:
    rejected = sum(s.rejected for s in drawn)
    assert within(rejected, N + rejected, 0.275)
    assert all(not (s.slots.get("book") == "an atlas" and s.profile["visits"] == "rarely") for s in drawn)
    assert all(s.repaired == () for s in drawn)


def test_conditions_are_respected(drawn: list[Scenario]) -> None:
    for s in drawn:
        assert s.context["age"] == {"18 to 40": "young adult", "41 or older": "older adult"}[s.profile["age_group"]]


def test_only_what_the_goal_needs(drawn: list[Scenario]) -> None:
    for s in drawn:
        assert set(s.slots) == ({"book", "card"} if s.goal == "borrow" else {"card"})
        assert s.facts["user"]["card"] == s.slots["card"]
        assert s.slots["card"].startswith("LC-")
        assert len(s.slots["card"]) == 6


def test_persona_is_uniform(drawn: list[Scenario]) -> None:
    low = sum(s.persona["openness"] < 1 / 3 for s in drawn)
    assert within(low, N, 1 / 3)
    both = sum(s.persona["openness"] < 1 / 3 and s.persona["neuroticism"] < 1 / 3 for s in drawn)
    assert within(both, N, 1 / 9)


def test_repair_is_marked_and_not_counted_as_rejection() -> None:
    text = TINY.replace(
        "why: atlases are for regulars}", "why: atlases are for regulars, repair: {slots.book: a novel}}"
    )
    blueprint = parse_blueprint(text)
    some = [author_one(blueprint, 1, i) for i in range(200)]
    repaired = [s for s in some if s.repaired]
    assert sum(s.rejected for s in some) == 0
    assert within(len(repaired), 200, 0.275)
    assert all(s.repaired == ("atlases are for regulars",) for s in repaired)
    assert all(s.slots.get("book", "a novel") == "a novel" for s in repaired)


def test_gives_up_after_a_thousand_draws() -> None:
    blueprint = parse_blueprint(TINY)
    closed = blueprint.model_copy(
        update={"constraints": (blueprint.constraints[0].model_copy(update={"forbid": {"goal": ("borrow", "renew")}}),)}
    )
    with pytest.raises(Unsatisfiable, match=f"{MAX_DRAWS} draws") as caught:
        author_one(closed, 0, 0)
    assert caught.value.constraint == 0


def test_persona_conditions_are_by_band() -> None:
    text = TINY.replace(
        "visits: {given: profile.age_group, when: {18 to 40: {rarely: 0.9, often: 0.1}, else: {rarely: 0.2, often: 0.8}}}",
        "visits: {given: persona.openness, when: {low: {rarely: 1.0}, else: {often: 1.0}}}",
    )
    blueprint = parse_blueprint(text)
    for i in range(60):
        draw = draw_all(blueprint, stream(5, f"x{i}"))
        assert (draw["profile.visits"] == "rarely") == (float(draw["persona.openness"]) < 1 / 3)


@pytest.mark.parametrize("name", BUNDLED)
def test_no_bundled_scenario_breaks_a_constraint(name: str) -> None:
    blueprint = load_blueprint(name)
    for i in range(80):
        s = author_one(blueprint, 2, i)
        flat: dict[str, object] = {"goal": s.goal, **{f"slots.{k}": v for k, v in s.slots.items()}}
        flat |= {f"profile.{k}": v for k, v in s.profile.items()} | {f"context.{k}": v for k, v in s.context.items()}
        assert not any(holds(rule.forbid, flat) for rule in blueprint.constraints)


def test_a_changed_copy_has_another_hash() -> None:
    blueprint = parse_blueprint(TINY)
    before = blueprint.hash
    assert blueprint.model_copy(update={"title": "Another desk"}).hash != before
    assert blueprint.model_copy().hash == before
    assert parse_blueprint(TINY) == blueprint


def test_yes_and_numbers_are_words_as_conditions_too() -> None:
    text = TINY.replace(
        "due_day: {values: [Monday, Friday]}", "due_day: {given: world.free, when: {yes: [Monday, 3], no: [Friday]}}"
    )
    blueprint = parse_blueprint(text)
    for i in range(30):
        world = author_one(blueprint, 1, i).world
        assert world["due_day"] in (("Monday", "3") if world["free"] == "yes" else ("Friday",))
