"""Sessions that cannot be read: one clear error each, naming file, line and field."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BadInput, BadSessions
from assay.importing.maps import read_map
from assay.importing.report import ImportReport
from assay.importing.sessions import MAX_TURN_BYTES, import_sessions
from assay.records.session import Session

GOOD = {"id": "a", "turns": [{"speaker": "user", "text": "hello", "labels": {"act": "greet"}}]}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def turn(**fields: Any) -> dict[str, Any]:
    return {"id": "b", "turns": [{"speaker": "user", "text": "hi", **fields}]}


BAD_LINES = [
    ("{not json", "not JSON", ""),
    ("[1, 2]", "a list, expected an object", ""),
    ('"text"', "text, expected an object", ""),
    ("[" * 100_000, "nested too deeply", ""),
    ('{"id": "b", "turns": [], "x": NaN}', "NaN is not JSON", ""),
    ('{"id": "b", "turns": [], "x": 1e999}', "too large", ""),
    ({"turns": []}, "missing field id", "id"),
    ({"id": None, "turns": []}, "missing field id", "id"),
    ({"id": "  ", "turns": []}, "id is text", "id"),
    ({"id": ["b"], "turns": []}, "id is a list", "id"),
    ({"id": "b"}, "missing field turns", "turns"),
    ({"id": "b", "turns": {"speaker": "user"}}, "turns is an object", "turns"),
    ({"id": "b", "turns": ["hello"]}, "a turn is text", "turns.0"),
    ({"id": "b", "turns": [{"text": "hi"}]}, "missing field speaker", "turns.0.speaker"),
    (turn(speaker=3), "speaker is a number", "turns.0.speaker"),
    (turn(speaker=["user"]), "speaker is a list", "turns.0.speaker"),
    (turn(speaker=True), "speaker is true or false", "turns.0.speaker"),
    (turn(speaker=""), "speaker is text", "turns.0.speaker"),
    ({"id": "b", "turns": [{"speaker": "user"}]}, "missing field text", "turns.0.text"),
    (turn(text=None), "text is null", "turns.0.text"),
    (turn(text=5), "text is a number", "turns.0.text"),
    (turn(labels=["act"]), "labels is a list", "turns.0.labels"),
    ({**turn(), "session_labels": [1]}, "session_labels is a list", "session_labels"),
    ({**turn(), "private": "secret"}, "private is text", "private"),
    (turn(text="a\x00b"), "control character U+0000 at position 1", "turns.0.text"),
    (turn(text="\x1b[31mred"), "control character U+001B at position 0", "turns.0.text"),
    (turn(text="del\x7f"), "control character U+007F", "turns.0.text"),
    (turn(speaker="us\x07er"), "control character U+0007", "turns.0.speaker"),
    (turn(labels={"act": "x\x01"}), "control character U+0001", "turns.0.labels.act"),
    ({**turn(), "private": {"user": {"pin": "1\x02"}}}, "control character U+0002", "private.user.pin"),
    ({**turn(), "private": {"P1": "a nurse"}}, "numbers its party", "private.P1"),
    ({**turn(), "private": {"persona_2": ["a nurse"]}}, "numbers its party", "private.persona_2"),
]


@pytest.mark.parametrize(("row", "what", "place"), BAD_LINES)
def test_a_bad_line_is_refused_by_file_line_and_field(tmp_path: Path, row: Any, what: str, place: str) -> None:
    path = write(tmp_path / "s.jsonl", GOOD, "", row)
    with pytest.raises(BadSessions) as caught:
        list(import_sessions(path))
    assert what in caught.value.what
    assert f"{path}, line 3" in caught.value.where
    assert place in caught.value.where
    assert caught.value.exit_code == 2


def test_good_lines_before_a_bad_one_are_handed_out(tmp_path: Path) -> None:
    sessions = import_sessions(write(tmp_path / "s.jsonl", GOOD, "{"))
    assert next(sessions).id == "a"
    with pytest.raises(BadSessions, match="line 2"):
        next(sessions)


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_no_session_at_all(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(content)
    with pytest.raises(BadSessions, match="0 sessions"):
        list(import_sessions(path))


def test_no_file_given_and_file_missing_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadSessions, match="0 sessions"):
        list(import_sessions([]))
    with pytest.raises(BadSessions, match="cannot read"):
        list(import_sessions(tmp_path / "nowhere.jsonl"))
    with pytest.raises(BadSessions, match="cannot read"):
        list(import_sessions(tmp_path))


def test_duplicate_ids_name_both_places_across_files(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.jsonl", GOOD), write(tmp_path / "two.jsonl", {**GOOD, "id": "c"}, GOOD)
    with pytest.raises(BadSessions) as caught:
        list(import_sessions([one, two]))
    assert "'a' was already used in one.jsonl, line 1" in caught.value.what
    assert "two.jsonl, line 2" in caught.value.where


@pytest.mark.parametrize("cut", [3, 9, 60, -4, -9])
def test_a_truncated_gzip(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(GOOD) + "\n").encode(), mtime=0)[:cut])
    with pytest.raises(BadSessions) as caught:
        list(import_sessions(path))
    assert str(path) in caught.value.where


def test_a_damaged_gzip_and_a_gzip_without_the_suffix(tmp_path: Path) -> None:
    data = bytearray(gzip.compress("".join(json.dumps({**GOOD, "id": str(i)}) for i in range(500)).encode(), mtime=0))
    data[40:60] = b"\xff" * 20
    (tmp_path / "s.jsonl.gz").write_bytes(bytes(data))
    with pytest.raises(BadSessions, match="gzip"):
        list(import_sessions(tmp_path / "s.jsonl.gz"))
    (tmp_path / "plain.jsonl").write_bytes(gzip.compress(b"{}", mtime=0))
    with pytest.raises(BadSessions, match=r"end in \.gz"):
        list(import_sessions(tmp_path / "plain.jsonl"))
    (tmp_path / "named.jsonl.gz").write_text(json.dumps(GOOD))
    with pytest.raises(BadSessions):
        list(import_sessions(tmp_path / "named.jsonl.gz"))


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(BadSessions, match=r"not UTF-8(.|\n)*s\.jsonl, line \d"):
        list(import_sessions(path))


def test_ten_megabytes_in_one_turn(tmp_path: Path) -> None:
    row = {"id": "big", "turns": [GOOD["turns"][0], {"speaker": "user", "text": "x" * 10_000_000}]}
    with pytest.raises(BadSessions) as caught:
        list(import_sessions(write(tmp_path / "s.jsonl", row)))
    assert "10,000,000 bytes; at most 1,000,000" in caught.value.what
    assert "turns.1.text (session 'big')" in caught.value.where


@pytest.mark.parametrize("letter", ["x", "é", "字", "🙂"])
def test_the_limit_of_a_turn_is_in_bytes(tmp_path: Path, letter: str) -> None:
    fits = letter * (MAX_TURN_BYTES // len(letter.encode()))
    assert [s.turns[0].text for s in import_sessions(write(tmp_path / "s.jsonl", turn(text=fits)))] == [fits]
    with pytest.raises(BadSessions, match="at most"):
        list(import_sessions(write(tmp_path / "t.jsonl", turn(text=fits + letter))))


RIGHT_TO_LEFT = ["مرحبا بالعالم", "שלום 12 עולם", "\u202eabc\u202c"]
ODD_BUT_FINE = ["👩‍👩‍👧‍👦 ok 🙂", "a\tb\nc\r\n", "\u2028", "", "\\u0007 \\b"]


@pytest.mark.parametrize("text", RIGHT_TO_LEFT + ODD_BUT_FINE)
def test_text_that_must_simply_work(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(turn(text=text), ensure_ascii=False) + "\n", encoding="utf-8")
    report = ImportReport()
    [session] = import_sessions(path, report=report)
    assert session.turns[0].text == text
    assert Session.model_validate_json(session.line()) == session
    assert report.warnings == []


def test_lone_surrogates_are_replaced_and_counted(tmp_path: Path) -> None:
    report = ImportReport()
    turn = '{"speaker": "user", "text": "a\\ud83d b \\ud83d\\ude42", "labels": {"x\\udfff": "\\udc00"}}'
    row = f'{{"id": "s\\udc00", "turns": [{turn}]}}'
    [session] = import_sessions(write(tmp_path / "s.jsonl", row), report=report)
    assert session.turns[0].text == "a\ufffd b 🙂"
    assert session.id == "s\ufffd"
    assert session.turns[0].labels == {"x\ufffd": "\ufffd"}
    assert Session.model_validate_json(session.line()) == session
    assert "lone surrogates" in report.warnings[0]


def test_control_characters_are_taken_out_when_asked(tmp_path: Path) -> None:
    report = ImportReport()
    path = write(tmp_path / "s.jsonl", turn(text="a\x00b\x1b[0m\tc\x7f"))
    [session] = import_sessions(path, report=report, control="strip")
    assert session.turns[0].text == "ab[0m\tc"
    assert "control characters" in report.warnings[0]


def test_a_byte_order_mark_is_not_part_of_the_first_session(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("\ufeff" + json.dumps(GOOD), encoding="utf-8")
    assert [s.id for s in import_sessions(path)] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        ["P1"],
        {"parties": {"P1": "user"}},
        {"private": ["P1"]},
        {"private": {"P1": 3}},
        {"private": {"P1": ".fact"}},
        {"labels": {"acts": "act"}},
        {"labels": {"acts": {"acts.act": ""}}},
    ],
)
def test_a_map_that_says_nothing_usable(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path / "map.yaml", json.dumps(content))
    with pytest.raises(BadInput, match=r"map\.yaml"):
        read_map(path)


def test_a_map_that_is_not_yaml_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the map"):
        read_map(write(tmp_path / "map.yaml", "a: [1"))
    with pytest.raises(BadInput, match="cannot read the map"):
        read_map(tmp_path / "nowhere.yaml")
