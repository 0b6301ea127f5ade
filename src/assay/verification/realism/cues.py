"""What gives simulated sessions away: the most telling n-grams and behaviours, each with a turn as an example."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from assay.verification.realism.behaviour import Rate
from assay.verification.realism.lines import Lines
from assay.verification.realism.signals import BEHAVIOURS

PRIOR = 0.5
"""Turns of each class that every n-gram is taken to have been seen in already."""
SHOWN = 8
_TOKEN = re.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")


class Cue(NamedTuple):
    """One thing that one side says or does more often."""

    kind: Literal["words", "behaviour"]
    cue: str
    more_in: Literal["simulated", "real"]
    simulated: float
    """Share of simulated turns (or mean, see `unit`)."""
    real: float
    unit: str
    strength: float
    """z score; for behaviours the difference in units of half its 95 % interval."""
    example: str | None
    """A turn of the side that has more of it."""


def telling_words(simulated: Sequence[Lines], real: Sequence[Lines], shown: int = SHOWN) -> list[Cue]:
    """The n-grams (1 and 2 tokens) whose share of turns differs most, `shown` for each side.

    Ordered by the z score of the log odds ratio with a small symmetric prior (Monroe, Colaresi and Quinn 2008), counted
    once a session so that one talkative session does not make a cue; shares are of turns. A description, not a test.
    """
    sides = (simulated, real)
    sessions = [Counter(g for own in side for g in {g for t in own.texts for g in grams(t)}) for side in sides]
    n = [max(len(side), 1) for side in sides]
    least = max(3, int(0.01 * sum(n)))
    found = []
    for gram in sessions[0].keys() | sessions[1].keys():
        a, b = sessions[0][gram], sessions[1][gram]
        if a + b < least:
            continue
        odds = [np.log((c + PRIOR) / (m - c + PRIOR)) for c, m in zip((a, b), n, strict=True)]
        spread = sum(1 / (c + PRIOR) + 1 / (m - c + PRIOR) for c, m in zip((a, b), n, strict=True))
        found.append((float((odds[0] - odds[1]) / np.sqrt(spread)), gram))
    # of an n-gram and a longer one as telling, the longer is shown
    found.sort(key=lambda item: (-abs(item[0]), -len(item[1]), item[1]))
    return [
        _words_cue(z, gram, simulated, real)
        for sign in (1, -1)
        for z, gram in _distinct([f for f in found if f[0] * sign > 1.96], shown)
    ]


def _distinct(found: Sequence[tuple[float, str]], shown: int) -> list[tuple[float, str]]:
    """The first ones none of which is a part of another."""
    out: list[tuple[float, str]] = []
    for z, gram in found:
        if len(out) == shown:
            break
        if not any(gram in other or other in gram for _, other in out):
            out.append((z, gram))
    return out


def grams(text: str) -> set[str]:
    """Tokens and pairs of tokens, lower case."""
    tokens = _TOKEN.findall(text.lower())
    return {*tokens, *(f"{a} {b}" for a, b in pairwise(tokens))}


def _words_cue(z: float, gram: str, simulated: Sequence[Lines], real: Sequence[Lines]) -> Cue:
    rates, example = [], None
    for side, own in ((1, simulated), (-1, real)):
        turns = [t for s in own for t in s.texts]
        holding = [t for t in turns if gram in grams(t)]
        rates.append(len(holding) / max(len(turns), 1))
        if side * z > 0:
            example = typical(holding)
    return Cue("words", gram, "simulated" if z > 0 else "real", rates[0], rates[1], "share of turns", abs(z), example)


def typical(turns: Sequence[str]) -> str | None:
    """The turn of median length, cut to 200 characters."""
    if not turns:
        return None
    text = sorted(turns, key=lambda t: (len(t), t))[len(turns) // 2]
    return text if len(text) <= 200 else text[:199] + "\u2026"


def telling_behaviours(
    rates: Mapping[str, Rate], simulated: Sequence[Lines], real: Sequence[Lines], shown: int = SHOWN
) -> list[Cue]:
    """The behaviours whose rates differ most; only those whose interval of the difference leaves out 0."""
    ranked = sorted(rates.items(), key=lambda item: -abs(item[1].distance))
    out = []
    for name, rate in ranked[:shown]:
        if abs(rate.distance) <= 1:
            break
        more: Literal["simulated", "real"] = "simulated" if rate.difference[0] > 0 else "real"
        does = BEHAVIOURS.get(name)
        turns = [t for s in (simulated if more == "simulated" else real) for t in s.texts]
        example = typical([t for t in turns if does(t)]) if does else None
        out.append(
            Cue("behaviour", name, more, rate.simulated.point, rate.real.point, rate.unit, abs(rate.distance), example)
        )
    return out


def cue_row(cue: Cue) -> dict[str, Any]:
    """As the JSON summary shows it."""
    return cue._asdict()
