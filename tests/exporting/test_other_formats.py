"""Exports for other tools: what each holds, and that nothing of a lower tier or of the truth slips in."""

import csv
import json
from pathlib import Path

import pytest
from made_run import make_run

import assay
from assay.door.options import Plan
from assay.errors import BadInput
from assay.exporting.votes import safe
from assay.records import read


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    make_run(directory, 6)
    return directory


@pytest.fixture(scope="module")
def worded(tmp_path_factory) -> Path:
    """A run whose user was worded by a model, so that offers were made and refused."""
    out = tmp_path_factory.mktemp("worded") / "run"
    assay.run("returns", out, Plan(n=6, seed=3, model="scripted"))
    return out


def lines(path: Path) -> list[dict]:
    return [json.loads(x) for x in path.read_text().splitlines()]


def test_bad_choices(made, tmp_path):
    with pytest.raises(BadInput, match="no format 'xml'"):
        assay.export(made, tmp_path / "x", format="xml")
    with pytest.raises(BadInput, match="no tier 'best'"):
        assay.export(made, tmp_path / "x", min_tier="best")
    with pytest.raises(BadInput, match="both tiers and a least one"):
        assay.export(made, tmp_path / "x", min_tier="suspect", tiers=("suspect",))
    with pytest.raises(BadInput, match="no ledger"):
        assay.export(made, tmp_path / "x", format="dpo")


def test_min_tier_keeps_it_and_the_better_ones(made, tmp_path):
    labels = list(read(made, "labels"))
    for least, kept in (("certified", 1), ("provisional", 2), ("suspect", 3), ("rejected", 4)):
        wanted = ("certified", "provisional", "suspect", "rejected")[:kept]
        found = assay.export(made, tmp_path / least, min_tier=least)
        assert found["labels"] == sum(x.tier in wanted for x in labels)


def test_every_label_carries_its_evidence(made, tmp_path):
    found = assay.export(made, tmp_path, min_tier="rejected")
    by_place = {(x.session, x.turn, x.name): x for x in read(made, "labels")}
    seen = 0
    for row in lines(Path(found["data"])):
        for place, tiers in [(None, row["session_tiers"]), *((i, t["tiers"]) for i, t in enumerate(row["turns"]))]:
            for name, evidence in tiers.items():
                label = by_place[row["id"], place, name]
                assert evidence["evidence"] == label.verdicts
                assert evidence["distribution"] == label.distribution
                assert (evidence["source"], evidence["tier"]) == (label.source, label.tier)
                assert evidence["identifiable_from_turn"] == label.identifiable_from_turn
                seen += 1
    assert seen == len(by_place)


def test_openai_chats_can_be_imported_again(made, tmp_path):
    found = assay.export(made, tmp_path / "out", format="openai")
    sessions = list(read(made, "sessions"))
    rows = lines(Path(found["data"]))
    assert [[m["content"] for m in r["messages"]] for r in rows] == [[t.text for t in s.turns] for s in sessions]
    assert {m["role"] for r in rows for m in r["messages"]} <= {"user", "assistant", "system", "tool"}
    assert {x["tier"] for r in rows for x in r["metadata"]["labels"]} <= {"certified", "provisional"}
    counts = assay.import_sessions(found["data"], tmp_path / "again", format="openai")
    assert counts["turns"] == sum(len(s.turns) for s in sessions)


def test_inspect_samples_end_where_the_label_stands(made, tmp_path):
    found = assay.export(made, tmp_path, format="inspect", min_tier="suspect")
    sessions = {s.id: s for s in read(made, "sessions")}
    rows = lines(Path(found["data"]))
    assert len({r["id"] for r in rows}) == len(rows) == found["labels"]
    for row in rows:
        turn = row["metadata"]["turn"]
        said = sessions[row["metadata"]["session"]].turns
        assert len(row["input"]) == (len(said) if turn is None else turn + 1)


def test_crowdkit_votes(made, tmp_path):
    found = assay.export(made, tmp_path, format="crowdkit", min_tier="rejected")
    with Path(found["data"]).open() as handle:
        rows = list(csv.DictReader(handle))
    assert set(rows[0]) == {"task", "worker", "label"}
    labels = list(read(made, "labels"))
    assert sum(r["worker"] == "authored" for r in rows) == sum(x.authored is not None for x in labels)
    assert sum(r["worker"] == "read" for r in rows) == sum(x.read is not None for x in labels)


def test_no_cell_is_a_formula():
    assert [safe(c) for c in ("=1+1", "+x", "@a", "-2", "-b", "plain")] == ["'=1+1", "'+x", "'@a", "-2", "'-b", "plain"]


def test_label_studio_tasks(made, tmp_path):
    found = assay.export(made, tmp_path, format="labelstudio", min_tier="suspect")
    tasks = json.loads(Path(found["data"]).read_text())
    assert len(tasks) == found["sessions"]
    regions = [r for t in tasks for r in t["predictions"][0]["result"]]
    assert len(regions) == found["labels"]
    for region in regions:
        assert region["value"]["choices"]
        if "start" in region["value"]:
            assert region["value"]["startOffset"] == 0


def test_preferences_are_offers_of_one_prompt(worded, tmp_path):
    kto = lines(Path(assay.export(worded, tmp_path / "k", format="kto")["data"]))
    dpo = lines(Path(assay.export(worded, tmp_path / "d", format="dpo")["data"]))
    sessions = list(read(worded, "sessions"))
    said = {t.text for s in sessions for t in s.turns if t.speaker == "user"}
    assert {r["completion"] for r in kto if r["label"]} <= said
    accepted = {r["prompt"]: r["completion"] for r in kto if r["label"]}
    assert sum(r["label"] for r in kto) == len({k for s in sessions for k in s.prompts.values() if k})
    for row in dpo:
        assert accepted[row["prompt"]] == row["chosen"]
        assert row["chosen"] != row["rejected"]


def test_the_metadata_says_what_the_file_is(made, tmp_path):
    import hashlib

    for format in ("jsonl", "parquet"):
        if format == "parquet":
            pytest.importorskip("pyarrow")
        found = assay.export(made, tmp_path / format, format=format)
        data = Path(found["data"])
        row = json.loads((tmp_path / format / "croissant.json").read_text())
        assert row["distribution"][0]["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()
        assert row["distribution"][0]["contentUrl"] == data.name


def test_the_metadata_validates_with_mlcroissant(made, tmp_path):
    reader = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    assay.export(made, tmp_path)
    loaded = reader.Dataset(jsonld=str(tmp_path / "croissant.json"))
    assert not loaded.metadata.ctx.issues.errors
    assert len(list(loaded.records("sessions"))) == 6
