"""Out-of-fold readers of one label: probabilities that no path leads to from the label they are about.

Plain cross-validation keeps a label out of its own reader. Refitting with weights = trust would let it back in: its
session helped to fit the readers whose probabilities weigh the others. So the weights for the reader of fold a come
from readers that saw neither a nor the fold they weigh: one reader for each pair of folds, then one for each fold.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.verification.label_noise import FLOOR, Floats, Task, judge

EPOCH_STEPS = 20_000
"""Gradient steps of one fit, at least five epochs and at most fifteen."""

FIT_ROWS = 50_000
"""Targets that one reader is fitted on at most."""

MANY = 200_000
"""Targets times values above which four folds are made instead of five."""


@dataclass(frozen=True)
class Folded:
    """One label's targets, ready to be read."""

    features: Any
    """Sparse float32 matrix, shape (n, p)."""
    task: Task
    """Given labels, shape (n, k)."""
    fold: NDArray[np.int64]
    """Fold of each target, shape (n,)."""
    seed: int
    """Seed of the stochastic gradient and of sampling."""

    def part(self, rows: NDArray[np.bool_]) -> Task:
        """The task of some rows."""
        return Task(self.task.given[rows], self.task.exclusive)


def folds_for(n: int, k: int, sessions: int) -> int:
    """Number of folds for n targets of k values in so many sessions."""
    return min(5 if n * k <= MANY else 4, sessions)


def out_of_fold(data: Folded, rounds: int = 2) -> Floats:
    """Probability of every value for every target, shape (n, k), from readers that did not see its session.

    rounds=1 is plain cross-validation. rounds=2 weighs the labels that a reader is fitted on by their trust.
    *Guarantee*: row i depends on the features of i and on labels of other folds only; not on the label of i nor,
    through weights, on any label of its fold (test_own_label_never_reaches_its_own_probability).
    """
    folds = int(data.fold.max()) + 1
    weights: list[Floats | None] = [None] * folds
    if rounds > 1 and folds > 2:
        weights = list(_pair_trust(data, folds))
    result = np.full(data.task.given.shape, FLOOR)
    for held in range(folds):
        out = data.fold == held
        if out.any():
            result[out] = _fit_and_read(data, ~out, out, weights[held])
    return result


def _pair_trust(data: Folded, folds: int) -> list[Floats]:
    """For each held-out fold, trust of all targets, shape (n,), that owes nothing to that fold."""
    read = {held: np.full(data.task.given.shape, FLOOR) for held in range(folds)}
    for a, b in combinations(range(folds), 2):
        in_a, in_b = data.fold == a, data.fold == b
        both = in_a | in_b
        probability = _fit_and_read(data, ~both, both, None)
        read[a][in_b] = probability[in_b[both]]
        read[b][in_a] = probability[in_a[both]]
    trust = []
    for held in range(folds):
        rest = data.fold != held
        task = data.part(rest)
        full = np.zeros(len(rest))
        full[rest] = judge(read[held][rest], task).trust
        trust.append(full)
    return trust


def _fit_and_read(data: Folded, train: NDArray[np.bool_], test: NDArray[np.bool_], weights: Floats | None) -> Floats:
    """Probabilities for the test rows of a reader fitted on the training rows, shape (tests, k)."""
    rows = np.flatnonzero(train)
    if len(rows) > FIT_ROWS:
        rows = np.sort(np.random.default_rng(data.seed).choice(rows, FIT_ROWS, replace=False))
    features, questions = data.features[rows], data.features[np.flatnonzero(test)]
    given = data.task.given[rows]
    chosen = None if weights is None else weights[rows]
    if data.task.exclusive:
        return _read_categories(features, given, questions, chosen, data.seed)
    columns = [_read_element(features, given[:, c], questions, chosen, data.seed) for c in range(given.shape[1])]
    return np.stack(columns, axis=1)


def _learner(n: int, seed: int) -> Any:
    """Averaged stochastic gradient on the logistic loss, one value against the rest."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss="log_loss",
        alpha=float(np.clip(0.6 / n, 3e-5, 5e-3)),
        max_iter=int(np.clip(EPOCH_STEPS // max(n, 1), 5, 15)),
        tol=None,
        average=True,
        random_state=seed % 2**32,
    )


def _read_categories(features: Any, given: Any, questions: Any, weights: Floats | None, seed: int) -> Floats:
    """Probabilities of exclusive values, shape (questions, k); values not seen in training get FLOOR."""
    answer = given.argmax(1)
    result = np.full((questions.shape[0], given.shape[1]), FLOOR)
    seen = np.unique(answer)
    if len(seen) == 1:
        result[:, seen] = 1 - FLOOR * (given.shape[1] - 1)
        return result
    reader = _learner(len(answer), seed).fit(features, answer, sample_weight=weights)
    result[:, reader.classes_] = np.maximum(reader.predict_proba(questions), FLOOR)
    result /= result.sum(1, keepdims=True)
    return result


def _read_element(features: Any, present: Any, questions: Any, weights: Floats | None, seed: int) -> Floats:
    """Probability that one element is in the set, shape (questions,)."""
    held = int(present.sum())
    if held in (0, len(present)):
        return np.full(questions.shape[0], (held + 0.5) / (len(present) + 1))
    reader = _learner(len(present), seed).fit(features, present, sample_weight=weights)
    result: Floats = reader.predict_proba(questions)[:, 1]
    return result
