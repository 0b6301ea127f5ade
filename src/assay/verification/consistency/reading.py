"""A session as the consistency checks read it: one party's lines in pieces, embedded once."""

from collections.abc import Sequence

import numpy as np

from assay.models.embeddings import Embedder
from assay.records.session import Session
from assay.verification.consistency.fit import Floats, Talk
from assay.verification.consistency.lexicon import stems
from assay.verification.consistency.persona import sentences

LONG_LINE = 30
"""Words from which on a line is read sentence by sentence; shorter ones are read whole."""


def has_words(text: str) -> bool:
    """Whether a text holds a letter or digit."""
    return any(c.isalnum() for c in text)


def pieces(text: str) -> list[str]:
    """The parts of a line that are read apart: its sentences where it is long, else the line."""
    if len(text.split()) <= LONG_LINE:
        return [text] if has_words(text) else []
    return sentences(text)


def spoken(session: Session, party: str) -> list[int]:
    """Turns of a party that hold a letter or digit, in order."""
    return [i for i, t in enumerate(session.turns) if t.speaker == party and has_words(t.text)]


def talk_of(session: Session, turns: Sequence[int], embedder: Embedder) -> Talk:
    """Lines at `turns` of one party with what the others said around them. At least one line."""
    party = session.turns[turns[0]].speaker
    vectors: list[Floats] = []
    words: list[frozenset[int]] = []
    line: list[int] = []
    whole: list[Floats] = []
    for number, i in enumerate(turns):
        parts = pieces(session.turns[i].text)
        held = embedder.embed(parts)
        vectors.append(held)
        words += [stems(p) for p in parts]
        line += [number] * len(parts)
        whole.append(mean_vector(held))
    before = [_partner(session, i - 1, party, embedder) for i in turns]
    after = [_partner(session, i + 1, party, embedder) for i in turns]
    return Talk(
        np.concatenate(vectors), tuple(words), np.array(line), np.stack(whole), np.stack(before), np.stack(after)
    )


def mean_vector(vectors: Floats) -> Floats:
    """Unit vector of a text from those of its pieces."""
    total = np.asarray(vectors.sum(axis=0), np.float32)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def _partner(session: Session, turn: int, party: str, embedder: Embedder) -> Floats:
    """Vector of a turn of another speaker; zero where there is none or it says nothing."""
    if 0 <= turn < len(session.turns) and session.turns[turn].speaker != party:
        parts = pieces(session.turns[turn].text)
        if parts:
            return mean_vector(embedder.embed(parts))
    return np.zeros(embedder.embed(["."]).shape[1], np.float32)
