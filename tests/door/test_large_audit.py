"""Audits in parts: streamed, gone on with after a kill, the same files as a small one's, and nothing lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.door import auditing, large_audit
from assay.errors import BadInput, BadSessions
from assay.records import parts
from assay.records.storage import TABLES, read

N, EACH = 64, 20
CHECKS = ["LB06", "IA01", "CO05", "BR05"]
SOURCE = str(Path(__file__).parents[2] / "src")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty sessions are many here."""
    monkeypatch.setattr(auditing, "MOST_AT_ONCE", 40)
    monkeypatch.setattr(large_audit, "PART", EACH)
    monkeypatch.setattr(large_audit, "SHOWN", 30)
    monkeypatch.setattr(parts, "PART", EACH)
    monkeypatch.setattr(parts.in_parts, "__defaults__", (EACH,))
    monkeypatch.setattr(large_audit, "WHOLE_FILE", 50)
    monkeypatch.setattr(parts, "WHOLE_FILE", 50)
    # measuring power takes longer than all the rest, and has tests of its own
    monkeypatch.setattr(auditing, "audit_power", lambda *_, **__: None)


def write(path: Path, n: int = N) -> Path:
    rng = random.Random(3)
    with path.open("w", encoding="utf-8") as out:
        for i in range(n):
            topic = rng.choice(["refund", "repair"])
            turns = [
                {"speaker": "assistant", "text": "How can I help?"},
                {"speaker": "user", "text": f"I want a {topic} for my kettle number {i}.", "labels": {"t": topic}},
                {"speaker": "assistant", "text": f"I see to the {topic}."},
            ]  # fmt: skip
            row = {"id": f"s{i:03d}", "language": "en", "session_labels": {"reward": i % 2}, "turns": turns,
                   "private": {"user": {"budget": f"{100 + i} euros"}}}  # fmt: skip
            out.write(json.dumps(row) + "\n")
    return path


def audited(file: Path, out: Path, **more: Any) -> dict[str, Any]:
    return assay.audit(file, out, checks=CHECKS, seed=1, **more)


def test_bad_input_of_a_large_file(tmp_path: Path) -> None:
    file = write(tmp_path / "s.jsonl")
    with pytest.raises(BadInput, match="cannot be audited: nothing: no such label"):
        audited(file, tmp_path / "a", labels=["nothing"])
    with pytest.raises(BadInput, match="judges read audits of up to"):
        audited(file, tmp_path / "b", judge=["embedded-base"])
    with file.open("a") as out:
        out.write("{not json\n")
    with pytest.raises(BadSessions, match="not JSON"):
        audited(file, tmp_path / "c")
    assert not (tmp_path / "c" / "report.html").exists()


def test_parts_hold_every_session_and_every_label_once(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    file = write(tmp_path / "s.jsonl")
    found = audited(file, tmp_path / "run", told=told.append)
    out = tmp_path / "run"
    assert found["sessions"] == N
    assert told == [found["plan"]]
    assert [len(list(parts.read_part(p, TABLES["sessions"]))) for p in parts.parts_of(out, "sessions")] == [
        20,
        20,
        20,
        4,
    ]
    assert [s.id for s in read(out, "sessions")] == [f"s{i:03d}" for i in range(N)]
    labels = list(read(out, "labels"))
    assert len({(x.session, x.turn, x.name) for x in labels}) == len(labels) == found["labels"] == 2 * N
    assert {k: v["n"] for k, v in found["by_name"].items()} == {"t": N, "reward": N}
    counted = Counter((v.code, v.status) for v in read(out, "verdicts"))
    assert {(c, s): n for c, row in found["checks"].items() for s, n in row.items()} == counted
    said = {(v.code, v.session) for v in read(out, "verdicts")}
    assert {(c, f"s{i:03d}") for c in CHECKS for i in range(N)} <= said, "every check has a word on every session"
    page = (out / "report.html").read_text()
    assert "random sample of 30 of 64 sessions" in page
    assert len(json.loads((out / "worst.json").read_text())["sessions"]) == N


def test_the_checks_that_need_no_other_session_say_the_same_as_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "s.jsonl")
    audited(file, tmp_path / "parts")
    monkeypatch.setattr(auditing, "MOST_AT_ONCE", 1000)
    audited(file, tmp_path / "whole")

    def words(out: Path) -> list[str]:
        return [v.line() for v in read(out, "verdicts") if v.code in ("CO05", "BR05")]

    assert sorted(words(tmp_path / "parts")) == sorted(words(tmp_path / "whole"))


def test_files_of_a_middling_audit_are_those_of_a_small_one(tmp_path: Path) -> None:
    audited(write(tmp_path / "s.jsonl", 48), tmp_path / "run")
    out = tmp_path / "run"
    assert all((out / f"{t}.jsonl").is_file() and not (out / t).exists() for t in ("sessions", "verdicts", "labels"))
    assert len(list(read(out, "sessions"))) == 48


def test_the_same_command_again_makes_nothing_anew_and_other_checks_do(tmp_path: Path) -> None:
    file, out = write(tmp_path / "s.jsonl"), tmp_path / "run"
    first = audited(file, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("part-*")}
    assert audited(file, out) == first
    assert {p: p.stat().st_mtime_ns for p in out.rglob("part-*")} == before
    again = assay.audit(file, out, checks=["CO05"], seed=1)
    assert set(again["checks"]) == {"CO05"}
    assert {v.code for v in read(out, "verdicts")} == {"CO05"}


SLOW = """
import sys, time
sys.path.insert(0, {here!r})
import test_large_audit as t
from assay.door import auditing, large_audit
from assay.records import parts
auditing.MOST_AT_ONCE, large_audit.PART, large_audit.SHOWN, large_audit.WHOLE_FILE = 40, 20, 30, 50
parts.PART, parts.WHOLE_FILE = 20, 50
parts.in_parts.__defaults__ = (20,)
auditing.audit_power = lambda *_, **__: None
t.audited(t.Path(sys.argv[1]), t.Path(sys.argv[2]))
"""


def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    file, out = write(tmp_path / "s.jsonl"), tmp_path / "run"
    code = SLOW.format(here=str(Path(__file__).parent))
    env = {**os.environ, "PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code, str(file), str(out)], env=env) as child:
        deadline = time.monotonic() + 60
        while len(parts.parts_of(out, "verdicts")) < 2 and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
    done = {p.name: p.stat().st_mtime_ns for p in parts.parts_of(out, "verdicts")}
    assert len(done) >= 2
    audited(file, out)
    audited(file, tmp_path / "undisturbed")
    now = {p.name: p.stat().st_mtime_ns for p in parts.parts_of(out, "verdicts")}
    assert {k: now[k] for k in done} == done, "finished parts are not made again"
    for table in ("sessions", "verdicts", "labels"):
        assert [r.line() for r in read(out, table)] == [r.line() for r in read(tmp_path / "undisturbed", table)]


def test_a_forgotten_session_is_in_no_part(tmp_path: Path) -> None:
    audited(write(tmp_path / "s.jsonl"), tmp_path / "run")
    out = tmp_path / "run"
    text = next(s for s in read(out, "sessions") if s.id == "s030").turns[1].text
    gone = assay.forget(out, "s030")
    assert gone["rows"]["sessions"] == 1
    assert "s030" not in {s.id for s in read(out, "sessions")} | {v.session for v in read(out, "verdicts")}
    assert "s030" not in {x.session for x in read(out, "labels")}
    for path in (p for p in out.rglob("*") if p.is_file()):
        if path.name.startswith("part-"):
            held = " ".join(r.line() for r in parts.read_part(path, TABLES[path.parent.name]))
        else:
            held = path.read_bytes().decode("utf-8", "replace")
        assert text not in held, path


@pytest.mark.parametrize("table", ["sessions", "verdicts", "labels"])
@pytest.mark.parametrize("pyarrow", [True, False])
def test_a_part_reads_back_as_it_was(
    table: str, pyarrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pyarrow:
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.setattr(parts, "_pyarrow", lambda: None)
    out = tmp_path / "run"
    assay.run("returns", out, assay.Plan(n=3, seed=1, model="template"))
    rows = list(read(out, table))
    path = parts.part_path(tmp_path / "parts", table, 0)
    assert path.suffix == (".parquet" if pyarrow else ".gz")
    assert parts.write_part(path, rows, TABLES[table]) == len(rows) > 0
    assert [r.line() for r in read(tmp_path / "parts", table)] == [r.line() for r in rows]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput):
        list(read(tmp_path / "parts", table))


def test_the_plan_says_what_cannot_be_checked(tmp_path: Path) -> None:
    plan = assay.audit(write(tmp_path / "s.jsonl"), tmp_path / "run", dry_run=True)
    assert not (tmp_path / "run").exists()
    assert (plan["sessions"], plan["told_from"], plan["labels"]) == (N, 40, ["reward", "t"])
    assert plan["silent"]["BR01"] == "no_brief"
    assert plan["silent"]["RE01"] == "no_judge"
    assert plan["has"]["private_facts"] == {"user": 40}
    assert plan["has"]["outcomes"] == 40
    assert plan["usd"] == 0
    assert plan["seconds"] > 0


def test_other_commands_read_a_run_of_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from assay.cli.root import run

    out = tmp_path / "run"
    audited(write(tmp_path / "s.jsonl"), out)
    assert (out / "labels").is_dir()
    assert not (out / "labels.jsonl").exists()
    for argv in (
        ["status", str(out)], ["show", str(out), "s007"], ["doctor", str(out)], ["certify", str(out), "--plan"],
        ["export", str(out), "--out", str(tmp_path / "data"), "--min-tier", "suspect"],
        ["sample", str(out), "-n", "12", "--out", str(tmp_path / "sample.csv")],
    ):  # fmt: skip
        assert run(argv) == 0, capsys.readouterr().err
    assert "next: assay author" not in capsys.readouterr().out
    assert len((tmp_path / "data" / "data.jsonl").read_text().splitlines()) == N


def applied(out: Path) -> set[tuple[str, str | None]]:
    """(check, name) that said something."""
    return {(v.code, v.name) for v in read(out, "verdicts") if v.status != "not_applicable"}


def test_parts_read_given_labels_by_the_checks_of_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, checks = write(tmp_path / "s.jsonl"), ["LB01", "LB05", "LB06"]
    assay.audit(file, tmp_path / "parts", checks=checks, seed=1)
    monkeypatch.setattr(auditing, "MOST_AT_ONCE", 1000)
    assay.audit(file, tmp_path / "whole", checks=checks, seed=1)
    assert applied(tmp_path / "parts") == applied(tmp_path / "whole")
    assert {c for c, _ in applied(tmp_path / "parts")} == set(checks)


def test_power_is_that_of_the_reader_whose_verdicts_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are read by words only, so that power measured with sentence vectors would be another reader's."""
    asked: list[bool] = []
    monkeypatch.setattr(auditing, "audit_power", lambda *_, vectors=True: asked.append(vectors))
    file = write(tmp_path / "s.jsonl")
    audited(file, tmp_path / "parts")
    assert asked
    assert not any(asked)
    asked.clear()
    monkeypatch.setattr(auditing, "MOST_AT_ONCE", 1000)
    audited(file, tmp_path / "whole")
    assert asked == [True]


def test_a_verifier_without_vectors_asks_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.door import checking
    from assay.importing.sessions import import_sessions

    held = list(import_sessions(write(tmp_path / "s.jsonl"), None))
    monkeypatch.setattr(checking, "label_embedder", lambda _: pytest.fail("sentence vectors were asked for"))
    found = checking.offline_verifier(None, 1, frozenset({"LB06"}), vectors=False)(held)
    assert any(v.code == "LB06" and v.status != "not_applicable" for v in found)
