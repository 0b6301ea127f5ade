import numpy as np
import pytest
from scipy.stats import binom

from assay.certification.bound import (
    allowed_wrong,
    grid,
    least_answers,
    passed_limit,
    planned_beta,
    stratified_limit,
    survives,
    upper_limit,
    walk,
)


@pytest.mark.parametrize(("wrong", "answers"), [(0, 59), (1, 93), (2, 124), (3, 153)])
def test_smallest_samples_at_five_percent(wrong, answers):
    assert least_answers(wrong, 0.05, 0.05) == answers
    assert upper_limit(wrong, answers, 0.05) <= 0.05 < upper_limit(wrong, answers - 1, 0.05)


def test_published_numbers():
    assert least_answers(0, 0.05, 0.005) == 104
    assert least_answers(1, 0.05, 0.025) == 110
    assert round(upper_limit(1, 60, 0.05), 3) == 0.077
    assert round(upper_limit(1, 120, 0.05), 3) == 0.039


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_allowed_wrong_is_what_the_limit_says(alpha, beta):
    allowed = allowed_wrong(200, alpha, 0.05, beta)
    for m in range(1, 201, 7):
        by_limit = max((k for k in range(m + 1) if upper_limit(k, m, 0.05, beta) <= alpha), default=-1)
        assert allowed[m] == by_limit
    assert allowed[0] == -1


def test_assessors_that_pass_everything_leave_no_bound():
    assert upper_limit(0, 500, 0.05, beta=1.0) == 1.0
    assert passed_limit(40, 40, 0.025) == 1.0
    assert planned_beta(39, 0.025) == 0.0
    assert round(planned_beta(40, 0.025), 3) == 0.088


def test_walk_stops_at_the_first_failure():
    passes = [[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]
    assert walk(np.array(passes, dtype=bool)).tolist() == [1, -1, 3]


def test_no_answers_pass_nothing():
    assert survives([0, 10, 59], [0, 0, 0], 0.05, 0.05).tolist() == [False, False, True]


def test_grid_goes_from_strict_to_all_and_starts_where_two_wrong_survive():
    scores = np.linspace(0, 1, 3000).tolist()
    thresholds = grid(scores, 300, 3000, 0.05, 0.05)
    assert list(thresholds) == sorted(thresholds, reverse=True)
    assert thresholds[-1] == 0
    expected = [300 * np.mean(np.array(scores) >= t) for t in thresholds]
    assert 124 <= expected[0] < 150


def test_a_small_draw_has_one_threshold_that_accepts_all():
    assert grid([0.9, 0.2, 0.5], 3, 3, 0.05, 0.05) == (0.2,)
    assert len(grid(np.linspace(0, 1, 1000).tolist(), 100, 1000, 0.05, 0.05)) == 1


def test_ties_are_one_threshold_and_no_labels_have_none():
    assert grid([0.5] * 1000, 300, 1000, 0.05, 0.05) == (0.5,)
    assert grid([], 300, 1000, 0.05, 0.05) == ()


def test_a_name_with_few_draws_is_one_threshold():
    scores = np.linspace(0, 1, 300).tolist()
    assert len(grid(scores, 300, 3000, 0.05, 0.05)) == 1


def test_strata_pay_for_each():
    assert stratified_limit([0], [59], [1.0], 0.05) == upper_limit(0, 59, 0.05)
    both = stratified_limit([0, 0], [59, 59], [0.5, 0.5], 0.05)
    assert both == pytest.approx(upper_limit(0, 59, 0.025))


def test_error_of_a_fifth_of_alpha_passes_at_150_answers():
    assert binom.cdf(allowed_wrong(150, 0.05, 0.05)[150], 150, 0.01) >= 0.8
