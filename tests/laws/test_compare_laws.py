"""Laws of the paired comparison: the exact McNemar p is valid, and has power."""

import numpy as np
import pytest

from assay.door.comparing import mcnemar
from assay.stats.intervals import binomial_limit


@pytest.mark.parametrize("x", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("n", [6, 25, 60])
def test_without_a_difference_small_p_are_no_more_frequent_than_they_say(n: int, x: float) -> None:
    rng = np.random.default_rng(n)
    trials = 2000
    falls = rng.binomial(n, 0.5, trials)
    small = sum(mcnemar(int(k), n - int(k)) <= x for k in falls)
    assert small <= binomial_limit(trials, x)


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    falls = rng.binomial(30, 0.85, 500)
    assert np.mean([mcnemar(int(k), 30 - int(k)) <= 0.05 for k in falls]) > 0.9


def test_known_values() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(1, 9) == mcnemar(9, 1) == pytest.approx(2 * (1 + 10) / 1024)
