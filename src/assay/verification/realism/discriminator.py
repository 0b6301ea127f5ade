"""RL01: can a classifier tell simulated texts from real ones, and by how much more than real ones from real ones?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.divergence import auc_columns, weighted_pairs
from assay.verification.realism.control import degenerate
from assay.verification.realism.features import (
    SPECIFICATION,
    Embed,
    embedding_features,
    format_features,
    length_features,
    ngram_gram,
)
from assay.verification.realism.learners import BoostedTrees, KernelLogistic, Learner
from assay.verification.realism.nulls import Pool, Text, balanced, equal_sessions, fold_of, least_p, permuted, pool

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

FOLDS: int = SPECIFICATION["folds"]
BOOTSTRAP: int = SPECIFICATION["bootstrap"]
ENOUGH: float = SPECIFICATION["positive_control"]
VIEWS = ("ngram", "embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrimination:
    """How well a classifier tells simulated from real. Areas: 0.5 is not at all, 1 is always."""

    auc: float | None
    """Area under the ROC curve, held out, of the stronger view, mean over fold seeds; null: discriminator too weak."""
    ci: tuple[float, float] | None
    """95 % interval: bootstrap over sessions (pairs of sessions) of the held-out scores."""
    p: float
    """(1 + permuted areas >= the observed one) / (1 + permutations), first fold seed, the stronger view in each."""
    null_auc: float | None
    """Mean area of real against real (halves of the reference), by the same pipeline; null: too few real sessions."""
    null_95: float | None
    """95th percentile of the same."""
    null_n: int
    """Texts per class in real against real."""
    permuted_auc: float
    """Mean area under permuted labels, at the same n."""
    permuted_95: float
    """95th percentile of the same."""
    positive_control: float | None
    """Area on degenerate texts against the real ones; below 0.9 the discriminator is too weak. Null: none given."""
    length_only: float
    """Area of trees that see lengths alone."""
    format_only: float
    """Area of trees that see marks, capitals and digits alone."""
    views: dict[str, float]
    """Area of each view."""
    view: str
    """The stronger view, whose area is `auc`."""
    n: int
    """Texts per class."""
    units: int
    """Independent units (sessions of both classes, or pairs of sessions) that permutations and bootstrap move."""
    fold_units: int
    """What folds hold as one: as `units`, but for sessions that share a scenario or service."""
    paired: bool
    """Whether every text has its counterpart in its fold."""
    permutations: int
    """Permutations behind `p`."""
    p_least: float
    """The smallest p that these permutations of these sessions can show."""
    reason: str | None
    """Why there is no area, in words."""
    p_holm: float | None = None
    """`p` after Holm over all that was asked of these sessions; null before that."""

    def row(self) -> dict[str, Any]:
        """As the JSON summary shows it."""
        names = [f for f in self.__dataclass_fields__]
        found = {name: getattr(self, name) for name in names}
        found["ci"] = list(self.ci) if self.ci is not None else None
        return found


def discriminate(
    real: Sequence[Text], simulated: Sequence[Text], *, control: Sequence[Text] | None = None,
    seeds: int = SPECIFICATION["fold_seeds"], permutations: int = SPECIFICATION["permutations"], seed: int = 0,
    most: int = SPECIFICATION["most_texts_per_class"]["turn"], embed: Embed | None = None,
) -> Discrimination:  # fmt: skip
    """Train classifiers to tell simulated from real texts, and report how well they do on held-out ones.

    real, simulated: texts of one unit (turns, or sessions with one line a turn). Numbers per class are made equal;
    where every text has a `pair`, a real text and its regeneration share a fold and are permuted as a pair, else class
    labels are permuted over sessions. Folds never cut through a session, a pair or a `group`. control: degenerate
    texts in the place of the simulated ones, which must be told apart with area >= 0.9 (by default template sentences
    for what each real turn seems to do; an empty sequence: no control, and the result says so). seeds: fold
    seeds of the point and its interval. embed: texts -> unit vectors; without it, components of tf-idf stand in.

    Raises NotEnoughData below four independent sessions a class.

    *Guarantee*: where real and simulated sessions (within pairs, where paired) are exchangeable, P(p <= x) <= x for
    every x, whatever the classifiers do: every step sees permuted labels exactly as true ones. The interval is
    approximate: it moves held-out sessions, not training sessions, and follows the stronger view (real halves of 40
    sessions a side: 10 of 200 had p <= 0.05, 31 of 200 an interval without 0.5, 28 of them above). Whether there is
    more than chance, p says. tests/laws/test_realism_laws.py shows the first and
    measures the second; its twins (turns permuted instead of sessions, folds that split a pair, DeLong's interval on
    pooled scores) break what they are meant to hold.
    """
    rng = np.random.default_rng([seed, 0x51])
    chosen, others = equal_sessions(real, simulated, most, rng)
    made = pool(chosen, others)
    learners = learners_of([t.text for t in made.texts], embed)
    drawn = np.hstack([made.simulated[:, None], permuted(made, permutations, rng)])
    found = np.stack([areas(made, m, drawn, np.random.default_rng([seed, 0])) for m in learners.values()])
    strongest = found.max(axis=0)
    p = float((1 + (strongest[1:] >= strongest[0] - 1e-12).sum()) / (1 + permutations))
    held = {name: held_out(made, m, seeds, seed) for name, m in learners.items()}
    points = {name: mean_area(made, h) for name, h in held.items()}
    view = max(points, key=lambda name: points[name])
    control = degenerate(chosen, np.random.default_rng([seed, 0x11])) if control is None else control
    reached = control_area(chosen, control, seed, most, embed) if control else None
    weak = reached is not None and reached < ENOUGH
    null = real_against_real(real, seed, len(chosen), embed)
    plain = [t.text for t in made.texts]
    one, two = (len(set(made.unit[side].tolist())) for side in (made.simulated, ~made.simulated))
    return Discrimination(
        auc=None if weak else points[view],
        ci=None if weak else interval(made, held[view], np.random.default_rng([seed, 0xC1])),
        p=p, null_auc=null[0], null_95=null[1], null_n=null[2],
        permuted_auc=float(strongest[1:].mean()) if permutations else 0.5,
        permuted_95=float(np.quantile(strongest[1:], 0.95)) if permutations else 1.0,
        positive_control=reached,
        length_only=mean_area(made, held_out(made, BoostedTrees(length_features(plain)), seeds, seed)),
        format_only=mean_area(made, held_out(made, BoostedTrees(format_features(plain)), seeds, seed)),
        views=points, view=view, n=int(min(made.simulated.sum(), (~made.simulated).sum())),
        units=int(made.unit.max()) + 1, fold_units=int(made.fold_unit.max()) + 1, paired=made.paired,
        permutations=permutations, p_least=least_p(one, two, permutations, paired=made.paired),
        reason="discriminator too weak: it does not even tell its control from real texts" if weak else None,
    )  # fmt: skip


def learners_of(texts: Sequence[str], embed: Embed | None) -> dict[str, Learner]:
    """The learner of each view on these texts."""
    gram = ngram_gram(texts)
    return {"ngram": KernelLogistic(gram), "embedding": BoostedTrees(embedding_features(texts, gram, embed))}


def areas(made: Pool, learner: Learner, labels: Bools, rng: np.random.Generator) -> Floats:
    """Held-out area of every column of labels, one fold seed; shape (P,)."""
    fold = fold_of(made.fold_unit, FOLDS, rng)
    kept = balanced(labels, rng)
    found, weights = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
    for scores, test in _folds(learner, fold, labels, kept):
        ones, zeros = (labels[test] & kept[test]).sum(axis=0), (~labels[test] & kept[test]).sum(axis=0)
        pairs = ones * zeros
        found += pairs * auc_columns(scores, labels[test], kept[test])
        weights += pairs
    return np.asarray(np.where(weights > 0, found / np.maximum(weights, 1), 0.5))


def _folds(learner: Learner, fold: NDArray[np.int64], labels: Bools, kept: Bools) -> Any:
    """(scores, rows) of every fold, trained on the others."""
    for k in range(int(fold.max()) + 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        yield learner.scores(train, test, labels, kept), test


class HeldOut(tuple[NDArray[np.int64], Floats, Bools]):
    """Fold, held-out score and whether it counts, of every text under one fold seed."""

    __slots__ = ()


def held_out(made: Pool, learner: Learner, seeds: int, seed: int) -> list[HeldOut]:
    """Held-out scores under each fold seed."""
    out = []
    labels = made.simulated[:, None]
    for s in range(seeds):
        rng = np.random.default_rng([seed, s])
        fold = fold_of(made.fold_unit, FOLDS, rng)
        kept = balanced(labels, rng)
        scores = np.zeros(len(labels))
        for found, test in _folds(learner, fold, labels, kept):
            scores[test] = found[:, 0]
        out.append(HeldOut((fold, scores, kept[:, 0])))
    return out


def mean_area(made: Pool, held: Sequence[HeldOut]) -> float:
    """Mean over fold seeds of the area within folds."""
    return float(_resampled(made, held, np.ones((len(made.texts), 1)))[0])


def _resampled(made: Pool, held: Sequence[HeldOut], weights: Floats) -> Floats:
    """The area under each column of weights, shape (B,): pairs are compared within their fold only."""
    total = np.zeros(weights.shape[1])
    for fold, scores, kept in held:
        right, pairs = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
        for k in range(int(fold.max()) + 1):
            rows = np.flatnonzero((fold == k) & kept)
            a, b = weighted_pairs(scores[rows], made.simulated[rows], weights[rows])
            right, pairs = right + a, pairs + b
        total += np.where(pairs > 0, right / np.maximum(pairs, 1e-12), 0.5)
    return np.asarray(total / len(held))


def interval(made: Pool, held: Sequence[HeldOut], rng: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap over units of the held-out scores, 95 %."""
    count = int(made.unit.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=BOOTSTRAP).T
    found = _resampled(made, held, drawn[made.unit].astype(float))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def control_area(
    real: Sequence[Text], control: Sequence[Text], seed: int, most: int, embed: Embed | None = None
) -> float:
    """Area on degenerate texts in the place of the simulated ones, one fold seed.

    That of n-grams where it is enough, else of the stronger view.
    """
    first, second = equal_sessions(real, control, most, np.random.default_rng([seed, 0x52]))
    made = pool(first, second)
    texts = [t.text for t in made.texts]
    area = mean_area(made, held_out(made, KernelLogistic(ngram_gram(texts)), 1, seed))
    if area >= ENOUGH:
        return area
    return max(area, mean_area(made, held_out(made, learners_of(texts, embed)["embedding"], 1, seed)))


def real_against_real(
    real: Sequence[Text], seed: int, most: int, embed: Embed | None = None
) -> tuple[float | None, float | None, int]:
    """(mean, 95th percentile, texts per class) of the area of random halves of the real sessions, stronger view."""
    rng = np.random.default_rng([seed, 0x53])
    sessions = list(dict.fromkeys(t.session for t in real))
    half = len(sessions) // 2
    if half < 4:
        return None, None, 0
    first = set(rng.permutation(sessions)[:half].tolist())
    bare = [t._replace(pair="") for t in real]
    one, two = equal_sessions(
        [t for t in bare if t.session in first], [t for t in bare if t.session not in first], most, rng
    )
    made = pool(one, two)
    labels = permuted(made, SPECIFICATION["real_splits"], rng)
    views = learners_of([t.text for t in made.texts], embed).values()
    found = np.stack([areas(made, m, labels, np.random.default_rng([seed, 0])) for m in views]).max(axis=0)
    return float(found.mean()), float(np.quantile(found, 0.95)), min(len(one), len(two))
