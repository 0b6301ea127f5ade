"""How far an annotator that reads a target several times agrees with itself, beyond chance.

Gold is not needed: who names another value whenever the options stand in another order has read the order, not the
text. Agreement is over pairs of draws of a target; chance is the agreement of draws of different targets (Fleiss' kappa
with draws as raters), so that naming one value always earns nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.aggregation.votes import Floats

LEAST = 20
"""Targets with two draws or more below which nothing is said."""
RESAMPLES = 1000
SURE = 0.05


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """Agreement of an annotator's draws."""

    kappa: float
    """1 for the same first choice in every draw of a target, 0 for no more than chance."""
    low: float
    """Lower one-sided 95 % limit."""
    targets: int
    """Targets that were read at least twice."""

    @property
    def shown(self) -> bool:
        """Whether it is shown to agree with itself beyond chance."""
        return self.low > 0


def self_agreement(draws: Sequence[Floats], rng: np.random.Generator) -> SelfAgreement | None:
    """Kappa of the first choices of draws of shape (targets, values), nan where a draw does not speak.

    Returns None below LEAST targets with two draws.

    *Guarantee*: random are the targets, which are assumed drawn independently; the limit is a bootstrap of targets
    (percentile), asymptotic in their number. An annotator that picks by place alone is shown to agree in about 5 % of
    cases at most (tests/laws/test_self_agreement_law.py; broken twin: agreement without chance taken away).
    """
    if len(draws) < 2:
        return None
    values = draws[0].shape[1]
    counts = np.zeros((len(draws[0]), values))
    for p in draws:
        spoke = np.flatnonzero(~np.isnan(p).all(axis=1))
        np.add.at(counts, (spoke, np.nan_to_num(p[spoke], nan=-1.0).argmax(axis=1)), 1.0)
    counts = counts[counts.sum(axis=1) >= 2]
    n = len(counts)
    if n < LEAST:
        return None
    many = counts.sum(axis=1)
    each = (counts**2).sum(axis=1) - many
    pairs = many * (many - 1)
    drawn = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    held = _kappa(drawn, counts, each, pairs)
    return SelfAgreement(
        float(_kappa(np.ones((1, n)), counts, each, pairs)[0]), float(np.quantile(held, SURE)), n
    )  # fmt: skip


def _kappa(weight: Floats, counts: Floats, each: Floats, pairs: Floats) -> Floats:
    """Kappa per row of weights, shape (rows, targets); 0 where one value is all that was ever named."""
    agreed = (weight @ each) / (weight @ pairs)
    share = weight @ counts
    share /= share.sum(axis=1, keepdims=True)
    chance = (share**2).sum(axis=1)
    return np.asarray(np.where(chance < 1 - 1e-9, (agreed - chance) / np.maximum(1 - chance, 1e-9), 0.0))
