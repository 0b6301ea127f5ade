"""Every check has a word on every session, and every count adds up, whatever the sessions are like."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from odd_sessions import LONG, odd_sessions, talk

import assay
from assay.door import auditing
from assay.planting.faults import OPERATORS
from assay.planting.truth import read_truth
from assay.records.label import key_of, labels_of
from assay.records.session import Session
from assay.records.storage import read
from assay.records.verdict import Verdict
from assay.verification.account import account_for
from assay.verification.check import CHECKS

CODES = [c.code for c in CHECKS]
ODD = [row["id"] for row in odd_sessions()]
PLAIN = 14
"""Ordinary sessions beside the odd ones, so that labels can be learnt."""


def rows() -> list[dict[str, Any]]:
    plain = [{"id": f"plain-{i}", "turns": talk(8, act=("inform", "request")[i % 2])} for i in range(PLAIN)]
    return [*odd_sessions(), *plain]


def saved(path: Path, chosen: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All sessions, without power: planting into 5,000 turns has a test of its own."""
    folder = tmp_path_factory.mktemp("odd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "audit_power", lambda *_, **__: None)
        return folder / "run", assay.audit(saved(folder / "odd.jsonl", rows()), folder / "run")


@pytest.fixture(scope="module")
def verdicts(audited: tuple[Path, dict[str, Any]]) -> list[Verdict]:
    return list(read(audited[0], "verdicts"))


@pytest.fixture(scope="module")
def sessions(audited: tuple[Path, dict[str, Any]]) -> list[Session]:
    return list(read(audited[0], "sessions"))


@pytest.mark.parametrize("session", ODD)
def test_every_check_has_a_word_on_every_odd_session(session: str, verdicts: list[Verdict]) -> None:
    mine = [v for v in verdicts if v.session == session]
    assert [c for c in CODES if c not in {v.code for v in mine}] == []
    without = [v for v in mine if v.status in ("not_applicable", "unparsed") and not v.reason]
    assert without == [], "what does not apply says why"


def test_the_counts_of_the_summary_are_those_of_the_verdicts(
    audited: tuple[Path, dict[str, Any]], verdicts: list[Verdict], sessions: list[Session]
) -> None:
    found = audited[1]
    assert found["sessions"] == len({label.session for label in read(audited[0], "labels")})
    assert len(sessions) == len(ODD) + PLAIN == found["import"]["sessions"]
    assert found["checks"] == {
        code: dict(Counter(v.status for v in verdicts if v.code == code)) for code in sorted({v.code for v in verdicts})
    }
    assert {(v.session, v.code) for v in verdicts} == {(s.id, code) for s in sessions for code in CODES}


def test_every_user_turn_has_its_own_word(verdicts: list[Verdict], sessions: list[Session]) -> None:
    turns = {(s.id, i) for s in sessions for i, t in enumerate(s.turns) if t.speaker == "user"}
    assert len(turns) > LONG / 2
    assert {(v.session, v.turn) for v in verdicts if v.code == "CO05" and v.turn is not None} == turns


def test_every_label_has_a_record_and_a_verdict_or_its_name_is_listed(
    audited: tuple[Path, dict[str, Any]], verdicts: list[Verdict], sessions: list[Session]
) -> None:
    folder, found = audited
    held = [g for s in sessions for g in labels_of(s)]
    labels = list(read(folder, "labels"))
    assert [x.id for x in labels] == [g.id for g in held]
    assert found["labels"] == len(held) == sum(row["n"] for row in found["by_name"].values())
    for row in found["by_name"].values():
        assert row["n"] == sum(row[tier] for tier in ("certified", "provisional", "suspect", "rejected"))
    read_by_lb06 = {(v.session, v.turn, v.name) for v in verdicts if v.code == "LB06" and v.name is not None}
    listed = {row["name"] for row in found["not_checked"]}
    silent = {g.name for g in held if (g.session, g.turn, g.name) not in read_by_lb06}
    assert silent <= listed, "a name that is not read is listed with the reason"


def test_names_that_differ_by_case_stay_apart(sessions: list[Session]) -> None:
    odd = next(s for s in sessions if s.id == "names-differ-by-case")
    assert {g.name for g in labels_of(odd)} == {"act", "Act", "ACT", "Goal", "goal"}


def test_quotes_stand_verbatim_in_their_turns(verdicts: list[Verdict], sessions: list[Session]) -> None:
    by_id = {s.id: s for s in sessions}
    for v in verdicts:
        for quote in v.evidence:
            assert quote.quote in by_id[v.session].turns[quote.turn].text


def test_power_can_be_measured_on_odd_sessions(tmp_path: Path) -> None:
    file = saved(tmp_path / "odd.jsonl", [r for r in rows() if len(r["turns"]) < LONG])
    found = assay.power(file, operators=["blank", "act_swap", "persona_mid", "early_reveal", "persona_copy"])
    assert found["sessions"] == len(ODD) + PLAIN - 1
    assert {r["operator"] for r in found["composite"]} > {"blank", "act_swap", "persona_mid"}


@pytest.mark.parametrize(("operator", "kind"), [(o.name, o.kinds[0]) for o in OPERATORS.values()])
def test_every_operator_meets_5000_turns_and_other_oddities(operator: str, kind: str, tmp_path: Path) -> None:
    file, out, truth = saved(tmp_path / "odd.jsonl", rows()), tmp_path / "out.jsonl", tmp_path / "truth.jsonl"
    label = "act" if operator in ("slot_swap", "act_swap") else None
    assay.plant(file, out, truth, operator=operator, kind=kind, rate=0.5, label=label)
    assert len(out.read_text(encoding="utf-8").splitlines()) == len(ODD) + PLAIN
    planted = list(read_truth(truth))
    assert planted
    assert all(key_of(p.before) != key_of(p.after) for p in planted), "1 and true are two values"


def test_a_silent_check_would_be_seen() -> None:
    rows = [{"id": "a", "turns": [{"speaker": "user", "text": "hi"}]}]
    made = [Session.model_validate(r) for r in rows]
    said = [Verdict(code="CO05", session="a", turn=0, status="supported")]
    whole = account_for(said, made, CODES)
    assert {v.code for v in whole} == set(CODES)
    assert all(v.reason for v in whole if v.status == "not_applicable")
    assert [v for v in whole if v.code == "CO05"] == said
    assert account_for(whole, made, CODES) == whole, "added once"
    assert {v.reason for v in account_for(said, made, ["RE01"], judged=True) if v.code == "RE01"} == {"not_drawn"}


def test_a_later_judge_takes_the_place_of_the_reason() -> None:
    made = [Session.model_validate({"id": "a", "turns": [{"speaker": "user", "text": "hi"}]})]
    first = account_for([], made, ["RE01"])
    assert [v.reason for v in first] == ["no_judge"]
    read_now = [*first, Verdict(code="RE01", session="a", turn=0, name="act", status="supported", by="judge")]
    assert [v.by for v in account_for(read_now, made, ["RE01"], judged=True)] == ["judge"]
