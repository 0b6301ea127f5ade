"""Classifiers learned from the reference's own labels, cross-fitted: no text is read by a model that saw its session.

Real and simulated sessions of one fold are read by the same model, trained on real sessions of the other folds. So a
simulated session that is like a real one is read like it, mistakes included.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.verification.realism.lines import Lines
from assay.verification.realism.nulls import fold_of, joined

FOLDS = 3
MOST_VALUES = 12
"""Values of a label that are told apart; rarer ones are one value."""
FEWEST_PER_VALUE = 10
OTHER = "(other)"
TOPICS = 8
FEWEST_FOR_TOPICS = 60
MOST_TRAINING = 3000
"""Turns that one model is trained on."""
BETTER = 0.25
"""Share of the way from guessing to perfect that a model must go on real sessions, or its label is not compared."""
MOST_LABELS = 6
"""Labels of the reference that are learned, those on most targets first."""


class Task(NamedTuple):
    """One label of the reference as something to read."""

    name: str
    per_turn: bool
    values: dict[tuple[int, int], str]
    """(real session, line; line 0 where it is a session's label) -> value."""


class Reading(NamedTuple):
    """What a classifier says of every unit of both sides, by session."""

    name: str
    source: str
    simulated: list[list[str]]
    real: list[list[str]]


def tasks_of(real: Sequence[Lines]) -> list[Task]:
    """The reference's own labels that have 2 or more values often enough, and its topics (clusters of sessions)."""
    found: dict[tuple[bool, str], dict[tuple[int, int], str]] = {}
    for i, own in enumerate(real):
        for name, value in own.session_labels.items():
            if (key := _value(value)) is not None:
                found.setdefault((False, name), {})[i, 0] = key
        for j, labels in enumerate(own.labels):
            for name, value in labels.items():
                if (key := _value(value)) is not None:
                    found.setdefault((True, name), {})[i, j] = key
    tasks = [Task(name, per_turn, _common(values)) for (per_turn, name), values in found.items()]
    kept = [t for t in tasks if len({*t.values.values()} - {OTHER}) >= 2]
    kept.sort(key=lambda t: (-len({i for i, _ in t.values}), not t.per_turn, t.name))
    return kept[:MOST_LABELS] + topics(real)


def _value(value: Any) -> str | None:
    """A label's value as a class; sets of names are read as their first name, everything else is not read."""
    if isinstance(value, bool | int | str):
        return str(value)
    if isinstance(value, list) and value:
        first = value[0].get("act") if isinstance(value[0], dict) else value[0]
        return first if isinstance(first, str) else None
    return None


def _common(values: dict[tuple[int, int], str]) -> dict[tuple[int, int], str]:
    """Rare values made one; empty where too many are rare for the label to be a class."""
    seen = Counter(values.values())
    kept = {v for v, c in seen.most_common(MOST_VALUES) if c >= FEWEST_PER_VALUE}
    if sum(seen[v] for v in kept) < len(values) / 2:
        return {}
    return {key: v if v in kept else OTHER for key, v in values.items()}


def topics(real: Sequence[Lines]) -> list[Task]:
    """Clusters of the real sessions by their words, as if they were labels."""
    if len(real) < FEWEST_FOR_TOPICS:
        return []
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        rows = TfidfVectorizer(
            min_df=3, max_df=0.3, sublinear_tf=True, max_features=5000, token_pattern=r"[a-z]{3,}"
        ).fit_transform([" ".join(own.texts) for own in real])
    except ValueError:  # no word is shared
        return []
    if min(rows.shape) <= TOPICS:
        return []
    dense = TruncatedSVD(min(30, min(rows.shape) - 1), random_state=0).fit_transform(rows)
    found = KMeans(TOPICS, n_init=2, max_iter=50, random_state=0).fit_predict(dense)
    named = _common({(i, 0): f"topic {k + 1}" for i, k in enumerate(found.tolist())})
    return [Task("topic", False, named)] if len(set(named.values())) >= 2 else []


def read(task: Task, simulated: Sequence[Lines], real: Sequence[Lines], rng: np.random.Generator) -> Reading | None:
    """The label of every unit of both sides, read out of fold; None where it is not read better than by guessing."""
    keys = [[f"{side}/{o.session}", *_shared(o)] for side, own in (("real", real), ("sim", simulated)) for o in own]
    fold = fold_of(joined(keys), FOLDS, rng)
    inputs = [_inputs(side, task.per_turn) for side in (real, simulated)]
    out: list[list[list[str]]] = [[[] for _ in real], [[] for _ in simulated]]
    truth, said = [], []
    for k in range(int(fold.max()) + 1):
        train = [key for key in task.values if fold[key[0]] != k]
        if len(train) > MOST_TRAINING:
            train = [train[i] for i in np.sort(rng.choice(len(train), MOST_TRAINING, replace=False))]
        labels = [task.values[key] for key in train]
        if len(set(labels)) < 2:
            return None
        model = _model().fit([inputs[0][i][j] for i, j in train], labels)
        for side, offset in ((0, 0), (1, len(real))):
            rows = [i for i in range(len(inputs[side])) if fold[offset + i] == k]
            flat = [t for i in rows for t in inputs[side][i]]
            found = iter(model.predict(flat).tolist() if flat else [])
            for i in rows:
                out[side][i] = [str(next(found)) for _ in inputs[side][i]]
    for (i, j), value in task.values.items():
        truth.append(value)
        said.append(out[0][i][j])
    accuracy = float(np.mean([a == b for a, b in zip(truth, said, strict=True)]))
    base = Counter(truth).most_common(1)[0][1] / len(truth)
    if accuracy < base + (1 - base) * BETTER:
        return None
    where = "topics of the reference" if task.name == "topic" else f"label {task.name} of the reference"
    return Reading(task.name, f"{where}, read out of fold with accuracy {accuracy:.2f}", out[1], out[0])


def _shared(own: Lines) -> list[str]:
    """Keys that tie a real session to a simulated one: the same id (its regeneration) or group."""
    return [f"id/{own.session}", *([f"group/{own.group}"] if own.group else [])]


def _inputs(side: Sequence[Lines], per_turn: bool) -> list[list[str]]:
    return [list(own.texts) if per_turn else [" ".join(own.texts)] for own in side]


def _model() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]", max_features=20_000)
    return make_pipeline(words, LogisticRegression(C=5.0, max_iter=60, tol=1e-3))
