"""`report --no-text`: what the page is for people who may not read the transcripts."""

import html
from pathlib import Path

import pytest

from assay.cli.root import run
from assay.records.storage import read

LONG = 18
"""Characters from which a turn is no phrase that the page's own words could hold."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("no-text") / "run"
    assert run(["run", "returns", "--out", str(out), "-n", "12", "--seed", "3", "--model", "template", "-q"]) == 0
    return out


def told(folder: Path) -> list[str]:
    return [t.text for s in read(folder, "sessions") for t in s.turns if len(t.text) > LONG]


def secrets(folder: Path) -> set[str]:
    """Private values that name one person's thing: a number or an address."""
    held = {str(v) for s in read(folder, "sessions") for facts in s.private.values() for v in facts.values()}
    return {v for v in held if sum(c.isdigit() for c in v) > 3 or "@" in v}


def quotes(folder: Path) -> set[str]:
    """Words that verdicts quote."""
    return {q.quote for v in read(folder, "verdicts") for q in v.evidence if len(q.quote) > LONG}


@pytest.mark.parametrize("argv", [["--no-text"], []])
def test_no_turn_stands_in_it(argv: list[str], folder: Path) -> None:
    assert run(["report", str(folder), *argv]) == 0
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    held = [t for t in told(folder) if t in page]
    assert len(told(folder)) > 20
    assert (held == []) if argv else (len(held) > 20), "and with text they all do, so that the test can fail"
    for what in (secrets(folder), quotes(folder)):
        assert len(what) > 5
        found = [v for v in what if v in page]
        assert (found == []) if argv else found
