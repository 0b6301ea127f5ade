"""Readers that are asked for values in words."""

from collections.abc import Mapping

import pytest

from assay.aggregation.open_votes import canonical, vote
from assay.records.session import Session
from assay.verification.annotators import asking
from assay.verification.check import Corpus


def talk(name: str, *turns: tuple[str, str, Mapping[str, object]], language: str = "en") -> Session:
    rows = [{"speaker": s, "text": t, "labels": {"slots": dict(v)} if v else {}} for s, t, v in turns]
    return Session.model_validate({"id": name, "source": "tests", "language": language, "turns": rows})


FLIGHT = talk(
    "a",
    ("user", "I want to fly to Lima on March 3rd.", {"city": "Lima", "date": "March 3rd"}),
    ("assistant", "It is 240 dollars.", {"price": "240"}),
    ("user", "Make it Cusco then.", {"city": "Cusco"}),
)


def of(*sessions: Session, most: int = 100) -> tuple[list[asking.Asking], list[asking.Verdict]]:
    return asking.askings(Corpus(sessions=sessions, seed=0), most)


class TestBadInput:
    def test_nothing_to_ask_for(self) -> None:
        assert of(talk("a", ("user", "hello", {}))) == ([], [])
        assert of() == ([], [])

    def test_values_that_are_not_there_blank_or_of_other_types(self) -> None:
        odd = talk("a", ("user", "hi there", {"x": "", "y": None, "z": ["a", "b"], "n": 3, "w": "there"}))
        found, left = of(odd)
        assert [a.name for a in found] == ["slots.w"]
        assert {v.name for v in left} == {"slots.x", "slots.y", "slots.z", "slots.n"}
        assert {v.reason for v in left} == {asking.NOT_IN_TEXT}

    def test_another_language_is_left_alone(self) -> None:
        assert of(talk("a", ("user", "Nach Lima bitte", {"city": "Lima"}), language="de")) == ([], [])

    def test_every_label_is_asked_for_or_told_why_not(self) -> None:
        for most in (0, 1, 2, 100):
            found, left = of(FLIGHT, most=most)
            assert len(found) + len(left) == 4
            assert len(found) == min(most, 3)


def test_no_prompt_holds_the_label_and_none_shows_later_turns() -> None:
    found, left = of(FLIGHT)
    by_name = {a.name: a for a in found}
    assert by_name["slots.date"].prompt.endswith("Question: What is the date?\nAnswer:")
    assert "Cusco" not in by_name["slots.city"].prompt
    other = talk("a", ("user", FLIGHT.turns[0].text, {"city": "fly", "date": "March 3rd"}))
    twin = next(a for a in of(other)[0] if a.name == "slots.city")
    assert twin.prompt == by_name["slots.city"].prompt
    assert [(v.turn, v.reason) for v in left] == [(2, asking.SEVERAL)]


def test_long_sessions_show_their_end() -> None:
    turns = [("user", f"word{i} " * 20, {}) for i in range(60)]
    long = talk("a", *turns, ("user", "to Lima", {"city": "Lima"}))
    (only,), _ = of(long)
    assert len(only.prompt) < asking.LONGEST + 100
    assert "to Lima" in only.prompt


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (["Lima", "lima.", "Cusco"], "supported"),
        (["Cusco", "Cusco", "Lima"], "contradicted"),
        (["Cusco", "Quito", "Lima"], "not_evidenced"),
        (["Quito", "Quito", "Lima"], "not_evidenced"),
        (["Lima in Peru", "Lima in Peru"], "not_evidenced"),
        (["", ""], "not_evidenced"),
    ],
)
def test_what_the_answers_say(answers: list[str], status: str) -> None:
    text = "from cusco to lima in peru"
    assert asking.status_of(vote([canonical(a) for a in answers]), "lima", text) == status


def test_verdicts_and_trials() -> None:
    cities = {"a": "Lima", "b": "Cusco", "c": "Quito"}
    sessions = [
        talk(f"s{i}", ("user", f"to {cities[c]}, not {cities[d]}", {"city": cities[c]}))
        for i, (c, d) in enumerate(["ab", "ba", "ac"])
    ]
    found, _ = of(*sessions)
    right = [[a.value] * 4 for a in found]
    made = list(asking.verdicts(found, right, "asks:x", True))
    assert {v.status for v in made} == {"supported"}
    assert all(v.score == 1.0 and v.independent and v.prompts for v in made)
    tried = list(asking.trials(found, right, 0))
    assert {(t.right, t.wrong) for t in tried} == {("supported", "contradicted")}
    blank = list(asking.verdicts(found, [[""] * 4] * 3, "asks:x", True))
    assert {v.status for v in blank} == {"unparsed"}
