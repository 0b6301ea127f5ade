"""Curves, alarms, figures, model card and report page: what the log says is what they say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.learning.curves import Curves, alarms, read_curves, smoothed
from assay.learning.data import HumanSession, HumanTurn, Terciles, TurnAct
from assay.learning.figures import Case, carries, cases, loss_figures, realised
from assay.learning.model_card import card, licence_of
from assay.pages.charts import curves as curves_chart
from assay.pages.learning import write_learning_report
from assay.simulation import prompt

HOSTILE = "</td><script>alert(1)</script>|`"


def line(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "seconds": float(step), **more}


def stepped(step: int, loss: float) -> dict[str, Any]:
    return line(step, loss=loss, rate=0.1 / step, tokens=100 * step)


def log(path: Path, *lines: dict[str, Any], tail: str = "") -> Path:
    path.write_text("".join(json.dumps(x) + "\n" for x in lines) + tail)
    return path


def test_a_killed_run_counts_each_step_once(tmp_path: Path) -> None:
    path = log(
        tmp_path / "p.jsonl",
        line(0, config={}, held_out=3.0, groups={"new": 3.0}),
        stepped(1, 9.0), stepped(2, 8.0), line(2, held_out=2.5, groups={"new": 2.5}), stepped(3, 7.0),
        # killed at 3, goes on from 2
        line(2, config={}, held_out=2.5, groups={"new": 2.5}),
        stepped(3, 6.0), stepped(4, 5.0),
        tail='{"step": 5, "lo',
    )  # fmt: skip
    found = read_curves(path)
    assert found.loss == [(1, 9.0), (2, 8.0), (3, 6.0), (4, 5.0)]
    assert found.held_out == {"new": [(0, 3.0), (2, 2.5)]}
    assert (found.steps, found.tokens, found.starts, found.speed) == (4, 400, 2, 100.0)
    assert read_curves(tmp_path / "none.jsonl").steps == 0


def test_smoothing_is_the_mean_of_what_came_before() -> None:
    points = [(i, float(i)) for i in range(1, 6)]
    assert smoothed(points, 2) == [(1, 1.0), (2, 1.5), (3, 2.5), (4, 3.5), (5, 4.5)]
    assert smoothed([], 2) == []


def course(values: list[float]) -> Curves:
    return Curves(held_out={"new services": [(10 * i, v) for i, v in enumerate(values)]})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([3.0, 2.0, 1.9, 1.95, 2.0, 2.1], "has risen since step 20 (1.900 to 2.100)"),
        ([2.0, 2.1, 2.2, 2.3], "never fell below its start"),
        ([3.0, 2.0, 1.9, 1.91, 1.905, 1.91], None),
        ([3.0, 2.5, 2.2, 2.1, 2.0, 1.9], None),
        ([3.0, 1.9, 2.0], None),
        ([], None),
    ],
)
def test_alarms_on_the_held_out_loss(values: list[float], says: str | None) -> None:
    found = alarms(course(values))
    assert (says is None) == (not found)
    assert says is None or says in found[0]


def test_an_alarm_on_the_training_loss() -> None:
    rising = Curves(loss=[(i, 2.0 + i / 20) for i in range(1, 61)])
    assert "lower the rate" in alarms(rising)[0]
    assert alarms(Curves(loss=[(i, 2.0) for i in range(1, 61)])) == []


def session(i: int) -> HumanSession:
    inform = TurnAct("inform", [("item", f"kettle {i}"), ("gift", "yes")])
    turns = [HumanTurn(None, [TurnAct("greet")], "Hello."), HumanTurn("What?", [inform], f"The kettle {i}.")]
    return HumanSession(str(i), "MIT", ("shop",), ("return it",), turns)


def test_cases_are_held_out_turns_with_a_value() -> None:
    sessions = [session(i) for i in range(12)]
    sessions += [HumanSession("none", "", (), (), [HumanTurn(None, [TurnAct("bye")], "Bye.")])]
    found = cases(prompt, sessions, Terciles(2.0, 4.0), 10, np.random.default_rng(0))
    assert len({c.session for c in found}) == 10
    for c in found:
        assert c.values == (f"kettle {c.session}",), "yes and no need not be said"
        assert c.prompt.endswith(f"acts: inform(item = kettle {c.session}, gift = yes)\ncustomer:")
        assert "customer: Hello.\n" in c.prompt
        assert c.human == f"The kettle {c.session}."


def test_a_value_counts_as_whole_words_only() -> None:
    assert carries("It is the Kettle 1.", ("kettle 1",))
    assert not carries("It is kettle 12", ("kettle 1",))
    assert not carries("", ("x",))


def test_shares_of_values_said() -> None:
    asked = [Case(str(i), "acts: x\ncustomer:", (f"v{i}",), f"It is v{i}") for i in range(20)]
    said = [f"Take v{i}" if i < 15 else "What?" for i in range(20)]
    found = realised(asked, said, ["no"] * 20)
    assert found["adapter"]["point"] == 0.75
    assert found["adapter"]["low"] < 0.75 < found["adapter"]["high"]
    assert found["bare"]["point"] == 0.0
    assert found["difference"]["low"] > 0
    assert found["examples"][0]["told"] == "acts: x"
    with pytest.raises(ValueError, match="zip"):
        realised(asked, said[:3], said)


def test_loss_figures_are_paired() -> None:
    rng = np.random.default_rng(0)
    before = [list(rng.normal(3 + i % 5, 0.1, 8)) for i in range(20)]
    after = [[x - 0.5 for x in losses] for losses in before]
    found = loss_figures(before, after)
    assert found["difference"]["point"] == pytest.approx(-0.5)
    wide = found["before"]["high"] - found["before"]["low"]
    assert found["difference"]["high"] - found["difference"]["low"] < wide / 100, "sessions differ, their pairs do not"
    few = loss_figures(before[:4], after[:4])
    assert few["difference"]["low"] is None, "no interval below 10 sessions"


def summary(**more: Any) -> dict[str, Any]:
    interval = {"point": 2.0, "low": 1.9, "high": 2.1, "n": 100, "sessions": 20}
    lower = {"point": -0.5, "low": -0.6, "high": -0.4, "n": 100, "sessions": 20}
    row = {
        "file": "a.jsonl", "sha256": "f" * 64, "licences": {"CC-BY-4.0": 3}, "train": 3, "train_turns": 9,
        "held_out": 20, "held_out_turns": 40, "left_out": 0, "held_out_services": "new",
    }  # fmt: skip
    plan = {"rank": 8, "seed": 1, "batch": 4, "longest": 400, "steps": 4, "minutes": None, "rate": 0.001, "warm_up": 15}
    return {
        "method": "sft", "name": "mine", "smoke": False, "version": "0", "plan": {**plan, "vary": True},
        "folder": "runs/x", "packages": {"torch": "2"}, "data": [row], "services": ["shop"],
        "base": {"name": "base", "sha256": "b" * 64, "embedded": True},
        "machine": {"precision": "fp32", "device": "cpu", "threads": 2},
        "training": {
            "steps": 4, "tokens": 400, "seconds": 60.0, "tokens_per_second": 6.7, "starts": 1, "precision": "fp32",
            "device": "cpu", "threads": 2,
        },
        "adapter": {"file": "adapter.gguf", "bytes": 5, "sha256": "a" * 64, "step": 4}, "alarms": [],
        "held_out": {"new services": {
            "sessions": 20, "target_tokens": 100, "before": interval, "after": interval, "difference": lower,
        }},
        "words": None, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("licences", "allowed", "asked"),
    [
        ({"CC-BY-4.0": 1, "CC-BY-SA-4.0": 1}, [], "CC-BY-SA-4.0"), ({"CC-BY-4.0": 1, "MIT": 1}, [], "CC-BY-4.0"),
        ({"MIT": 1}, [], "Apache-2.0"), ({"CC-BY-SA-4.0": 1, "none": 1}, ["none"], "other"),
    ],
)  # fmt: skip
def test_the_licence_that_the_data_asks_for(licences: dict[str, int], allowed: list[str], asked: str) -> None:
    found = summary(allowed_licences=allowed)
    found["data"][0]["licences"] = licences
    assert licence_of(found) == asked
    assert f"license: {asked.lower()}\n" in card(found)
    assert f"**{asked}**" in card(found)
    assert ("Let in by hand" in card(found)) == bool(allowed)


def test_the_card_says_what_the_summary_says() -> None:
    text = card(summary())
    words = {
        "prompts": 1, "group": "new services", "sampling": "temperature 1", "words": {"adapter": 3, "people": 4},
        **{k: {"point": 0.5, "low": 0.1, "high": 0.9} for k in ("adapter", "bare", "difference")},
    }  # fmt: skip
    assert "temperature 1): **50 % (10 to 90)**" in card(summary(words=words))
    for part in ("a" * 64, "b" * 64, "2.000 (1.900 to 2.100)", "-0.500 (-0.600 to -0.400)", "| 20 |", "embedded:"):
        assert part in text
    assert "Do not use these weights" in card(summary(smoke=True))
    found = summary(name=HOSTILE, services=[HOSTILE])
    assert "<script>" not in card(found)
    other = summary()
    other["held_out"] = {"known services": other["held_out"]["new services"]}
    assert "Nothing was measured on services that were never trained on" in card(other)
    assert "Nothing was measured on services" not in text


def test_the_page_is_one_file_with_its_curves(tmp_path: Path) -> None:
    drawn = Curves(tokens=10, seconds=1.0)
    drawn.loss = [(i, 3.0 - i / 1000) for i in range(1, 1001)]
    drawn.rate = [(i, 0.001) for i in range(1, 1001)]
    drawn.held_out = {"new services": [(0, 3.0), (500, 2.0), (1000, 2.5), (1001, 2.6), (1002, 2.7), (1003, 2.8)]}
    words = {
        "prompts": 1, "group": "new services", "sampling": "temperature 1", "words": {"adapter": 3, "people": 4},
        "examples": [{"human": HOSTILE, "adapter": "a", "bare": "b", "values": ["x"], "told": HOSTILE}],
        **{k: {"point": 0.5, "low": 0.1, "high": 0.9} for k in ("adapter", "bare", "difference")},
    }  # fmt: skip
    page = write_learning_report(tmp_path, summary(name=HOSTILE, words=words), drawn).read_text()
    assert "<script>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "The held-out loss fell: 2.00 to 2.00 on new services" in page
    assert page.count("<polyline") == 4
    assert len(page) < 120_000, "long lines are thinned"
    assert "Alarm:" in page
    assert "has risen since step 500" in page


def test_the_page_while_training_goes_on(tmp_path: Path) -> None:
    early = summary(adapter=None, held_out={}, words=None)
    assert "No step was made yet" in write_learning_report(tmp_path, early, Curves()).read_text()
    drawn = Curves(loss=[(1, 3.0)], rate=[(1, 0.1)], held_out={"new": [(0, 3.0), (1, 2.5)]})
    page = write_learning_report(tmp_path, early, drawn).read_text()
    assert "held-out loss 3.00 to 2.50 after 1 step" in page
    assert "Exported at the first checkpoint" in page


def test_a_chart_keeps_to_its_frame() -> None:
    svg = str(curves_chart([("first", [(0, -5.0), (10, 99.0)])], 'a"<b', low=0.0, high=1.0, end=10.0))
    assert 'points="0.00,100.00 100.00,0.00"' in svg
    assert 'a"<b' not in svg
    flat = str(curves_chart([("first", [(0, 1.0)])], "t", low=1.0, high=1.0, end=0.0))
    assert "nan" not in flat


def test_a_cut_line_does_not_swallow_the_next_start(tmp_path: Path) -> None:
    """Without the line of the restart the steps themselves say that it went back."""
    steps = [stepped(1, 9.0), stepped(2, 8.0), stepped(2, 7.0), stepped(3, 6.0)]
    path = log(tmp_path / "p.jsonl", line(0, config={}), *steps)
    assert read_curves(path).loss == [(1, 9.0), (2, 7.0), (3, 6.0)]
