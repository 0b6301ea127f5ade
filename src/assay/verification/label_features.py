"""What the label readers of LB06 see of a turn or a session: its words, its context, never its own label."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.models.embeddings import Embedder
from assay.records.session import Session

ROLES = frozenset({"user", "assistant", "tool", "action", "narrator", "system"})
"""Speakers that are roles; all others are names of people and count as one role, `other`."""

FIT_TEXTS = 50_000
"""Texts from which vocabulary and document frequencies are taken."""

WORDS = r"\w+|[^\w\s]"
CONTEXT_SIZE = 2**14
PREVIOUS_WEIGHT = 0.5
CONTEXT_WEIGHT = 0.3

EMBED_TEXTS = 60_000
"""Distinct texts up to which turns are embedded, about 4 ms each on one core; beyond, only words are read."""

MOSTLY = 0.9
"""Share of words in plain ASCII from which sessions of no stated language are read as English."""


class Target(NamedTuple):
    """Where one label stands."""

    session: int
    """Index of the session."""
    turn: int | None
    """0-based turn, None for the session."""


def role_of(speaker: str) -> str:
    """The role that a speaker has in the readers."""
    return speaker if speaker in ROLES else "other"


def turn_features(sessions: Sequence[Session], targets: Sequence[Target], rng: np.random.Generator) -> Any:
    """Sparse float32 matrix, one row a turn: TF-IDF of word 1- and 2-grams, character 2- to 4-grams, previous turn."""
    from scipy.sparse import hstack

    texts, previous = [], []
    for session, turn in targets:
        turns = sessions[session].turns
        assert turn is not None
        texts.append(turns[turn].text)
        before = turns[turn - 1] if turn else None
        previous.append(f"{before.speaker} {before.text}" if before else "")
    words = _tfidf(texts, rng, token_pattern=WORDS, ngram_range=(1, 2), max_features=30_000)
    characters = _tfidf(texts, rng, analyzer="char_wb", ngram_range=(2, 4), max_features=30_000)
    before_words = _tfidf(previous, rng, token_pattern=WORDS, max_features=10_000)
    return hstack([words, characters, before_words * np.float32(PREVIOUS_WEIGHT)], format="csr", dtype=np.float32)


def embedded_features(
    sessions: Sequence[Session], targets: Sequence[Target], embedder: Embedder
) -> NDArray[np.float32] | None:
    """Embeddings of each turn and, at half length, of the turn before it; shape (targets, 2 dimensions).

    None where the turns have more than EMBED_TEXTS distinct texts or are not in English, which the embedder reads.
    """
    texts, previous = [], []
    for session, turn in targets:
        turns = sessions[session].turns
        assert turn is not None
        texts.append(turns[turn].text)
        previous.append(turns[turn - 1].text if turn else "")
    if not texts or len({*texts, *previous}) > EMBED_TEXTS:
        return None
    if not in_english([sessions[i] for i in sorted({t.session for t in targets})]):
        return None
    own, before = embedder.embed(texts), embedder.embed(previous)
    return np.hstack([own, np.float32(PREVIOUS_WEIGHT) * before])


def embeddable(sessions: Sequence[Session]) -> bool:
    """Whether all turns of all sessions could be embedded: English, at most EMBED_TEXTS distinct texts."""
    texts = {t.text for s in sessions for t in s.turns}
    return len(texts) <= EMBED_TEXTS and in_english(sessions)


def in_english(sessions: Sequence[Session]) -> bool:
    """Whether all sessions say that they are in English, or none names another language and MOSTLY is ASCII."""
    languages = {s.language.lower().partition("-")[0] for s in sessions}
    if not languages <= {"en", "und"}:
        return False
    words = [w for s in sessions if s.language == "und" for t in s.turns for w in t.text.split()]
    return not words or sum(w.isascii() for w in words) >= MOSTLY * len(words)


def session_features(sessions: Sequence[Session], targets: Sequence[Target], rng: np.random.Generator) -> Any:
    """Sparse float32 matrix, one row a session: TF-IDF of word 1- and 2-grams, and of the user's words alone."""
    from scipy.sparse import hstack

    whole, own = [], []
    for index, _ in targets:
        turns = sessions[index].turns
        whole.append("\n".join(t.text for t in turns))
        own.append("\n".join(t.text for t in turns if t.speaker == "user"))
    all_words = _tfidf(whole, rng, token_pattern=WORDS, ngram_range=(1, 2), max_features=6_000)
    own_words = _tfidf(own, rng, token_pattern=WORDS, max_features=2_000)
    return hstack([all_words, own_words * np.float32(PREVIOUS_WEIGHT)], format="csr", dtype=np.float32)


def _tfidf(texts: Sequence[str], rng: np.random.Generator, **options: Any) -> Any:
    """TF-IDF rows of length one; words seen in one text only are left out. Empty where no word is left."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        min_df=2 if len(texts) > 20 else 1, sublinear_tf=True, dtype=np.float32, strip_accents=None, **options
    )
    chosen: Sequence[str] = texts
    if len(texts) > FIT_TEXTS:
        chosen = [texts[i] for i in np.sort(rng.choice(len(texts), FIT_TEXTS, replace=False))]
    try:
        vectorizer.fit(chosen)
    except ValueError:  # no text has a word that another one has
        return csr_matrix((len(texts), 0), dtype=np.float32)
    return vectorizer.transform(texts)


def context_features(sessions: Sequence[Session], targets: Sequence[Target], values: Sequence[Sequence[str]]) -> Any:
    """Sparse float32 matrix, one row a turn: place in the session, shape of the text, labels of the turns before.

    `values` are the label's values at each target, of which a row uses those of the two targets before it in the same
    session and never its own. Targets must be sorted by session and turn.
    """
    from sklearn.feature_extraction import FeatureHasher

    rows: list[list[str]] = []
    for i, (index, turn) in enumerate(targets):
        assert turn is not None
        turns = sessions[index].turns
        text, speaker = turns[turn].text, turns[turn].speaker
        row = [
            f"role {role_of(speaker)}",
            f"place {min(turn, 6)}",
            f"words {int(math.log2(len(text.split()) + 1))}",
            f"asks {'?' in text}",
            f"after {role_of(turns[turn - 1].speaker)} {turns[turn - 1].speaker == speaker}" if turn else "first",
        ]
        for lag in (1, 2):
            j = i - lag
            if j < 0 or targets[j].session != index:
                row.append(f"label {lag} none")
                continue
            before = targets[j].turn
            assert before is not None
            kind = f"{lag} {min(turn - before, 4)} {turns[before].speaker == speaker}"
            row.extend(f"label {kind} {value}" for value in values[j] or ("",))
        rows.append(row)
    hashed = FeatureHasher(CONTEXT_SIZE, input_type="string", alternate_sign=False, dtype=np.float32).transform(rows)
    return hashed * np.float32(CONTEXT_WEIGHT)


def fold_of(groups: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each row, shape (n,), such that all rows of one group (session) share a fold."""
    unique, place = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(unique)) % folds
    result: NDArray[np.int64] = order[place]
    return result
