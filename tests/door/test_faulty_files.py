"""`assay plant` on files: what it writes differs from what it read only where the truth says, down to the bytes."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.errors import BadInput
from assay.importing.sessions import import_sessions
from assay.planting.faults import OPERATORS
from assay.planting.truth import Planted, read_truth

FOODS = ("thai", "greek", "french")
KINDS = [(o.name, k) for o in OPERATORS.values() for k in o.kinds]


def rows() -> list[dict[str, Any]]:
    """Sessions as somebody else writes them: keys of their own, personas under numbers, lists of objects as labels."""
    made = []
    for n in range(30):
        food = FOODS[n % 3]
        made.append({
            "meta": {"b": n, "a": [1.50, "é\u2028"]}, "id": f"x{n}", "source": "SGD: Schema-Guided Dialogue",
            "private": {"user": {"persona": [f"i have {n} dogs and a red boat.", f"i live in town {n}."],
                                 "limit": f"{40 + n} dollars", "code": f"AB-{n}77"}},
            "session_labels": {"goal": ("book", "cancel")[n % 2]},
            "turns": [
                {"speaker": "user", "text": f"I want {food} food at place {n}.", "labels": {"state": {"food": food}},
                 "odd": None},
                {"speaker": "assistant", "text": "Noted.", "labels": {"acts": [{"act": "ACK", "slot": ""}]}},
                {"text": f"My dog comes along, it is {n} years old.", "speaker": "user",
                 "labels": {"acts": [{"act": ("INFORM", "REQUEST")[n % 2]}]}, "time": 1.0},
                {"speaker": "assistant", "text": "How many are you?"},
                {"speaker": "user", "text": f"We are {n} people today.", "labels": {"stars": n % 4}},
                {"speaker": "assistant", "text": "Done."},
                {"speaker": "user", "text": "That is all for now.", "labels": {}},
                {"speaker": "user", "text": "Have a good day then."},
            ],
        })  # fmt: skip
    return made


def written(path: Path, style: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r, **style) + "\n" for r in rows()), encoding="utf-8")
    return path


def leaves(value: Any, at: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in leaves(inner, (*at, key)).items()}
    if isinstance(value, list) and at[-1:] == ("turns",):
        return {k: v for i, inner in enumerate(value) for k, v in leaves(inner, (*at, i)).items()}
    return {at: value}


def test_a_label_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "s.jsonl", {})
    with pytest.raises(BadInput, match="no label"):
        assay.plant(file, tmp_path / "o", tmp_path / "t", operator="act_swap", label="nobody")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.jsonl"]


@pytest.mark.parametrize("style", [{}, {"ensure_ascii": False, "separators": (",", ":")}, {"separators": (" ,", ":")}])
def test_untouched_lines_are_the_same_bytes(style: dict[str, Any], tmp_path: Path) -> None:
    file = written(tmp_path / "s.jsonl", style)
    assay.plant(file, tmp_path / "o.jsonl", tmp_path / "t", operator="blank", rate=0.05, seed=3)
    touched = {p.session for p in read_truth(tmp_path / "t")}
    assert 0 < len(touched) < 30
    before, after = (p.read_bytes().splitlines() for p in (file, tmp_path / "o.jsonl"))
    for old, new in zip(before, after, strict=True):
        row = json.loads(old)
        if row["id"] not in touched:
            assert old == new
            continue
        for p in read_truth(tmp_path / "t"):
            if p.session == row["id"]:
                row["turns"][p.turn]["text"] = p.after
        assert json.loads(new) == row
        if style.get("separators") != (" ,", ":"):
            assert new.decode() == json.dumps(row, **style), "a usual way of writing is kept in touched lines as well"


@pytest.mark.parametrize(("operator", "kind"), KINDS)
def test_every_operator_changes_what_the_truth_says_and_nothing_else(operator: str, kind: str, tmp_path: Path) -> None:
    file = written(tmp_path / "s.jsonl", {})
    out, truth = tmp_path / "o.jsonl.gz", tmp_path / "t.jsonl"
    label = {"slot_swap": "state.food", "act_swap": "state.food", "label_shuffle": "state.food"}.get(operator)
    found = assay.plant(file, out, truth, operator=operator, kind=kind, rate=0.3, seed=1, label=label)
    assert found["planted"] > 0
    planted = list(read_truth(truth))
    before = {r["id"]: r for r in rows()}
    after = {r["id"]: r for r in map(json.loads, gzip.decompress(out.read_bytes()).decode().splitlines())}
    assert list(before) == list(after)
    for name, old in before.items():
        mine = [p for p in planted if p.session == name]
        if operator == "early_end" and mine:
            old = {**old, "turns": old["turns"][: mine[0].turn]}
            assert after[name] == old
            continue
        a, b = leaves(old), leaves(after[name])
        changed = {k for k in {*a, *b} if a.get(k) != b.get(k)}
        assert len(changed) == len({(p.turn, p.name if p.kind == "label" else "") for p in mine if in_file(p)})
        assert {b[k] if not isinstance(b[k], list) else tuple(b[k]) for k in changed} == {
            p.after if not isinstance(p.after, list) else tuple(p.after) for p in mine if in_file(p)
        }
    again = [s.line() for s in import_sessions(out)]
    assert len(again) == 30, "the copy can be read again"


def in_file(fault: Planted) -> bool:
    """A persona's label is read from the private facts: the file holds it once."""
    return not (fault.kind == "label" and fault.name == "persona")


def test_labels_that_a_map_makes_of_objects_can_be_swapped_and_read_again(tmp_path: Path) -> None:
    file = written(tmp_path / "s.jsonl", {})
    assay.plant(file, tmp_path / "o.jsonl", tmp_path / "t", operator="act_swap", label="acts.act", rate=0.3, seed=1)
    faults = {(p.session, p.turn): p for p in read_truth(tmp_path / "t")}
    old, new = ({s.id: s for s in import_sessions(p)} for p in (file, tmp_path / "o.jsonl"))
    for name, session in old.items():
        for i, turn in enumerate(session.turns):
            fault = faults.get((name, i))
            expected = turn.labels | ({"acts.act": fault.after} if fault else {})
            assert new[name].turns[i].labels == expected
    assert faults
