"""Near-duplicates among short texts, by ROUGE-L (Lin 2004), as DiaSynth removes them from subtopics and personas."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

THRESHOLD = 0.5
"""ROUGE-L F-measure from which two texts count as the same (METHODS 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A text that was left out because it says what another one says."""

    kind: str
    """subtopic or persona."""
    where: str
    """The topic or subtopic in whose pool both stood."""
    text: str
    """What was removed."""
    like: str
    """What stays."""
    rouge_l: float
    """Their ROUGE-L, 0.5 to 1."""
    origin: str
    """blueprint or model: where the removed one came from."""


def words(text: str) -> list[str]:
    """Case-folded words, punctuation aside; letters and digits of any script."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold())


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def rouge_l(one: str, other: str) -> float:
    """ROUGE-L F-measure (beta = 1) of two texts in [0, 1]: harmonic mean of LCS / length of either.

    Two texts without words are alike (1); one without and one with are not (0).
    """
    a, b = words(one), words(other)
    if not a and not b:
        return 1.0
    return 2 * longest_common(a, b) / (len(a) + len(b))


def find_like(text: str, kept: Sequence[str], threshold: float = THRESHOLD) -> tuple[str, float] | None:
    """(kept text, ROUGE-L) of the first kept text that says the same, or None."""
    for other in kept:
        score = rouge_l(text, other)
        if score >= threshold:
            return other, score
    return None
