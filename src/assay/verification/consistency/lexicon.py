"""Words of a line that tell people apart: stems with the weight that rarity gives them, by hash."""

import re
import zlib
from collections.abc import Mapping

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
ENDINGS = ("ing", "ies", "ed", "es", "s")
STEM = 6
"""Letters of the longest stem."""
COMMON = frozenset(
    [
        "i",
        "i'm",
        "i've",
        "i'd",
        "i'll",
        "am",
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "to",
        "of",
        "in",
        "on",
        "at",
        "for",
        "and",
        "or",
        "but",
        "my",
        "me",
        "you",
        "your",
        "it",
        "it's",
        "its",
        "that",
        "that's",
        "this",
        "with",
        "have",
        "has",
        "had",
        "do",
        "does",
        "did",
        "don't",
        "not",
        "so",
        "as",
        "we",
        "he",
        "she",
        "they",
        "them",
        "his",
        "her",
        "our",
        "from",
        "by",
        "like",
        "love",
        "really",
        "very",
        "just",
        "also",
        "what",
        "how",
        "about",
        "there",
        "would",
        "can",
        "can't",
        "will",
        "up",
        "out",
        "all",
        "too",
        "some",
        "get",
        "got",
        "go",
        "going",
        "when",
        "if",
        "no",
        "yes",
        "who",
        "which",
        "where",
        "why",
        "than",
        "then",
        "their",
        "us",
        "mine",
        "yours",
        "being",
        "into",
        "over",
        "more",
        "most",
        "much",
        "many",
        "one",
    ]
)
"""Words that everybody uses."""


def stem(word: str) -> str:
    """A word without a common ending, cut to STEM letters."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:STEM]


def stems(text: str) -> frozenset[int]:
    """Hashes (crc32) of the stems of the words of a text that not everybody uses: weights are kept without words."""
    found = (stem(w) for w in WORD.findall(text.lower().replace("’", "'")) if w not in COMMON)
    return frozenset(zlib.crc32(w.encode()) for w in found)


class Rarity:
    """Stem -> log of how many texts there are for one that holds it; stems never seen weigh the most."""

    def __init__(self, weights: Mapping[int, float], unseen: float) -> None:
        self.weights, self.unseen = weights, unseen

    def of(self, word: int) -> float:
        """Weight of one stem, in nats."""
        return self.weights.get(word, self.unseen)
