"""CN02: the latent-class model of A. P. Dawid and A. M. Skene (1979), in log space, with a prior on confusions.

P(label c) = p_c; annotator w says y where c holds with probability E[w, c, y]; votes are independent given c. The prior
of an annotator's row is the row of all annotators together (partial pooling): somebody with three votes is read like
everybody else, somebody with three hundred by their own confusions. Without it few votes give rows of zeros and ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.aggregation.majority import majority
from assay.aggregation.votes import Floats, Votes

POOL = 0.5
"""Votes per row that the pooled row is worth. More helps where annotators have few votes (see auto)."""
SMOOTH = 0.5
"""Votes per cell that the pooled table itself starts from, on top of its counts."""
MOST_STEPS, TOLERANCE = 200, 1e-5
"""EM steps at most; stops when the log posterior per item changes by less."""
MOST_COMPARED = 5_000
"""Items on which starts are compared."""
RESTARTS = 4
"""Starts beside the vote shares, from shares mixed with noise; the best log posterior wins."""
SAME_END = 0.01
"""Mean difference of a posterior from that of an earlier start below which a start is not followed further."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """A fitted model."""

    posterior: Floats
    """Shape (items, labels), rows sum to 1."""
    prior: Floats
    """Shape (labels,)."""
    confusion: Floats
    """Shape (annotators, labels, labels): [w, c, y] = P(w says y | c holds)."""
    objective: float
    """Log posterior of the parameters at the end, nats."""
    steps: int
    """EM steps of the winning start."""


def dawid_skene(
    votes: Votes, rng: np.random.Generator, *, weight: Floats | None = None, gold: Mapping[int, int] | None = None
) -> DawidSkene:
    """Fit by EM from several starts.

    With more than MOST_COMPARED items the starts are compared on an even spread of that many, and the winner goes on.
    weight: shape (votes,), how much each vote counts (default: one annotator is one voice per item). gold: item index
    to label index, held fixed. The result depends on (votes, rng) alone; the starts are drawn from rng.

    *Guarantee*: but for the pooled row, which is estimated anew at each step, EM never lowers the log posterior
    (test_dawid_skene_law: by less than half a nat). Random are the votes; assumed is that votes
    are independent given the label. Where annotators copy each other the posterior is far too sure: see dependence.py.
    """
    weights = votes.weights() if weight is None else weight
    table = _Table.of(votes, weights)
    shares = majority(votes).shares
    first = np.where(shares.sum(1, keepdims=True) > 0, shares, 1 / shares.shape[1])
    rows = np.arange(0, len(first), max(1, -(-len(first) // MOST_COMPARED)))
    some = table if len(rows) == len(first) else table.part(rows)
    known = {int(i): gold[int(r)] for i, r in enumerate(rows) if int(r) in gold} if gold else {}
    starts = [first[rows]]
    for _ in range(RESTARTS):
        noise = rng.dirichlet(np.ones(shares.shape[1]), size=len(rows))
        starts.append(0.6 * starts[0] + 0.4 * noise)
    best = _em(some, starts[0], known)
    for start in starts[1:]:
        best = max(best, _em(some, start, known, best), key=lambda fit: fit.objective)
    return best if some is table else _em(table, table.expect(best.prior, best.confusion)[0], gold or {})


@dataclass(frozen=True, slots=True)
class _Table:
    """The votes as one sparse matrix, shape (items, annotators * labels)."""

    votes: Any
    annotators: int
    k: int

    @classmethod
    def of(cls, votes: Votes, weights: Floats) -> "_Table":
        return cls(sparse(votes, weights), len(votes.annotators), len(votes.labels))

    def part(self, rows: Any) -> "_Table":
        """The same of some items."""
        return _Table(self.votes[rows], self.annotators, self.k)

    def expect(self, prior: Floats, confusion: Floats) -> tuple[Floats, float]:
        """Posterior of every item under given parameters, shape (items, labels), and the log evidence in nats."""
        flat = np.log(confusion).transpose(0, 2, 1).reshape(self.annotators * self.k, self.k)
        total = np.asarray(self.votes @ flat) + np.log(prior)
        top = highest(total)
        raised = np.exp(total - top)
        mass = raised @ np.ones((self.k, 1))
        return raised / mass, float((top + np.log(mass)).sum())

    def maximise(self, posterior: Floats) -> tuple[Floats, Floats, float]:
        """(prior, confusions, log prior of the confusions)."""
        counts = np.asarray(self.votes.T @ posterior).reshape(self.annotators, self.k, self.k).transpose(0, 2, 1)
        pooled = np.ones(self.annotators) @ counts.reshape(self.annotators, -1)
        pooled = pooled.reshape(self.k, self.k) + SMOOTH
        pooled /= pooled.sum(1, keepdims=True)
        pseudo = POOL * pooled
        confusion = counts + pseudo
        # numpy's own sums are slow over short rows
        confusion /= (confusion @ np.ones(self.k))[:, :, None]
        prior = np.ones(len(posterior)) @ posterior + 1.0
        prior /= prior.sum()
        return prior, confusion, float((pseudo * np.log(confusion)).sum())


def sparse(votes: Votes, weights: Floats) -> Any:
    """The votes as a sparse matrix, shape (items, annotators * labels)."""
    from scipy.sparse import csr_matrix

    k = len(votes.labels)
    item, place = votes.item, votes.annotator * k + votes.label
    if (item[1:] < item[:-1]).any():
        order = np.argsort(item, kind="stable")
        item, place, weights = item[order], place[order], weights[order]
    ends = np.concatenate([[0], np.bincount(item, minlength=len(votes.items)).cumsum()])
    return csr_matrix((weights, place, ends), shape=(len(votes.items), len(votes.annotators) * k))


def highest(rows: Floats) -> Floats:
    """Largest value of each row as a column; numpy's own reduction is slow over short rows."""
    top = rows[:, 0].copy()
    for column in range(1, rows.shape[1]):
        np.maximum(top, rows[:, column], out=top)
    return top[:, None]


def _em(table: _Table, start: Floats, gold: Mapping[int, int], known: DawidSkene | None = None) -> DawidSkene:
    """EM to its end, or until it has come so near to a known end that it would end there too."""
    posterior = _fixed(start.copy(), gold)
    last = -np.inf
    for step in range(1, MOST_STEPS + 1):  # noqa: B007
        prior, confusion, penalty = table.maximise(posterior)
        posterior, evidence = table.expect(prior, confusion)
        posterior = _fixed(posterior, gold)
        objective = evidence + penalty
        if abs(objective - last) < TOLERANCE * len(posterior):
            break
        last = objective
        if known is not None and np.abs(posterior - known.posterior).mean() < SAME_END:
            return known
    return DawidSkene(posterior, prior, confusion, objective, step)


def _fixed(posterior: Floats, gold: Mapping[int, int]) -> Floats:
    for item, label in gold.items():
        posterior[item] = 0.0
        posterior[item, label] = 1.0
    return posterior
