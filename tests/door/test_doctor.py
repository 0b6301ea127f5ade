"""The doctor: what it calls fine is fine, and a prompt that saw too much is found."""

import re
from pathlib import Path

import pytest

import assay.door.doctor as doctor
from assay.door.options import Plan
from assay.door.running import run
from assay.models.model import Request
from assay.simulation.prompt import Header
from assay.simulation.views import user_header


def words(request: Request) -> str:
    """A customer who says the values asked of them and little else."""
    act = (request.prompt or "").rsplit("acts: ", 1)[1].split("\n")[0]
    value = re.search(r"= ([^)]*)\)", act)
    return (
        f"yes, no: {value[1]}" if value else "yes, thanks, no, when is that? bye, I want a refund to return or cancel"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import sys

    sys.modules["doctor_words"] = type(sys)("doctor_words")
    sys.modules["doctor_words"].words = words  # type: ignore[attr-defined]
    out = tmp_path_factory.mktemp("run") / "d"
    run("returns", out, Plan(n=6, seed=3, model="scripted:doctor_words:words"))
    return out


def test_a_run_is_fine_and_its_stored_prompts_were_rendered_again(folder: Path) -> None:
    found = {f.what: f for f in doctor.check_run(folder)}
    assert all(f.state == "fine" for f in found.values())
    assert int(found["non-interference"].detail.split()[0]) > 10


def test_a_prompt_that_depends_on_the_world_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(blueprint: object, scenario: object) -> Header:
        header = user_header(blueprint, scenario)  # type: ignore[arg-type]
        return Header(manner=header.manner, situation=(scenario.world["price"],), goal=header.goal)  # type: ignore[attr-defined]

    monkeypatch.setattr(doctor, "user_header", leaky)
    found = {f.what: f for f in doctor.check_run(folder)}
    assert found["non-interference"].state == "broken"


def test_a_changed_scenario_is_found(folder: Path) -> None:
    path = folder / "scenarios.jsonl"
    before = path.read_text()
    try:
        path.write_text(re.sub(r'"seed":3', '"seed":4', before, count=1))
        found = {f.what: f for f in doctor.check_run(folder)}
        assert found["scenario hashes"].state == "broken"
        assert "1 of 6" in found["scenario hashes"].detail
    finally:
        path.write_text(before)
