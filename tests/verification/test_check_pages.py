"""Every check has a page, `assay checks CODE` prints its short form, and what is shown was measured."""

import json

import pytest

from assay.cli.root import run
from assay.planting.faults import OPERATORS
from assay.verification.check import CHECKS, RUN_LEVEL
from assay.verification.measured import content, measured
from assay.verification.pages import PAGES

ALL = [c.code for c in (*CHECKS, *RUN_LEVEL)]


def test_an_unknown_code_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "LB99"]) == 2
    told = capsys.readouterr().err
    assert "LB99" in told
    assert "LB03" in told
    assert "RL01" in told


@pytest.mark.parametrize("code", ALL)
def test_every_check_says_how_it_is_computed_and_when_it_misleads(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGES[code]
    assert len(page.computed) > 40
    assert page.misleads
    assert all(m.endswith(".") for m in page.misleads)
    assert set(page.catches) <= set(OPERATORS)
    assert run(["checks", code.lower()]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in (code, page.title, page.computed, "Power measured", *page.misleads):
        assert " ".join(part.split()) in shown


def test_every_planted_fault_is_some_checks_business() -> None:
    assert set(OPERATORS) == {o for page in PAGES.values() for o in page.catches}


def test_the_json_form_holds_the_page_and_the_power(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "CO05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["checks"][0]["code"] == "CO05"
    assert found["page"]["catches"] == list(PAGES["CO05"].catches)
    assert len(found["page"]["power"]) == len(measured("CO05"))


def test_the_shipped_measurement_is_whole() -> None:
    sets = content().get("sets", {})
    for held in sets.values():
        assert held["sessions"] >= 10
        for row in held["table"]:
            assert row["check"] in ALL
            assert 0 <= row["recall"] <= 1
            assert 0 <= row["false_alarm"] <= 1
            assert row["n_faults"] > 0
            assert row["operator"] in OPERATORS
