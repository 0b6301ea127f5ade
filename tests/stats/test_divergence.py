"""Distances between samples: known values, and the areas against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from assay.stats.divergence import (
    auc_columns,
    entropy,
    holm,
    jensen_shannon,
    shares,
    total_variation,
    weighted_pairs,
)


def test_nothing_counted_has_no_shares_and_no_distance() -> None:
    assert shares([0, 0]).tolist() == [0.0, 0.0]
    assert float(total_variation(shares([0, 0]), shares([0, 0]))) == 0.0


def test_a_column_with_one_class_says_nothing() -> None:
    scores = np.array([[1.0], [2.0]])
    assert auc_columns(scores, np.array([[True], [True]])).tolist() == [0.5]


def test_known_values() -> None:
    assert float(total_variation([1, 0], [0, 1])) == 1.0
    assert float(jensen_shannon([1, 0], [0, 1])) == pytest.approx(1.0)
    assert float(jensen_shannon([0.5, 0.5], [0.5, 0.5])) == 0.0
    # by hand: H(.75, .25) - (H(1, 0) + H(.5, .5)) / 2
    assert float(jensen_shannon([1, 0], [0.5, 0.5])) == pytest.approx(0.8112781 - 0.5)
    assert float(entropy([0.25] * 4)) == pytest.approx(2.0)
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_areas_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 40))
    scores = np.round(rng.normal(size=(n, 3)), 1)  # ties on purpose
    labels = rng.random((n, 3)) < 0.5
    labels[0], labels[1] = True, False
    kept = rng.random((n, 3)) < 0.7
    kept[:2] = True
    found = auc_columns(scores, labels, kept)
    for j in range(3):
        rows = kept[:, j]
        assert found[j] == pytest.approx(roc_auc_score(labels[rows, j], scores[rows, j]))
    weights = rng.integers(0, 4, size=(n, 2)).astype(float)
    weights[:2] = 1
    right, pairs = weighted_pairs(scores[:, 0], labels[:, 0], weights)
    for b in range(2):
        expected = roc_auc_score(labels[:, 0], scores[:, 0], sample_weight=weights[:, b])
        assert right[b] / pairs[b] == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_distances_are_symmetric_and_ordered(rows: list[tuple[int, int]]) -> None:
    p, q = (shares([r[i] for r in rows]) for i in (0, 1))
    if p.sum() == 0 or q.sum() == 0:
        return
    js, tv = float(jensen_shannon(p, q)), float(total_variation(p, q))
    assert js == pytest.approx(float(jensen_shannon(q, p)))
    assert -1e-12 <= js <= tv + 1e-9  # Lin 1991: JS in bits is at most TV
    assert tv <= 1 + 1e-12
