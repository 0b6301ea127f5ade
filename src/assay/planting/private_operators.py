"""Operators that let a private fact out too early, or let a party know what only the other one does."""

from collections.abc import Iterator
from typing import Any

import numpy as np

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
LENGTHS = (3, 80)
"""Shortest and longest value, in characters, that is a fact and no brief."""


def facts(session: Session) -> Iterator[tuple[str, str, str]]:
    """(party, fact, value) of every private fact of one short value; nested facts are named by their path."""
    for party, held in session.private.items():
        for name, value in held.items():
            if name != "persona":
                yield from ((party, *leaf) for leaf in _leaves(name, value))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, str) and LENGTHS[0] <= len(value.strip()) <= LENGTHS[1]:
        yield name, value.strip()


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
    """One unit per fact of a session that has a turn, of its party or of the partner, before it can be known."""
    found = []
    for number, session in enumerate(job.run.sessions):
        speakers = {t.speaker for t in session.turns}
        for party, fact, value in facts(session):
            name = f"private.{party}.{fact}"
            if party not in speakers or (job.names is not None and name not in job.names):
                continue
            end = closed_until(job, session, party, fact, value)
            turns = [
                i
                for i, t in enumerate(session.turns[:end])
                if (t.speaker != party if by_partner else t.speaker == party)
                and t.speaker in ("user", "assistant", *session.private)
            ]
            if turns:
                found.append(Unit(session=number, turn=None, name=name, detail=(turns, value)))
    return found


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
