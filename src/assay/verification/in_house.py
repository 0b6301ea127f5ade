"""In-house classifiers: trained on other sessions of the same run, cross-fitted. Printed, never support (METHODS 0).

They recover any private code that the generator uses, so what they read says that sessions of one run are alike, not
that people would read the label.
"""

import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np

from assay.records.verdict import Verdict
from assay.verification.check import Corpus, own_turns

LEAST_SESSIONS = 20
FOLDS = 5

Row = tuple[str, int | None, str, str]
"""(session, turn or None, text, value) of one label."""


def in_house(corpus: Corpus) -> Iterator[Verdict]:
    """LB01 by a word n-gram logistic regression, out of fold by scenario: act, core_act, goal, slots.

    Values seen in fewer than 5 labels are not applicable (`too few labels`). Needs 20 sessions.
    """
    made = sorted((s for s in corpus.sessions if s.authored and s.turns), key=lambda s: s.id)
    if len(made) < LEAST_SESSIONS:
        return
    groups = {s.id: k % FOLDS for k, s in enumerate(made)}
    for name in ("act", "core_act"):
        turns: list[Row] = [
            (s.id, i, f"{text} || {(before or '')[-60:]}", str(s.turns[i].labels[name]))
            for s in made
            for i, text, before in own_turns(s)
            if name in s.turns[i].labels
        ]
        yield from _cross_fit(turns, groups, name)
    whole: list[Row] = [
        (s.id, None, " ".join(t for _, t, _ in own_turns(s)), str(s.session_labels["goal"]))
        for s in made
        if "goal" in s.session_labels
    ]
    yield from _cross_fit(whole, groups, "goal")
    slots: dict[str, list[Row]] = {}
    for s in made:
        for i, text, before in own_turns(s):
            held = s.turns[i].labels.get("slots")
            for slot, value in held.items() if isinstance(held, dict) else ():
                slots.setdefault(f"slots.{slot}", []).append((s.id, i, f"{text} || {(before or '')[-60:]}", str(value)))
    for name in sorted(slots):
        # values that are all but unique (order numbers) leave nothing to learn from other sessions
        yield from _cross_fit(slots[name], groups, name) if _repeats(slots[name]) else ()


def _repeats(rows: list[Row]) -> bool:
    """Whether any value of a slot is seen in 5 labels or more."""
    return max(Counter(r[3] for r in rows).values()) >= 5


def _cross_fit(rows: list[Row], groups: dict[str, int], name: str) -> Iterator[Verdict]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if not rows:
        return
    texts, y = np.array([r[2] for r in rows], dtype=object), np.array([r[3] for r in rows])
    fold = np.array([groups[r[0]] for r in rows])
    values, counts = np.unique(y, return_counts=True)
    few = set(values[counts < 5])
    for f in range(FOLDS):
        train, test = fold != f, np.flatnonzero(fold == f)
        if not len(test) or len(np.unique(y[train])) < 2:
            continue
        features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
        model = LogisticRegression(C=10.0, max_iter=300)
        with warnings.catch_warnings():
            # many values in few labels: those seen too seldom are not read below
            warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
            model.fit(features.fit_transform(texts[train]), y[train])
        p, classes = model.predict_proba(features.transform(texts[test])), list(model.classes_)
        for k, row in zip(test, p, strict=True):
            session, turn, _, value = rows[k]
            known = value in classes and value not in few
            read = str(classes[int(np.argmax(row))])
            status = "not_applicable" if not known else "supported" if read == value else "contradicted"
            yield Verdict(
                code="LB01", session=session, turn=turn, name=name, status=status,
                score=float(row[classes.index(value)]) if known else None, read=read, by="in-house classifier",
                independent=False, reason=None if known else "too few labels",
            )  # fmt: skip
