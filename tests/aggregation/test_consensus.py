"""assay consensus: bad input first, then what it says of odd votes, and the public sets."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

import assay
from assay.aggregation.consensus import find_consensus
from assay.aggregation.recalibration import check_rows, ece
from assay.aggregation.votes import read_gold, read_votes, votes_of
from assay.cli.root import run
from assay.errors import BadInput, NotEnoughData

DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
ROWS = [(f"i{i:03d}", f"w{w}", "xy"[(i + (w == 2 and i % 3 == 0)) % 2]) for i in range(60) for w in range(4)]


def write(path: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


def test_bad_input_is_refused_and_nothing_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    votes = write(tmp_path / "v.csv", "item,annotator,label", ROWS)
    out = tmp_path / "p.csv"
    for gold, says in (([("nobody", "x")], "there is no vote"), ([("i000", "z")], "named by no vote"),
                       ([("i000", "x"), ("i000", "y")], "two gold labels")):  # fmt: skip
        file = write(tmp_path / "g.csv", "item,label", gold)
        assert run(["consensus", str(votes), "--gold", str(file), "--out", str(out)]) == 2
        assert says in capsys.readouterr().err
    assert run(["consensus", str(votes), "--method", "magic", "--out", str(out)]) == 2
    assert "no method 'magic'" in capsys.readouterr().err
    assert run(["consensus", str(votes), "--out", str(tmp_path / "no" / "p.csv")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("rows", [[[0.5, np.nan]], [[-0.1, 1.1]], [[0.4, 0.4]]])
def test_what_is_no_probability_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(BadInput):
        check_rows(np.array(rows))
    with pytest.raises(NotEnoughData):
        ece(np.zeros(0), np.zeros(0))


def test_the_command_writes_every_label_of_every_item(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    votes = write(tmp_path / "v.csv", "item,annotator,label", ROWS)
    gold = write(tmp_path / "g.csv", "item,label", [(f"i{i:03d}", "xy"[i % 2]) for i in range(30)])
    out = tmp_path / "p.csv"
    assert run(["consensus", str(votes), "--gold", str(gold), "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["items"], found["annotators"], found["votes"], found["method"]) == (60, 4, 240, "auto")
    least = {"effective_annotators", "dependent_groups", "mean_probability", "accuracy", "excess_ece", "seconds"}
    assert least <= set(found)
    assert found["recalibrated_on"] == 30
    told = list(csv.DictReader(out.read_text().splitlines()))
    assert len(told) == 120
    assert {r["label"] for r in told} == {"x", "y"}
    for one, two in zip(told[::2], told[1::2], strict=True):
        assert float(one["probability"]) + float(two["probability"]) == pytest.approx(1, abs=1e-5)
    first = out.read_bytes()
    assert run(["consensus", str(votes), "--gold", str(gold), "--out", str(out), "--json"]) == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize("method", ["auto", "majority", "dawid-skene"])
def test_odd_votes_are_stated_never_silent(method: str) -> None:
    cases = {
        "single annotator": [("a", "w", "x"), ("b", "w", "y")],
        "nothing to tell apart": [("a", "w", "x"), ("b", "v", "x")],
        "repeated votes": [("a", "w", "x"), ("a", "w", "x"), ("b", "v", "y")],
        "tied": [("a", "w", "x"), ("a", "v", "y")],
        "no vote": [("a", "w", "x"), ("b", "v", "y")],
    }
    for says, rows in cases.items():
        found = find_consensus(votes_of(rows), method)
        assert any(says in note for note in found.notes), (says, found.notes)
        assert np.isfinite(found.posterior).all()
        assert found.posterior.sum(1) == pytest.approx(1)


def test_too_little_gold_changes_nothing_and_says_so() -> None:
    few = {f"i{i:03d}": "xy"[i % 2] for i in range(10)}
    found = assay.consensus(ROWS, gold=few)
    assert found["recalibrated_on"] == 0
    assert any("10 gold labels, 20 are needed" in note for note in found["notes"])
    assert found["accuracy"] > 0.9


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "least"), [("bluebird", 0.88), ("music_genre", 0.77), ("weather_sentiment_amt", 0.84)]
)
def test_public_sets_have_no_group_and_little_excess(name: str, least: float) -> None:
    votes = read_votes(DATA / f"crowd_{name}_labels.csv.gz")
    gold = read_gold(DATA / f"crowd_{name}_gold.csv.gz", votes)
    auto, raw, shares = (find_consensus(votes, m, gold) for m in ("auto", "dawid-skene", "majority"))
    assert auto.dependence.groups == ()
    assert auto.scores["accuracy"] >= least
    assert auto.scores["excess_ece"] < min(raw.scores["excess_ece"], shares.scores["excess_ece"])
    assert auto.scores["log_loss"] < min(raw.scores["log_loss"], shares.scores["log_loss"])
