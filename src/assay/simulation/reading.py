"""Which blueprint act an assistant's text is: read by overlap with the acts' examples and a reader of core acts.

Never by the user's verbaliser. An act below the threshold is None: the state machine treats it as a fruitless turn.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from assay.records.blueprint import Blueprint

CoreActReader = Callable[[str, str | None], Mapping[str, float]]
"""(text, previous text) -> probability per core act."""

LEAST = 0.25
"""Smallest score at which an act is read at all."""

WORD = re.compile(r"[a-z]+")
STOPWORDS = frozenset((
    "a", "an", "the", "is", "it", "i", "you", "your", "to", "of", "for", "and", "or", "in", "on", "with",
    "that", "this", "do", "does", "would", "like", "can", "could", "what", "which", "me", "we",
))  # fmt: skip


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """Content words, cut to five letters so that `returning` meets `return`; kept for the next turn."""
    return frozenset(w[:5] for w in WORD.findall(text.lower()) if w not in STOPWORDS)


def read_act(blueprint: Blueprint, text: str, previous: str | None, core: CoreActReader | None) -> str | None:
    """The assistant act that a text most likely is, or None.

    Score of an act = best overlap (Dice) with its examples and meaning + half the probability of its core act + a
    bonus when it asks for a slot whose words stand in a question.
    """
    if not text.strip():
        return None
    have = words_of(text)
    shares = core(text, previous) if core is not None else {}
    best, best_score = None, LEAST
    for name, act in blueprint.assistant_acts.items():
        examples = [words_of(e) for e in (*act.says, act.means)]
        overlap = max((2 * len(have & e) / (len(have) + len(e)) for e in examples if have or e), default=0.0)
        score = overlap + 0.5 * shares.get(act.like, 0.0)
        if act.asks and "?" in text:
            slot = words_of(blueprint.slots[act.asks].words or act.asks.replace("_", " "))
            score += 0.5 * len(slot & have) / max(len(slot), 1)
        if score > best_score:
            best, best_score = name, score
    return best
