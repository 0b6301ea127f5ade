"""Soft majority: bad input, what it counts as one answer, and the twin that counts equal strings."""

import random
from collections import Counter

import numpy as np
import pytest

from assay.aggregation.open_text import soft_majority
from assay.errors import BadInput

ROWS = [
    ("q", "a", "the train was late"), ("q", "b", "train came late"), ("q", "c", "late train again"),
    ("q", "d", "nice seats"), ("q", "e", "nice seats"),
]  # fmt: skip


def by_words(texts: object) -> np.ndarray:
    """Bags of words: texts that share words point the same way."""
    held = list(texts)  # type: ignore[call-overload]
    names = sorted({w for t in held for w in t.split()} - {"the", "was", "came", "again"})
    return np.array([[float(w in t.split()) for w in names] for t in held], dtype=np.float32)


@pytest.mark.parametrize("rows", [[], [("q", "a", " ")], [("", "a", "x")]])
def test_rows_without_an_answer_are_refused(rows: list[tuple[str, str, str]]) -> None:
    with pytest.raises(BadInput):
        soft_majority(rows, by_words)


def test_vectors_that_say_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="usable"):
        soft_majority(ROWS, lambda texts: np.zeros((len(texts), 3), dtype=np.float32))
    with pytest.raises(BadInput, match="usable"):
        soft_majority(ROWS, lambda texts: np.full((len(texts), 3), np.nan, dtype=np.float32))
    with pytest.raises(BadInput, match="alike"):
        soft_majority(ROWS, by_words, alike=1.5)


def test_answers_that_mean_the_same_are_one() -> None:
    """Three wordings of one answer beat two equal strings; counting strings, the twin, takes the two."""
    (found,) = soft_majority(ROWS, by_words)
    assert "late" in found.clusters[0][0]
    assert found.clusters[0][1] == pytest.approx(0.6)
    assert sum(share for _, share in found.clusters) == pytest.approx(1)
    assert 0.9 < found.cosine <= 1
    assert not found.tied
    assert Counter(text for _, _, text in ROWS).most_common(1)[0][0] == "nice seats"


def test_one_annotator_is_one_voice_and_ties_are_flagged() -> None:
    many = [*ROWS[:1], ("q", "d", "nice seats"), ("q", "d", "nice seats indeed"), ("q", "d", "nice seats")]
    (found,) = soft_majority(many, by_words)
    assert found.voices == 2
    assert found.tied
    assert [share for _, share in found.clusters] == pytest.approx([0.5, 0.5])


def test_the_order_of_rows_changes_nothing() -> None:
    mixed = list(ROWS)
    random.Random(1).shuffle(mixed)
    assert soft_majority(mixed, by_words) == soft_majority(ROWS, by_words)


def test_a_single_answer_stands_alone() -> None:
    (found,) = soft_majority(ROWS[:1], by_words)
    assert found.clusters == (("the train was late", 1.0),)
    assert found.cosine == 1.0
