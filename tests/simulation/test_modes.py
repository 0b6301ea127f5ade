"""Mindreaders and the conditioned regime: what their prompts hold, and what guards are left."""

import asyncio
import itertools

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.records.session import Session
from assay.simulation.modes import built_in, simulate_any
from assay.simulation.one import Parts
from assay.simulation.wording import says

BOOK = load_blueprint("returns")


def talk(
    number: int,
    mode: str = "agents",
    regime: str = "controlled",
    text: str = "",
    name: str = "returns",
    repeat: int = 0,
) -> tuple[Session, list[str]]:
    """A session whose model answers `text` (nothing: templates), with the prompts that were sent."""
    book = BOOK if name == "returns" else load_blueprint(name)
    sent: list[str] = []

    async def say(prompt: str, candidate: int) -> tuple[str, str]:
        if candidate == 0:
            sent.append(prompt)
        return text, "k"

    parts = Parts(
        assistant=lambda s, rng: built_in(mode)(book, s, rng), say=lambda _: say, mode=mode, regime=regime,  # type: ignore[arg-type]
        repeat=repeat,
    )  # fmt: skip
    return asyncio.run(simulate_any(book, author_one(book, 5, number), parts)), sent


@pytest.mark.parametrize("name", BUNDLED)
def test_a_mindreader_sees_the_others_facts_and_an_agent_does_not(name: str) -> None:
    book = load_blueprint(name)
    values = 0
    for number in range(10):
        s = author_one(book, 5, number)
        hidden = [str(v) for v in (*s.facts.get("assistant", {}).values(), *s.world.values()) if len(str(v)) > 4]
        _, own = talk(number, name=name)
        _, shared = talk(number, "mindreaders", name=name)
        values += len(hidden)
        assert all(v in p for v in hidden for p in shared)
        assert not any("the assistant knows" in p for p in own)
    assert values or not (book.world.fields or book.facts.get("assistant"))


def test_the_mindreading_assistant_asks_for_nothing() -> None:
    asks = {a for a, spec in BOOK.assistant_acts.items() if spec.asks}
    heard: dict[str, int] = {}
    for mode in ("agents", "mindreaders"):
        heard[mode] = sum(t.extra.get("act") in asks for i in range(20) for t in talk(i, mode)[0].turns)
    assert heard["mindreaders"] == 0
    assert heard["agents"] > 20


def test_the_record_says_what_it_is() -> None:
    made, _ = talk(1, "mindreaders")
    assert (made.mode, made.non_interference) == ("mindreaders", False)
    assert all(k.from_turn == 0 and k.how == "view" for k in made.knowledge)
    own, _ = talk(1)
    assert (own.mode, own.regime, own.non_interference) == ("agents", "controlled", True)


def test_another_draw_has_other_acts_on_the_same_scenario() -> None:
    acts = [[[t.labels.get("act") for t in talk(i, repeat=r)[0].turns] for i in range(20)] for r in (0, 1)]
    assert sum(a != b for a, b in zip(*acts, strict=True)) > 5
    assert acts[0] == [[t.labels.get("act") for t in talk(i)[0].turns] for i in range(20)]


def test_conditioned_prompts_hold_profile_goal_and_intent_and_no_act_line() -> None:
    made, sent = talk(2, regime="conditioned")
    s = author_one(BOOK, 5, 2)
    assert made.regime == "conditioned"
    for prompt in sent:
        assert "acts:" not in prompt
        assert BOOK.goals[s.goal].words in prompt
        assert all(str(v) in prompt for v in s.profile.values())
    own = [t for t in made.turns if t.speaker == "user"]
    assert all(BOOK.user_acts[t.labels["act"]].means in p for t, p in zip(own, sent, strict=True))


def test_conditioned_prompts_are_append_only() -> None:
    made, sent = talk(2, regime="conditioned", text="fine by me")
    for before, after in itertools.pairwise(sent):
        assert after.startswith(before + " fine by me\n")
    assert len(sent) > 2
    assert len(made.turns) == 2 * len(sent)


def test_conditioned_words_are_free_but_for_safety() -> None:
    made, _ = talk(2, regime="conditioned", text="fine by me")
    assert {t.text for t in made.turns if t.speaker == "user"} == {"fine by me"}
    secret = author_one(BOOK, 5, 2).facts["user"]["true_reason"]
    for bad, guard in (("", "blank"), (f"well, {secret}", "fact_beyond_gate"), ("x" * 400, "too_long"),
                       ("How can I help you?", "not_the_user")):  # fmt: skip
        spoilt, _ = talk(2, regime="conditioned", text=bad)
        own = [t for t in spoilt.turns if t.speaker == "user"]
        assert {t.realised_by for t in own} == {"template"}
        assert all(set(t.extra["guards_failed"]) == {guard} for t in own), guard
        assert not any(says(t.text, secret) for t in spoilt.turns)


def test_conditioned_prompts_know_no_fact_that_was_not_said() -> None:
    for number in range(15):
        made, sent = talk(number, regime="conditioned")
        s = author_one(BOOK, 5, number)
        own = [i for i, t in enumerate(made.turns) if t.speaker == "user"]
        for turn, prompt in zip(own, sent, strict=True):
            said = {x for t in made.turns[: turn + 1] for x in t.labels.get("slots", {})}
            for fact, value in s.facts["user"].items():
                if BOOK.facts["user"][fact].slot not in said:
                    assert not says(prompt, value), (number, turn, fact)
