import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from assay.errors import NotEnoughData
from assay.stats.agreement import auroc, average_precision, krippendorff_nominal


def test_what_does_not_exist():
    for call in (lambda: auroc([1, 1], [0.1, 0.2]), lambda: average_precision([0, 0], [0.1, 0.2])):
        with pytest.raises(NotEnoughData):
            call()
    with pytest.raises(NotEnoughData, match="two annotators"):
        krippendorff_nominal([["a"], []])
    with pytest.raises(NotEnoughData, match="the same"):
        krippendorff_nominal([["a", "a"], ["a", "a"]])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_ranking_scores_equal_sklearn(pairs):
    y, s = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], dtype=float)
    if y.any() and not y.all():
        assert auroc(y, s) == pytest.approx(roc_auc_score(y, s))
        assert average_precision(y, s) == pytest.approx(average_precision_score(y, s))


def test_krippendorff_worked_example():
    """Content Analysis (2004), p. 230 (nominal, 4 observers, missing values): 0.743."""
    star = None
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, star, star, star],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, star, 3],
        [star, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, star],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, star],
    ]
    units = [[row[i] for row in table if row[i] is not None] for i in range(12)]
    assert krippendorff_nominal(units) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=2, max_size=10), st.randoms())
def test_alpha_ignores_the_order_of_annotators_and_units_and_the_names_of_values(units, random):
    try:
        before = krippendorff_nominal(units)
    except NotEnoughData:
        return
    shuffled = [random.sample([{"a": 1, "b": 2, "c": 3}[v] for v in u], len(u)) for u in units]
    random.shuffle(shuffled)
    assert krippendorff_nominal(shuffled) == pytest.approx(before)
    assert before <= 1
