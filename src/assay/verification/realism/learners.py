"""The two learners of the discriminator, for many label columns at once: a permuted refit costs a matrix column.

Both take the features of all texts once, then fit every column of labels (the true one and the permuted ones) by the
same fixed number of steps, so that the whole pipeline is rerun under each permutation without waiting for it.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

RIDGE = 0.1
"""Penalty of the logistic regression, per unit of squared weight (C = 10 in other words)."""
STEPS = 25
"""Steps of the logistic regression: the fit is stopped here, for true and permuted labels alike."""
BINS = 8
"""Thresholds per feature of the trees."""
ROUNDS = 60
RATE = 0.2
LEAF = 10.0
"""Rows that pull a leaf towards 0."""


class Learner(Protocol):
    """Fits columns of labels on some rows and scores others."""

    def scores(self, train: NDArray[np.intp], test: NDArray[np.intp], labels: Bools, kept: Bools) -> Floats:
        """Scores of the test rows, shape (len(test), P); labels and kept have shape (n, P). Higher: more simulated."""
        ...


def sigmoid(x: Floats) -> Floats:
    """Logistic function, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)


class KernelLogistic:
    """Ridge-penalised logistic regression in its dual form, by majorisation with the bound 1/4 on the curvature.

    One factorisation per fold serves all columns (Boehning and Lindsay 1988): each step costs one matrix product, and
    the penalised likelihood never falls.
    """

    def __init__(self, gram: Floats, ridge: float = RIDGE, steps: int = STEPS) -> None:
        # the one added to every product is an intercept, as lightly penalised as any weight
        self.gram = np.ascontiguousarray(gram + np.float32(1), dtype=np.float32)
        self.ridge, self.steps = np.float32(ridge), steps

    def scores(self, train: NDArray[np.intp], test: NDArray[np.intp], labels: Bools, kept: Bools) -> Floats:
        """See `Learner`."""
        from scipy.linalg import cho_factor, cho_solve

        inner = self.gram[np.ix_(train, train)]
        target, weight = labels[train].astype(np.float32), kept[train].astype(np.float32)
        bound = inner / 4
        bound[np.diag_indices_from(bound)] += self.ridge
        factor = cho_factor(bound, lower=True, overwrite_a=True, check_finite=False)
        many = target.shape[1] > 60
        inverse = cho_solve(factor, np.eye(len(train), dtype=np.float32), check_finite=False) if many else None
        alpha = np.zeros_like(target)
        fitted = np.zeros_like(target)
        for _ in range(self.steps):
            pull = weight * (sigmoid(fitted) - target) + self.ridge * alpha
            move = inverse @ pull if inverse is not None else cho_solve(factor, pull, check_finite=False)
            alpha -= move
            # gram @ move = 4 (pull - ridge move), by the definition of the bound
            fitted -= 4 * (pull - self.ridge * move)
        return np.asarray(self.gram[np.ix_(test, train)] @ alpha)


class BoostedTrees:
    """Gradient boosting of trees with one split on binned features, logistic loss (Friedman 2001)."""

    def __init__(self, features: NDArray[Any], rounds: int = ROUNDS, rate: float = RATE) -> None:
        self.below = binned(features)
        self.rounds, self.rate = rounds, np.float32(rate)

    def scores(self, train: NDArray[np.intp], test: NDArray[np.intp], labels: Bools, kept: Bools) -> Floats:
        """See `Learner`."""
        left, held = self.below[train], self.below[test]
        columns = labels.shape[1]
        out = np.zeros((len(test), columns), dtype=np.float32)
        if not left.shape[1]:
            return out
        target, weight = labels[train].astype(np.float32), kept[train].astype(np.float32)
        on_left = left.T @ weight
        on_right = weight.sum(axis=0) - on_left
        fitted, each = np.zeros_like(target), np.arange(columns)
        for _ in range(self.rounds):
            pull = weight * (target - sigmoid(fitted))
            sums = left.T @ pull
            rest = pull.sum(axis=0) - sums
            gain = sums**2 / (on_left + LEAF) + rest**2 / (on_right + LEAF)
            best = np.argmax(gain, axis=0)
            # a Newton step with curvature 1/4
            low = 4 * self.rate * sums[best, each] / (on_left[best, each] + LEAF)
            high = 4 * self.rate * rest[best, each] / (on_right[best, each] + LEAF)
            fitted += high + left[:, best] * (low - high)
            out += high + held[:, best] * (low - high)
        return out


def binned(features: NDArray[Any]) -> Floats:
    """Which rows lie at or below each feature's thresholds (quantiles of all rows): shape (n, thresholds), 0 or 1."""
    x = np.asarray(features, dtype=np.float64)
    columns = []
    for j in range(x.shape[1]):
        cuts = np.unique(np.quantile(x[:, j], np.arange(1, BINS + 1) / (BINS + 1), method="lower"))
        columns += [x[:, j] <= c for c in cuts if c < x[:, j].max(initial=-np.inf)]
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((len(x), 0), np.float32)
