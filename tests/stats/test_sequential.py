import numpy as np
import pytest

from assay.stats.sequential import betting_capital, betting_rejects


def test_more_draws_than_items():
    with pytest.raises(ValueError, match="5 draws"):
        betting_capital(np.zeros(5), 4, 0.05)


def test_no_draws_claim_nothing():
    assert not betting_rejects(np.zeros(0), 100, 0.05, 0.05)


def test_a_population_that_is_read_out_is_known():
    assert betting_rejects(np.zeros(10), 10, 0.05, 1e-9)
    assert not betting_rejects(np.eye(1, 10)[0], 10, 0.05, 1e-9)
    assert betting_rejects(np.eye(1, 40, 5)[0], 40, 0.05, 1e-9)


def test_clean_draws_win_and_wrong_ones_lose():
    clean = betting_capital(np.zeros(60), 10_000, 0.05)
    assert (np.diff(clean) > 0).all()
    first_wrong = betting_capital(np.eye(1, 60, 30)[0], 10_000, 0.05)
    assert first_wrong[30] < first_wrong[29]


def test_capital_is_a_martingale_at_the_null():
    """Every order of the smallest false population, weighted equally: the mean capital stays 1 at every time."""
    from itertools import permutations

    size, wrong = 6, 2
    orders = np.array(sorted(set(permutations([1] * wrong + [0] * (size - wrong)))))
    capital = np.exp(betting_capital(orders, size, (wrong - 1) / size)[:, : size - wrong - 1])
    assert capital.mean(axis=0) == pytest.approx(1.0)


def test_rows_are_independent():
    x = np.random.default_rng(0).integers(0, 2, size=(5, 30))
    together = betting_capital(x, 100, 0.3)
    assert np.array_equal(together[3], betting_capital(x[3], 100, 0.3))
