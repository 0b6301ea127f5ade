"""Labels held in few bytes say what the records say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records.base import digest, digest_rows
from assay.records.held_label import COLUMNS, Holder
from assay.records.label import Label
from assay.records.parts import plain_rows, write_part


def a_label(**more: object) -> Label:
    fields = {
        "id": "0" * 16, "session": "s1", "turn": 2, "name": "act", "kind": "category", "value": "greet",
        "source": "given", "distribution": {"greet": 1.0}, "rank_score": 0.5, "verdicts": {"LB01": "supported"},
    }  # fmt: skip
    return Label.model_validate(fields | more)


def test_a_held_label_has_every_field_but_the_distribution() -> None:
    label = a_label(value=["a", {"b": 1}], reasons=("x",))
    held = Holder().hold(label)
    for name in Label.model_fields:
        assert getattr(held, name) == ({} if name == "distribution" else getattr(label, name)), name
    assert not hasattr(held, "__dict__")


def test_a_copy_changes_what_it_is_told_and_leaves_the_first() -> None:
    held = Holder().hold(a_label())
    other = held.model_copy(update={"tier": "certified", "trust": 0.9})
    assert (other.tier, other.trust, other.id) == ("certified", 0.9, held.id)
    assert (held.tier, held.trust) == ("suspect", None)


@pytest.mark.parametrize("verdicts", [{}, {"LB01": "supported"}, {"LB01": "not_applicable"}, {"BE01": "supported"}])
def test_silence_is_the_same(verdicts: dict[str, str]) -> None:
    label = a_label(verdicts=verdicts)
    assert Holder().hold(label).silent == label.silent


def test_what_many_labels_say_is_held_once() -> None:
    holder = Holder()
    a, b = (holder.hold(a_label(id=c * 16, reasons=("LB01",), verdicts={})) for c in "ab")
    assert a.verdicts is b.verdicts
    assert a.reasons is b.reasons
    assert a.reasons == ("LB01",)
    assert a.verdicts == {}


@given(st.lists(st.lists(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))))
def test_rows_hash_as_their_list(rows: list[list[object]]) -> None:
    assert digest_rows(rows) == digest(rows)


def test_a_stored_row_is_held_as_the_record_of_it(tmp_path: Path) -> None:
    """Whatever a label says: written to a part and read back as a row, it is what the record would be."""
    pytest.importorskip("pyarrow")
    labels = [
        a_label(id="a" * 16, value=["x", "y"], kind="set", span=(1, 4), reasons=("one", "two"), read="x"),
        a_label(id="b" * 16, value=3, turn=None, trust=0.25, trust_basis="answers", tier="provisional"),
        a_label(id="c" * 16, value={"k": [1]}, authored="ü", suggested=None, identifiable_from_turn=2, verdicts={}),
    ]
    path = tmp_path / "part-00000.parquet"
    write_part(path, labels, Label)
    rows = [Holder().hold_row(r) for r in plain_rows(path, Label, COLUMNS)]
    for label, row in zip(labels, rows, strict=True):
        held = Holder().hold(label)
        assert [getattr(row, n) for n in Label.model_fields] == [getattr(held, n) for n in Label.model_fields]
