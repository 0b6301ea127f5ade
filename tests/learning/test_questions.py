import numpy as np
import pytest

from assay.errors import BadInput
from assay.learning.questions import Question, distinct, drawn, questions, without_overlap
from assay.records.question_form import asked
from assay.records.session import Session, Turn


def talk(id: str, *said: tuple[str, dict[str, object]]) -> Session:
    turns = [Turn(speaker="user", text=text, labels={"slots": slots} if slots else {}) for text, slots in said]
    return Session(id=id, turns=tuple(turns))


class TestBadInput:
    def test_a_session_without_slots_has_no_question(self) -> None:
        assert questions([talk("a", ("Hello.", {}))]) == []

    def test_a_value_that_is_not_in_the_text_is_no_question(self) -> None:
        assert questions([talk("a", ("The usual one.", {"item": "lamp"}))]) == []

    def test_two_values_of_one_slot_are_no_question(self) -> None:
        assert questions([talk("a", ("A lamp.", {"item": "lamp"}), ("No, a mug.", {"item": "mug"}))]) == []

    def test_values_without_words_are_no_question(self) -> None:
        assert questions([talk("a", ("A lamp.", {"item": [], "colour": "", "size": "..."}))]) == []

    def test_a_label_that_is_no_mapping(self) -> None:
        session = Session(id="a", turns=(Turn(speaker="user", text="lamp", labels={"slots": "lamp"}),))
        assert questions([session]) == []

    def test_sessions_in_two_parts_are_refused_with_their_rows(self) -> None:
        some = questions([talk("a", ("A lamp.", {"item": "lamp"}))])
        other = questions([talk("b", ("A lamp.", {"item": "lamp"}))])
        with pytest.raises(BadInput, match="a/item = b/item"):
            without_overlap(some, other, "gold")


def test_a_question() -> None:
    found = questions([talk("a", ("A Red Lamp, NB-1.", {"item": "Red Lamp", "order_number": "NB-1"}))])
    assert [(q.id, q.gold) for q in found] == [("a/item", "red lamp"), ("a/order_number", "nb-1")]
    assert found[1].prompt == "U: A Red Lamp, NB-1.\nQuestion: What is the order number?\nAnswer:"
    assert "Red Lamp" in asked(talk("a", ("A Red Lamp.", {})).turns, "item")


def test_only_the_named_slots() -> None:
    session = talk("a", ("A lamp, NB-1.", {"item": "lamp", "order_number": "NB-1"}))
    assert [q.name for q in questions([session], names=["item"])] == ["item"]


def some(name: str, n: int) -> list[Question]:
    return [Question(id=f"{name}{i}", name=name, prompt=f"{name}{i}", gold="x") for i in range(n)]


def test_names_are_drawn_in_equal_measure() -> None:
    found = drawn([*some("a", 50), *some("b", 3), *some("c", 50)], 13, np.random.default_rng(0))
    assert {n: sum(q.name == n for q in found) for n in "abc"} == {"a": 5, "b": 3, "c": 5}
    assert len(drawn(some("a", 3), 10, np.random.default_rng(0))) == 3


def test_the_first_of_equal_prompts_stays() -> None:
    twice = [Question(id=i, name="n", prompt="same", gold="x") for i in "ab"]
    assert [q.id for q in distinct(twice)] == ["a"]
