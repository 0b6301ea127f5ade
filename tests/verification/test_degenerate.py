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


@pytest.mark.parametrize("blank", ["", "   ", "\n\t", "...", "?!", " . "])
@pytest.mark.parametrize("make", [own, foreign])
def test_blank(make: Any, blank: str) -> None:
    assert faults(make(agent("Hello"), user(blank), user("fine"))) == {1: "blank"}


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
