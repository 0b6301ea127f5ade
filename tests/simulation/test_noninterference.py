"""Non-interference (METHODS 2.4): what a party is not entitled to cannot reach its prompts, nor its choice of acts.

Held fixed: the transcript so far, the disclosures so far (slots said) and the party's own act choices. Changed: every
other field of the scenario, one at a time and all at once. The same bytes must come out.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation import views
from assay.simulation.assistants import Reply, reference_assistant
from assay.simulation.disclosure import gate_open
from assay.simulation.one import Parts, simulate_one, streams
from assay.simulation.policy import Move
from assay.simulation.prompt import Exchange, Header, render
from assay.simulation.views import AssistantView, assistant_view, prompt_act
from assay.simulation.wording import says

SESSIONS = 25
STRANGE = "zz-changed-value"


@dataclass
class Made:
    """A session with the prompts that were really sent."""

    blueprint: Blueprint
    scenario: Scenario
    session: Session
    prompts: dict[int, str]


def record(blueprint: Blueprint, s: Scenario, assistant: object = None) -> Made:
    sent: list[str] = []

    async def say(prompt: str, number: int) -> tuple[str, str]:
        if number == 0:
            sent.append(prompt)
        return "", ""

    made = asyncio.run(
        simulate_one(
            blueprint,
            s,
            Parts(
                assistant=lambda x, rng: assistant or reference_assistant(blueprint, x, rng),  # type: ignore[return-value,arg-type]
                say=lambda _: say,
            ),
        )
    )
    turns = [i for i, t in enumerate(made.turns) if t.speaker == "user"]
    return Made(blueprint, s, made, dict(zip(turns, sent, strict=True)))


@pytest.fixture(scope="module", params=BUNDLED)
def all_made(request: pytest.FixtureRequest) -> list[Made]:
    blueprint = load_blueprint(request.param)
    return [record(blueprint, author_one(blueprint, 21, i)) for i in range(SESSIONS)]


def rendered(made: Made, s: Scenario, turn: int) -> str:
    """The user's prompt of a turn under another scenario, transcript and act choices held."""
    exchanges = []
    for i in range(1, turn + 1, 2):
        labels = made.session.turns[i].labels
        move = Move(act=labels["act"], core_act=labels["core_act"], slots=labels.get("slots", {}))
        exchanges.append(
            Exchange(
                assistant=made.session.turns[i - 1].text,
                acts=(prompt_act(made.blueprint, s, move),),
                customer=made.session.turns[i].text if i < turn else None,
            )
        )
    return render(views.user_header(made.blueprint, s), exchanges)


def said_until(made: Made, turn: int) -> set[str]:
    return {x for t in made.session.turns[: turn + 1] for x in t.labels.get("slots", {})}


def changed(made: Made, turn: int) -> Iterator[tuple[str, Scenario]]:
    """The scenario with each field changed that the user may not use in this turn's words; then all at once."""
    s = made.scenario
    hidden = [k for k in s.slots if k not in said_until(made, turn)]
    facts = s.facts["user"]
    shut = [
        name
        for name in facts
        if made.blueprint.facts["user"][name].may_never_surface or made.blueprint.facts["user"][name].slot in hidden
    ]
    strange_slots = {**s.slots, **dict.fromkeys(hidden, STRANGE)}
    strange_world = dict.fromkeys(s.world, STRANGE)
    strange_facts = {"user": {**facts, **dict.fromkeys(shut, STRANGE)}, "assistant": {}}
    for key in s.world:
        yield f"world.{key}", s.model_copy(update={"world": {**s.world, key: STRANGE}})
    for key in s.facts.get("assistant", {}):
        other = {**s.facts, "assistant": {**s.facts["assistant"], key: STRANGE}}
        yield f"facts.assistant.{key}", s.model_copy(update={"facts": other})
    for key in shut:
        yield f"facts.user.{key}", s.model_copy(update={"facts": {**s.facts, "user": {**facts, key: STRANGE}}})
    for key in hidden:
        yield f"slots.{key}", s.model_copy(update={"slots": {**s.slots, key: STRANGE}})
    yield (
        "all of these",
        s.model_copy(
            update={
                "slots": strange_slots,
                "world": strange_world,
                "facts": strange_facts,
                "seed": 10**6,
                "rejected": 99,
                "repaired": ("x",),
                "blueprint": "0" * 64,
            }
        ),
    )


def test_the_prompts_of_this_test_are_the_ones_that_were_sent(all_made: list[Made]) -> None:
    for made in all_made:
        for turn, prompt in made.prompts.items():
            assert rendered(made, made.scenario, turn) == prompt


def test_user_prompts_do_not_move(all_made: list[Made]) -> None:
    tried = 0
    for made in all_made:
        for turn, prompt in made.prompts.items():
            for what, other in changed(made, turn):
                tried += 1
                assert rendered(made, other, turn).encode() == prompt.encode(), (made.session.id, turn, what)
    assert tried > 500


def test_no_closed_fact_stands_in_a_user_prompt(all_made: list[Made]) -> None:
    """The same from the other side: look for the values themselves."""
    for made in all_made:
        for turn, prompt in made.prompts.items():
            heard = [t.extra["act"] for t in made.session.turns[:turn] if t.speaker == "assistant"]
            spoken = " ".join(t.text for t in made.session.turns[:turn])
            for fact, value in made.scenario.facts["user"].items():
                if not gate_open(made.blueprint, "user", fact, heard) and not says(spoken, value):
                    assert not says(prompt, value), (made.session.id, turn, fact)


@pytest.mark.parametrize("leak", ["facts.user", "facts.assistant", "world", "slots"])
def test_a_leaking_view_would_be_caught(monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    """The broken twin: a header that holds one thing more than it may."""
    blueprint, honest = load_blueprint("returns"), views.user_header

    def leaking(b: Blueprint, s: Scenario) -> Header:
        group, _, party = leak.partition(".")
        values = getattr(s, group)[party] if party else getattr(s, group)
        return replace(honest(b, s), situation=tuple(values.values()))

    monkeypatch.setattr(views, "user_header", leaking)
    made = record(blueprint, author_one(blueprint, 21, 0))
    turn, prompt = next(iter(made.prompts.items()))
    moved = {what for what, other in changed(made, turn) if rendered(made, other, turn) != prompt}
    assert any(what.startswith(leak) for what in moved)


def test_the_assistants_view_does_not_move(all_made: list[Made]) -> None:
    """Its view is its role and the transcript: a function without the scenario, so every latent is out of reach."""
    for made in all_made:
        told = tuple((t.speaker, t.text) for t in made.session.turns)
        view = assistant_view(made.blueprint, told)
        assert view == AssistantView(role=made.blueprint.assistant.role, transcript=told)


def strange_user(blueprint: Blueprint, s: Scenario) -> Scenario:
    """Another user with the same record on file: all that the assistant may not know is changed."""
    on_file = {k: v for k, v in s.slots.items() if blueprint.slots[k].pattern is not None}
    return s.model_copy(
        update={
            "goal": next(g for g in blueprint.goals if g != s.goal),
            "profile": {},
            "persona": {},
            "context": {},
            "slots": {**dict.fromkeys(s.slots, STRANGE), **on_file},
            "facts": {"user": {}, "assistant": {}},
        }
    )


def test_the_reference_assistant_answers_the_transcript_alone(all_made: list[Made]) -> None:
    for made in all_made:
        _, rng = streams(made.scenario)
        assistant = reference_assistant(made.blueprint, strange_user(made.blueprint, made.scenario), rng)
        told: tuple[tuple[str, str], ...] = ()
        for turn in made.session.turns:
            if turn.speaker == "assistant":
                reply = asyncio.run(assistant.reply(assistant_view(made.blueprint, told)))
                assert (reply.text, reply.act) == (turn.text, turn.extra["act"]), made.session.id
            told += ((turn.speaker, turn.text),)


class Replay:
    """Says again what was said, whatever the user does."""

    def __init__(self, session: Session) -> None:
        self.lines = [t for t in session.turns if t.speaker == "assistant"]

    async def reply(self, view: AssistantView) -> Reply:
        line = self.lines[len(view.transcript) // 2]
        return Reply(text=line.text, act=line.extra["act"])


def moves(session: Session) -> list[tuple[str, dict[str, str], str]]:
    return [(t.labels["act"], t.labels.get("slots", {}), t.text) for t in session.turns if t.speaker == "user"]


def test_act_choices_are_a_function_of_own_view_and_own_stream(all_made: list[Made]) -> None:
    """Same heard acts, other world, other assistant facts, other never-surfacing facts: the same moves and words."""
    for made in all_made:
        s = made.scenario
        own = {
            k: STRANGE if made.blueprint.facts["user"][k].may_never_surface else v for k, v in s.facts["user"].items()
        }
        strange = s.model_copy(
            update={
                "world": dict.fromkeys(s.world, STRANGE),
                "facts": {"user": own, "assistant": {"x": STRANGE}},
                "rejected": 7,
                "repaired": ("y",),
            }
        )
        again = record(made.blueprint, strange, Replay(made.session))
        assert moves(again.session) == moves(made.session)
        assert again.prompts == made.prompts
        assert again.session.end == made.session.end
        assert again.session.disclosures == made.session.disclosures


def test_another_stream_makes_other_choices(all_made: list[Made]) -> None:
    """So that the test above can fail: the stream does matter."""
    differs = 0
    for made in all_made:
        other = made.scenario.model_copy(update={"seed": made.scenario.seed + 1})
        differs += moves(record(made.blueprint, other).session) != moves(made.session)
    assert differs > SESSIONS / 2
    assert np.random.default_rng(1).random() != np.random.default_rng(2).random()
