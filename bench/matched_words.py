"""What is measured of regenerated words: values, acts as real turns teach them, rates against the real words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.learning.data import POLITE, HumanSession
from assay.simulation.wording import says
from assay.stats.intervals import Interval, cluster_mean
from matched_data import Case

ACTS = (
    "greet", "state goal", "inform", "no preference", "request", "confirm", "reject", "ask alternative", "choose",
    "thank", "bye",
)  # fmt: skip
"""Core acts that Schema-Guided Dialogue tells of, in the prompt's words."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean of the regenerated turns, of the real ones, and their paired difference."""

    made: float
    real: float
    gap: Interval
    """made minus real, cluster-robust over sessions."""


def paired(made: Sequence[float], real: Sequence[float], sessions: Sequence[str]) -> Difference:
    """Means and paired difference, items given in the same order; sessions are the clusters."""
    a, b = np.asarray(made, float), np.asarray(real, float)
    return Difference(float(a.mean()), float(b.mean()), cluster_mean(a - b, sessions, proportion=False))


def realised(texts: Sequence[str], cases: Sequence[Case]) -> Interval:
    """Share of the required values that stand in the words, case and end punctuation aside."""
    hits = [(says(text, value), c.session) for text, c in zip(texts, cases, strict=True) for value in c.values]
    return cluster_mean([h for h, _ in hits], [s for _, s in hits])


class ActReader:
    """One-vs-rest logistic regressions over word 1- to 2-grams and character 2- to 4-grams of a turn's own words.

    Trained on real SGD turns only (`train` and `dev`). It does not see the turn before, from which an act can be
    guessed whatever the words are. An act is read where its probability is at least the cut that is best for F1 on a
    tenth of the training sessions, which the regressions did not see.
    """

    def __init__(self, texts: Sequence[str], acts: Sequence[Sequence[str]], held: Sequence[bool]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union

        words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=r"(?u)\w+|[?!.,]")
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=10, sublinear_tf=True)
        self._features = make_union(words, letters)
        x = self._features.fit_transform(texts)
        y = np.array([[a in own for a in ACTS] for own in acts])
        out = np.asarray(held, bool)
        self._models = [_fitted(x[~out], y[~out, k]) for k in range(len(ACTS))]
        self._cuts = np.array([best_cut(m.predict_proba(x[out])[:, 1], y[out, k]) for k, m in enumerate(self._models)])

    @classmethod
    def of(cls, sessions: Sequence[HumanSession]) -> "ActReader":
        """Trained on the user turns of these sessions; every tenth session sets the cuts."""
        rows = [(t.text, [a.name for a in t.acts], n % 10 == 0) for n, s in enumerate(sessions) for t in s.turns]
        return cls([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])

    def read(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n, acts): which acts are read."""
        x = self._features.transform(texts)
        return np.column_stack([m.predict_proba(x)[:, 1] for m in self._models]) >= self._cuts


def _fitted(x: Any, y: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=5.0, solver="liblinear").fit(x, y)


def best_cut(p: Any, y: Any) -> float:
    """The probability from which on an act is read, best for F1."""
    grid = np.arange(0.1, 0.91, 0.05)
    scores = [2 * np.sum((p >= c) & y) / max(np.sum(p >= c) + np.sum(y), 1) for c in grid]
    return float(grid[int(np.argmax(scores))])


def shipped_reader(cases: Sequence[Case]) -> Callable[[Sequence[str]], Any]:
    """The reader of core acts that ships, over the same acts; it sees the turn before.

    It was trained on SGD `test` less a few domains, so that many of these real turns (never their regenerations) are
    known to it.
    """
    from assay.verification.annotators.human_turns import HumanTurnReader

    reader = HumanTurnReader.load()
    order = [reader.vocabulary("user").index(a.replace(" ", "_")) for a in ACTS]
    cuts = np.array([reader.thresholds("user")[a.replace(" ", "_")][0] for a in ACTS])
    before = [c.before or None for c in cases]
    return lambda texts: reader.read(list(zip(texts, before, strict=True)), "user")[:, order] >= cuts


def recovered(
    read: Callable[[Sequence[str]], Any], texts: Sequence[str], cases: Sequence[Case]
) -> tuple[Difference, Difference]:
    """(required acts that are read, turns whose acts are read exactly): regenerated against real words."""
    made, real = read(texts), read([c.real for c in cases])
    wanted = np.array([[a in c.acts for a in ACTS] for c in cases])
    turn, act = np.nonzero(wanted)
    sessions = [c.session for c in cases]
    each = paired(made[turn, act], real[turn, act], [sessions[i] for i in turn])
    return each, paired((made == wanted).all(1), (real == wanted).all(1), sessions)


def rates(texts: Sequence[str], cases: Sequence[Case]) -> dict[str, Difference]:
    """Words per turn, questions, politeness, capital first letter, end mark: regenerated against real."""
    measures: dict[str, Callable[[str], float]] = {
        "words": lambda t: float(len(t.split())),
        "questions": lambda t: float("?" in t),
        "polite": lambda t: float(bool(POLITE.search(t))),
        "sentences": lambda t: float(max(sum(t.count(m) for m in ".?!"), 1)),
        "capital first": lambda t: float(t[:1].isupper()),
        "end mark": lambda t: float(t[-1:] in ".?!"),
    }
    sessions = [c.session for c in cases]
    return {
        name: paired([of(t) for t in texts], [of(c.real) for c in cases], sessions) for name, of in measures.items()
    }


def distinct(texts: Sequence[str], n: int) -> float:
    """Different n-grams of words over all of them."""
    grams = [tuple(w[i : i + n]) for t in texts for w in [t.lower().split()] for i in range(len(w) - n + 1)]
    return len(set(grams)) / max(len(grams), 1)


def distinct_gap(texts: Sequence[str], cases: Sequence[Case], n: int) -> Difference:
    """distinct-n of regenerated and real words; limits by leaving out one session at a time (jackknife, t)."""
    from scipy.stats import t as student

    sessions = [c.session for c in cases]
    real = [c.real for c in cases]
    names = list(dict.fromkeys(sessions))
    whole = distinct(texts, n) - distinct(real, n)
    left = []
    for name in names:
        rest = [i for i, s in enumerate(sessions) if s != name]
        left.append(distinct([texts[i] for i in rest], n) - distinct([real[i] for i in rest], n))
    g = len(names)
    half = float(student.ppf(0.975, g - 1) * np.sqrt((g - 1) / g * np.sum((np.array(left) - np.mean(left)) ** 2)))
    gap = Interval(point=whole, low=whole - half, high=whole + half, n=len(texts), clusters=g)
    return Difference(distinct(texts, n), distinct(real, n), gap)
