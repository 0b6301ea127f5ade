"""Private facts on the right party, labels from maps, counts in = out, unread fields kept."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from assay.importing.guess import guess
from assay.importing.report import ImportReport
from assay.importing.sessions import import_sessions
from assay.records.label import labels_of
from assay.records.session import Session

DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
TURNS = [
    {"speaker": "user", "text": "hi", "labels": {"name": "Ada"}},
    {"speaker": "assistant", "text": "hello", "labels": {"speaker_name": "Bo"}},
    {"speaker": "Cy", "text": "hey", "labels": {}},
]


def read_one(tmp_path: Path, mapping: dict[str, Any] | None = None, **fields: Any) -> tuple[Session, ImportReport]:
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({"id": "s", "turns": TURNS, **fields}))
    report = ImportReport()
    [session] = import_sessions(path, mapping, report=report)
    return session, report


@pytest.mark.parametrize(
    ("key", "value", "party", "facts"),
    [
        ("Cy", {"goal": "x"}, "Cy", {"goal": "x"}),
        ("user", {"a": {"b": 1, "c": [2]}}, "user", {"a.b": 1, "a.c": [2]}),
        ("user", "Buy a hat.", "user", {"brief": "Buy a hat."}),
        ("Ada", {"goal": "x"}, "user", {"goal": "x"}),
        ("Bo", {"goal": "x"}, "assistant", {"goal": "x"}),
        ("persona_assistant", ["I sing."], "assistant", {"persona": ["I sing."]}),
        ("secret_Cy", {"pin": 7}, "Cy", {"secret.pin": 7}),
        ("P1", "a nurse", "assistant", {"persona": "a nurse"}),
        ("task", "x", "assistant", {"task": "x"}),
        ("budget", 100, "user", {"budget": 100}),
        ("user_id", "u7", "user", {"user_id": "u7"}),
    ],
)
def test_the_party_of_a_key(tmp_path: Path, key: str, value: Any, party: str, facts: dict[str, Any]) -> None:
    mapping = {"private": {"P1": "assistant.persona", "task": "assistant", "persona_assistant": "user.persona"}}
    session, report = read_one(tmp_path, mapping, private={key: value})
    assert session.private == {party: facts}
    assert report.facts == {party: len(facts)}
    assert report.balanced
    guessed = key in ("budget", "user_id")
    assert [key in w for w in report.warnings] == [True] * guessed


def test_gold_keys_are_kept_and_not_watched_and_empty_facts_left_out(tmp_path: Path) -> None:
    private = {"gold_actions": [{"name": "book"}], "user": {"a": "", "b": None, "c": [], "d": 0}}
    session, report = read_one(tmp_path, private=private)
    assert session.kept == {"gold_actions": [{"name": "book"}]}
    assert session.private == {"user": {"d": 0}}
    assert (report.kept_facts, report.empty_facts, report.balanced) == (1, 3, True)


def test_two_keys_of_one_fact_are_both_kept(tmp_path: Path) -> None:
    private = {"persona_user": ["one"], "user": {"persona": "two"}}
    session, report = read_one(tmp_path, private=private)
    assert session.private == {"user": {"persona": ["one"], "persona.user": "two"}}
    assert report.balanced


def test_a_persona_is_a_session_label(tmp_path: Path) -> None:
    session, report = read_one(tmp_path, private={"persona_user": ["b", "a"], "persona_assistant": "c"})
    given = {g.name: (g.value, g.source) for g in labels_of(session) if g.turn is None}
    assert given == {"persona": (["a", "b"], "given"), "persona.assistant": ("c", "given")}
    assert report.personas == 2
    alone, _ = read_one(tmp_path, private={"Cy": {"persona": "c"}}, session_labels={"mood": "ok"})
    assert alone.session_labels == {"mood": "ok", "persona": "c"}
    taken, _ = read_one(tmp_path, private={"persona_user": "c"}, session_labels={"persona": "mine"})
    assert taken.session_labels == {"persona": "mine"}


def test_lists_of_objects_become_sets_by_a_map_and_are_listed_without_one(tmp_path: Path) -> None:
    acts = [{"act": "INFORM", "slot": "city"}, {"act": "BYE"}, {"act": "INFORM"}, {"slot": "x"}]
    turns = [{"speaker": "user", "text": "hi", "labels": {"acts": acts}}]
    session, report = read_one(tmp_path, {"labels": {"acts": {"acts.act": "act"}}}, turns=turns)
    assert session.turns[0].labels == {"acts": acts, "acts.act": ["BYE", "INFORM"]}
    assert (dict(report.mapped), dict(report.structured), report.labels) == ({"acts.act": 1}, {}, 1)
    session, report = read_one(tmp_path, turns=turns)
    assert session.turns[0].labels == {"acts": acts}
    assert (dict(report.mapped), dict(report.structured)) == ({}, {"acts": 1})


def test_fields_that_assay_does_not_read_are_kept(tmp_path: Path) -> None:
    turns = [{"speaker": "user", "text": "x", "time": 3, "mood": "ok", "name": 5, "tool_calls": "none", "labels": None}]
    session, _ = read_one(tmp_path, turns=turns, task_id=3, scenario="booking", mode=["x"], language=None, end={})
    assert session.extra == {"task_id": 3, "scenario": "booking", "mode": ["x"], "end": {}}
    assert session.turns[0].extra == {"mood": "ok", "name": 5, "tool_calls": "none"}
    assert session.turns[0].time == 3
    assert not session.authored
    assert session.language == "und"


def test_a_session_that_assay_wrote_reads_back_as_it_was(tmp_path: Path) -> None:
    turns = ({"speaker": "user", "text": "hi", "labels": {"act": "greet"}, "extra": {"k": 1}},)
    made = Session.model_validate(
        {
            "id": "s",
            "turns": turns,
            "private": {"user": {"persona": "p", "order": ["a", "b"]}},
            "kept": {"gold_x": 1, "other": 2},
            "scenario": "sc",
            "scenario_hash": "0" * 64,
            "mode": "agents",
            "end": "done",
            "disclosures": [{"turn": 0, "party": "user", "fact": "order"}],
            "extra": {"z": 1},
        }
    )
    path = tmp_path / "s.jsonl"
    path.write_text(made.line())
    assert list(import_sessions(path)) == [made]


def test_an_imported_session_reads_back_as_it_was(tmp_path: Path) -> None:
    private = {"P1": "p", "gold_x": [1], "secret_Cy": {"pin": 7}}
    mapping = {"private": {"P1": "nobody.persona"}}
    session, _ = read_one(tmp_path, mapping, private=private, task_id=3, scenario="booking")
    (tmp_path / "again.jsonl").write_text(session.line())
    report = ImportReport()
    assert list(import_sessions(tmp_path / "again.jsonl", report=report)) == [session]
    assert report.balanced
    assert report.warnings == []


def test_ids_that_are_numbers_and_calls_without_text(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    call = {"id": 7, "turns": [{"speaker": "assistant", "text": None, "tool_calls": [{"name": "f"}]}]}
    path.write_text(json.dumps(call))
    [session] = import_sessions(path)
    assert (session.id, session.turns[0].text, session.turns[0].tool_calls) == ("7", "", [{"name": "f"}])


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ('{"id": 1, "turns": [{"speaker": "u", "text": ""}]}\n', "sessions"),
        ('{"messages": [{"role": "user", "content": "x"}]}\n', "openai"),
        ('[\n{"messages": [{"role": "user", "content": "x"}]}\n]', "openai"),
        ('[{"role": "user", "content": "x"}]', "openai"),
        ('{"turns": [{"from": "u"}]}', "unknown"),
        ("{broken", "unknown"),
        ("[]", "unknown"),
        ("", "unknown"),
    ],
)
def test_guess(tmp_path: Path, content: str, form: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    assert guess(path).format == form
    assert guess(path).why


EXPECTED = {
    "sgd": (3200, 58066, {}, 0),
    "personachat_convai2": (1000, 15602, {"user": 1000, "assistant": 1000}, 0),
    "tau1_trajectories": (315, 8797, {"user": 630}, 315),
    "casino": (1030, 14297, {"user": 12360, "assistant": 12360}, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_public_sets_lose_nothing(name: str) -> None:
    path = DATA / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    report = ImportReport()
    turns = sum(len(s.turns) for s in import_sessions(path, report=report))
    sessions, expected_turns, facts, kept = EXPECTED[name]
    assert (report.sessions, turns, report.turns) == (sessions, expected_turns, expected_turns)
    assert (dict(report.facts), report.kept_facts) == (facts, kept)
    assert report.balanced
    assert report.warnings == []
