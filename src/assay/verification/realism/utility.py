"""RL05: is a classifier trained on simulated turns as good on real ones as one trained on real turns?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import NotEnoughData

Floats = NDArray[np.float64]
BOOTSTRAP = 1000


class Labelled(NamedTuple):
    """A text with the label to learn."""

    text: str
    """The words."""
    label: str
    """Its value."""
    session: str
    """Session it belongs to: drawn and resampled as one."""


Predict = Callable[[Sequence[str]], Sequence[str]]
"""Texts -> labels."""
Fit = Callable[[Sequence[str], Sequence[str], int], Predict]
"""(training texts, their labels, seed) -> classifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric (accuracy or macro-F1 over the labels of the real test turns), means over seeds."""

    simulated: float
    """Trained on simulated turns."""
    real: float
    """Trained on as many real turns of the same kind as the test turns (in-domain)."""
    base: float
    """Trained on the base turns, or the most frequent real label always."""
    ratio: float | None
    """simulated / real; null where real is 0."""
    ratio_ci: tuple[float, float] | None
    """95 %, bootstrap over test sessions and seeds."""
    gap_closed: float | None
    """(simulated - base) / (real - base); null where real does not beat base."""
    gap_ci: tuple[float, float] | None
    """95 %, likewise; null where in a resample real does not beat base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """What simulated turns are worth as training data."""

    accuracy: Score
    macro_f1: Score
    n_train: int
    """Training turns of each kind (about: whole sessions are drawn)."""
    n_test: int
    """Real test turns."""
    test_sessions: int
    """Real test sessions, the unit of the intervals."""
    seeds: tuple[int, ...]
    """Seeds of draws and classifiers."""


def utility(
    train_sim: Sequence[Labelled], train_real: Sequence[Labelled], test_real: Sequence[Labelled],
    base: Sequence[Labelled] | None = None, seeds: Sequence[int] = (0, 1, 2), *, fit: Fit | None = None,
    n: int | None = None,
) -> Utility:  # fmt: skip
    """Train on simulated, real and base turns of one number, test on other real turns.

    base: turns to beat (such as those a simulator was trained on); None: the most frequent label of `train_real`.
    seeds: at least three; each draws n training turns anew, whole sessions at a time. fit: any classifier factory; by
    default multinomial logistic regression on word 1-2-grams and character 2-5-grams. n: training turns of each kind;
    by default as many as the smallest kind has. Raises NotEnoughData below 3 seeds, 10 test sessions or 2 labels, and
    ValueError when a real test session is among the real training sessions.

    *Guarantee*: test sessions are independent draws of the corpus; intervals cover the draw of test sessions and of
    training seeds, not of the corpus a simulator was made on. Approximate, as every percentile bootstrap.
    """
    kinds = {"simulated": train_sim, "real": train_real, **({} if base is None else {"base": base})}
    _check(kinds, test_real, seeds)
    fit = fit or ngram_logistic
    size = n or min(len(k) for k in kinds.values())
    labels = sorted({t.label for t in test_real})
    sessions = {s: i for i, s in enumerate(dict.fromkeys(t.session for t in test_real))}
    counts = {k: np.zeros((len(seeds), len(sessions), len(labels), len(labels) + 1)) for k in (*kinds, "base")}
    common = max(sorted({t.label for t in train_real}), key=[t.label for t in train_real].count)
    for j, seed in enumerate(seeds):
        for kind, turns in kinds.items():
            drawn = draw(turns, size, np.random.default_rng([seed, 0x5E]))
            predict = fit([t.text for t in drawn], [t.label for t in drawn], seed)
            _count(counts[kind][j], test_real, list(predict([t.text for t in test_real])), sessions, labels)
        if base is None:
            _count(counts["base"][j], test_real, [common] * len(test_real), sessions, labels)
    rng = np.random.default_rng([*seeds, 0xB0])
    return Utility(
        accuracy=_score(counts, _accuracy, rng), macro_f1=_score(counts, _macro_f1, rng), n_train=size,
        n_test=len(test_real), test_sessions=len(sessions), seeds=tuple(seeds),
    )  # fmt: skip


def _check(kinds: dict[str, Sequence[Labelled]], test: Sequence[Labelled], seeds: Sequence[int]) -> None:
    if len(seeds) < 3:
        raise NotEnoughData(f"{len(seeds)} seeds say little about a training draw", now="needs at least 3")
    for kind, turns in kinds.items():
        if not turns:
            raise NotEnoughData(f"no {kind} training turns", now="give at least one session")
    sessions = {t.session for t in test}
    if len(sessions) < 10 or len({t.label for t in test}) < 2:
        raise NotEnoughData(
            f"{len(sessions)} test sessions with {len({t.label for t in test})} labels", now="needs at least 10 and 2"
        )
    if shared := sessions & {t.session for t in kinds["real"]}:
        raise ValueError(f"test sessions are also real training sessions: {sorted(shared)[:3]}")


def draw(turns: Sequence[Labelled], n: int, rng: np.random.Generator) -> list[Labelled]:
    """About `n` turns: whole sessions in random order, the last one cut; all turns when there are fewer."""
    by: dict[str, list[Labelled]] = {}
    for turn in turns:
        by.setdefault(turn.session, []).append(turn)
    names = list(by)
    out: list[Labelled] = []
    for i in rng.permutation(len(names)):
        out += by[names[i]][: n - len(out)]
        if len(out) >= n:
            break
    return out


def ngram_logistic(texts: Sequence[str], labels: Sequence[str], seed: int) -> Predict:
    """Multinomial logistic regression on tf-idf of word 1-2-grams and character 2-5-grams; one label is always said."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    if len(set(labels)) == 1:
        return lambda others: [labels[0]] * len(others)
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w[\w']*|[?!]", sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=40_000)
    model: Any = make_pipeline(make_union(words, characters), LogisticRegression(C=10.0, max_iter=300))
    model.fit(list(texts), list(labels))
    return lambda others: [str(v) for v in model.predict(list(others))]


def _count(
    out: Floats, test: Sequence[Labelled], predicted: Sequence[str], sessions: dict[str, int], labels: list[str]
) -> None:
    """Add to the confusion counts (session, true, predicted); the last column is any label that no test turn has."""
    place = {label: i for i, label in enumerate(labels)}
    for turn, said in zip(test, predicted, strict=True):
        out[sessions[turn.session], place[turn.label], place.get(said, len(labels))] += 1


def _accuracy(c: Floats) -> Floats:
    return np.asarray(np.trace(c[..., :-1], axis1=-2, axis2=-1) / np.maximum(c.sum(axis=(-2, -1)), 1))


def _macro_f1(c: Floats) -> Floats:
    """Mean of F1 over the labels that the (resampled) test turns have."""
    own = c[..., :-1]
    hit = np.diagonal(own, axis1=-2, axis2=-1)
    true, said = c.sum(axis=-1), own.sum(axis=-2)
    f1 = np.where(true + said > 0, 2 * hit / np.maximum(true + said, 1), 0.0)
    return np.asarray((f1 * (true > 0)).sum(axis=-1) / np.maximum((true > 0).sum(axis=-1), 1))


def _score(counts: dict[str, Floats], metric: Callable[[Floats], Floats], rng: np.random.Generator) -> Score:
    """The point over all test sessions, and a bootstrap over test sessions and seeds."""
    seeds, sessions = next(iter(counts.values())).shape[:2]
    point = {k: float(metric(c.sum(axis=1)).mean()) for k, c in counts.items()}
    weights = rng.multinomial(sessions, np.full(sessions, 1 / sessions), size=BOOTSTRAP).astype(float)
    picked = rng.integers(seeds, size=(BOOTSTRAP, seeds))
    moved = {}
    for kind, c in counts.items():
        each = np.stack([metric(np.tensordot(weights, c[j], axes=1)) for j in range(seeds)], axis=1)
        moved[kind] = np.take_along_axis(each, picked, axis=1).mean(axis=1)
    ratio, gap = _ratio(point, moved, with_base=False), _ratio(point, moved, with_base=True)
    return Score(
        simulated=point["simulated"], real=point["real"], base=point["base"], ratio=ratio[0], ratio_ci=ratio[1],
        gap_closed=gap[0], gap_ci=gap[1],
    )  # fmt: skip


def _ratio(
    point: dict[str, float], moved: dict[str, Floats], with_base: bool
) -> tuple[float | None, tuple[float, float] | None]:
    zero = point["base"] if with_base else 0.0
    zeros = moved["base"] if with_base else np.zeros_like(moved["base"])
    if point["real"] <= zero:
        return None, None
    value = (point["simulated"] - zero) / (point["real"] - zero)
    if (moved["real"] <= zeros).any():
        return value, None
    low, high = np.quantile((moved["simulated"] - zeros) / (moved["real"] - zeros), [0.025, 0.975])
    return value, (float(low), float(high))
