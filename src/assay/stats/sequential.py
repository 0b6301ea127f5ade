"""Bounds that may be looked at after every draw: betting against 'too many are wrong', without replacement."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PRIOR_DRAWS = 80.0
"""Weight, in draws, of the guess that the true share is a fifth of the limit; it only steers the size of bets."""
PRIOR_SHARE = 0.2
"""That fifth."""


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
