"""The newcomer's page: each part stands in under 40 lines, and says what it prints."""

import importlib.util
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "extend-assay.md").read_text(encoding="utf-8")


def test_a_model_an_importer_and_a_check_are_under_40_lines_each() -> None:
    blocks = dict(re.findall(r"^```python file=(\w+)\.py\n(.*?)^```", PAGE, re.M | re.S))
    assert set(blocks) == {"my_model", "my_importer", "my_check"}
    assert all(len(code.splitlines()) < 40 for code in blocks.values())


def test_the_page_prints_what_it_shows(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("run_tutorial", DOCS / "run_tutorial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_tutorial"] = module
    spec.loader.exec_module(module)
    assert not module.differences(PAGE, tmp_path)
    held = (tmp_path / "runs/calls/sessions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(held) == 2, "the importer of the page read both calls"
