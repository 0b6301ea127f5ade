"""verify --out and diff: an old run stays as it is, and what moved is said with its reason."""

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.cli.root import run
from assay.records.label import Label
from assay.records.storage import read, write_rows
from assay.testing import tiny_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("old") / "run"
    tiny_run(out, n=4)
    return out


def marks(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Content, size and time of change of every file."""
    return {
        str(p.relative_to(folder)): (
            hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_size, p.stat().st_mtime_ns,
        )
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip


def said(argv: list[Any], capsys: Capture) -> dict[str, Any]:
    assert run([*map(str, argv), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(argv: list[Any], capsys: Capture, *says: str, code: int = 2) -> None:
    assert run([*map(str, argv)]) == code
    out, text = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in text
    for word in (*says, "  -> "):
        assert word in text, text


def test_bad_input(old: Path, tmp_path: Path, capsys: Capture) -> None:
    before = marks(old)
    refused(["verify", tmp_path / "none", "--out", tmp_path / "b"], capsys, "no run.json")
    refused(["verify", old, "--out", old], capsys, "inside the run")
    refused(["verify", old, "--out", old / "again"], capsys, "inside the run")
    refused(["verify", old, "--out", tmp_path / "b", "--checks", "ZZ99"], capsys, "ZZ99")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    refused(["verify", old, "--out", full], capsys, "not empty")
    assert [p.name for p in full.iterdir() if not p.name.startswith(".")] == ["mine.txt"]
    other = tmp_path / "other"
    tiny_run(other, n=2, seed=9)
    refused(["verify", old, "--out", other], capsys, "another run", code=4)
    refused(["diff", old, tmp_path / "none"], capsys, "none")
    refused(["diff", old, full], capsys, "labels")
    assert marks(old) == before


def test_a_run_that_is_at_work_is_left_alone(old: Path, tmp_path: Path, capsys: Capture) -> None:
    lock = os.open(old / ".run.lock", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        refused(["verify", old, "--out", tmp_path / "b"], capsys, "another process", code=4)
    finally:
        os.close(lock)


def test_a_recheck_leaves_the_old_run_as_it_is_to_the_byte(old: Path, tmp_path: Path, capsys: Capture) -> None:
    before = marks(old)
    out = tmp_path / "new"
    found = said(["verify", old, "--out", out], capsys)
    assert marks(old) == before
    assert found["moved"] == 0
    for name in ("sessions.jsonl", "verdicts.jsonl", "labels.jsonl", "scenarios.jsonl"):
        assert (out / name).read_bytes() == (old / name).read_bytes(), name
    made = json.loads((out / "run.json").read_text())
    assert made["rechecks"]["run"] == old.name
    assert "simulate" in made["stages"]
    assert said(["verify", old, "--out", out], capsys) == found, "asked again, it goes on where it stood"
    assert assay.verify(old, out=out)["checks"] == found["checks"]
    assert said(["diff", old, out], capsys)["moved"] == []


def test_fewer_checks_move_labels_and_diff_says_why(old: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "fewer"
    found = said(["verify", old, "--out", out, "--checks", "CO05,LB01"], capsys)
    assert set(found["checks"]) <= {"CO05", "LB01"}
    shown = said(["diff", old, out], capsys)
    assert found["moved"] == len(shown["moved"]) > 0
    assert shown["b"]["checks"] == ["CO05", "LB01"]
    gone = [row for row in shown["moved"] if "LB02" in row["verdicts"]]
    assert gone
    assert all(row["verdicts"]["LB02"][1] is None for row in gone)
    assert "LB02: " in gone[0]["why"]
    assert "-> no verdict" in gone[0]["why"]
    assert run(["diff", str(old), str(out), "--limit", "2"]) == 0
    text = capsys.readouterr().out
    assert f"{len(shown['moved'])} of {shown['labels']} labels moved" in text
    assert "more (--limit, --json)" in text


def _changed(old: Path, out: Path, change: Any) -> Label:
    """A copy of a run with one label changed."""
    shutil.copytree(old, out)
    labels: list[Label] = list(read(out, "labels"))
    labels[3] = labels[3].model_copy(update=change)
    write_rows(out / "labels.jsonl", labels)
    return labels[3]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tier": "rejected", "reasons": ("IA01",)}, "now IA01"),
        ({"value": "other"}, "the label itself was changed"),
        ({"read": "other"}, "people read it"),
        ({"trust": 0.25, "trust_basis": "answers"}, "scores or measured power changed"),
        ({"verdicts": {"LB01": "contradicted"}}, "LB01: "),
    ],
)
def test_one_moved_label_is_found(change: dict[str, Any], why: str, old: Path, tmp_path: Path) -> None:
    label = _changed(old, tmp_path / "b", change)
    (row,) = assay.diff(old, tmp_path / "b")["moved"]
    assert (row["id"], row["session"], row["turn"], row["name"]) == (label.id, label.session, label.turn, label.name)
    assert why in row["why"]
    for field in ("tier", "value", "read", "trust"):
        assert (field in row["changed"]) == (field in change)


def test_what_people_read_stands_on_and_the_certificate_does_not(old: Path, tmp_path: Path) -> None:
    label = _changed(old, tmp_path / "answered", {"read": "what people say", "tier": "certified"})
    assay.verify(tmp_path / "answered", out=tmp_path / "new")
    again = {x.id: x for x in read(tmp_path / "new", "labels")}[label.id]
    assert again.read == "what people say"
    assert again.tier != "certified"
    assert again.value == label.value


def test_somebody_elses_sessions_are_rechecked_too(tmp_path: Path) -> None:
    rows = [
        {"id": f"s{i}", "turns": [{"speaker": "user", "text": f"hello {i}", "labels": {"intent": "ab"[i % 2]}}] * 2}
        for i in range(8)
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    codes = ["CO05", "IA01"]
    assay.audit(tmp_path / "s.jsonl", tmp_path / "old", checks=codes)
    before = marks(tmp_path / "old")
    found = assay.verify(tmp_path / "old", out=tmp_path / "new", checks=codes)
    assert marks(tmp_path / "old") == before
    assert found["labels"] == 16
    assert found["moved"] == 0
    assert {x.source for x in read(tmp_path / "new", "labels")} == {"given"}
