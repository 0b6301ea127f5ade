"""PersonaChat in two parts that share no persona fact, and speakers whose persona is another one's."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from assay.importing.sessions import import_sessions
from assay.records import Session

DEVELOPMENT = 0.6
"""Share of the speakers in the development part."""


class Speaker(NamedTuple):
    """One side of a session with its persona."""

    session: Session
    party: str
    facts: tuple[str, ...]


def speakers(path: Path) -> list[Speaker]:
    """Every side of every session that has a persona and at least four lines."""
    from assay.verification.consistency.fit import LEAST_LINES
    from assay.verification.consistency.persona import parties, persona_facts
    from assay.verification.consistency.reading import spoken

    found = []
    for session in import_sessions(path):
        for party in parties(session):
            if len(spoken(session, party)) >= LEAST_LINES:
                found.append(Speaker(session, party, tuple(f.text for f in persona_facts(session, party))))
    return found


def groups(found: Sequence[Speaker]) -> list[int]:
    """A number per speaker; speakers with a persona fact in common have the same one."""
    leader: dict[str, str] = {}

    def root(x: str) -> str:
        while leader.setdefault(x, x) != x:
            leader[x] = leader[leader[x]]
            x = leader[x]
        return x

    for one in found:
        for fact in one.facts[1:]:
            leader[root(fact)] = root(one.facts[0])
    names = {name: k for k, name in enumerate(sorted({root(one.facts[0]) for one in found}))}
    return [names[root(one.facts[0])] for one in found]


def parts(found: Sequence[Speaker], seed: int = 0) -> tuple[list[int], list[int]]:
    """(development, report): indices of speakers; the two parts have no persona fact in common."""
    group = np.array(groups(found))
    development: set[int] = set()
    have = 0
    for g in np.random.default_rng(seed).permutation(group.max() + 1).tolist():
        size = int((group == g).sum())
        if have + size <= DEVELOPMENT * len(found):
            development.add(g)
            have += size
    inside = [i for i, g in enumerate(group.tolist()) if g in development]
    return inside, [i for i, g in enumerate(group.tolist()) if g not in development]


def with_lines(one: Speaker, lines: Sequence[str], since: int) -> Session:
    """The session with other words in the party's turns from its `since`-th on."""
    turns, number = list(one.session.turns), 0
    for i, turn in enumerate(turns):
        if turn.speaker == one.party:
            if number >= since and number - since < len(lines):
                turns[i] = turn.model_copy(update={"text": lines[number - since]})
            number += 1
    return one.session.model_copy(update={"turns": tuple(turns)})


def with_persona(one: Speaker, facts: Sequence[str]) -> Session:
    """The session whose record gives the party another persona."""
    private = {**one.session.private, one.party: {**one.session.private[one.party], "persona": list(facts)}}
    return one.session.model_copy(update={"private": private})


def own_lines(one: Speaker) -> list[str]:
    """What the party says, in order."""
    return [t.text for t in one.session.turns if t.speaker == one.party]


def stranger(found: Sequence[Speaker], i: int, pool: Sequence[int], rng: np.random.Generator) -> int:
    """Another speaker of the pool who shares no persona fact."""
    own = set(found[i].facts)
    while True:
        j = int(pool[int(rng.integers(len(pool)))])
        if not own & set(found[j].facts):
            return j


def late_lines(other: Speaker, many: int) -> list[str]:
    """The last lines of another speaker, as many as asked for."""
    lines = own_lines(other)
    return [lines[-many:][k % min(many, len(lines))] for k in range(many)]


def rows(path: Path) -> list[dict[str, object]]:
    """Raw rows of a session file."""
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]
