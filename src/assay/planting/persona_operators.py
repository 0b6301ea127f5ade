"""Another person: from the middle on in the words, or in the record of a whole session."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.planting.operator import Job, Operator, Unit
from assay.planting.run import ASIDE, Draft, Edit, watched
from assay.records import Session


def persona_of(session: Session) -> tuple[str, Any] | None:
    """(party, persona) of the party under test: the user, or the first party that has one; null without any."""
    held = {p: f["persona"] for p, f in session.private.items() if p not in ASIDE and f.get("persona")}
    party = "user" if "user" in held else min(held, default=None)
    return None if party is None else (party, held[party])


def mid_units(job: Job) -> list[Unit]:
    """Sessions whose person can be another one: see `mid_make` and `swapped_record`."""
    sessions = job.run.sessions
    if job.kind == "label":
        fits = [n for n, s in enumerate(sessions) if not s.authored and persona_of(s) is not None]
    else:
        can = job.aids.reword is not None and job.aids.rewords_persona
        fits = [
            n
            for n, s in enumerate(sessions)
            if len(watched(s)) >= 4 and (not s.authored or (can and s.session_labels.get("persona")))
        ]
    return [Unit(session=n, turn=None) for n in fits] if len(fits) >= 2 else []


def mid_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """From the middle on another person speaks: reworded, or the lines of another session's same speaker."""
    if job.kind == "label":
        return swapped_record(job, draft, unit, rng)
    session, run = draft.session, job.run
    own = persona_of(session)
    others = [n for n in run.by_id if n != unit.session and watched(run.sessions[n])]
    if own is not None:
        differ = [n for n in others if (them := persona_of(run.sessions[n])) is not None and them[1] != own[1]]
        others = differ or others
    donor = run.sessions[others[int(rng.integers(len(others)))]]
    persona = donor.session_labels.get("persona")
    late = watched(session)[len(watched(session)) // 2 :]
    said: list[tuple[int, str]] = []
    for turn, line in zip(late, donor_lines(donor, session, late), strict=True):
        text: str | None = line
        if session.authored and job.aids.reword is not None:
            if persona == session.session_labels.get("persona"):
                return None
            text = job.aids.reword(session, turn, {**session.turns[turn].labels, "persona": persona})
        if text is not None and text != session.turns[turn].text:
            said.append((turn, text))
    return [edit for turn, text in said for edit in draft.set_text(turn, text, "persona")] or None


def donor_lines(donor: Session, session: Session, late: list[int]) -> Iterator[str]:
    """Lines of the donor's same speaker, from its middle on, as many as asked for."""
    for place, turn in enumerate(late):
        speaker = session.turns[turn].speaker
        lines = [t.text for t in donor.turns if t.speaker == speaker] or [donor.turns[i].text for i in watched(donor)]
        half = lines[len(lines) // 2 :]
        yield half[place % len(half)]


def swapped_record(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """The record holds the persona of another session's same party; the words stay."""
    own = persona_of(draft.session)
    if own is None:
        return None
    party, persona = own
    found = [persona_of(job.run.sessions[n]) for n in job.run.by_id if n != unit.session]
    others = [them[1] for them in found if them is not None and them[0] == party and them[1] != persona]
    if not others:
        return None
    value = others[int(rng.integers(len(others)))]
    edits = [draft.set_private(party, "persona", value)]
    for name in ("persona", f"persona.{party}"):
        # a label that says the same goes with it; `persona` of one party may stand beside that of another
        if draft.session.session_labels.get(name) == persona:
            edits.append(draft.set_label(None, name, (name,), value))
    return edits


PERSONA_OPERATORS = (
    Operator(
        name="persona_mid",
        means="from the middle on another person speaks; as label: the record holds another session's persona",
        breaks="persona",
        kinds=("text", "label"),
        scope="session",
        units=mid_units,
        make=mid_make,
        counts_as="persona",
    ),
)
"""Operators on who is speaking."""
