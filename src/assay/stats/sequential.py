"""Bounds that may be looked at after every draw: betting against 'too many are wrong', without replacement."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PRIOR_DRAWS = 80.0
"""Weight, in draws, of the guess that the true share is a fifth of the limit; it only steers the size of bets."""
PRIOR_SHARE = 0.2
"""That fifth."""
STEPS = 1000
"""Nulls that an interval tries."""
FIRST_GUESS = 0.9
"""Share of the null that an interval's gambler guesses before the first draw; it weighs as one draw."""


def betting_capital(wrong: ArrayLike, size: int, alpha: float) -> NDArray[np.float64]:
    """Log capital after each draw of a gambler who bets that fewer than alpha * size of a population are wrong.

    wrong: shape (..., n) of 0/1 in the order of a random permutation of the population; size: items in the population;
    alpha in (0, 1). Returns shape (..., n). Each bet is a likelihood ratio of the next draw, guessed share against the
    smallest share that 'at least alpha * size + 1 wrong' leaves for what is not yet drawn.
    Method: Waudby-Smith and Ramdas 2020 (confidence sequences without replacement), after Ville 1939.

    *Guarantee*: over the random permutation, if more than alpha of the population is wrong, the largest capital over
    ALL times reaches 1/delta with probability at most delta, whatever the stopping rule. Nothing else is assumed. It
    fails when items are read in an order that people chose. Proven by tests/laws/test_certificate_laws.py.
    """
    x = np.asarray(wrong, dtype=float)
    n = x.shape[-1]
    if n > size:
        raise ValueError(f"{n} draws from a population of {size}")
    seen = np.cumsum(x, axis=-1) - x
    step = np.arange(n)
    # the null with the fewest wrong: any other null leaves more wrong among the rest, on which this bet loses
    fewest = np.floor(alpha * size + 1e-9) + 1
    null = np.clip((fewest - seen) / (size - step), 0.0, 1.0)
    guess = (seen + PRIOR_DRAWS * PRIOR_SHARE * alpha) / (step + PRIOR_DRAWS)
    guess = np.minimum(guess, null)
    with np.errstate(divide="ignore", invalid="ignore"):
        on_wrong = np.where(null > 0, guess / null, 1.0)
        on_right = np.where(null < 1, (1 - guess) / (1 - null), 1.0)
    # null = 1: a right draw is impossible under it, so the null is refuted for good
    refuted = np.cumsum((null >= 1) & (x == 0), axis=-1) > 0
    with np.errstate(divide="ignore"):
        capital = np.cumsum(np.log(np.where(x > 0, on_wrong, on_right)), axis=-1)
    return np.where(refuted, np.inf, capital)


def betting_rejects(wrong: ArrayLike, size: int, alpha: float, delta: float) -> NDArray[np.bool_]:
    """Whether the capital ever reached 1/delta: 'at most alpha of the population is wrong' may be claimed.

    Shapes as in `betting_capital`; returns shape (...). The largest capital counts, not the last (Ville's inequality).
    """
    x = np.asarray(wrong)
    if x.shape[-1] == 0:
        return np.zeros(x.shape[:-1], dtype=bool)
    return np.asarray(betting_capital(x, size, alpha).max(axis=-1) >= -np.log(delta))


def betting_mean(y: ArrayLike, null: float, size: int | None = None) -> NDArray[np.float64]:
    """Log capital after each draw of a gambler who bets that a mean is below `null`.

    y: shape (..., n), values in [0, 1] in random order; null in (0, 1); size: units of the population when drawn
    without replacement, None for independent draws. Returns shape (..., n). Bets as in `betting_capital`, on fractions.
    Method: Waudby-Smith and Ramdas 2020, 2024 (betting on bounded means), after Ville 1939.

    *Guarantee*: y are independent draws with a mean of at least `null`, or a random permutation of a population with
    such a mean; then the largest capital over ALL times reaches 1/delta with probability at most delta. Proven by
    tests/laws/test_claim_laws.py.
    """
    x = np.asarray(y, dtype=float)
    n = x.shape[-1]
    if (x < -1e-12).any() or (x > 1 + 1e-12).any():
        raise ValueError("values outside [0, 1]")
    if size is not None and n > size:
        raise ValueError(f"{n} draws from a population of {size}")
    x = np.clip(x, 0.0, 1.0)
    seen = np.cumsum(x, axis=-1) - x
    step = np.arange(n)
    left = np.full(n, null) if size is None else np.clip((null * size - seen) / (size - step), 0.0, 1.0)
    guess = np.minimum((seen + PRIOR_DRAWS * PRIOR_SHARE * null) / (step + PRIOR_DRAWS), left)
    with np.errstate(divide="ignore", invalid="ignore"):
        # what is left can be 0 (nothing is bet) or 1 (any value below it refutes the null for good)
        stake = np.where((left > 0) & (left < 1), (left - guess) / (left * (1 - left)), 0.0)
        capital = np.cumsum(np.log1p(stake * (left - x)), axis=-1)
    refuted = np.cumsum((left >= 1) & (x < 1 - 1e-12), axis=-1) > 0
    return np.where(refuted, np.inf, capital)


def betting_interval(z: ArrayLike, low: float, high: float, delta: float = 0.05) -> tuple[float, float]:
    """Interval of the mean of bounded independent draws: the nulls that neither side's gambler refutes.

    z: shape (n,), values in [low, high]. The limits are rounded outwards to 1/1,000 of the range.

    *Guarantee*: the mean lies outside with probability at most delta, whatever the distribution within the bounds.
    Proven by tests/laws/test_claim_laws.py.
    """
    y = (np.asarray(z, dtype=float) - low) / (high - low)
    if y.size == 0:
        return low, high
    nulls = np.arange(1, STEPS) / STEPS
    above = nulls[~_ever(y, nulls, delta / 2)]
    below = 1 - nulls[~_ever(1 - y, nulls, delta / 2)]
    # a side on which nothing can be refuted keeps its bound
    top = above.max() + 1 / STEPS if above.size else 1 / STEPS
    bottom = below.min() - 1 / STEPS if below.size else 1 - 1 / STEPS
    return low + (high - low) * max(0.0, float(bottom)), low + (high - low) * min(1.0, float(top))


def _ever(y: NDArray[np.float64], nulls: NDArray[np.float64], delta: float) -> NDArray[np.bool_]:
    """Which nulls 'the mean is at least this' are refuted at some time; the guess is the running mean."""
    seen, step = np.cumsum(y) - y, np.arange(y.size)
    null = nulls[:, None]
    guess = np.minimum((seen + FIRST_GUESS * null) / (step + 1), null)
    stake = (null - guess) / (null * (1 - null))
    return np.asarray(np.cumsum(np.log1p(stake * (null - y)), axis=1).max(axis=1) >= -np.log(delta))
