"""From votes and probabilities of several annotators to one distribution a target, with gold where there is some.

Without gold: half the consensus of the votes (consensus.py, which weighs annotators by skill and looks for copies),
half the mean of the annotators' own probabilities, which tell sure votes from guesses. With gold: a regression that
learns how far each annotator's odds, and the consensus, are to be believed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.aggregation.consensus import find_consensus
from assay.aggregation.votes import Floats, votes_of
from assay.errors import BadInput

FLOOR = 1e-4
"""Least probability that enters a logarithm."""
LEAST_GOLD = 30
"""Gold targets below which nothing is learnt from them."""
LEAST_SHOWN = 20
"""Gold targets of a top part below which nothing is said of its error."""
RIDGE = 1.0
"""Of the regressions on gold: weights near an equal pool, no value favoured, unless gold says otherwise."""
SPREAD = 4.0
"""Log odds are divided by this before the logistic that makes a rank score, so that 6 digits still tell them apart."""
YES, NO = "yes", "no"

Vote = tuple[int, str, int]
"""(target, annotator, value)."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """One distribution a target."""

    p: Floats
    """Shape (targets, values): rows sum to 1, or for sets the probability that each value is present; nan: no votes."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What the consensus says of the annotators."""
    learnt_on: int = 0
    """Gold targets that weights were learnt on."""


def pooled(
    votes: Sequence[Vote], read: Mapping[str, Floats], shape: tuple[int, int], *, sets: bool,
    gold: Mapping[int, frozenset[int]] | None = None, method: str = "auto", seed: int = 0,
) -> Pooled:  # fmt: skip
    """Pool votes and probabilities.

    votes: of all annotators; read: annotator -> probabilities of `shape` (targets, values), nan where it does not
    speak; gold: target -> values present. Raises BadInput for probabilities outside [0, 1] and gold that is not one
    value of a category.
    """
    for name, p in read.items():
        told = p[~np.isnan(p)]
        if p.shape != shape or (told < 0).any() or (told > 1 + 1e-9).any() or not np.isfinite(told).all():
            raise BadInput(
                f"probabilities outside [0, 1], or of shape {p.shape}, not {shape}", where=f"annotator {name}",
                now="give one row a target and one column a value",
            )  # fmt: skip
    gold = dict(gold or {})
    if not sets and (bad := [i for i, held in gold.items() if len(held) != 1]):
        raise BadInput(f"gold with {len(gold[bad[0]])} values for a category", where=f"target {bad[0]}", now="give one")
    consensus, summary = _of_sets(votes, shape, method, seed) if sets else _of_categories(votes, shape, method, seed)
    views = [consensus, *read.values()]
    if len(gold) >= LEAST_GOLD:
        made = _learnt_sets(views, gold) if sets else _learnt_categories(views, gold)
        return Pooled(made, summary, len(gold))
    soft = _mean([p for p in read.values()]) if read else consensus
    return Pooled(_mean([consensus, soft]), summary)


def decided(p: Floats, *, sets: bool, may_be_empty: bool = False) -> tuple[list[tuple[int, ...]], Floats]:
    """(value indices per target, rank scores in [0, 1], shape (targets,)); no values where nothing is known.

    The rank is the squashed log odds that the named value, or the whole named set, is right.
    """
    known: NDArray[np.bool_] = np.asarray(~np.isnan(p).all(axis=1))
    full = np.nan_to_num(p, nan=0.0)
    best = full.argmax(axis=1)
    if sets:
        chosen = full >= 0.5
        if not may_be_empty:
            chosen[np.arange(len(p)), best] = True
        logs = np.log(np.clip(np.where(chosen, full, 1 - full), FLOOR, 1 - FLOOR)).sum(axis=1)
        right = np.exp(logs)
    else:
        chosen = np.zeros(full.shape, dtype=bool)
        chosen[np.arange(len(p)), best] = True
        right = full.max(axis=1)
    right = np.clip(right, 1e-9, 1 - 1e-9)
    rank = 1 / (1 + np.exp(-np.log(right / (1 - right)) / SPREAD))
    named = [tuple(map(int, np.flatnonzero(row))) if ok else () for row, ok in zip(chosen, known, strict=True)]
    return named, np.where(known, rank, 0.0)


def safe_top(p: Floats, gold: Mapping[int, frozenset[int]], error: float, *, sets: bool) -> dict[str, Any] | None:
    """The largest share of targets, best ranks first, of which at most `error` looks wrong on gold; None where none is.

    One wrong one is added to those seen, since the best of many shares is looked for. A plan for a draw, never a claim:
    the gold that weights were learnt on is the gold that is looked at.
    """
    named, rank = decided(p, sets=sets)
    known = sorted(((float(rank[i]), frozenset(named[i]) != held) for i, held in gold.items()), reverse=True)
    wrong = np.cumsum([bad for _, bad in known])
    fits = [k for k in range(LEAST_SHOWN - 1, len(known)) if wrong[k] + 1 <= error * (k + 1)]
    if not fits:
        return None
    share = float((rank >= known[fits[-1]][0]).mean())
    return {"share": float(f"{share:.2g}"), "wrong": int(wrong[fits[-1]]), "of": fits[-1] + 1}


def _of_categories(votes: Sequence[Vote], shape: tuple[int, int], method: str, seed: int) -> tuple[Floats, Any]:
    out = np.full(shape, np.nan)
    if not votes:
        return out, {}
    names = [f"{k:04d}" for k in range(shape[1])]
    found = find_consensus(votes_of([(f"{i:08d}", who, names[k]) for i, who, k in votes], names), method, seed=seed)
    out[[int(i) for i in found.votes.items]] = found.posterior
    return out, _told(found.summary())


def _of_sets(votes: Sequence[Vote], shape: tuple[int, int], method: str, seed: int) -> tuple[Floats, Any]:
    """One yes-or-no consensus a value. An annotator that voted on a target says no to what it did not name."""
    out = np.full(shape, np.nan)
    voted: dict[tuple[int, str], set[int]] = {}
    for i, who, k in votes:
        voted.setdefault((i, who), set()).add(k)
    able: dict[str, set[int]] = {}
    for (_, who), held in voted.items():
        able.setdefault(who, set()).update(held)
    told: dict[str, Any] = {}
    for k in range(shape[1]):
        # who never names a value in all its votes cannot speak of it
        rows = [(f"{i:08d}", who, YES if k in held else NO) for (i, who), held in voted.items() if k in able[who]]
        if rows:
            found = find_consensus(votes_of(rows, (NO, YES)), method, seed=seed)
            out[[int(i) for i in found.votes.items], k] = found.posterior[:, found.votes.labels.index(YES)]
            told[str(k)] = _told(found.summary())
    return out, told


def _told(summary: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("annotators", "effective_annotators", "dependent_groups", "identifiable", "notes")
    return {k: summary[k] for k in kept}


def _mean(views: Sequence[Floats]) -> Floats:
    """Mean of what is told, nan where nothing is."""
    stack = np.stack(views)
    told = ~np.isnan(stack)
    n = told.sum(axis=0)
    return np.asarray(np.where(n > 0, np.where(told, stack, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan))


def _odds(views: Sequence[Floats]) -> Floats:
    """Log odds of every view, 0 where it says nothing; shape (views, targets, values)."""
    p = np.clip(np.nan_to_num(np.stack(views), nan=0.5), FLOOR, 1 - FLOOR)
    return np.asarray(np.log(p / (1 - p)))


def _logs(views: Sequence[Floats]) -> Floats:
    """Log probabilities of every view, even where it says nothing; shape (views, targets, values)."""
    p = np.stack(views)
    silent = np.isnan(p).all(axis=2, keepdims=True)
    p = np.where(silent, 1 / p.shape[2], np.nan_to_num(p, nan=0.0))
    return np.asarray(np.log(np.maximum(p, FLOOR)))


def _learnt_sets(views: Sequence[Floats], gold: Mapping[int, frozenset[int]]) -> Floats:
    """Logistic regression of presence on the views' log odds, weights shared by all values, one intercept a value."""
    x = _odds(views)
    rows = np.array(sorted(gold))
    y = np.zeros((len(rows), x.shape[2]))
    for r, i in enumerate(rows):
        y[r, sorted(gold[int(i)])] = 1.0
    w, b = _fit(x[:, rows], y, exclusive=False)
    score = np.einsum("a,ank->nk", w, x) + b
    return np.asarray(1 / (1 + np.exp(-score)))


def _learnt_categories(views: Sequence[Floats], gold: Mapping[int, frozenset[int]]) -> Floats:
    """Conditional logit: a value's utility is the weighted sum of the views' log probabilities, plus an intercept."""
    x = _logs(views)
    rows = np.array(sorted(gold))
    y = np.zeros((len(rows), x.shape[2]))
    y[np.arange(len(rows)), [next(iter(gold[int(i)])) for i in rows]] = 1.0
    w, b = _fit(x[:, rows], y, exclusive=True)
    score = np.einsum("a,ank->nk", w, x) + b
    e = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _fit(x: Floats, y: Floats, *, exclusive: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(weights of views, intercepts of values) of the ridge-penalised likelihood; weights shrink towards equal ones."""
    from scipy.optimize import minimize

    views, _, values = x.shape
    equal = np.full(views, 1 / views)

    def cost(theta: Floats) -> tuple[float, Floats]:
        w, b = theta[:views], theta[views:]
        score = np.einsum("a,ank->nk", w, x) + b
        if exclusive:
            top = score - score.max(axis=1, keepdims=True)
            p = np.exp(top) / np.exp(top).sum(axis=1, keepdims=True)
            loss = -(y * (top - np.log(np.exp(top).sum(axis=1, keepdims=True)))).sum()
        else:
            p = 1 / (1 + np.exp(-score))
            loss = (np.logaddexp(0, score) - y * score).sum()
        gap = p - y
        held = RIDGE * (((w - equal) ** 2).sum() + (b**2).sum()) / 2
        slope = np.concatenate([np.einsum("nk,ank->a", gap, x), gap.sum(axis=0)])
        return float(loss + held), slope + RIDGE * np.concatenate([w - equal, b])

    found = minimize(cost, np.concatenate([equal, np.zeros(values)]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x[:views]), np.asarray(found.x[views:])
