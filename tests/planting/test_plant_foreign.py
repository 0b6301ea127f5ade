"""Planting into sessions that other people made, where they are at hand; nothing of them is kept."""

import gzip
import json
import os
from pathlib import Path

import pytest

from assay.errors import BadInput
from assay.planting.faults import OPERATORS, plant, restore
from assay.records import Session
from assay.records.session import Turn

SHARED = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"


def read(name: str, limit: int) -> list[Session]:
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    sessions = []
    with gzip.open(path, "rt", encoding="utf8") as handle:
        for line in handle:
            row = json.loads(line)
            private = {k: v for k, v in row.get("private", {}).items() if isinstance(v, dict)}
            turns = tuple(Turn(speaker=t["speaker"], text=t["text"], labels=t["labels"]) for t in row["turns"])
            labels = row["session_labels"]
            sessions.append(Session(id=row["id"], turns=turns, session_labels=labels, private=private))
            if len(sessions) == limit:
                break
    return sessions


@pytest.mark.parametrize(("name", "label"), [("camrest676", "state.restaurant.area"), ("casino", "strategies")])
def test_real_sessions_are_restored_byte_for_byte(name: str, label: str) -> None:
    sessions = read(name, 120)
    lines = [s.line() for s in sessions]
    tried = 0
    for operator in OPERATORS.values():
        for kind in (k for k in operator.kinds if k not in operator.model):
            for only in (None, label) if operator.scope == "label" else (None,):
                try:
                    faulty, planted, report = plant(
                        sessions, operator=operator.name, kind=kind, rate=0.1, seed=1, label=only
                    )
                except BadInput:
                    continue
                tried += 1
                assert planted
                assert 0 < report.planted <= report.asked
                if only is not None:
                    assert {p.name for p in planted} == {only}
                assert [s.line() for s in faulty] != lines
                assert [s.line() for s in restore(faulty, planted)] == lines
    assert tried >= 10
