"""Votes to a posterior: the methods by name, what each found, and everything odd about the votes said in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.aggregation.crowd import METHODS as CROWD_METHODS
from assay.aggregation.crowd import by_crowd_kit
from assay.aggregation.dawid_skene import dawid_skene
from assay.aggregation.dependence import Dependence, find_dependence
from assay.aggregation.majority import expected_accuracy, majority
from assay.aggregation.recalibration import (
    LEAST_GOLD,
    check_rows,
    cross_fitted,
    excess_ece,
    fit_recalibration,
    log_loss,
)
from assay.aggregation.tempered import tempered
from assay.aggregation.votes import Floats, Votes
from assay.errors import BadInput

METHODS = ("auto", "majority", "dawid-skene", *CROWD_METHODS)


@dataclass(frozen=True, slots=True)
class Consensus:
    """What a method made of the votes."""

    votes: Votes
    """What it was made from."""
    method: str
    """One of METHODS."""
    posterior: Floats
    """Shape (items, labels), rows sum to 1."""
    dependence: Dependence
    """Groups, n_eff and whether skill can be told from copying; looked at whatever the method."""
    notes: tuple[str, ...]
    """Everything odd about the votes or the fit, one sentence each."""
    recalibrated_on: int
    """Gold labels that the posterior was recalibrated on; 0 if none."""
    scores: Mapping[str, float]
    """With gold: accuracy, ece, excess_ece, log_loss and gold (how many); `auto` is scored out of fold."""

    def summary(self) -> dict[str, object]:
        """The JSON summary of INTERFACE.md, without `seconds`."""
        names, found = self.votes.annotators, self.dependence
        return {
            "items": len(self.votes.items),
            "annotators": len(names),
            "votes": self.votes.n,
            "labels": list(self.votes.labels),
            "method": self.method,
            "effective_annotators": float(f"{found.effective:.6g}"),
            "dependent_groups": [[names[i] for i in group] for group in found.groups],
            "uninformative": [names[i] for i in found.uninformative],
            "identifiable": found.identifiable,
            "mean_probability": float(f"{self.posterior.max(1).mean():.6g}"),
            "recalibrated_on": self.recalibrated_on,
            **{name: float(f"{value:.6g}") for name, value in self.scores.items()},
            "notes": list(self.notes),
        }


def find_consensus(
    votes: Votes, method: str = "auto", gold: Mapping[int, int] | None = None, seed: int = 0
) -> Consensus:
    """Posterior of every item's label by a method.

    gold: item index -> label index; `auto` is recalibrated on it where there are LEAST_GOLD or more. Raises BadInput
    for a method that is not in METHODS. *Guarantee*: what `auto` assumes is stated in dependence.py and tempered.py;
    where fewer than three independent units are left it falls back to vote shares with one vote's worth of base rate,
    and says so, because no data can then tell skill from copying (test_two_units_are_not_identifiable).
    """
    if method not in METHODS:
        raise BadInput(f"no method {method!r}", now=f"one of {', '.join(METHODS)}")
    gold = dict(gold or {})
    dependence = find_dependence(votes)
    posterior, notes = _posterior(votes, method, dependence, seed)
    check_rows(posterior)
    notes = [*_about_votes(votes), *_about_voters(votes, dependence), *notes]
    shares = smoothed_shares(votes, dependence) if method == "auto" and gold else None
    fitted = fit_recalibration(posterior, gold, shares) if method == "auto" else None
    used = fitted.n if fitted else 0
    if method == "auto" and 0 < len(gold) < LEAST_GOLD:
        notes.append(f"Not recalibrated: {len(gold)} gold labels, {LEAST_GOLD} are needed.")
    rng = np.random.default_rng(seed)
    final = fitted.apply(posterior, shares) if fitted else posterior
    told = cross_fitted(posterior, gold, rng, shares) if used else posterior[list(gold)]
    scores = _scores(told, gold, rng) if gold else {}
    return Consensus(votes, method, final, dependence, tuple(notes), used, scores)


def _posterior(votes: Votes, method: str, dependence: Dependence, seed: int) -> tuple[Floats, list[str]]:
    if method == "majority":
        shares = majority(votes).shares
        return shares, []
    if method == "dawid-skene":
        return dawid_skene(votes, np.random.default_rng(seed)).posterior, []
    if method != "auto":
        return by_crowd_kit(votes, method, seed), []
    if not dependence.identifiable:
        return smoothed_shares(votes, dependence), [
            "Not identifiable: fewer than three independent annotators, so that skill can't be told from copying; "
            "the posterior is vote shares with one vote's worth of base rate, and no trust can rest on it."
        ]
    fit = tempered(votes, dependence)
    if fit.error_correlation < 0.01:
        return fit.posterior, []
    return fit.posterior, [
        f"Errors on one item go together (correlation {fit.error_correlation:.2f} as seen by the consensus): votes "
        f"count for less, and vote shares have {fit.share_weight:.0%} of the weight."
    ]


def smoothed_shares(votes: Votes, dependence: Dependence) -> Floats:
    """Vote shares, groups as n_eff voices, with one voice's worth of base rate; shape (items, labels)."""
    k = len(votes.labels)
    weight = votes.weights() * dependence.weight[votes.annotator]
    counts = np.bincount(votes.item * k + votes.label, weights=weight, minlength=len(votes.items) * k)
    counts = counts.reshape(len(votes.items), k)
    base = (counts.sum(0) + 1) / (counts.sum() + k)
    return np.asarray((counts + base) / (counts.sum(1, keepdims=True) + 1))


def _about_votes(votes: Votes) -> list[str]:
    notes = []
    repeated, tied = votes.repeated(), int(majority(votes).tied.sum())
    if len(votes.labels) == 1:
        notes.append(f"Every vote says {votes.labels[0]!r}: there is nothing to tell apart.")
    if len(votes.annotators) == 1:
        notes.append("A single annotator: nothing can be said of their errors.")
    if repeated:
        notes.append(f"{repeated} repeated votes of an annotator on an item: each annotator is one voice per item.")
    if tied:
        notes.append(f"{tied} items are tied: their best labels have equal shares.")
    missing = len(votes.items) * len(votes.annotators) - (votes.n - repeated)
    if missing:
        notes.append(f"{missing} of {len(votes.items) * len(votes.annotators)} item-annotator pairs have no vote.")
    return notes


def _about_voters(votes: Votes, dependence: Dependence) -> list[str]:
    notes = []
    for group in dependence.groups:
        names = ", ".join(votes.annotators[i] for i in group)
        voices = float(dependence.weight[list(group)].sum())
        notes.append(
            f"{names} agree far beyond what their agreement with others explains: {len(group)} annotators, "
            f"{voices:.1f} voices. "
            "Votes alone can't tell whether they copy or are all nearly perfect; copying is assumed."
        )
    if dependence.uninformative:
        names = ", ".join(votes.annotators[i] for i in dependence.uninformative[:10])
        notes.append(f"Votes unrelated to everybody else's: {names} ({len(dependence.uninformative)} annotators).")
    if len(dependence.tested) < len(votes.annotators):
        notes.append(f"Dependence was looked for among the {len(dependence.tested)} annotators with the most votes.")
    return notes


def _scores(told: Floats, gold: Mapping[int, int], rng: np.random.Generator) -> dict[str, float]:
    right = np.array(list(gold.values()))
    error, excess = excess_ece(told, right, rng)
    accuracy = expected_accuracy(told, dict(enumerate(right.tolist())))
    return {
        "accuracy": accuracy, "ece": error, "excess_ece": excess, "log_loss": log_loss(told, right), "gold": len(gold)
    }  # fmt: skip
