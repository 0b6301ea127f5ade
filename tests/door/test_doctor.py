"""The doctor: what it calls fine is fine, and a run that knew or was changed too much is found."""

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import assay.door.doctor as doctor
import assay.simulation.views as views
from assay.cli.root import run as command
from assay.door.options import Plan
from assay.door.running import author, run, simulate
from assay.errors import BadInput
from assay.models.model import Request
from assay.simulation.prompt import Header


def words(request: Request) -> str:
    """A customer who says the values asked of them and little else; an assistant that asks why it is asked."""
    if request.messages and "customer:" not in request.messages[-1][1]:
        return "What is your order number?"
    act = (request.prompt or "").rsplit("acts: ", 1)[-1].split("\n")[0]
    value = re.search(r"= ([^)]*)\)", act)
    return (
        f"yes, no: {value[1]}" if value else "yes, thanks, no, when is that? bye, I want a refund to return or cancel"
    )


@pytest.fixture(scope="module", autouse=True)
def script() -> Iterator[None]:
    sys.modules["doctor_words"] = type(sys)("doctor_words")
    sys.modules["doctor_words"].words = words  # type: ignore[attr-defined]
    yield
    del sys.modules["doctor_words"]


MODEL = "scripted:doctor_words:words"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, script: None) -> Path:
    out = tmp_path_factory.mktemp("run") / "d"
    run("returns", out, Plan(n=6, seed=3, model=MODEL))
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def found_in(folder: Path, **more: Any) -> dict[str, doctor.Finding]:
    return {f.what: f for f in doctor.check_run(folder, **more)}


def edit_sessions(folder: Path, change: Any) -> None:
    path = folder / "sessions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    change(rows)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="not a run folder"):
            doctor.check_run(path)
    with pytest.raises(BadInput, match="one session or more"):
        doctor.check_run(tmp_path, sample=0)
    assert command(["doctor", str(tmp_path)]) == 2


def test_imported_sessions_have_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "sessions.jsonl").write_text('{"id": "a", "turns": [{"speaker": "user", "text": "hi"}]}\n')
    found = found_in(tmp_path)
    assert found["non-interference"].state == "missing"
    assert "not made by assay" in found["non-interference"].detail


def test_a_run_is_fine_and_its_stored_prompts_were_rendered_again(folder: Path) -> None:
    found = found_in(folder)
    assert all(f.state == "fine" for f in found.values()), found
    prompts, renderings = (int(x) for x in re.findall(r"^(\d+) stored|(\d+) times", found["non-interference"].detail)
                           for x in x if x)  # fmt: skip
    assert prompts > 10
    assert renderings > 10 * prompts
    assert found["ledger"].detail.startswith("0 stored")
    assert "of 2 of 6 sessions" in found_in(folder, sample=2)["non-interference"].detail


def test_a_leaking_prompt_is_found_whatever_it_leaks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: the code that made the prompts looked at more than it may, and so do the stored bytes."""
    honest = views.user_header

    def leaky(blueprint: Any, scenario: Any) -> Header:
        return replace(honest(blueprint, scenario), situation=(scenario.world["price"],))

    monkeypatch.setattr(views, "user_header", leaky)
    leaking = folder.parent / "leaking"
    run("returns", leaking, Plan(n=2, seed=3, model=MODEL))
    found = found_in(leaking)["non-interference"]
    assert found.state == "broken"
    assert any(re.fullmatch(r"s\d+ turn \d+: world\.price", f) for f in found.failures), found.failures
    monkeypatch.setattr(views, "user_header", honest)
    # the honest code, looking at what the leaking code has stored
    assert any("not the stored prompt" in f for f in found_in(leaking)["non-interference"].failures)


def test_a_transcript_changed_afterwards_is_found(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[2]["turns"][1]["text"] = "I want something else."

    edit_sessions(folder, change)
    found = found_in(folder)
    assert any("turn 3: not the stored prompt" in f for f in found["non-interference"].failures)
    assert found["ledger"].state == "broken"


def test_an_act_changed_afterwards_is_found(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        last = rows[1]["turns"][-1]
        last["labels"] = {"act": "complain", "core_act": "complain"}
        rows[1]["prompts"] = {}

    edit_sessions(folder, change)
    assert any("another act is drawn" in f for f in found_in(folder)["non-interference"].failures)


def test_a_prompt_changed_in_the_ledger_is_found(folder: Path) -> None:
    import zlib

    with sqlite3.connect(folder / "ledger.sqlite") as db:
        for mark, body in list(db.execute("SELECT hash, body FROM texts")):
            text = zlib.decompress(body).decode()
            if text.startswith("customer: "):
                db.execute("UPDATE texts SET body = ? WHERE hash = ?", (zlib.compress((text + " x").encode()), mark))
                break
    found = found_in(folder)
    assert found["ledger"].state == "broken" or found["non-interference"].state == "broken"


def test_a_ledger_of_knowledge_changed_afterwards_is_found(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["knowledge"][0]["from_turn"] = 1

    edit_sessions(folder, change)
    assert found_in(folder)["knowledge ledger"].state == "broken"


def test_a_changed_scenario_is_found(folder: Path) -> None:
    path = folder / "scenarios.jsonl"
    path.write_text(re.sub(r'"seed":3', '"seed":4', path.read_text(), count=1))
    found = found_in(folder)
    assert found["scenario hashes"].state == "broken"
    assert "1 of 6" in found["scenario hashes"].detail


def test_an_assistant_behind_a_model_is_checked_too(tmp_path: Path) -> None:
    author("returns", tmp_path / "e", n=3, seed=3, model=MODEL, assistant=MODEL)
    simulate(tmp_path / "e")
    found = found_in(tmp_path / "e")["non-interference"]
    assert found.state == "fine", found.failures
    assert int(re.findall(r"\((\d+) of the assistant\)", found.detail)[0]) > 5


def test_an_assistant_that_is_told_of_the_user_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.door import answering

    honest = answering._chat

    def told(calls: Any, scenario: Any, blueprint: Any, *more: Any) -> Any:
        return honest(calls, scenario.model_copy(update={"world": {"goal": scenario.goal}}), blueprint, *more)

    monkeypatch.setattr(answering, "_chat", told)
    author("returns", tmp_path / "e", n=2, seed=3, model=MODEL, assistant=MODEL)
    simulate(tmp_path / "e")
    failures = found_in(tmp_path / "e")["non-interference"].failures
    assert any("the assistant answers otherwise, goal" in f for f in failures), failures


@pytest.mark.parametrize("regime", ["conditioned"])
def test_the_conditioned_regime_is_held_to_the_same(tmp_path: Path, regime: str) -> None:
    author("returns", tmp_path / "e", n=4, seed=3, model=MODEL, regime=regime)
    simulate(tmp_path / "e")
    found = found_in(tmp_path / "e")["non-interference"]
    assert found.state == "fine", found.failures
    assert int(found.detail.split()[0]) > 10


@pytest.mark.parametrize("mode", ["script", "mindreaders"])
def test_control_arms_are_not_expected_to_hold(tmp_path: Path, mode: str) -> None:
    author("returns", tmp_path / "e", n=2, seed=3, model=MODEL, mode=mode)
    simulate(tmp_path / "e")
    found = found_in(tmp_path / "e")["non-interference"]
    assert found.state == "not expected"
    assert mode in found.detail
    assert command(["doctor", str(tmp_path / "e"), "--json"]) == 0
