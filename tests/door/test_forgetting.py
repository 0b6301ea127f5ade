"""A forgotten session is nowhere: not in a record, a sample, a page, a prompt or an answer."""

import json
import shutil
import sqlite3
import zlib
from pathlib import Path

import pytest

import assay
from assay.door.auditing import _mark
from assay.door.forgetting import forget, own_texts, search
from assay.door.options import Plan
from assay.errors import BadInput, Refused
from assay.pages.view.index import FILE, homes, indexed
from assay.records.storage import read
from assay.testing import tiny_run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run whose wording was asked of a model, so that there are prompts."""
    out = tmp_path_factory.mktemp("forget") / "run"
    assay.run("returns", out, Plan(n=8, seed=2, model="scripted"))
    assay.sample(out, 60, out / "mine.csv", labels=["core_act", "act"])
    return out


@pytest.fixture
def run(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_an_unknown_session_or_folder_is_refused(run, tmp_path):
    with pytest.raises(BadInput, match="no session 'nobody'"):
        forget(run, "nobody")
    with pytest.raises(BadInput, match="no such run folder"):
        forget(tmp_path / "nowhere", "s00000")


def test_nothing_of_the_session_is_left(run):
    sessions = list(read(run, "sessions"))
    gone, others = sessions[3], [s for s in sessions if s is not sessions[3]]
    own = own_texts(gone, others, (run / "blueprint.yaml").read_text())
    assert own
    before = search(run, own)
    assert {"sessions.jsonl", "report.html", "ledger.sqlite", "mine.csv"} <= set(before)
    found = forget(run, gone.id)
    assert found["found"] == []
    assert search(run, own) == []
    assert found["rows"]["sessions"] == 1
    for table in ("sessions", "labels", "verdicts", "scenarios"):
        text = (run / f"{table}.jsonl").read_text()
        assert json.dumps(gone.id) not in text
    assert (run / "report.html").exists()
    assert gone.id not in (run / "report.html").read_text()


def test_the_others_are_as_they_were(run):
    before = {s.id: s for s in read(run, "sessions")}
    labels = [x for x in read(run, "labels") if x.session != "s00003"]
    forget(run, "s00003")
    after = {s.id: s for s in read(run, "sessions")}
    assert after == {k: v for k, v in before.items() if k != "s00003"}
    assert list(read(run, "labels")) == labels


def test_going_on_does_not_bring_it_back(run):
    forget(run, "s00003")
    assay.run("returns", run, Plan(n=8, seed=2, model="scripted"))
    assert "s00003" not in {s.id for s in read(run, "sessions")}


def test_a_search_that_finds_something_says_so(run):
    gone = next(s for s in read(run, "sessions") if s.id == "s00003")
    design = (run / "blueprint.yaml").read_text()
    own = own_texts(gone, [s for s in read(run, "sessions") if s.id != "s00003"], design)
    (run / "notes.txt").write_text("someone wrote down: " + own[0])
    with pytest.raises(Refused, match=r"notes\.txt"):
        forget(run, "s00003")


def test_the_search_looks_into_packed_texts(run):
    with sqlite3.connect(run / "ledger.sqlite") as db:
        body = zlib.compress(b"a very private sentence")
        db.execute("INSERT INTO items VALUES ('x', 'y', ?)", (body,))
    assert search(run, ["a very private sentence"]) == ["ledger.sqlite"]
    assert search(run, ["another private sentence"]) == []


def test_a_run_of_templates_is_forgotten_too(tmp_path):
    tiny_run(tmp_path / "run", n=3)
    assert forget(tmp_path / "run", "s00001")["found"] == []


def test_what_a_look_at_the_run_left_is_gone_too(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for home in homes(run):
        home.parent.mkdir(parents=True, exist_ok=True)
        (home.parent / f"{home.name}-wal").write_bytes(b"left by a killed look")
        home.write_bytes(b"left by another look")
    path, _ = indexed(run)
    assert path == run / FILE
    gone = next(s for s in read(run, "sessions") if s.id == "s00003")
    own = own_texts(gone, [s for s in read(run, "sessions") if s is not gone and s.id != gone.id])
    forget(run, gone.id)
    left = [p for home in homes(run) for p in home.parent.glob(f"{home.name}*")]
    assert left == []
    again, _ = indexed(run)
    data = again.read_bytes()
    assert gone.id.encode() not in data
    assert not [t for t in own if t.encode() in data]


def test_a_look_is_no_change_of_an_audited_folder(run, tmp_path):
    before = _mark(run)
    indexed(run)
    assert (run / FILE).exists()
    assert _mark(run) == before
    (run / "sessions.jsonl").write_text("")
    assert _mark(run) != before
