"""The heat map of power: every number stands in the table beside it, and it can be read without seeing it."""

import re
from pathlib import Path
from typing import Any

import pytest
from made_run import make_run

from assay.pages.heat import heat, heat_map
from assay.pages.power import write_power_page
from assay.pages.report import write_report
from assay.records.storage import write_json

WAY = {"kind": "text", "draw": "uniform", "unit": "turn"}


def row(operator: str, check: str, recall: float, alarm: float = 0.0) -> dict[str, Any]:
    return {
        **WAY, "operator": operator, "check": check, "n_faults": 120, "n_originals": 120, "clusters": 60,
        "recall": recall, "recall_ci": [max(0.0, recall - 0.1), min(1.0, recall + 0.1)], "false_alarm": alarm,
        "false_alarm_ci": [0.0, 0.05], "difference_lower": recall - alarm - 0.1, "auroc": 0.9,
    }  # fmt: skip


def joint(operator: str, recall: float, best: str | None, alarm: float = 0.0) -> dict[str, Any]:
    return {**row(operator, "", recall, alarm), "checks": ["BR05", "CO05"], "best": best, "caught": best is not None}


POWER: dict[str, Any] = {
    "schema": 1, "blueprint": "", "verifier": "1-<b>", "model": "given", "sessions": 60, "of_sessions": 3200,
    "from": None, "seed": 0, "rate": 0.15, "results": [], "gates": {}, "no_power": [], "not_measured": {},
    "status_rates": {},
    "table": [row("blank", "CO05", 0.97), row("generic", "CO05", 0.0, 0.25), row("generic", "BR05", 0.31)],
    "composite": [joint("blank", 0.97, "CO05"), joint("generic", 0.31, "BR05", 0.25), joint("line_contra", 0.0, None)],
    "uncaught": [{"operator": "line_contra", "kind": "text", "draw": "uniform"}],
    "not_planted": [{"operator": "omniscient", "kind": "text", "draw": "uniform", "unit": "turn"}],
}  # fmt: skip


def test_power_of_an_earlier_version_has_no_map() -> None:
    assert heat(None) is None
    assert heat({"results": []}) is None
    assert heat({**POWER, "composite": []}) is None


def test_the_map_has_a_title_a_description_and_every_number() -> None:
    found = heat(POWER)
    assert found is not None
    assert found.checks == ("BR05", "CO05")
    drawn = str(heat_map(found))
    assert re.search(r'role="img" aria-labelledby="heat-t heat-d"><title id="heat-t">[^<]+</title><desc id=', drawn)
    assert "blank, text: 97 %" in drawn
    cells = re.findall(r'<text class="(?:light|dark|none)"[^>]*>([^<]+)</text>', drawn)
    assert cells == ["·", "97", "97", "31", "0", "31", "·", "·", "0"]
    assert drawn.count('class="alarm"') == 2, "a mark where clean copies are flagged, of the check and of all together"
    assert re.findall(r'fill-opacity="([\d.]+)"', drawn) == ["0.97", "0.97", "0.31", "0.00", "0.31", "0.00"]


def test_the_page_says_what_no_check_catches_and_holds_a_table(tmp_path: Path) -> None:
    page = write_power_page(tmp_path, POWER).read_text(encoding="utf-8")
    assert "No check here catches line_contra, text" in page
    assert "Nothing in these sessions to plant omniscient, text into" in page
    assert "a seeded random sample of 3,200" in page
    assert "1-&lt;b&gt;" in page
    assert "<b>1-<b>" not in page
    table = page.split('<table class="by-check">')[1].split("</table>")[0]
    assert re.findall(r"<td>([A-Z]{2}\d\d)</td>", table) == ["CO05", "BR05", "CO05"]
    assert "97 %" in table
    assert "0.90" in table
    assert "http" not in re.sub(r"<meta[^>]+>", "", page)


@pytest.mark.parametrize("held", [True, False])
def test_the_report_shows_the_map_where_power_has_one(held: bool, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, n=4)
    if held:
        write_json(folder / "power.json", POWER)
    page = write_report(folder).read_text(encoding="utf-8")
    assert ('<svg class="heat" width="' in page) is held
