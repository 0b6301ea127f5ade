"""Layers in a run folder: grown pools kept and not asked for twice, rubbish refused, the covering arm marked."""

import json
import sys
from pathlib import Path

import pytest

from assay.cli.root import run as command
from assay.door.options import Plan
from assay.door.running import author, run
from assay.errors import BadInput, RunMismatch
from assay.models.model import Request
from assay.pages.reading import read_run
from assay.records.storage import read
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger

AUTHORING = Path(__file__).parents[1] / "authoring"
LAYERED = (AUTHORING / "tiny.yaml").read_text(encoding="utf-8") + (AUTHORING / "layered.yaml").read_text(
    encoding="utf-8"
)
CALLS: list[Request] = []
ANSWER = {"text": ""}


def words(request: Request) -> str:
    CALLS.append(request)
    prompt = request.messages[-1][1] if request.messages else ""
    if ANSWER["text"]:
        return ANSWER["text"]
    mark = len(CALLS)
    if "Before a word is written" in prompt:
        return "\n".join(f"{i}. Thinks of zq{i} while typing." for i in range(1, 12))
    if "Topic: " in prompt:
        return f"1. q{mark}a q{mark}b q{mark}c\n2. w{mark}a w{mark}b w{mark}c"
    return f"1. Person q{mark} r{mark} s{mark} t{mark}.\n2. Folk u{mark} v{mark} w{mark} x{mark}."


MODEL = "scripted:layer_words:words"


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("layer_words")
    module.words = words  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "layer_words", module)
    CALLS.clear()
    ANSWER["text"] = ""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(LAYERED.replace("layers:", "layers:\n  grow: {subtopics: 2, personas: 2}"), encoding="utf-8")
    return path


def test_growing_without_a_model_is_refused_before_anything_is_written(book: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="need a language model") as caught:
        author(book, tmp_path / "r", n=3, model="template")
    assert "--grow-with" in caught.value.now
    assert not (tmp_path / "r").exists()
    with pytest.raises(BadInput, match="no model 'nonsense'"):
        author(book, tmp_path / "r", n=3, model="template", grow_with="nonsense")
    assert not (tmp_path / "r").exists()


def test_rubbish_is_an_error_with_exit_code_2(book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ANSWER["text"] = "Certainly! I would love to."
    arguments = ["author", str(book), "--out", str(tmp_path / "r"), "-n", "3", "--model", "template"]
    assert command([*arguments, "--grow-with", MODEL]) == 2
    said = capsys.readouterr().err
    assert "no usable list" in said
    assert "I would love to" in said
    assert not (tmp_path / "r" / "scenarios.jsonl").exists()


def test_pools_grow_through_the_ledger_and_are_kept(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r"
    arguments = ["author", str(book), "--out", str(out), "-n", "40", "--model", "template", "--grow-with", MODEL]
    assert command([*arguments, "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)["diversity"]
    kept = json.loads((out / "layers.json").read_text(encoding="utf-8"))
    # two topics and two goals, then every subtopic
    assert len(CALLS) == found["grown"]["calls"] == 4 + len(kept["subtopics"])
    assert len(kept["subtopics"]) == 3 + 8
    stage = RunFolder(out).run()["stages"]["author"]["diversity"]
    assert stage["grown"] == found["grown"]
    assert stage["duplicates_removed"] == {"subtopics": 0, "personas": 0}
    assert {s.subtopic for s in read(out, "scenarios")} <= set(kept["subtopics"])
    with Ledger(out) as ledger:
        assert ledger.usage()["grow"]["answered"] == len(CALLS)
    before, asked = (out / "scenarios.jsonl").read_bytes(), len(CALLS)
    run_json = json.loads((out / "run.json").read_text(encoding="utf-8"))
    (out / "run.json").write_text(json.dumps({**run_json, "stages": {}}), encoding="utf-8")
    for name in ("layers.json", "scenarios.jsonl"):
        (out / name).unlink()
    assert command([*arguments, "-q"]) == 0
    assert len(CALLS) == asked
    assert (out / "scenarios.jsonl").read_bytes() == before
    with pytest.raises(RunMismatch, match="grow_with"):
        author(book, out, n=40, model="template", grow_with="embedded-base")


def test_thoughts_by_a_model_are_stored_apart(tmp_path: Path) -> None:
    path, out = tmp_path / "tiny.yaml", tmp_path / "r"
    path.write_text(LAYERED.replace("layers:", "layers:\n  reflect: model"), encoding="utf-8")
    run(path, out, Plan(n=4, model="template", grow_with=MODEL))
    assert sum("Before a word is written" in r.messages[0][1] for r in CALLS) == 4
    scenarios = list(read(out, "scenarios"))
    assert all("zq1 " in s.reflection[0].consequence for s in scenarios)
    assert RunFolder(out).run()["stages"]["author"]["thoughts"] == {"by_model": 44, "by_rule": 0}
    assert "zq" not in (out / "sessions.jsonl").read_text(encoding="utf-8")


def test_the_covering_arm_is_marked_all_the_way(tmp_path: Path) -> None:
    out = tmp_path / "r"
    run("clinic", out, Plan(n=6, model="template", covering=True))
    sessions = list(read(out, "sessions"))
    assert {s.arm for s in read(out, "scenarios")} == {"covering"}
    assert all(s.extra["arm"] == "covering" and not s.from_prior for s in sessions)
    arms = RunFolder(out).run()["stages"]["author"]["diversity"]["pairwise"]
    assert arms["covering"] > arms["prior"] > 0
    from assay.pages.coverage import planned

    assert planned(read_run(out)) == {}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "pairwise covering array" in page
    assert "(drawn only to compare)" in page
    with pytest.raises(RunMismatch, match="covering"):
        author("clinic", out, n=6, model="template")


def test_a_plain_run_is_of_the_prior_and_says_how_varied_it_is(tmp_path: Path) -> None:
    out = tmp_path / "r"
    run("clinic", out, Plan(n=5, model="template"))
    sessions = list(read(out, "sessions"))
    assert all(s.from_prior and "arm" not in s.extra for s in sessions)
    for s in sessions:
        assert {"topic", "subtopic", "name", "goal", "profile", "persona", "context"} <= set(s.session_labels)
        assert len(s.session_labels["context"]) == 11
        assert s.session_labels["persona"]["line"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "How varied the scenarios are" in page
    assert "Planned cells topic x subtopic" in page
    assert "four words in a row of the persona: 0 of 5" in page
    assert "pairwise covering array" not in page


def test_a_broken_diversity_file_is_said(tmp_path: Path) -> None:
    from assay.door.trusting import report

    out = tmp_path / "r"
    run("clinic", out, Plan(n=2, model="template"))
    (out / "diversity.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match=r"diversity\.json cannot be read"):
        report(out)
