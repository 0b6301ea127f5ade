"""What a line says of an attribute of one of assay's own personas, by its value: the judge of the evaluation.

It shares nothing with the judge of the reward: no stems, no weights, no rules of polarity. It knows the values of every
attribute and how a value is claimed, and reads a line only as the answer to the question before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assay.learning.own_personas import BY_NAME, Attribute
from assay.learning.persona_frames import Talk, Trait

Reading = Literal["agrees", "contradicts", "silent"]
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
SENTENCE = re.compile(r"(?<=[.!?;])\s+")
DENIES = re.compile(
    r"^(?:no|nope|none|never)\b|\bi (?:do not|don't|dont|have no|am not|can not|cannot|can't|never) |\bi have none\b"
)
NOT = re.compile(r"\b(?:not|no|never|\w+n't|without)\b[^.,;!?]*$")
NOTHING = """
    sport sports food foods drink drinks beverage car job work home using working doing playing eating drinking
    year years month morning day color colour town place thing children kids bought get
    a an and any are at be been but can could do eat for from get go going good great had has have here i in
    is it its like little lot lots me more most much my new nice no not of on one or other our out play really
    so some something sure tell that the them there they things this to too try up us user very want was watch
    way we well what will with would yes you your bit pet pets kind few fan person family local lovely just
    about all also as
"""
EMPTY = frozenset(NOTHING.split())
"""Words that a claim's pattern may catch and that are no value."""


def _same(word: str, value: str) -> bool:
    return word == value or word == value + "s" or word + "s" == value or word == value + "es"


def _sentences(line: str) -> list[str]:
    found = SENTENCE.split(line.lower().replace("’", "'"))
    return [s for s in found if not s.rstrip().endswith("?")]


def named(attribute: Attribute, line: str) -> tuple[list[str], bool]:
    """(values that a line names for an attribute, whether it denies to have one). Questions name nothing."""
    values, found, denied = [v.lower() for v in attribute.values], list[str](), False
    for sentence in _sentences(line):
        for hit in WORD.finditer(sentence):
            value = next((v for v in values if _same(hit[0], v)), None)
            if value is not None:
                if NOT.search(sentence[: hit.start()]):
                    denied = True
                else:
                    found.append(value)
        claimed = [m[1] for m in re.finditer(attribute.claims, sentence)]
        found += [w for w in claimed if w not in EMPTY and not _known(w, values)]
        denied = denied or DENIES.search(sentence) is not None
    return list(dict.fromkeys(found)), denied


def _known(word: str, values: Sequence[str]) -> bool:
    return any(_same(word, v) for v in values)


def reading(trait: Trait, line: str) -> Reading:
    """What the answer to a question about a trait says. Own value: agrees; another, or a denial: contradicts."""
    attribute = BY_NAME[trait.name]
    found, denied = named(attribute, line)
    own = trait.value.lower()
    if any(_same(v, own) for v in found):
        return "agrees"
    if found or denied:
        return "contradicts"
    return "silent"


@dataclass(frozen=True, slots=True)
class OwnReading:
    """One session by values."""

    asked: int
    """Lines that answer a question about a trait."""
    against_persona: int
    """Of them, those that contradict the persona."""
    against_self: int
    """Of them, those that name another value than an earlier own line did."""
    inconsistent: int
    """Of them, those that do either."""
    borne: float
    """Share of the traits asked for on which any line bears."""
    answered: float
    """Share of the questions answered as the persona does."""


def read_talk(talk: Talk) -> OwnReading:
    """A session of an own persona by values."""
    asked = [(i, b.about) for i, b in enumerate(talk.frame.beats) if b.about is not None]
    traits = talk.frame.persona.traits
    readings = [(about, reading(traits[about], talk.lines[i])) for i, about in asked]
    before: dict[int, set[str]] = {}
    selves = []
    for i, about in asked:
        values = set(named(BY_NAME[traits[about].name], talk.lines[i])[0])
        selves.append(bool(values) and bool(before.get(about)) and not values & before[about])
        before.setdefault(about, set()).update(values)
    bad = [r == "contradicts" for _, r in readings]
    borne = {about for about, r in readings if r != "silent"}
    return OwnReading(
        asked=len(asked), against_persona=sum(bad), against_self=sum(selves),
        inconsistent=sum(a or b for a, b in zip(bad, selves, strict=True)),
        borne=len(borne) / len(talk.frame.asked), answered=sum(r == "agrees" for _, r in readings) / len(asked),
    )  # fmt: skip
