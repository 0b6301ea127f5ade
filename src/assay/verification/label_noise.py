"""Which labels are wrong, given what a reader thinks of the text: temperature and a model of how labels go wrong.

A reader's probability of the given value says how sure the reader is, not whether the label is wrong: on hard text it
is low for right labels too. What makes a label suspicious is that another value explains the text better AND that
people (or programs) do write this value where that one is meant. The second part is learned from the data: N[a, b],
how often b stands where a is meant, by EM with the reader's probabilities held fixed (the latent-class model of
A. P. Dawid and A. M. Skene, 1979, with one labeller and the reader as prior of each item). A prior worth half the data
keeps the estimate from explaining all of the reader's own confusions as wrong labels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PRIOR_WRONG = 0.05
"""Share of wrong labels that the prior expects, spread evenly over all other values."""

PRIOR_WORTH = 0.5
"""Weight of the prior, as a share of the number of labels."""

ROUNDS = 20
"""EM steps; the rates move by less than 1e-3 after about ten."""

FLOOR = 1e-6
"""Smallest probability; a reader who never saw a value is not infinitely sure."""


class Judged(NamedTuple):
    """What is thought of each label."""

    trust: Floats
    """Shape (n,): probability that the given value is right."""
    drop: NDArray[np.int64]
    """Shape (n,): value that the best alternative takes away, -1 for none."""
    add: NDArray[np.int64]
    """Shape (n,): value that the best alternative puts in, -1 for none."""


@dataclass(frozen=True)
class Task:
    """Labels of one name as a 0/1 matrix; a category is a set of exactly one value."""

    given: Bools
    """Shape (n, k)."""
    exclusive: bool
    """Whether exactly one value holds (category) or any number (set)."""


def log_odds(probability: Floats, exclusive: bool) -> Floats:
    """Evidence for each value: log p for exclusive values, log p / (1 - p) for the elements of sets."""
    clipped = np.clip(probability, FLOOR, 1 - FLOOR)
    return np.log(clipped) if exclusive else np.log(clipped) - np.log1p(-clipped)


def temperature(probability: Floats, task: Task) -> Floats:
    """Probabilities, shape (n, k), sharpened or flattened by the one power that fits the given labels best.

    Guo et al. 2017 (1706.04599), fitted on the same out-of-fold probabilities: one number from n labels.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import expit, log_softmax, softmax

    odds = log_odds(probability, task.exclusive)

    def loss(log_power: float) -> float:
        scaled = odds * np.exp(log_power)
        if task.exclusive:
            return float(-log_softmax(scaled, axis=1)[task.given].mean())
        return float(np.logaddexp(0, np.where(task.given, -scaled, scaled)).mean())

    power = np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded", options={"xatol": 1e-3}).x)
    scaled = odds * power
    result: Floats = softmax(scaled, axis=1) if task.exclusive else expit(scaled)
    return np.clip(result, FLOOR, 1 - FLOOR)


def judge(probability: Floats, task: Task) -> Judged:
    """Trust of each label and its best alternative, from calibrated out-of-fold probabilities of shape (n, k).

    The alternatives of a label are: one of its values stands for another one; for sets also: one of its values is
    spurious, or one is missing. The odds of an alternative are the reader's odds times N of that exchange.
    """
    n, k = probability.shape
    evidence = np.hstack([log_odds(probability, task.exclusive), np.zeros((n, 1))])
    given = np.hstack([task.given, np.full((n, 1), not task.exclusive)])
    rows, wrong = np.nonzero(given)
    # An alternative puts in a value that is not there (or, for sets, nothing, where a value is taken away).
    allowed = ~given[rows]
    allowed[:, k] = (wrong != k) & (not task.exclusive)
    gain = np.where(allowed, evidence[rows] - evidence[rows, wrong][:, None], -np.inf)
    held = given.sum(0).astype(float)
    held[k] = n
    others = np.full(k + 1, float(k if not task.exclusive else max(k - 1, 1)))
    prior = PRIOR_WORTH * held * PRIOR_WRONG / others
    rates = np.full((k + 1, k + 1), PRIOR_WRONG) / others[:, None]
    odds, total = _odds(gain, rates, rows, wrong, n)
    for _ in range(ROUNDS):
        share = odds / (1 + total[rows])[:, None]
        moved = np.zeros((k + 1, k + 1))
        np.add.at(moved.T, wrong, share)
        meant = np.maximum(held + moved.sum(1) - moved.sum(0), 0.5)
        meant[k] = n
        kept = np.maximum(meant - moved.sum(1), 0.5) + PRIOR_WORTH * held * (1 - PRIOR_WRONG)
        rates = (moved + prior[:, None]) / np.maximum(kept, 0.5)[:, None]
        odds, total = _odds(gain, rates, rows, wrong, n)
    return _best(odds, total, rows, wrong, n, k)


def _odds(
    gain: Floats, rates: Floats, rows: NDArray[np.int64], wrong: NDArray[np.int64], n: int
) -> tuple[Floats, Floats]:
    """Odds of every alternative against the given label, and their sum per label."""
    with np.errstate(over="ignore"):
        odds = np.exp(np.minimum(gain, 60.0)) * rates.T[wrong]
    return odds, np.bincount(rows, weights=odds.sum(1), minlength=n)


def _best(
    odds: Floats, total: Floats, rows: NDArray[np.int64], wrong: NDArray[np.int64], n: int, k: int
) -> Judged:
    """Trust, and the alternative with the highest odds of each label."""
    put = odds.argmax(1)
    height = odds[np.arange(len(rows)), put]
    order = np.lexsort((height, rows))
    # Labels without a single alternative keep -1.
    drop, add = np.full(n, -1), np.full(n, -1)
    drop[rows[order]] = np.where(wrong[order] == k, -1, wrong[order])
    add[rows[order]] = np.where(put[order] == k, -1, put[order])
    return Judged(1 / (1 + total), drop, add)


def alarm_threshold(trust: Floats, false_alarms: float) -> float:
    """Trust below which a label is called wrong, at most one half.

    The largest threshold at which the expected share of right labels called wrong, sum of trust over the called ones
    by sum of trust over all, stays within `false_alarms`. 0 where even the first call would exceed it.
    """
    ordered = np.sort(trust)
    share = np.cumsum(ordered) / max(float(ordered.sum()), 1e-12)
    allowed = int(np.searchsorted(share, false_alarms, side="right"))
    if allowed == 0:
        return 0.0
    return min(0.5, float(np.nextafter(ordered[allowed - 1], 1.0)))
