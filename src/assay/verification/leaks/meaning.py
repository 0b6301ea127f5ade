"""How close a piece of a turn comes to saying a private sentence in other words."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from assay.models import embeddings
from assay.models.embeddings import Embedder
from assay.records.session import Session
from assay.verification.leaks.heard import ASIDE
from assay.verification.leaks.watched import EMPTY_WORDS, LONGEST, WORD

STEM = 5
"""Letters of a stem."""
FEWEST = 20
"""Sessions from which on the rarity of words is counted; with fewer all words weigh alike."""
WEIGHTS = {"new": 0.3, "self": 0.2, "asks": 0.08, "own": 1.0}
"""What is added for new words, and taken off for a speaker that speaks of itself, asks, or has a closer fact itself."""
PIECE = re.compile(r"(?:(?<=[.!?;])|(?<=[.!?;][\"”’')*]))\s+|\n+")
SELF = re.compile(r"\b(?:i|my|me|mine|myself|we|our|us|i['’]\w+|we['’]\w+)\b", re.I)
OTHER = re.compile(r"\b(?:you|your|yours|yourself|u|ur|you['’]\w+)\b", re.I)
ASKS = re.compile(
    r"(?<!right)(?<!, no)(?<!t you)(?<!t it)(?<!t he)(?<!t she)(?<!t they)(?<!are you)(?<!do you)(?<!is it)\s*"
    r"\?\W*$",
    re.I,
)
"""A question that is no statement with a tag (`right?`, `isn't it?`) behind it."""
YOU = {
    **dict.fromkeys(("i", "he", "she", "we", "me", "him", "us"), "you"),
    **dict.fromkeys(("my", "his", "her", "our"), "your"),
    **dict.fromkeys(("mine", "hers", "ours"), "yours"),
    **dict.fromkeys(("myself", "himself", "herself", "ourselves"), "yourself"),
    **dict.fromkeys(("i'm", "he's", "she's", "we're"), "you are"),
    **dict.fromkeys(("i've", "we've"), "you have"),
    **dict.fromkeys(("i'd", "he'd", "she'd", "we'd"), "you would"),
    **dict.fromkeys(("i'll", "he'll", "she'll", "we'll"), "you will"),
    "am": "are",
}
"""Whoever is spoken of -> the second person, so that a fact and what others say of it are compared in one person."""


class Piece(NamedTuple):
    """A sentence of a turn."""

    turn: int
    speaker: str
    quote: str
    """Verbatim."""
    stems: frozenset[str]
    """Of its content words."""
    tells_you: bool
    """Whether it tells the other party something of it, and asks nothing."""


@lru_cache(maxsize=100_000)
def stems(text: str) -> frozenset[str]:
    """The content words of a text, cut to five letters."""
    return frozenset(w[:STEM].rstrip("s'’") for w in WORD.findall(text.lower()) if w not in EMPTY_WORDS and len(w) > 1)


def asks(text: str) -> bool:
    """Whether a piece asks; a statement with a tag behind it does not."""
    return ASKS.search(text.rstrip()) is not None


def of_you(text: str) -> str:
    """A text about anybody as it would be said to them."""
    return re.sub(r"[^\W\d_]+(?:['’][a-z]+)?", lambda m: YOU.get(m[0].lower().replace("’", "'"), m[0]), text)


def pieces_of(session: Session) -> list[Piece]:
    """The sentences of the parties' turns, of three words or more, in order."""
    found = []
    for i, turn in enumerate(session.turns):
        if turn.speaker not in ASIDE:
            for part in dict.fromkeys(p.strip() for p in PIECE.split(turn.text)):
                if 3 <= len(part.split()) <= 2 * LONGEST:
                    told = OTHER.search(part) is not None and not asks(part) and len(stems(part)) >= 2
                    found.append(Piece(i, turn.speaker, part, stems(part), told))
    return found


class Meaning:
    """Scores of (private sentence, piece) pairs.

    score = cosine of their sentence embeddings + 0.3 share of the sentence's weight in content words that the piece
    shares and that the speaker had not heard - 0.2 where the speaker speaks of itself only - 0.08 for a question - how
    much closer one of the speaker's own facts is. A word's weight is its inverse session frequency in the run. Without
    an embedder the cosine is left out and the share counts three times. The numbers were set on PersonaChat, CaSiNo,
    Sotopia and tau-bench (bench/leaks.py, part develop).
    """

    def __init__(self, sessions: Sequence[Session], embedder: Embedder | None = None) -> None:
        self.embedder = embedder if embedder is not None else embeddings.bundled() if embeddings.available() else None
        self.by = "content words" if self.embedder is None else f"paraphrase, {self.embedder.name}"
        self.pieces = {s.id: pieces_of(s) for s in sessions}
        self.sessions = len(sessions)
        self.df: Counter[str] = Counter()
        for held in self.pieces.values():
            self.df.update(frozenset().union(*(p.stems for p in held)))
        self.kept: dict[str, Any] = {}

    def weight(self, stem: str) -> float:
        """How much a word says: 0 where every session has it."""
        if self.sessions < FEWEST:
            return 1.0
        return math.log((self.sessions + 1) / (self.df[stem] + 1))

    def share(self, sentence: frozenset[str], new: frozenset[str]) -> float:
        """Share of a sentence's weight that some of its words have, in [0, 1]."""
        total = sum(sorted(map(self.weight, sentence)))
        return sum(sorted(map(self.weight, new))) / total if total > 0 else 0.0

    def vectors(self, texts: Sequence[str]) -> Any:
        """(n, d) unit vectors of texts."""
        assert self.embedder is not None
        missing = [t for t in dict.fromkeys(texts) if t not in self.kept]
        if missing:
            self.kept.update(zip(missing, self.embedder.embed([of_you(t) for t in missing]), strict=True))
        return np.stack([self.kept[t] for t in texts])

    def near(self, one: Sequence[str], other: Sequence[str]) -> Any:
        """(n, m) cosines."""
        return self.vectors(one) @ self.vectors(other).T

    def score(
        self, sentence: str, piece: Piece, new: frozenset[str], own: Sequence[str], *, owner: bool = False
    ) -> float:
        """How close a piece comes to a sentence; own: the speaker's own sentences; owner: it speaks of its own fact."""
        share = self.share(stems(sentence), new)
        off = 0.0
        if not owner:
            off += WEIGHTS["self"] * (SELF.search(piece.quote) is not None and OTHER.search(piece.quote) is None)
            off += WEIGHTS["asks"] * asks(piece.quote)
        if self.embedder is None:
            return min(1.0, 3 * WEIGHTS["new"] * share) - off
        close = float(self.near([sentence], [piece.quote])[0, 0])
        if own:
            off += WEIGHTS["own"] * max(0.0, float(self.near(own, [piece.quote]).max()) - close)
        return close + WEIGHTS["new"] * share - off


Told = Callable[[int], frozenset[str]]
"""Turn -> stems that a party had heard by then."""
