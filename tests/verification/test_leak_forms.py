"""Values in any form: what is one value, what is another, and where it stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.verification.leaks.forms import mentions
from assay.verification.leaks.heard import Line, is_cut
from assay.verification.leaks.watched import atom

SAME = [
    ("$200", "two hundred bucks"), ("2024-05-20", "May 20th"), ("2024-05-20", "the twentieth of May, 2024"),
    ("7:30 pm", "19:30"), ("4 pm", "04:00 PM"), ("4 am", "04:00"), ("7:30 pm", "half past seven"),
    ("11am", "eleven a.m."), ("noon", "12:00"),
    ("2 hours", "120 minutes"), ("12 kg", "12000 g"), ("1,500", "fifteen hundred"), ("1500", "1.5k"),
    ("1984", "nineteen eighty-four"), ("5532", "five five three two"), ("05/20/1990", "May 20, 1990"),
    ("50 cents", "$0.50"), ("15%", "fifteen percent"), ("quarter to nine", "8:45"), ("555-0134", "5550134"),
]  # fmt: skip
OTHER = [
    ("$200", "200 euros"), ("2024-05-20", "2023-05-20"), ("May 20", "May 21"), ("7 pm", "7 am"),
    ("2 hours", "2 minutes"), ("1500", "15000"), ("W-55321", "W-55322"), ("15%", "16 percent"),
]  # fmt: skip


def one(left: str, right: str) -> bool:
    """Whether two texts hold one value, and whether each can be looked up by the other's keys."""
    found = [(a, b) for a in mentions(left) for b in mentions(right) if a.same(b)]
    assert all(set(a.keys) & set(b.keys) for a, b in found)
    return bool(found)


@pytest.mark.parametrize(("left", "right"), SAME)
def test_one_value_in_two_forms(left: str, right: str) -> None:
    assert one(left, right)
    assert one(right, left)


@pytest.mark.parametrize(("left", "right"), OTHER)
def test_another_value(left: str, right: str) -> None:
    assert not one(left, right)


@pytest.mark.parametrize(
    ("value", "text", "quote"),
    [
        ("NB-90748", "so N B nine zero 7 4 8, right?", "N B nine zero 7 4 8"),
        ("NB-90748", "order nb90748 it is", "nb90748"),
        ("25 euro voucher", "a voucher of twenty-five euros", "twenty-five euros"),
        ("2024-05-20", "on the 20th of May", "20th of May"),
        ("red door code", "the Red, Door code", "Red, Door code"),
        ("NB-90748", "order nb907481 it is", None),
        ("25 euro voucher", "twenty-five euros off", None),
        ("25 euro voucher", "a 15 euro voucher", None),
    ],
)
def test_a_value_in_a_line(value: str, text: str, quote: str | None) -> None:
    found = Line(text).holds(atom(value))
    assert (found[0] if found else None) == quote


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_and_its_spans_stand(text: str) -> None:
    for m in mentions(text):
        assert 0 <= m.start < m.end <= len(text)
        assert m.same(m)
    Line(text).holds(atom(text or "x"))


def test_answers_that_break_off() -> None:
    assert is_cut('{"name": "Ann", "orders": [{"id": ')
    assert is_cut("the list goes on ...")
    assert not is_cut('{"name": "Ann"}')
    assert not is_cut("done")
    assert not is_cut("")
