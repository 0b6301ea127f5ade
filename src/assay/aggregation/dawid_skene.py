"""CN02: the latent-class model of A. P. Dawid and A. M. Skene (1979), in log space, with a prior on confusions.

P(label c) = p_c; annotator w says y where c holds with probability E[w, c, y]; votes are independent given c. The prior
of an annotator's row is the row of all annotators together (partial pooling): somebody with three votes is read like
everybody else, somebody with three hundred by their own confusions. Without it few votes give rows of zeros and ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.aggregation.majority import majority
from assay.aggregation.votes import Floats, Votes

POOL = 0.5
"""Votes per row that the pooled row is worth. More helps where annotators have few votes (see auto)."""
SMOOTH = 0.5
"""Votes per cell that the pooled table itself starts from, on top of its counts."""
MOST_STEPS, TOLERANCE = 200, 1e-5
"""EM steps at most; stops when the log posterior per item changes by less."""
RESTARTS = 4
"""Starts beside the vote shares, from shares mixed with noise; the best log posterior wins."""


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

    weight: shape (votes,), how much each vote counts (default: one annotator is one voice per item). gold: item index
    to label index, held fixed. The result depends on (votes, rng) alone; the starts are drawn from rng.

    *Guarantee*: but for the pooled row, which is estimated anew at each step, EM never lowers the log posterior
    (test_dawid_skene_law: by less than half a nat). Random are the votes; assumed is that votes
    are independent given the label. Where annotators copy each other the posterior is far too sure: see dependence.py.
    """
    weights = votes.weights() if weight is None else weight
    shares = majority(votes).shares
    uniform = np.full_like(shares, 1 / shares.shape[1])
    first = np.where(shares.sum(1, keepdims=True) > 0, shares, uniform)
    starts = [first]
    for _ in range(RESTARTS):
        noise = rng.dirichlet(np.ones(shares.shape[1]), size=len(first))
        starts.append(0.6 * first + 0.4 * noise)
    fits = [_em(votes, weights, start, gold or {}) for start in starts]
    return max(fits, key=lambda fit: fit.objective)


def _em(votes: Votes, weights: Floats, start: Floats, gold: Mapping[int, int]) -> DawidSkene:
    posterior = _fixed(start.copy(), gold)
    last = -np.inf
    for step in range(1, MOST_STEPS + 1):  # noqa: B007
        prior, confusion, penalty = _maximise(votes, weights, posterior)
        posterior, evidence = expect(votes, weights, prior, confusion)
        posterior = _fixed(posterior, gold)
        objective = evidence + penalty
        if abs(objective - last) < TOLERANCE * len(votes.items):
            break
        last = objective
    return DawidSkene(posterior, prior, confusion, objective, step)


def _fixed(posterior: Floats, gold: Mapping[int, int]) -> Floats:
    for item, label in gold.items():
        posterior[item] = 0.0
        posterior[item, label] = 1.0
    return posterior


def _maximise(votes: Votes, weights: Floats, posterior: Floats) -> tuple[Floats, Floats, float]:
    """(prior, confusions, log prior of the confusions)."""
    k, annotators = len(votes.labels), len(votes.annotators)
    counts = np.empty((annotators, k, k))
    place = votes.annotator * k + votes.label
    for c in range(k):
        flat = np.bincount(place, weights=weights * posterior[votes.item, c], minlength=annotators * k)
        counts[:, c] = flat.reshape(annotators, k)
    pooled = counts.sum(0) + SMOOTH
    pooled /= pooled.sum(1, keepdims=True)
    pseudo = POOL * pooled
    confusion = counts + pseudo
    confusion /= confusion.sum(2, keepdims=True)
    prior = posterior.sum(0) + 1.0
    prior /= prior.sum()
    return prior, confusion, float((pseudo * np.log(confusion)).sum())


def expect(votes: Votes, weights: Floats, prior: Floats, confusion: Floats) -> tuple[Floats, float]:
    """Posterior of every item under given parameters, shape (items, labels), and the log evidence in nats."""
    k = len(votes.labels)
    log_confusion = np.log(confusion)
    total = np.tile(np.log(prior), (len(votes.items), 1))
    for c in range(k):
        heard = log_confusion[votes.annotator, c, votes.label] * weights
        total[:, c] += np.bincount(votes.item, weights=heard, minlength=len(votes.items))
    top = total.max(1, keepdims=True)
    raised = np.exp(total - top)
    mass = raised.sum(1, keepdims=True)
    return raised / mass, float((top + np.log(mass)).sum())
