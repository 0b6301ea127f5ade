"""The page of a run on rewards: curves from its log, figures from its summary, nothing that runs."""

import html
import json
from pathlib import Path
from typing import Any

import pytest

from assay.pages.learning_rewards import progress, write_reward_report

BASE = {"name": "b", "sha256": "0" * 64, "embedded": True}


def summary(method: str, **more: Any) -> dict[str, Any]:
    plan = {"steps": 4, "seed": 1, "rank": 2, "rate": 0.1}
    return {"method": method, "name": "<b>x</b>", "smoke": False, "plan": plan, "base": BASE, "folder": "f", **more}


def write(folder: Path, *rows: dict[str, Any], tail: str = "") -> None:
    (folder / "progress.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows) + tail)


def page_of(folder: Path, found: dict[str, Any]) -> str:
    return html.unescape(write_reward_report(folder, found).read_text())


def test_a_folder_without_a_step_says_so(tmp_path: Path) -> None:
    text = page_of(tmp_path, summary("dro"))
    assert "No step was made yet." in text
    assert "Training: step 0 of 4" in text
    assert "Measured when training ends." in text


def test_a_line_that_a_kill_cut_short_and_steps_made_twice(tmp_path: Path) -> None:
    write(
        tmp_path, {"stage": "step", "step": 1, "paid": 1.0}, {"stage": "step", "step": 2, "paid": 5.0},
        {"stage": "step", "step": 2, "paid": 2.0}, tail='{"stage": "st',
    )  # fmt: skip
    assert [r["paid"] for r in progress(tmp_path / "progress.jsonl")] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("method", "look", "shows"),
    [
        ("ttrl", {"right": 0.5, "voted_right": 0.6, "majority": 0.7, "flips": 0.1, "doubt": 1.0, "commonest": 0.2},
         ("Majorities that flip", "Right answers", "One answer for many questions")),
        ("dro", {"score": -2.0, "no_thought": -3.0, "tokens": 9.0}, ("Tokens of a thought", "What people said next")),
        ("consistency", {"co01": 0.9, "co02": 1.0, "co03": 0.1, "coverage": 0.5, "degenerate": 0.1, "words": 5.0,
                         "doubt": 1.0, "lines": [["<i>Hi</i>"]]},
         ("Coverage and degenerate lines", "Words a line", "What it says on held-out personas")),
    ],
)  # fmt: skip
def test_every_method_has_its_curves(tmp_path: Path, method: str, look: dict[str, Any], shows: tuple[str, ...]) -> None:
    write(
        tmp_path, {"stage": "look", "step": 0, **look}, {"stage": "step", "step": 1, "paid": 1.0, "idle": 0.0},
        {"stage": "loss", "step": 1, "loss": 0.1, "reward": 1.0, "entropy": 0.5},
        {"stage": "look", "step": 1, **look, "alarms": ["it fell <here>"]},
    )  # fmt: skip
    text = page_of(tmp_path, summary(method))
    for title in (*shows, "Reward", "Entropy", "Groups paid alike", "Alarm:"):
        assert title in text
    raw = (tmp_path / "report.html").read_text()
    assert "<script" not in raw
    assert "http://" not in raw
    assert "default-src 'none'" in text
    assert "<b>x</b>" not in raw
    assert "<i>Hi</i>" not in raw
    assert "it fell &lt;here&gt;" in raw


def test_figures_and_what_was_not_read(tmp_path: Path) -> None:
    one = {"point": 0.25, "low": 0.1, "high": 0.4, "n": 3}
    part = {"inconsistent": one, "coverage": None}
    fell = {"inconsistent": {"point": -0.2, "low": -0.3, "high": -0.1, "n": 3}, "coverage": None}
    measured = {
        "sessions": 3,
        "frozen": part,
        "before": part,
        "after": part,
        "difference": fell,
        "scripted": {"g": part},
    }
    judges = {"reward": "words", "evaluation": "values"}
    text = page_of(tmp_path, summary("consistency", measured=measured, judges=judges))
    assert "Lower inconsistency on held-out personas" in text
    assert "-0.200 (-0.300 to -0.100)" in text
    assert "not read" in text
