"""The policy: an explicit table, read the same way every time; gates, patience, terminal states, sub-goals."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.one import author_one
from assay.errors import BadBlueprint
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.disclosure import closed_values, gate_open, slot_open
from assay.simulation.policy import (
    PATIENCE,
    act_probabilities,
    first_state,
    hear,
    next_move,
    possible,
    sub_goals,
    terminal,
)

TINY = parse_blueprint((Path(__file__).parents[1] / "authoring" / "tiny.yaml").read_text(encoding="utf-8"))


def scenario(blueprint: Blueprint = TINY, goal: str = "borrow") -> Scenario:
    return next(s for s in (author_one(blueprint, 1, i) for i in range(500)) if s.goal == goal)


def test_probabilities_are_the_rows() -> None:
    state = first_state(scenario())
    hear(TINY, state, "lent")
    assert act_probabilities(TINY, scenario(), state) == {"ask_due": 0.5, "bye": 0.5}


def test_draws_follow_the_table() -> None:
    s, rng, counts = scenario(), np.random.default_rng(3), Counter()
    for _ in range(600):
        state = first_state(s)
        hear(TINY, state, "lent")
        counts[next_move(TINY, s, state, rng).act] += 1
    assert binomtest(counts["ask_due"], 600, 0.5).pvalue > 1e-4
    assert set(counts) == {"ask_due", "bye"}


def test_a_closed_gate_takes_the_act_out() -> None:
    state = first_state(scenario())
    assert not possible(TINY, scenario(), state, "give_card")
    hear(TINY, state, "ask_book")
    assert not possible(TINY, scenario(), state, "give_card")
    hear(TINY, state, "ask_card")
    assert possible(TINY, scenario(), state, "give_card")
    assert next_move(TINY, scenario(), state, np.random.default_rng(0)).slots == {"card": scenario().slots["card"]}


def test_once_and_missing_slots_take_acts_out() -> None:
    blueprint = load_blueprint("returns")
    track = scenario(blueprint, "track_order")
    state = first_state(track)
    assert possible(blueprint, track, state, "greet")
    state.said.append("greet")
    assert not possible(blueprint, track, state, "greet")
    assert not possible(blueprint, track, state, "give_item"), "this user has no item in mind"


def test_gates() -> None:
    assert not gate_open(TINY, "user", "card", ["ask_book"])
    assert gate_open(TINY, "user", "card", ["ask_book", "ask_card"])
    assert not gate_open(TINY, "user", "secret", list(TINY.assistant_acts)), "may never surface"
    assert slot_open(TINY, "book", [])
    assert not slot_open(TINY, "card", [])
    assert set(closed_values(TINY, scenario(), [])) == {"card", "secret"}
    assert set(closed_values(TINY, scenario(), ["ask_card"])) == {"secret"}


def test_no_act_left_is_an_error() -> None:
    blueprint = TINY.model_copy(update={"policy": (TINY.policy[-1].model_copy(update={"do": {"give_card": 1.0}}),)})
    with pytest.raises(BadBlueprint, match="no act left"):
        act_probabilities(blueprint, scenario(), first_state(scenario()))


@pytest.mark.parametrize("act", [None, "clarify", "deny", "ask_goal", "ask_card"])
def test_fruitless_turns_cost_patience(act: str | None) -> None:
    state = first_state(scenario())
    state.told, state.heard = ["card"], "ask_goal"
    before = state.patience
    hear(TINY, state, act)
    assert state.patience == before - 1


@pytest.mark.parametrize("act", ["ask_book", "lent", "tell_due"])
def test_fruitful_turns_do_not(act: str) -> None:
    state = first_state(scenario())
    before = state.patience
    hear(TINY, state, act)
    assert state.patience == before


def test_a_second_offer_is_fruitful_only_when_it_fits() -> None:
    blueprint = load_blueprint("movies")
    state = first_state(scenario(blueprint, "film_tonight"))
    before = state.patience
    hear(blueprint, state, "recommend", "misfits")
    hear(blueprint, state, "recommend", "fits")
    assert state.patience == before
    hear(blueprint, state, "recommend", "misfits")
    assert state.patience == before - 1


def test_patience_comes_from_the_profile() -> None:
    s = scenario()
    assert {p: first_state(s.model_copy(update={"profile": {"patience": p}})).patience for p in PATIENCE} == PATIENCE


def test_outcome_and_terminal_states() -> None:
    s, rng = scenario(), np.random.default_rng(0)
    for heard, end in ((None, "gave_up"), ("lent", "resolved"), ("deny", "refused")):
        state = first_state(s)
        state.learnt = ["due_day"]
        hear(TINY, state, heard)
        move = next_move(TINY, s, state, rng)
        assert move.act == "bye"
        assert terminal(TINY, state, move) == end
    state = first_state(s)
    hear(TINY, state, "ask_book")
    move = next_move(TINY, s, state, rng)
    assert terminal(TINY, state, move) is None
    state.said = ["give_book"] * TINY.max_user_turns
    assert terminal(TINY, state, move) == "out_of_time"


def test_sub_goals() -> None:
    s = scenario()
    state = first_state(s)
    assert set(sub_goals(TINY, s, state).values()) == {"incomplete"}
    state.told, state.asked = ["card"], ["due day"]
    assert sub_goals(TINY, s, state) == {
        "tell.book": "incomplete", "tell.card": "complete", "learn.due_day": "attempted",
    }  # fmt: skip
    hear(TINY, state, "tell_due")
    assert sub_goals(TINY, s, state)["learn.due_day"] == "complete"


def test_a_slot_the_user_does_not_care_about_is_no_sub_goal() -> None:
    blueprint = load_blueprint("movies")
    films = [author_one(blueprint, 1, i) for i in range(120)]
    careless = next(s for s in films if s.goal == "film_tonight" and "mood" not in s.slots)
    assert "tell.mood" not in sub_goals(blueprint, careless, first_state(careless))
    assert "mood" not in careless.facts["user"]


@pytest.mark.parametrize("name", BUNDLED)
def test_every_reachable_state_has_an_act(name: str) -> None:
    """After any assistant act, in any order, whatever was said: pi sums to 1 over possible acts."""
    blueprint, rng = load_blueprint(name), np.random.default_rng(8)
    acts = [*blueprint.assistant_acts, None]
    for i in range(25):
        s = author_one(blueprint, 9, i)
        state = first_state(s)
        for _ in range(blueprint.max_user_turns):
            hear(
                blueprint, state, acts[int(rng.integers(len(acts)))], ("fits", "misfits", "none")[int(rng.integers(3))]
            )
            shares = act_probabilities(blueprint, s, state)
            assert sum(shares.values()) == pytest.approx(1)
            assert all(possible(blueprint, s, state, act) for act in shares)
            next_move(blueprint, s, state, rng)
