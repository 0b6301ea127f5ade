"""Training texts: only the user's words are targets, every promised value stands in them, the dice decide alone."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.learning import augment, data
from assay.simulation import prompt


def act(kind: str, slot: str = "", *values: str) -> dict[str, Any]:
    return {"service": "Trips_1", "act": kind, "slot": slot, "values": list(values)}


def user(text: str, *acts: dict[str, Any]) -> dict[str, Any]:
    return {"speaker": "user", "text": text, "labels": {"acts": list(acts)}}


def said(text: str) -> dict[str, Any]:
    return {"speaker": "assistant", "text": text, "labels": {"acts": []}}


GOAL = act("INFORM_INTENT", "intent", "FindTrip")
ROW = {
    "id": "train/1",
    "split": "train",
    "licence": "made up for this test",
    "session_labels": {"services": ["Trips_1"], "intents": ["Trips_1/FindTrip"]},
    "turns": [
        user("Hi, I want a trip to Porto Novo.", GOAL, act("INFORM", "to_city", "porto novo")),
        said("For how many people? And when?"),
        user("two of us, next week", act("INFORM", "travelers", "2"), act("INFORM", "date", "2019-03-09")),
        said("Is Porto Novo right?"),
        user("Yes. What does it cost?", act("AFFIRM"), act("REQUEST", "price")),
        said("It is cheap. Anything else?"),
        user("No, thank you", act("NEGATE"), act("THANK_YOU")),
    ],
}  # fmt: skip


@pytest.fixture
def session(tmp_path: Path) -> data.HumanSession:
    with gzip.open(tmp_path / "sgd.jsonl.gz", "wt", encoding="utf8") as out:
        out.write(json.dumps(ROW) + "\n" + json.dumps({**ROW, "split": "test"}) + "\n")
    (only,) = data.read_sgd(tmp_path / "sgd.jsonl.gz", "train")
    return only


def test_no_sessions_have_no_terciles() -> None:
    with pytest.raises(ValueError, match="at least one"):
        data.terciles([])


def test_acts_values_and_targets(session: data.HumanSession) -> None:
    acts = [[(a.name, dict(a.slots), a.detail) for a in t.acts] for t in session.turns]
    assert acts[0] == [("greet", {}, ""), ("state goal", {}, "find trip"), ("inform", {"to city": "Porto Novo"}, "")]
    assert acts[1] == [("inform", {"travelers": "two", "date": "2019-03-09"}, "")]
    assert acts[2] == [("confirm", {}, ""), ("request", {"price": ""}, "")]
    assert acts[3] == [("reject", {}, ""), ("thank", {}, "")]
    assert [t.target for t in session.turns] == [True, False, True, True]  # the date is not in the words of turn 2


def test_spans_are_the_words_of_target_turns(session: data.HumanSession) -> None:
    text = data.sequence(prompt, session, {"goal": "find trip"}, 0, lambda _: True)
    assert text is not None
    expected = [prompt.render_answer(t.text) for t in session.turns if t.target]
    assert [text.text[a:b] for a, b in text.spans] == expected
    assert all(text.text[:a].endswith("customer:") for a, _ in text.spans)
    assert data.sequence(prompt, session, {}, 0, lambda _: False) is None


def test_varied_sessions_keep_their_promises(session: data.HumanSession) -> None:
    """Whatever the dice do, a target turn carries every value of its acts, and the person's turns stay in order."""
    cuts = data.terciles([session])
    changed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        copy = augment.varied(augment.renewed(session), rng)
        changed += copy.turns[0].text != session.turns[0].text
        for turn in copy.turns:
            values = [v for a in turn.acts for _, v in a.slots if v]
            assert not turn.target or all(v in turn.text for v in values)
        drawn = augment.draw(prompt, session, cuts, np.random.default_rng(seed), lambda _: True)
        again = augment.draw(prompt, session, cuts, np.random.default_rng(seed), lambda _: True)
        assert drawn == again
    assert 60 < changed < 190  # P_VALUES or P_WORDS
    assert session.turns[0].text == ROW["turns"][0]["text"]  # the original is left alone
