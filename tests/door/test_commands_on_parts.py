"""What follows an audit in parts: every command on the folder, from the command line, against the same in one piece."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_large_audit import N, audited, small, write

import assay
from assay.cli.root import run
from assay.door import auditing, large_folder
from assay.errors import BadInput, RunMismatch
from assay.records import parts
from assay.records.storage import read

__all__ = ["small"]
TABLES = ("sessions", "verdicts", "labels")


@pytest.fixture
def folder(tmp_path: Path, small: None) -> Path:
    """A run in four parts."""
    out = tmp_path / "run"
    audited(write(tmp_path / "s.jsonl"), out)
    assert all(len(parts.parts_of(out, t)) == 4 and not (out / f"{t}.jsonl").exists() for t in TABLES)
    return out


def said(argv: list[Any], capsys: pytest.CaptureFixture[str], exit_code: int = 0) -> Any:
    capsys.readouterr()
    code = run([*map(str, argv), "--json"])
    found = capsys.readouterr()
    assert code == exit_code, found.err
    return json.loads(found.out) if found.out.strip() else found.err


def rows(out: Path, table: str) -> list[str]:
    return [r.line() for r in read(out, table)]


def test_judges_are_sent_to_the_sample(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("part-*")}
    for argv in (["verify", folder], ["verify", folder, "--out", tmp_path / "again"]):
        with pytest.raises(BadInput, match="checked in parts") as told:
            assay.verify(argv[1], judge=["embedded-base"], out=argv[3] if len(argv) > 2 else None)
        assert f"assay verify {folder / 'sample'} --judge" in str(told.value)
    assert {p: p.read_bytes() for p in folder.rglob("part-*")} == before
    assert not (folder / "verdicts.jsonl").exists()
    # what the refusal names works: the sample is a run folder of its own
    plan = said(["verify", folder / "sample", "--dry-run"], capsys)
    assert plan["sessions"] == 30
    with pytest.raises(BadInput, match="sample --judge"):
        audited(tmp_path / "s.jsonl", tmp_path / "judged", judge=["embedded-base"])


def test_an_audit_that_has_not_ended_is_no_ground_for_claims(folder: Path, tmp_path: Path) -> None:
    run_json = json.loads((folder / "run.json").read_text())
    del run_json["stages"]["audit"]
    (folder / "run.json").write_text(json.dumps(run_json))
    shutil.rmtree(folder / "labels")
    shutil.rmtree(folder / "sample")
    for call in (lambda: assay.certify(folder), lambda: assay.report(folder),
                 lambda: assay.sample(folder, 5, tmp_path / "x.csv")):  # fmt: skip
        with pytest.raises(BadInput, match="that has not ended"):
            call()


def test_other_checks_need_another_folder(folder: Path) -> None:
    with pytest.raises(RunMismatch, match="checks"):
        assay.verify(folder, checks=["CO05"])


def test_verify_again_says_what_was_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("part-*")}
    found = said(["verify", folder, "-q"], capsys)
    assert found["checks"] == json.loads((folder / "audit.json").read_text())["checks"]
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("part-*")} == before


def test_verify_into_another_folder_and_diff(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    untouched = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    same = said(["verify", folder, "--out", tmp_path / "same", "--checks", "LB06,IA01,CO05,BR05", "-q"], capsys)
    assert (same["moved"], same["labels"]) == (0, 2 * N)
    for table in TABLES:
        assert rows(tmp_path / "same", table) == rows(folder, table)
    fewer = said(["verify", folder, "--out", tmp_path / "fewer", "--checks", "CO05", "-q"], capsys)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == untouched
    diff = said(["diff", folder, tmp_path / "fewer"], capsys)
    assert diff["moved_in_all"] == fewer["moved"] == len(diff["moved"]) > 0
    assert set(diff["by_check"]) >= {"LB06"}
    assert (diff["labels"], diff["only_a"], diff["only_b"]) == (2 * N, 0, 0)
    assert run(["diff", str(folder), str(tmp_path / "fewer"), "--limit", "2"]) == 0
    assert f"and {diff['moved_in_all'] - 2} more" in capsys.readouterr().out
    # half of the copy is gone: gone on with, to the same rows
    for path in (tmp_path / "fewer").rglob("verdicts/part-0000[23]*"):
        path.unlink()
    held = json.loads((tmp_path / "fewer" / "run.json").read_text())
    del held["stages"]["audit"]
    (tmp_path / "fewer" / "run.json").write_text(json.dumps(held))
    assert said(["verify", folder, "--out", tmp_path / "fewer", "--checks", "CO05", "-q"], capsys)["moved"] > 0


def test_diff_lists_the_largest_moves_and_counts_all(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.door import versions

    assay.verify(folder, out=tmp_path / "fewer", checks=["CO05"])
    whole = assay.diff(folder, tmp_path / "fewer")
    monkeypatch.setattr(versions, "MOST_MOVED", 3)
    some = assay.diff(folder, tmp_path / "fewer")
    assert some["moved"] == whole["moved"][:3]
    assert {k: v for k, v in some.items() if k != "moved"} == {k: v for k, v in whole.items() if k != "moved"}


def test_diff_pairs_runs_in_other_orders(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_folder, "ROWS", 7)
    other = tmp_path / "other"
    other.mkdir()
    lines = rows(folder, "labels")
    (other / "labels.jsonl").write_text("\n".join([*reversed(lines[3:])]) + "\n")
    found = assay.diff(folder, other)
    assert (found["labels"], found["only_a"], found["only_b"], found["moved"]) == (2 * N - 3, 3, 0, [])


def answered(sample: Path, truth: dict[str, Any], out: Path) -> Path:
    with sample.open(newline="") as asked, out.open("w", newline="") as told:
        writer = csv.writer(told)
        writer.writerow(["sample_id", "assessor", "answer", "seconds"])
        for row in csv.DictReader(asked):
            writer.writerow([row["sample_id"], "a", truth[row["sample_id"]], 3])
    return out


def test_sample_and_certificate_are_those_of_one_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    for table in TABLES:
        parts.joined(whole, table, whole / f"{table}.jsonl")
        shutil.rmtree(whole / table)
    for out in (folder, whole):
        said(["sample", out, "-n", "100", "--tune", "10", "--label", "t", "--label", "reward",
              "--out", tmp_path / f"{out.name}.csv"], capsys)  # fmt: skip
    assert (tmp_path / "run.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    roles = json.loads((folder / "sample.json").read_text())
    truth = {i["sample_id"]: i["truth"] for i in roles["items"]}
    answers = answered(tmp_path / "run.csv", truth, tmp_path / "answers.csv")
    made = [said(["certify", out, "--answers", answers], capsys) for out in (folder, whole)]
    assert made[0] == made[1]
    assert made[0]["status"] == "granted"
    assert not (folder / "labels.jsonl").exists()
    assert rows(folder, "labels") == rows(whole, "labels")
    assert any(x.tier == "certified" for x in read(folder, "labels"))
    gates = [said(["gate", out, "--max-error", "0.05"], capsys) for out in (folder, whole)]
    assert gates[0] == gates[1]
    said(["report", folder], capsys)
    page = (folder / "report.html").read_text()
    assert "random sample of 30 of 64 sessions" in page
    assert any(x.tier == "certified" for x in read(folder / "sample", "labels"))
    # what people read stands on in another version of the labels
    again = tmp_path / "again"
    monkeypatch.setattr(auditing, "audit_power", lambda *_, **__: None)
    assay.verify(folder, out=again)
    kept = [x.read for x in read(again, "labels") if x.read is not None]
    assert kept == [x.read for x in read(folder, "labels") if x.read is not None] != []
    assert not any(x.tier == "certified" for x in read(again, "labels"))


@pytest.mark.parametrize("form", ["jsonl", "openai", "inspect", "crowdkit", "labelstudio", "parquet"])
def test_exports_are_those_of_one_file(form: str, folder: Path, tmp_path: Path) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    for table in TABLES:
        parts.joined(whole, table, whole / f"{table}.jsonl")
        shutil.rmtree(whole / table)
    found = [
        assay.export(out, tmp_path / f"{out.name}-data", format=form, min_tier="rejected") for out in (folder, whole)
    ]
    counts = [{k: f[k] for k in ("sessions", "labels", "left_out")} for f in found]
    assert counts[0] == counts[1] == {"sessions": N, "labels": 2 * N, "left_out": 0}
    for path in (p for p in (tmp_path / "whole-data").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "run-data" / path.relative_to(tmp_path / "whole-data")).read_bytes()


def test_imported_in_parts_then_verified(tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = write(tmp_path / "s.jsonl"), tmp_path / "imported"
    said(["import", "sessions", file, "--out", out, "-q"], capsys)
    assert len(parts.parts_of(out, "sessions")) == 4
    found = said(["verify", out, "--checks", "CO05", "-q"], capsys)
    assert set(found["checks"]) == {"CO05"}
    assert len(rows(out, "labels")) == 2 * N
    assert (out / "report.html").exists()
    assert not (out / "verdicts.jsonl").exists()
