"""A reader trained on labelled turns of other sessions, or on what people answered about some of these.

Logistic regressions over the words of a turn and of the turn before it, and over its sentence embedding where one is
given. Numbers, ids and dates become shape tokens first, so that what is read is the wording and not the case at hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput
from assay.records.label_schema import AskedLabel
from assay.verification.annotators.human_turns import tokens
from assay.verification.annotators.naming import Floats, Line, Reading
from assay.verification.annotators.nearest import heard

LEAST = 5
"""Examples of a value below which a reader does not name it."""
FOLDS = 5
"""Folds in which a reader that is trained on the targets themselves reads them."""
STRENGTH = 4.0
"""Inverse of the ridge of the regressions."""
STRENGTH_WITH_VECTORS = 10.0
"""The same where a sentence embedding is among the features: its 384 numbers need no strong hold."""

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled turn."""

    line: Line
    """Its words."""
    told: Mapping[str, bool]
    """Value -> whether it is present; values that the source does not tell of are left out."""


class TrainedReader:
    """One-vs-rest regressions, one a value that the examples tell of."""

    def __init__(self, label: AskedLabel, examples: Sequence[Example], embed: Embed | None = None) -> None:
        """Fit. Raises BadInput where no value has enough examples and enough counter-examples."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.label, self.embed = label, embed
        self.counts = {v: sum(e.told.get(v, False) for e in examples) for v in label.values}
        self.words = TfidfVectorizer(analyzer=_pieces, min_df=2 if len(examples) > 500 else 1, sublinear_tf=True,
                                     max_features=60_000, dtype=np.float32)  # fmt: skip
        x = self._features([e.line for e in examples], fit=True) if examples else None
        self.models: dict[str, Any] = {}
        for value in label.values:
            rows = [i for i, e in enumerate(examples) if value in e.told]
            y = np.array([examples[i].told[value] for i in rows], dtype=bool)
            if y.sum() >= LEAST and (~y).sum() >= LEAST and x is not None:
                self.models[value] = self._fit(x[rows], y)
        if not self.models:
            raise BadInput(
                f"no value of {label.name} has {LEAST} examples to train a reader on", where=f"label {label.name}",
                now="give more examples, or leave this annotator out",
            )  # fmt: skip

    def _fit(self, x: Any, y: NDArray[np.bool_]) -> Any:
        from sklearn.linear_model import LogisticRegression

        strength = STRENGTH if self.embed is None else STRENGTH_WITH_VECTORS
        return LogisticRegression(C=strength, max_iter=300, solver="liblinear", random_state=0).fit(x, y)

    def _features(self, lines: Sequence[Line], *, fit: bool = False) -> Any:
        from scipy.sparse import csr_matrix, hstack

        words = self.words.fit_transform(lines) if fit else self.words.transform(lines)
        if self.embed is None:
            return words
        own, before = (self.embed([getattr(line, part) for line in lines]) for part in ("text", "before"))
        parts = [words, csr_matrix(own), csr_matrix(0.5 * before)]
        if self.label.lasts:
            parts.append(csr_matrix(heard(lines, self.embed)))
        return hstack(parts, format="csr")

    def read(self, lines: Sequence[Line]) -> Floats:
        """Shape (lines, values); nan for values that are not named. Rows of a category sum to 1 over the named ones."""
        out = np.full((len(lines), len(self.label.values)), np.nan)
        if not len(lines):
            return out
        x = self._features(lines)
        for k, value in enumerate(self.label.values):
            if value in self.models:
                out[:, k] = self.models[value].predict_proba(x)[:, 1]
        if self.label.kind == "category":
            out /= np.maximum(np.nansum(out, axis=1, keepdims=True), 1e-12)
            out = np.where(np.isnan(out), 0.0, out)
        return out


def read_trained(
    label: AskedLabel, lines: Sequence[Line], examples: Sequence[Example], name: str, embed: Embed | None = None
) -> Reading:
    """Every target read by a reader trained on other sessions."""
    reader = TrainedReader(label, examples, embed)
    about = {"examples": len(examples), "by_value": reader.counts, "named": sorted(reader.models)}
    return Reading(annotator=name, p=reader.read(lines), about=about)


def read_out_of_fold(
    label: AskedLabel, lines: Sequence[Line], groups: Sequence[str], gold: Mapping[int, frozenset[str]],
    name: str, embed: Embed | None, rng: np.random.Generator,
) -> Reading:  # fmt: skip
    """Every target read by a reader trained on gold of some; those by one that saw no gold of their session.

    groups: session of each target; gold: target -> values present. Targets of one session share a fold.
    *Guarantee*: no row depends on the gold of its own session (test_own_gold_never_reaches_its_own_reading).
    """
    examples = {i: Example(lines[i], {v: v in held for v in label.values}) for i, held in sorted(gold.items())}
    p = TrainedReader(label, list(examples.values()), embed).read(lines)
    sessions = sorted({groups[i] for i in examples})
    order = rng.permutation(len(sessions)) % min(FOLDS, len(sessions))
    fold = {s: int(f) for s, f in zip(sessions, order, strict=True)}
    # a target without gold may stand in a session with some: it is read as that session's own targets are
    for held in sorted(set(fold.values())):
        rows = [i for i in range(len(lines)) if fold.get(groups[i]) == held]
        rest = [e for i, e in examples.items() if fold[groups[i]] != held]
        try:
            p[rows] = TrainedReader(label, rest, embed).read([lines[i] for i in rows])
        except BadInput:
            p[rows] = np.nan
    return Reading(annotator=name, p=p, about={"gold": len(gold)})


def _pieces(line: Line) -> list[str]:
    """Words, pairs of words and the opening of a line; of the line before the last 12 words."""
    own = tokens(line.text)
    out = [*own, *(f"{a} {b}" for a, b in zip(["^", *own], [*own, "$"], strict=True))]
    out += [f"first {' '.join(own[:2])}", f"asks {'?' in own}", f"long {min(len(own) // 4, 5)}"]
    before = tokens(line.before)[-12:]
    return [*out, *(f"p {w}" for w in before), *(f"p {a} {b}" for a, b in pairwise(before))]
