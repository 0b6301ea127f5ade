"""Blank turns, repeats and copies of the persona are found; thanks twice, tool calls and the assistant are not."""

from typing import Any

import pytest
from verified_sessions import agent, foreign, own, quotes_stand, user

from assay.records import Session
from assay.verification.check import Corpus
from assay.verification.degenerate import degenerate_turns


def faults(session: Session) -> dict[int | None, str]:
    """Turn -> fault of the contradicted turns."""
    found = list(degenerate_turns(Corpus(sessions=[session])))
    assert quotes_stand([session], found)
    assert [v.turn for v in found] == [i for i, t in enumerate(session.turns) if t.speaker == "user"]
    for v in found:
        assert v.independent == (v.status == "contradicted" or not session.authored)
        assert not (v.guard and v.independent)
        assert v.score == (0 if v.status == "contradicted" else 1)
    return {v.turn: v.by.removeprefix("rules: ") for v in found if v.status == "contradicted"}


@pytest.mark.parametrize("blank", ["", "   ", "\n\t", "...", "?!", " . ", "____ | | |", "\u200b", "---"])
@pytest.mark.parametrize("make", [own, foreign])
def test_blank(make: Any, blank: str) -> None:
    assert faults(make(agent("Hello"), user(blank), user("fine"))) == {1: "blank"}


@pytest.mark.parametrize("line", ["👍", "7", "$5", "是"])
def test_signs_that_say_something(line: str) -> None:
    assert faults(foreign(user(line))) == {}


def test_blank_with_a_tool_call_is_none() -> None:
    calls = [{"name": "look_up", "arguments": {}}]
    assert faults(foreign(user("", tool_calls=calls), user("", tool_calls=[]))) == {1: "blank"}


def test_a_repeat_of_an_own_line_in_other_case_and_punctuation() -> None:
    session = foreign(
        user("I want my money back"),
        agent("No."),
        user("Well."),
        user("i want MY money, back!"),
        user("I want my money"),
    )
    assert faults(session) == {3: "repeat"}


def test_short_lines_and_the_partners_lines_may_be_said_again() -> None:
    session = foreign(
        user("Yes, thank you"), agent("Is it the desk lamp?"), user("Is it the desk lamp?"), user("yes thank you")
    )
    assert faults(session) == {}


def test_four_words_are_long_enough_for_a_repeat() -> None:
    assert faults(foreign(user("It is too loud"), user("It is too loud"))) == {1: "repeat"}


def test_repeats_count_within_one_session_only() -> None:
    sessions = [foreign(user("I want my money back"), id=i) for i in ("a", "b")]
    assert {v.status for v in degenerate_turns(Corpus(sessions=sessions))} == {"supported"}


@pytest.mark.parametrize("where", ["persona", "profile", "context"])
def test_four_words_of_the_persona(where: str) -> None:
    labels = {where: {"x": "a calm and polite person", "y": 3}}
    turns = (agent("a calm and polite person"), user("I'm a calm, and polite one"), user("calm and polite person"))
    wanted = {1: "persona_copy", 2: "persona_copy"}
    assert faults(own(*turns, session_labels=labels)) == wanted
    assert faults(foreign(*turns, session_labels=labels)) == wanted


def test_three_words_of_the_persona_are_no_copy() -> None:
    labels = {"persona": {"x": "a calm and polite person"}}
    assert faults(own(user("calm and polite, as a person"), session_labels=labels)) == {}


def test_the_private_persona_of_own_sessions() -> None:
    private = {"user": {"persona": "You are a calm and polite person."}}
    assert faults(own(user("You are a calm one"), private=private)) == {0: "persona_copy"}


PERSONA = ["I have two dogs at home.", "I love to paint.", "I am vegan."]


class TestPersonaOfForeignSessions:
    """Broken twin: reading the persona of sessions that assay made only."""

    @pytest.mark.parametrize(
        "private",
        [
            {"user": {"persona": PERSONA}},
            {"user": {"persona": " ".join(PERSONA)}},
            {"user": {"profile.pets": PERSONA[0], "profile.hobby": PERSONA[1:]}},
        ],
    )
    @pytest.mark.parametrize("line", ["i have two dogs at home", "I love to paint!", "Well, I have two dogs at home."])
    def test_copies_are_found(self, private: Any, line: str) -> None:
        assert faults(foreign(agent("Hi"), user(line), private=private)) == {1: "persona_copy"}

    def test_an_attribute_told_as_a_sentence(self) -> None:
        session = foreign(user("My occupation is nurse"), private={"user": {"profile.occupation": "nurse"}})
        assert faults(session) == {0: "persona_copy"}

    @pytest.mark.parametrize(
        "line",
        [
            "I walk my two dogs",
            "The two dogs that I have at home bark whenever I have two dogs at home and paint",
            "vegan",
        ],
    )
    def test_telling_it_in_own_words_is_none(self, line: str) -> None:
        assert faults(foreign(user(line), private={"user": {"persona": PERSONA}})) == {}

    def test_briefs_and_the_partners_persona_are_not_this_users_persona(self) -> None:
        private = {"user": {"instruction": PERSONA[0], "goal": PERSONA[1]}, "assistant": {"persona": PERSONA}}
        assert faults(foreign(user(PERSONA[0]), user(PERSONA[1]), agent(PERSONA[2]), private=private)) == {}

    @pytest.mark.parametrize("persona", ["", [], ["", "..."], {}, 7, None, "word " * 10_000])
    def test_odd_personas(self, persona: Any) -> None:
        assert faults(foreign(user("I like rain in May"), private={"user": {"persona": persona}})) == {}


class TestGeneric:
    @pytest.mark.parametrize("line", ["Okay, sounds good.", "That is interesting.", "I am not sure what to say."])
    def test_no_answer_to_a_question_that_asks_for_more(self, line: str) -> None:
        assert faults(foreign(agent("Which city do you live in?"), user(line))) == {1: "generic"}

    @pytest.mark.parametrize(
        ("asked", "line"),
        [
            ("Shall I book it?", "Okay, sounds good."),
            ("What else can I do for you?", "No thank you, goodbye"),
            ("How about the red one?", "Yes"),
            ("Which one?", "What do you say?"),
            ("Which one?", "The red one"),
            ("Where to? I see.", "Okay"),
        ],
    )
    def test_answers(self, asked: str, line: str) -> None:
        assert faults(foreign(agent(asked), user(line))) == {}

    def test_a_speaker_who_says_nothing_else(self) -> None:
        lines = ["Okay, sounds good.", "I see.", "That is interesting.", "Sure, no problem."]
        assert faults(foreign(*(user(x) for x in lines))) == dict.fromkeys(range(4), "generic")
        assert faults(foreign(*(user(x) for x in lines[:3]))) == {}
        assert faults(foreign(*(user(x) for x in [*lines[:2], "I live in Rome", "I work there"]))) == {}
