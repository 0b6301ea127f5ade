"""What the discriminators see. A versioned specification: another number means other results.

Everything here is computed from all texts at once and without their classes, so that it need not be made again for a
permuted labelling.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts -> unit vectors, one row each."""

SPECIFICATION: dict[str, Any] = {
    "version": 1,
    "units": ["turn", "session"],
    "most_texts_per_class": {"turn": 1000, "session": 400},
    "ngram": {
        "words": "1- and 2-grams of words, punctuation marks and line ends, lower case",
        "characters": "2- to 4-grams inside words, case kept",
        "weights": "1 + log count, inverse document frequency, rows of length 1 each",
        "learner": "logistic regression, ridge 0.1, 25 steps",
    },
    "embedding": {
        "vectors": "all-MiniLM-L6-v2, mean over at most 8 lines (without it: the n-grams); 48 components",
        "counts": "lengths and formats, as in the baselines",
        "learner": "60 boosted trees of one split, rate 0.2, 8 thresholds a feature",
    },
    "folds": 5,
    "fold_seeds": 5,
    "permutations": 200,
    "bootstrap": 1000,
    "positive_control": 0.9,
    "real_splits": 20,
}
"""What is fixed before any text is seen; stored with every result."""

COMPONENTS = 48
MOST_LINES = 8
"""Lines of a session that are embedded, evenly spread."""
TOKENS = r"\w+(?:'\w+)?|[^\w\s]|\n"
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")


def ngram_gram(texts: Sequence[str]) -> Floats:
    """Inner products of the n-gram features of all texts, shape (n, n)."""
    from scipy.sparse import hstack

    words = _tfidf(texts, token_pattern=TOKENS, ngram_range=(1, 2), max_features=40_000)
    characters = _tfidf(texts, analyzer="char_wb", ngram_range=(2, 4), lowercase=False, max_features=40_000)
    rows = hstack([words, characters], format="csr", dtype=np.float32)
    return np.asarray((rows @ rows.T).toarray(), dtype=np.float32)


def _tfidf(texts: Sequence[str], **options: Any) -> Any:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = TfidfVectorizer(min_df=2, sublinear_tf=True, dtype=np.float32, **options)
    try:
        return made.fit_transform(texts)
    except ValueError:  # no text shares a word with another one
        return csr_matrix((len(texts), 1), dtype=np.float32)


def embedding_features(texts: Sequence[str], gram: Floats, embed: Embed | None) -> Floats:
    """Principal components of sentence vectors (the mean over a text's lines), then counts; shape (n, <= 48 + 21).

    gram: inner products of n-gram features, whose components stand in for sentence vectors where there is no `embed`.
    """
    found = components(gram) if embed is None else principal(_line_means(texts, embed))
    return np.hstack([found, length_features(texts), format_features(texts)]).astype(np.float32)


def _line_means(texts: Sequence[str], embed: Embed) -> Floats:
    lines = [_spread([line for line in t.split("\n") if line.strip()] or [""]) for t in texts]
    flat = embed([line for own in lines for line in own])
    ends = np.cumsum([len(own) for own in lines])
    starts = np.concatenate([[0], ends[:-1]])
    return np.asarray(np.add.reduceat(flat, starts, axis=0) / (ends - starts)[:, None], dtype=np.float32)


def _spread(lines: list[str]) -> list[str]:
    """At most `MOST_LINES` lines, evenly spread over the text."""
    if len(lines) <= MOST_LINES:
        return lines
    return [lines[i * (len(lines) - 1) // (MOST_LINES - 1)] for i in range(MOST_LINES)]


def principal(vectors: Floats) -> Floats:
    """The first principal components of vectors; shape (n, <= 48)."""
    from scipy.linalg import eigh

    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    size = centred.shape[1]
    take = min(COMPONENTS, size, len(vectors) - 1)
    _, axes = eigh(centred.T @ centred, subset_by_index=(size - take, size - 1), check_finite=False)
    return np.asarray(centred @ axes, dtype=np.float32)


def components(gram: Floats) -> Floats:
    """The first components of whatever has these inner products; shape (n, <= 48)."""
    from scipy.linalg import eigh

    n = len(gram)
    take = min(COMPONENTS, n - 1)
    values, axes = eigh(gram.astype(np.float64), subset_by_index=(n - take, n - 1), check_finite=False)
    kept = values > 1e-9 * max(float(values[-1]), 1e-12)
    return np.asarray(axes[:, kept] * np.sqrt(values[kept]), dtype=np.float32)


def length_features(texts: Sequence[str]) -> Floats:
    """Characters, words, characters per word, sentences, lines, words of the longest line; logarithms. (n, 6)."""
    rows = []
    for text in texts:
        words = _WORD.findall(text)
        lines = text.split("\n")
        rows.append(
            (
                len(text), len(words), sum(map(len, words)) / max(len(words), 1), len(_SENTENCE.findall(text)),
                len(lines), max(len(_WORD.findall(line)) for line in lines),
            )
        )  # fmt: skip
    return np.log1p(np.asarray(rows, dtype=np.float32).reshape(len(rows), 6))


def format_features(texts: Sequence[str]) -> Floats:
    """Shares of marks, capitals, digits and of how lines begin and end, blind to words and length. Shape (n, 15)."""
    return np.asarray([_format(t) for t in texts], dtype=np.float32).reshape(len(texts), 15)


def _format(text: str) -> list[float]:
    letters = [c for c in text if c.isalpha()]
    size = max(len(text), 1)
    lines = [line.strip() for line in text.split("\n") if line.strip()] or [""]
    n = len(lines)
    return [
        *(text.count(mark) / size for mark in ",'?!-:"),
        sum(c in '"()*_#/[]{}' for c in text) / size,
        sum(c.isdigit() for c in text) / size,
        sum(not c.isascii() for c in text) / size,
        sum(c.isupper() for c in letters) / max(len(letters), 1),
        text.count("  ") / size,
        sum(line[:1].islower() for line in lines) / n,
        sum(line[-1:] in ".!?" for line in lines) / n,
        sum(line[-1:] == "?" for line in lines) / n,
        sum(line[-1:] == "." for line in lines) / n,
    ]
