"""gap: three arms of the same scenarios, resumable, paired on what every arm has, with bad input first."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.cli.root import run as command
from assay.door.gap import gap
from assay.door.gap_arms import Asked, make_arms
from assay.door.options import Plan
from assay.door.running import author, simulate
from assay.door.trusting import survivors
from assay.errors import BadInput, ProviderFailed, Refused
from assay.models.model import Request
from assay.records.storage import read
from assay.runs.folder import RunFolder

BROKEN: set[str] = set()
"""Purposes for which the scripted model fails; `script:3` fails one session only."""
CALLS: list[str] = []


def words(request: Request) -> str:
    """Words of both kinds: a customer who says the values asked of them, and a script along its plan."""
    prompt = request.prompt or request.messages[-1][1]
    purpose = "script" if "plan:" in prompt else "mind" if "the assistant knows:" in prompt else "own"
    CALLS.append(purpose)
    for broken in BROKEN:
        kind, _, mark = broken.partition(":")
        if kind == purpose and mark in prompt:
            raise ProviderFailed("the model is down", where="test")
    if purpose == "script":
        steps = re.findall(r"^\d+ (assistant|customer): (.*)$", prompt, re.M)
        return "\n".join(f"{who}: {what}" for who, what in steps)
    act = prompt.rsplit("acts: ", 1)[-1].split("\n")[0]
    value = re.search(r"= ([^)]*)\)", act)
    return (
        f"yes, no: {value[1]}" if value else "yes, thanks, no, when is that? bye, I want a refund to return or cancel"
    )


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = type(sys)("gap_words")
    module.words = words  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gap_words", module)
    BROKEN.clear()
    CALLS.clear()
    return


MODEL = "scripted:gap_words:words"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A gap with all arms and both regimes, on an agents run that was there."""
    sys.modules["gap_words"] = type(sys)("gap_words")
    sys.modules["gap_words"].words = words  # type: ignore[attr-defined]
    out = tmp_path_factory.mktemp("gap") / "r"
    author("returns", out, n=13, seed=2, model=MODEL)
    simulate(out)
    return out, gap(out, n=12, regimes=True)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="no such run folder"):
        gap(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(BadInput, match="no run here to compare"):
        gap(tmp_path)
    assert command(["gap", str(tmp_path)]) == 2
    assert "--blueprint" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_imported_sessions_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text('{"id": "a", "turns": [{"speaker": "user", "text": "hi", "labels": {"act": "greet"}}]}\n')
    assay.import_sessions(file, tmp_path / "i")
    with pytest.raises(BadInput, match="no scenarios"):
        gap(tmp_path / "i")


def test_a_control_arm_is_no_start(tmp_path: Path) -> None:
    author("returns", tmp_path / "s", n=2, model="template", mode="script")
    with pytest.raises(BadInput, match="script mode"):
        gap(tmp_path / "s")


def test_what_does_not_fit_the_run_is_refused(made: tuple[Path, dict[str, Any]]) -> None:
    for more, words_ in ({"n": 99}, "-n 99"), ({"n": 0}, "-n 0"), ({"seed": 7}, "--seed 2, not 7"), (
        {"model": "template"}, "--model"):  # fmt: skip
        with pytest.raises(BadInput, match=words_):
            gap(made[0], **more)


@pytest.mark.parametrize(
    ("option", "value"), [("mode", "telepathy"), ("regime", "free"), ("assistant", "template")], ids=str
)
def test_modes_that_do_not_exist_are_refused(option: str, value: str, tmp_path: Path) -> None:
    more: dict[str, Any] = {option: value, **({"mode": "script"} if option == "assistant" else {})}
    with pytest.raises(BadInput, match=value):
        author("returns", tmp_path / "x", n=1, model="template", **more)
    assert not (tmp_path / "x").exists()


def test_the_arms_share_scenarios_and_differ_in_what_they_should(made: tuple[Path, dict[str, Any]]) -> None:
    folder, found = made
    assert found["scenarios"] == 12
    assert list(found["arms"]) == ["agents", "agents-2", "script", "mindreaders", "conditioned"]
    first = [s.hash for s in read(folder, "scenarios")][:12]
    for arm in ("agents-2", "script", "mindreaders", "conditioned"):
        assert [s.hash for s in read(folder / arm, "scenarios")] == first
        assert found["arms"][arm]["sessions"] == 12
    modes = {a: {s.mode for s in read(folder / a, "sessions")} for a in ("agents-2", "script", "mindreaders")}
    assert modes == {"agents-2": {"agents"}, "script": {"script"}, "mindreaders": {"mindreaders"}}
    assert {s.regime for s in read(folder / "conditioned", "sessions")} == {"conditioned"}
    assert [found["arms"][a]["non_interference"] for a in ("agents", "script", "mindreaders")] == [True, False, False]
    acts = {
        a: [[t.labels.get("act") for t in s.turns] for s in read(folder / a, "sessions")][:12]
        for a in (".", "agents-2")
    }
    assert acts["."] != acts["agents-2"]


def test_the_report_has_every_figure_of_rl07_with_intervals(made: tuple[Path, dict[str, Any]]) -> None:
    folder, found = made
    assert json.loads((folder / "gap.json").read_text()) == found
    names = {m["name"] for m in found["measures"]}
    assert {"goal_completion", "first_mention", "words_per_user_turn", "clarification", "acknowledgement"} <= names
    for m in found["measures"]:
        assert set(m["arms"]) == set(found["arms"])
        for d in m["differences"].values():
            assert d["n"] <= 12
            assert d["low"] is not None
            assert d["low"] <= d["value"] <= d["high"]
    by_name = {m["name"]: m for m in found["measures"]}
    # the reference assistant that knows all asks for nothing, so nothing is said
    said = by_name["facts_mentioned"]
    assert said["arms"]["agents"]["value"] > 0.4
    assert said["arms"]["mindreaders"]["value"] < 0.2
    assert said["differences"]["mindreaders"]["differs"]
    assert any("also writes the assistant's lines" in line for line in found["caveats"])
    assert not by_name["goal_completion"]["differences"]["agents-2"]["differs"]
    assert any("private facts said" in line for line in found["differs"])
    page = (folder / "gap.html").read_text()
    for text in ("Which labels survive", "Controlled and conditioned", "Reluctant and forthcoming", "mindreaders"):
        assert text in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_survival_is_paired_and_needs_59_pairs(made: tuple[Path, dict[str, Any]]) -> None:
    folder, found = made
    rows = {(r["mode"], r["name"]): r for r in found["survival"]}
    assert {"script", "mindreaders"} == {m for m, _ in rows}
    for row in rows.values():
        assert row["n"] <= 12
        assert not row["survives"]
        assert ("59" in row["reason"]) == (row["difference"] >= -0.05)
        assert row["difference"] == pytest.approx(row["agreement"] - row["noise"], abs=1e-5)
    assert "profile.patience" in found["not_read"]
    assert survivors(RunFolder(folder / "script")) == frozenset()
    tiers = {(label.tier, "born_script" in label.reasons) for label in read(folder / "script", "labels")}
    assert tiers <= {("suspect", True), ("rejected", False)}


def test_a_name_that_survives_loses_its_cap_and_no_other(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    from assay.door.trusting import labels_stage

    folder = made[0] / "mindreaders"
    before = (folder / "survival.json").read_text()
    try:
        held = json.loads(before)
        held["names"]["core_act"]["survives"] = True
        (folder / "survival.json").write_text(json.dumps(held))
        with RunFolder(folder) as run:
            labels = labels_stage(run)
        capped = {label.name for label in labels if "born_mindreaders" in label.reasons}
        assert "core_act" not in capped
        assert "act" in capped
        (folder / "survival.json").write_text('{"names": []}')
        with RunFolder(folder) as run, pytest.raises(BadInput, match="survival"):
            labels_stage(run)
    finally:
        (folder / "survival.json").write_text(before)


def test_the_regimes_are_compared_on_blind_recovery(made: tuple[Path, dict[str, Any]]) -> None:
    regimes = made[1]["regimes"]
    assert regimes["paired"] == 12
    row = regimes["names"]["core_act"]
    assert 0 <= row["controlled"]["value"] <= 1
    assert row["difference"]["low"] is not None
    assert regimes["names"]["slots.order_number"]["controlled"]["value"] == 1


def test_run_again_nothing_is_asked_again(made: tuple[Path, dict[str, Any]]) -> None:
    assert gap(made[0], n=12, regimes=True) == made[1]
    assert CALLS == []


def test_an_arm_whose_model_fails_leaves_the_others_and_goes_on_later(tmp_path: Path) -> None:
    BROKEN.add("mind")
    with pytest.raises(ProviderFailed):
        gap(tmp_path, blueprint="returns", n=10, seed=2, model=MODEL)
    found = json.loads((tmp_path / "gap.json").read_text())
    assert found["arms"]["mindreaders"]["error"].startswith("every session failed")
    assert {r["mode"] for r in found["survival"]} == {"script"}
    assert "not made" in (tmp_path / "gap.html").read_text()
    assert command(["gap", str(tmp_path), "-q"]) == 3
    BROKEN.clear()
    CALLS.clear()
    assert gap(tmp_path)["arms"]["mindreaders"]["sessions"] == 10
    assert set(CALLS) == {"mind"}


def test_a_session_missing_in_one_arm_is_left_out_of_the_pairs_and_named(tmp_path: Path) -> None:
    scenario = _order_number_of(tmp_path / "look")
    BROKEN.add(f"script:{scenario}")
    with pytest.raises(Refused, match="1 of 11"):
        gap(tmp_path / "g", blueprint="returns", n=11, seed=2, model=MODEL)
    found = gap(tmp_path / "g", max_failed=0.2)
    (missing,) = found["arms"]["script"]["missing"]
    assert found["arms"]["script"]["sessions"] == 10
    words_ = next(m for m in found["measures"] if m["name"] == "words_per_user_turn")
    assert words_["differences"]["script"]["n"] == 10
    assert words_["differences"]["mindreaders"]["n"] == 11
    assert missing in (tmp_path / "g" / "gap.html").read_text()


def _order_number_of(folder: Path) -> str:
    author("returns", folder, n=11, seed=2, model="template")
    return str(list(read(folder, "scenarios"))[4].slots["order_number"])


def test_arms_of_other_scenarios_are_refused(tmp_path: Path) -> None:
    author("returns", tmp_path / "r", n=2, seed=2, model="template")
    simulate(tmp_path / "r")
    path = tmp_path / "r" / "scenarios.jsonl"
    path.write_text(re.sub(r'"patience":"\w+"', '"patience":"endless"', path.read_text()))
    with pytest.raises(BadInput, match="not those of the agents arm"):
        make_arms(tmp_path / "r", Asked())


def test_a_finished_run_is_left_as_it_was(tmp_path: Path) -> None:
    from assay.door.running import run

    run("returns", tmp_path / "r", Plan(n=4, seed=2, model="template"))
    before = {p.name: p.read_bytes() for p in (tmp_path / "r").iterdir() if p.suffix in (".json", ".jsonl", ".html")}
    gap(tmp_path / "r")
    assert {name: (tmp_path / "r" / name).read_bytes() for name in before} == before
