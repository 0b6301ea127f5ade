"""The tutorial is run from its first command to its last, and prints what it shows."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_tutorial", DOCS / "run_tutorial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["run_tutorial"] = module
    spec.loader.exec_module(module)
    return module


def test_the_tutorial_prints_what_it_shows(runner: ModuleType, tmp_path: Path) -> None:
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    found = runner.differences(page, tmp_path)
    assert not found, "\n".join(found) + "\nafter a wanted change: python docs/run_tutorial.py --update"
    assert "granted" in (tmp_path / "runs/first/certificate.json").read_text(encoding="utf-8")


def test_another_output_would_be_seen(runner: ModuleType, tmp_path: Path) -> None:
    page = "```sh\necho 40 sessions in 7 s\n```\n```text\n41 sessions in ... s\n```\n"
    assert len(runner.differences(page, tmp_path)) == 1


def test_a_failing_command_would_be_seen(runner: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        runner.differences("```sh\nexit 3\n```\n", tmp_path)


def test_dots_stand_for_what_differs(runner: ModuleType) -> None:
    assert runner.matches("in ... s", "in 12 s\n")
    assert not runner.matches("in ... s", "in 12 m\n")


@pytest.mark.parametrize("page", ["import-your-sessions", "put-assay-into-your-ci"])
def test_a_how_to_runs(runner: ModuleType, tmp_path: Path, page: str) -> None:
    assert not runner.differences((DOCS / "how-to" / f"{page}.md").read_text(encoding="utf-8"), tmp_path)
