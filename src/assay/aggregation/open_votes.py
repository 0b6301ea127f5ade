"""Answers in words: one canonical form for counting and checking, and the majority among several of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LEAD = re.compile(r"^\s*(?:the\s+)?(?:answer|result)\s*(?:is|:)\s*", re.I)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
ZEROS = re.compile(r"(\.\d*?)0+$")
EDGE = " \t\"'`*.,;:!?()[]{}<>$€£#"


def canonical(text: str) -> str | None:
    """The one form in which answers are both counted and checked; None where nothing is left.

    First line, lower case, without "the answer is", quotes, currency signs and closing marks; thousands separators and
    trailing zeros of numbers go; inner white space is one blank. Two equivalences, one for the vote and one for the
    check, let a vote reward what it did not count (research: the published code does).
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    value, before = lines[0], None
    while value != before:  # peeling one layer may bare the next
        before = value
        value = " ".join(LEAD.sub("", value).lower().split()).strip(EDGE)
        value = THOUSANDS.sub("", value)
        if re.fullmatch(r"-?\d+\.\d+", value):
            value = ZEROS.sub(r"\1", value).rstrip(".")
    return value or None


@dataclass(frozen=True, slots=True)
class Vote:
    """What the votes on one question say."""

    label: str | None
    """The most frequent answer; of a tie the first by name, with margin 0; None without any answer."""
    share: float
    """Its share of ALL votes, unreadable ones included, in [0, 1]."""
    margin: float
    """That share less the runner-up's."""
    counts: tuple[tuple[str, int], ...]
    """(answer, votes), the most frequent first, ties by name."""
    n: int
    """Votes, unreadable ones included."""


def vote(answers: Sequence[str | None]) -> Vote:
    """Count canonical answers; None is an unreadable one. Raises ValueError without any vote."""
    if not answers:
        raise ValueError("no votes")
    counts = sorted(Counter(a for a in answers if a is not None).items(), key=lambda item: (-item[1], item[0]))
    if not counts:
        return Vote(None, 0.0, 0.0, (), len(answers))
    second = counts[1][1] if len(counts) > 1 else 0
    share = counts[0][1] / len(answers)
    return Vote(counts[0][0], share, share - second / len(answers), tuple(counts), len(answers))
