"""Operators that let a private fact out too early, or let a party know what only the other one does."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.planting.contradiction import sentences, stems, to_second_person
from assay.planting.operator import Job, Operator, Unit, says
from assay.planting.run import Draft, Edit
from assay.records import Session

FRAMES = (
    "{text} By the way, {value}.",
    "{text} ({value})",
    "{value}. {text}",
    "{text} It is {value}, just so you know.",
)
"""How a value is put into a line; several, so that no frame gives the fault away."""
KNOWS = ("I know that {value}.", "Since {value}, this should suit you.", "And {value}, as far as I know.")
"""How the partner shows that it knows a sentence of the persona."""
LENGTHS = (3, 80)
"""Shortest and longest value, in characters, that is a fact and no brief."""


def facts(session: Session) -> Iterator[tuple[str, str, str]]:
    """(party, fact, value) of every private fact of one short value; nested facts are named by their path."""
    for party, held in session.private.items():
        for name, value in held.items():
            if name != "persona":
                yield from ((party, *leaf) for leaf in _leaves(name, value))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(fact, value) of values that can be said and found again: short texts, their lists, numbers of three digits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, str):
                yield from _leaves(name, inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        said = f"{value:g}" if isinstance(value, float) else str(value)
        if sum(c.isdigit() for c in said) >= 3 and "e" not in said:
            yield name, said
    elif isinstance(value, str) and LENGTHS[0] <= len(value.strip()) <= LENGTHS[1]:
        yield name, value.strip()


def persona_facts(session: Session) -> Iterator[tuple[str, str]]:
    """(party, sentence) of every persona: what only that party knows until it says so."""
    for party, held in session.private.items():
        persona = held.get("persona")
        for text in persona if isinstance(persona, list | tuple) else [persona]:
            if isinstance(text, str):
                yield from ((party, s) for s in sentences(text) if len(stems(s)) >= 2)


def closed_until(job: Job, session: Session, party: str, fact: str, value: str) -> int:
    """First turn at which a fact might be known to both: before it every use is a leak.

    By the gate where the door hands it in; else the first mention, the ledger, or the first turn that withholds (the
    question that opens the gate came before it), whichever is first.
    """
    limits = [len(session.turns)]
    limits += [i for i, t in enumerate(session.turns) if says(t.text, value)][:1]
    limits += [d.turn for d in session.disclosures if (d.party, d.fact) == (party, fact)][:1]
    gate = job.aids.gates.get((party, fact)) if session.authored else None
    for i, turn in enumerate(session.turns):
        opens = turn.labels.get("act") in gate if gate is not None else turn.labels.get("core_act") == "withhold"
        if opens and (turn.speaker != party if gate is not None else turn.speaker == party):
            limits.append(i)
            break
    return min(limits)


def leak_units(job: Job, *, by_partner: bool) -> list[Unit]:
    """One unit per fact of a session that has a turn, of its party or of the partner, before it can be known.

    A party may say its own persona whenever it likes, so only the partner can use that too early.
    """
    found = []
    for number, session in enumerate(job.run.sessions):
        speakers = {t.speaker for t in session.turns}
        own = [x for x in facts(session) if x[0] in speakers and (by_partner or kept(job, session, x[1]))]
        told = [(p, f, v, closed_until(job, session, p, f, v)) for p, f, v in own]
        if by_partner:
            told += [(p, "persona", s, hinted(session, s)) for p, s in persona_facts(session) if p in speakers]
        for party, fact, value, end in told:
            name = f"private.{party}.{fact}"
            if job.names is not None and name not in job.names:
                continue
            turns = [
                i
                for i, t in enumerate(session.turns[:end])
                if (t.speaker != party if by_partner else t.speaker == party)
                and t.speaker in ("user", "assistant", *session.private)
            ]
            if turns:
                found.append(Unit(session=number, turn=None, name=name, detail=(turns, value)))
    return found


def kept(job: Job, session: Session, fact: str) -> bool:
    """Whether the owner of a fact may not say it at once: by its gate in our own sessions, else as the door says."""
    return session.authored or job.aids.kept is None or job.aids.kept(fact)


def hinted(session: Session, sentence: str) -> int:
    """First turn whose words share two content words with a sentence of the persona: from there on it may be known."""
    wanted = stems(sentence)
    near = (i for i, t in enumerate(session.turns) if len(wanted & stems(t.text)) >= 2)
    return next(near, len(session.turns))


def early_units(job: Job) -> list[Unit]:
    """Facts that their own party could let out too early."""
    return leak_units(job, by_partner=False)


def omniscient_units(job: Job) -> list[Unit]:
    """Facts that the partner could use without having been told."""
    return leak_units(job, by_partner=True)


def leak_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """The fact's value, put into one of the turns before it could be known."""
    turns, value = unit.detail
    free = [t for t in turns if draft.is_open(t)]
    if not free:
        return None
    turn = free[int(rng.integers(len(free)))]
    if unit.name is not None and unit.name.endswith(".persona"):
        knows = KNOWS[int(rng.integers(len(KNOWS)))].format(value=to_second_person(value))
        return draft.set_text(turn, f"{draft.text(turn)} {knows}".strip(), unit.name)
    frame = FRAMES[int(rng.integers(len(FRAMES)))]
    return draft.set_text(turn, frame.format(text=draft.text(turn), value=value).strip(), unit.name)


PRIVATE_OPERATORS = (
    Operator(
        name="early_reveal",
        means="a private fact in its own party's words before its gate",
        breaks="the turn",
        kinds=("text",),
        scope="turn",
        units=early_units,
        make=leak_make,
    ),
    Operator(
        name="omniscient",
        means="a private fact in the partner's words before it was told",
        breaks="the turn",
        kinds=("text",),
        scope="turn",
        units=omniscient_units,
        make=leak_make,
    ),
)
"""Operators on who knows what."""
