"""Outcomes: a do-nothing session satisfies no sub-goal, and what the world says beats what was said."""

import asyncio
from typing import Any

import numpy as np
import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation.assistants import Assistant, ChatAssistant, Reply, reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.outcome import must_refuse
from assay.simulation.views import AssistantView

RETURNS, MOVIES = load_blueprint("returns"), load_blueprint("movies")


def session(blueprint: Blueprint, s: Scenario, assistant: Any = None) -> Session:
    def make(x: Scenario, rng: np.random.Generator) -> Assistant:
        return assistant if assistant is not None else reference_assistant(blueprint, x, rng)

    return asyncio.run(simulate_one(blueprint, s, Parts(assistant=make, say=None)))


def scenario(blueprint: Blueprint, goal: str, at: int = 0, **world: str) -> Scenario:
    found = [s for s in (author_one(blueprint, 5, i) for i in range(200)) if s.goal == goal][at]
    return found.model_copy(update={"world": {**found.world, **world}})


class Acts:
    """An assistant that does these acts in order, whatever it hears, then closes; it writes nothing."""

    def __init__(self, blueprint: Blueprint, *acts: str, world: dict[str, str] | None = None) -> None:
        self.blueprint, self.acts, self.world = blueprint, iter(acts), world

    async def reply(self, view: AssistantView) -> Reply:
        act = next(self.acts, "close")
        return Reply(text=self.blueprint.assistant_acts[act].says[0], act=act, world=self.world)


def silent(text: str) -> ChatAssistant:
    async def chat(view: AssistantView) -> tuple[str, str]:
        return text, ""

    return ChatAssistant(chat=chat, realised_by="python")


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("words", ["", "...", "Hm."])
def test_a_do_nothing_session_satisfies_no_sub_goal(name: str, words: str) -> None:
    blueprint = load_blueprint(name)
    for i in range(40):
        made = session(blueprint, author_one(blueprint, 3, i), silent(words))
        assert made.outcome is not None
        assert "complete" not in {*made.sub_goals.values(), made.outcome.status}, made.sub_goals
        assert not made.outcome.refused


@pytest.mark.parametrize("name", BUNDLED)
def test_the_reference_does_what_the_record_allows_and_nothing_else(name: str) -> None:
    blueprint = load_blueprint(name)
    done = 0
    for i in range(60):
        s = author_one(blueprint, 3, i)
        made = session(blueprint, s)
        assert made.outcome is not None
        done += made.outcome.status == "complete"
        assert not made.outcome.wrongly_granted
        assert made.flags == ()
        if made.outcome.refused:
            assert must_refuse(blueprint, s)
        assert made.world_end.keys() == blueprint.world.state.keys()
    assert done >= 50


def test_a_wrong_refusal_is_not_complete() -> None:
    s = scenario(RETURNS, "return_item", in_time="yes")
    made = session(RETURNS, s, Acts(RETURNS, "welcome", "deny_return", "ask_more"))
    assert made.outcome is not None
    assert (made.outcome.status, made.outcome.wrongly_refused, made.outcome.refused) == ("attempted", True, False)


def test_a_right_refusal_is_complete_beside_refused() -> None:
    s = scenario(RETURNS, "return_item", in_time="no")
    made = session(RETURNS, s, Acts(RETURNS, "welcome", "deny_return", "ask_more"))
    assert made.outcome is not None
    assert (made.outcome.status, made.outcome.refused, made.sub_goals["do"]) == ("complete", True, "complete")


def test_a_refusal_for_another_requests_reason_is_none() -> None:
    s = scenario(RETURNS, "return_item", in_time="no")
    made = session(RETURNS, s, Acts(RETURNS, "welcome", "deny_warranty", "ask_more"))
    assert made.outcome is not None
    assert (made.outcome.status, made.outcome.refused) == ("attempted", False)


def test_doing_what_the_record_forbids_is_no_success() -> None:
    s = scenario(RETURNS, "return_item", in_time="no")
    world = {**RETURNS.world.state, "refunded": "yes"}
    made = session(RETURNS, s, Acts(RETURNS, "welcome", "deny_return", "refund_done", "ask_more", world=world))
    assert made.outcome is not None
    assert (made.outcome.status, made.outcome.wrongly_granted, made.outcome.refused) == ("attempted", True, False)


def test_the_world_beats_the_words() -> None:
    s = scenario(RETURNS, "cancel_order", not_shipped="yes")
    acts = ("welcome", "ask_order_number", "cancel_done", "ask_more")
    claimed = session(RETURNS, s, Acts(RETURNS, *acts, world=dict(RETURNS.world.state)))
    really = session(RETURNS, s, Acts(RETURNS, *acts, world={**RETURNS.world.state, "cancelled": "yes"}))
    heard = session(RETURNS, s, Acts(RETURNS, *acts))
    assert [(m.outcome.by, m.outcome.status) for m in (claimed, really, heard) if m.outcome] == [
        ("world", "attempted"), ("world", "complete"), ("machine", "complete"),
    ]  # fmt: skip


def test_a_wrong_value_teaches_nothing() -> None:
    s = scenario(RETURNS, "track_order", on_file="yes", delivery_day="Monday")

    class Tells(Acts):
        day = "Friday"

        async def reply(self, view: AssistantView) -> Reply:
            reply = await super().reply(view)
            text = f"It will arrive on {self.day}." if reply.act == "tell_delivery_day" else reply.text
            return Reply(text=text, act=reply.act)

    acts = ("welcome", "ask_order_number", "status_found", "tell_delivery_day", "ask_more")
    wrong = session(RETURNS, s, Tells(RETURNS, *acts))
    right = Tells(RETURNS, *acts)
    right.day = "Monday"
    assert wrong.sub_goals["learn.delivery_day"] != "complete"
    assert session(RETURNS, s, right).sub_goals["learn.delivery_day"] == "complete"


def test_a_film_that_fits_in_part_leaves_regret() -> None:
    regrets = []
    for i in range(80):
        s = author_one(MOVIES, 3, i)
        made = session(MOVIES, s)
        picks = made.outcome.picks if made.outcome else None
        if picks is None:
            assert s.goal == "where_shown"
            continue
        assert picks.best == max(s.relevance.values())
        assert picks.hit_at_3 >= picks.hit_at_1
        assert picks.hit_at_1 == (bool(picks.recommended) and s.relevance[picks.recommended[0]] == picks.best)
        if picks.accepted is not None:
            assert picks.accepted in picks.recommended
            assert picks.regret == picks.best - s.relevance[picks.accepted]
            assert picks.turns_to_acceptance is not None
            assert made.world_end["chosen"] == picks.accepted
        else:
            assert picks.regret == picks.best
        regrets.append(picks.regret)
    assert min(regrets) == 0
    assert max(regrets) > 0


def test_a_random_guide_does_worse_than_the_reference() -> None:
    """Power of the metrics: a guide that names the catalogue in its order must have fewer hits and more regret."""

    class Blind:
        def __init__(self) -> None:
            self.rows = iter(MOVIES.world.rows)

        async def reply(self, view: AssistantView) -> Reply:
            if not view.transcript:
                return Reply(text="Hello, this is your film guide.", act="welcome")
            if view.transcript[-1][1].lower().startswith(("yes", "sure", "perfect")):
                return Reply(text="Good choice.", act="film_chosen")
            return Reply(text=f"How about {next(self.rows)['title']}?", act="recommend")

    better, worse = [], []
    for i in range(60):
        s = author_one(MOVIES, 4, i)
        a, b = session(MOVIES, s).outcome, session(MOVIES, s, Blind()).outcome
        if a is not None and b is not None and a.picks is not None and b.picks is not None:
            better.append(a.picks)
            worse.append(b.picks)
    assert sum(p.hit_at_3 for p in better) > 2 * sum(p.hit_at_3 for p in worse)
    assert sum(p.regret for p in better) < sum(p.regret for p in worse)
