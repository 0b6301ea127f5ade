"""Other goals and topics in people's frames: words and act change together, or the turn is no target."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from assay.learning import data, goals, lines, phrases
from assay.learning.data import HumanSession, HumanTurn, TurnAct


def stated(text: str, *slots: tuple[str, str]) -> HumanTurn:
    return HumanTurn(None, [TurnAct("state goal", detail="find restaurants"), TurnAct("inform", list(slots))], text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want to find a place to eat.", "I want to track an order."),
        ("I'm looking for a place to eat in Rome.", "I'm looking to track an order in Rome."),
        ("Please help me find a bus.", "Please help me track an order."),
        ("Can you book a table for two?", "Can you help me track an order for two?"),
    ],
)
def test_a_goal_is_restated_in_its_frame(text: str, expected: str) -> None:
    assert goals.restate(stated(text), "track an order") == expected


def test_no_frame_and_no_value_is_touched() -> None:
    assert goals.restate(stated("What free time do I have?"), "track an order") is None
    assert goals.restate(stated("I want to watch the match.", ("event", "the match")), "track an order") is None


def test_an_intent_that_can_not_be_restated_is_no_target() -> None:
    session = HumanSession("x", "", ("s",), ("find restaurants",), [stated("Hungry!"), stated("I want to find food.")])
    for seed in range(50):
        new = goals.vary_intent(session, np.random.default_rng(seed))
        goal = new.goals[0]
        for turn in new.turns:
            assert turn.acts[0].detail == goal
            assert not turn.target or goal == "find restaurants" or goal in turn.text
    assert session.turns[0].target, "the original stays as it was"


def test_an_asked_topic_changes_in_words_and_act() -> None:
    turn = HumanTurn("Done.", [TurnAct("request", [("street address", "")])], "What's the address?")
    session = HumanSession("x", "", ("s",), ("g",), [turn])
    changed = 0
    for seed in range(40):
        new = goals.vary_asked(session, np.random.default_rng(seed)).turns[0]
        topic = new.acts[0].slots[0][0]
        if topic != "street address":
            changed += 1
            assert topic in new.text
            assert topic in phrases.TOPICS
    assert changed


@pytest.mark.parametrize("kind", lines.KINDS)
def test_a_written_exchange_carries_its_act_and_value(kind: str) -> None:
    for seed in range(30):
        turn = lines.exchange(kind, np.random.default_rng(seed))
        assert turn.assistant
        assert [a.name for a in turn.acts] == [kind]
        assert "{" not in turn.text
        assert all(v in turn.text for a in turn.acts for _, v in a.slots)


def test_persuasion_keeps_short_turns_with_one_known_act(tmp_path: Path) -> None:
    turns = [
        {"speaker": "assistant", "text": "Would you give?", "labels": {}},
        {"speaker": "user", "text": "No, thanks.", "labels": {"acts": ["disagree-donation"]}},
        {"speaker": "assistant", "text": "Why?", "labels": {}},
        {"speaker": "user", "text": "word " * 30, "labels": {"acts": ["acknowledgement"]}},
        {"speaker": "assistant", "text": "Fine.", "labels": {}},
        {"speaker": "user", "text": "ok and bye", "labels": {"acts": ["acknowledgement", "closing"]}},
        {"speaker": "assistant", "text": "So?", "labels": {}},
        {"speaker": "user", "text": "Hm.", "labels": {"acts": ["other"]}},
    ]
    path = tmp_path / "p.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(json.dumps({"id": "p1", "licence": "x", "split": "annotated300", "turns": turns}) + "\n")
    found = data.read_persuasion(path)
    assert [(s.turns[0].text, s.turns[0].acts[0].name) for s in found] == [("No, thanks.", "reject")]
    assert found[0].turns[0].assistant == "Would you give?"
