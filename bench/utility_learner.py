"""The classifier of the utility benchmark: the same features and the same learner for every arm.

Word 1-2-grams and character 2-5-grams (inside words), tf-idf, and whether it is the user's first or second turn;
multinomial logistic regression on the main act, acts weighted alike. Multinomial, because a simulated turn is made
with one act: a classifier per act would take every unlabelled `thanks` of a simulated turn for a negative. The turn
before is not read: it would show the reference assistant's few fixed lines. Digits and names are masked everywhere, so
that no arm learns the values of its own world.

Chosen with the adapter of the third fold on its own corpora (SGD `dev`, a third of CamRest676 `train`), never on a part
that is tested on. Tried there and not better on both: sentence embeddings, the turn before, masking every content word,
other penalties. One look was taken at the train half of PersuasionForGood; nothing was changed after it.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utility_turns import LabelledTurn, in_order

STRENGTH = 10.0
"""Inverse of the L2 penalty."""
NAME = re.compile(r"(?<=[\w,;:] )(?!I\b)[A-Z][\w'-]*")
"""A capital inside a sentence."""


def masked(text: str) -> str:
    """A text without its digits and without the capitalised words inside its sentences."""
    return re.sub(r"\d", "0", NAME.sub("Xx", text))


class Learner:
    """One classifier over a fixed list of acts."""

    def __init__(self, acts: Sequence[str]) -> None:
        self.acts = tuple(acts)
        self._features: Any = None
        self._model: Any = None

    def fit(self, turns: Sequence[LabelledTurn]) -> "Learner":
        """Learn from turns whose main act is in the list; if they all have the same one, it is always predicted.

        Raises ValueError when no turn is left.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_union

        kept = [i for i, t in enumerate(turns) if t.act in self.acts]
        if not kept:
            raise ValueError("no training turn has an act of the list")
        texts, labels = [masked(turns[i].text) for i in kept], [self.acts.index(turns[i].act) for i in kept]
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w[\w']*|[?!]", sublinear_tf=True)
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=40_000)
        self._features = make_union(words, characters)
        self._features.fit(texts)
        rows = self._rows([turns[i] for i in kept])
        self._model = LogisticRegression(C=STRENGTH, max_iter=300, class_weight="balanced")
        if len(set(labels)) == 1:
            self._model = labels[0]
            return self
        self._model.fit(rows, labels)
        return self

    def shares(self, turns: Sequence[LabelledTurn]) -> NDArray[np.float64]:
        """Probability per turn and act, shape (turns, acts). Raises ValueError before `fit`."""
        if self._features is None:
            raise ValueError("fit first")
        out = np.zeros((len(turns), len(self.acts)))
        if isinstance(self._model, int):
            out[:, self._model] = 1.0
        else:
            out[:, self._model.classes_] = self._model.predict_proba(self._rows(turns))
        return out

    def _rows(self, turns: Sequence[LabelledTurn]) -> Any:
        from scipy.sparse import csr_matrix, hstack

        place = csr_matrix([[float(t.place == 0), float(t.place == 1)] for t in turns])
        return hstack([self._features.transform([masked(t.text) for t in turns]), place]).tocsr()

    def predict(self, turns: Sequence[LabelledTurn]) -> list[str]:
        """The likeliest act of every turn."""
        return [self.acts[i] for i in self.shares(turns).argmax(axis=1)]


def take(turns: Sequence[LabelledTurn], n: int, rng: np.random.Generator) -> list[LabelledTurn]:
    """About `n` turns: whole sessions in random order, the last one cut; all turns when there are fewer."""
    by: dict[str, list[LabelledTurn]] = {}
    for turn in turns:
        by.setdefault(turn.session, []).append(turn)
    names = sorted(by)
    found: list[LabelledTurn] = []
    for i in rng.permutation(len(names)):
        found += by[names[i]]
        if len(found) >= n:
            break
    return found[:n]


def joined(turns: Sequence[LabelledTurn], rng: np.random.Generator) -> list[LabelledTurn]:
    """The turns, and up to as many made of two of them with different acts, said one after the other.

    A simulated turn is authored with one act and people often do two things in a turn; what is authored may be put
    together without anybody having to label it.
    """
    out = list(turns)
    for one, two in rng.integers(len(turns), size=(len(turns), 2)):
        first, second = turns[one], turns[two]
        if first.act != second.act:
            acts = in_order([*first.acts, *second.acts])
            out.append(LabelledTurn(f"{first.text} {second.text}", acts, first.session, first.before, first.place))
    return out
