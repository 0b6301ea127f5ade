"""Votes, majority and Dawid-Skene: bad input first, then known truths and the public references."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from assay.aggregation.dawid_skene import _em, _Table, dawid_skene
from assay.aggregation.majority import expected_accuracy, majority
from assay.aggregation.votes import Votes, read_gold, read_votes, votes_of
from assay.errors import BadInput

DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"


def simulated(
    rng: np.random.Generator, n: int = 600, k: int = 3, accuracies: tuple[float, ...] = (0.9, 0.7, 0.6, 0.8)
) -> tuple[Votes, dict[int, int]]:
    truth = rng.integers(k, size=n)
    rows = []
    for w, accuracy in enumerate(accuracies):
        for i in range(n):
            right = rng.random() < accuracy
            other = (truth[i] + rng.integers(1, k)) % k
            rows.append((f"i{i:05d}", f"w{w}", f"c{truth[i] if right else other}"))
    return votes_of(rows), {i: int(t) for i, t in enumerate(truth)}


def test_bad_votes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no votes"):
        votes_of([])
    with pytest.raises(BadInput, match="empty item"):
        votes_of([("a", "", "x")])
    with pytest.raises(BadInput, match="unknown labels: z"):
        votes_of([("a", "w", "z")], labels=["x", "y"])
    (tmp_path / "votes.csv").write_text("item,label\na,x\n")
    with pytest.raises(BadInput, match="no column annotator"):
        read_votes(tmp_path / "votes.csv")
    with pytest.raises(BadInput, match="can't be read"):
        read_votes(tmp_path / "nothing.csv")
    votes = votes_of([("a", "w", "x"), ("a", "v", "y")])
    for text, message in (("b,x", "no vote"), ("a,z", "named by no vote"), ("a,x\na,y", "two gold")):
        (tmp_path / "gold.csv").write_text(f"item,label\n{text}\n")
        with pytest.raises(BadInput, match=message):
            read_gold(tmp_path / "gold.csv", votes)


def test_a_tie_is_split_and_repeats_are_one_voice() -> None:
    votes = votes_of([("a", "w", "x"), ("a", "w", "x"), ("a", "v", "y"), ("b", "w", "x")])
    found = majority(votes)
    assert votes.repeated() == 1
    assert found.tied.tolist() == [True, False]
    assert found.shares.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert expected_accuracy(found.shares, {0: 0, 1: 0}) == 0.75


def test_confusions_are_found_and_beat_the_majority() -> None:
    votes, gold = simulated(np.random.default_rng(1))
    fit = dawid_skene(votes, np.random.default_rng(2))
    found = fit.confusion[:, np.arange(3), np.arange(3)].mean(1)
    assert np.abs(found - np.array([0.9, 0.7, 0.6, 0.8])).max() < 0.06
    assert expected_accuracy(fit.posterior, gold) > expected_accuracy(majority(votes).shares, gold) + 0.01


def test_dawid_skene_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """EM never lowers the log posterior: longer runs from one start end at least as high."""
    votes, _ = simulated(np.random.default_rng(3), n=200)
    start = majority(votes).shares
    heights = []
    for steps in (1, 2, 4, 8, 16):
        monkeypatch.setattr("assay.aggregation.dawid_skene.MOST_STEPS", steps)
        monkeypatch.setattr("assay.aggregation.dawid_skene.TOLERANCE", 0.0)
        heights.append(_em(_Table.of(votes, votes.weights()), start, {}).objective)
    assert all(b >= a - 0.5 for a, b in pairwise(heights[1:])), heights


def test_one_class_and_one_annotator_give_an_answer() -> None:
    one = dawid_skene(votes_of([("a", "w", "x"), ("b", "w", "x")]), np.random.default_rng(0))
    assert one.posterior.tolist() == [[1.0], [1.0]]
    single = dawid_skene(votes_of([("a", "w", "x"), ("b", "w", "y")]), np.random.default_rng(0))
    assert np.isfinite(single.posterior).all()


def test_the_same_votes_and_seed_give_the_same_bytes() -> None:
    votes, _ = simulated(np.random.default_rng(5), n=100)
    one, two = (dawid_skene(votes, np.random.default_rng(7)).posterior for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "reference"), [("bluebird", 0.8981), ("dog", 0.8426), ("music_genre", 0.7686), ("rte", 0.9275)]
)
def test_public_references_are_reached(name: str, reference: float) -> None:
    votes = read_votes(DATA / f"crowd_{name}_labels.csv.gz")
    gold = read_gold(DATA / f"crowd_{name}_gold.csv.gz", votes)
    fit = dawid_skene(votes, np.random.default_rng(0))
    assert round(expected_accuracy(fit.posterior, gold), 4) >= reference
