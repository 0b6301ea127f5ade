"""Words for a wrong value where no model is at hand: what somebody else said whose turn does have that value."""

from typing import Any

import numpy as np

from assay.planting.operator import Job
from assay.planting.run import Draft, Group, Place
from assay.records.label import key_of

LOOKED_AT = 40
"""Donor turns that are compared; more would not be more alike."""


class Donors:
    """Turns of a run by (label name, level) and value, in an order that does not hang on that of the sessions."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.by_value: dict[tuple[Group, str], list[Place]] = {}
        run = job.run
        order = {n: at for at, n in enumerate(run.by_id)}
        for place in sorted(run.places, key=lambda p: (order[p.session], -1 if p.turn is None else p.turn)):
            self.by_value.setdefault((run.group(place), key_of(place.value)), []).append(place)

    def line(self, draft: Draft, place: Place, turn: int, value: Any, rng: np.random.Generator) -> str | None:
        """A line of another session whose label has the wrong value; None where there is none with other words.

        Of up to 40 drawn ones the one whose other labels are most like this turn's, so that little else changes. For
        a label of the session: the same speaker's first line in another session with that value.
        """
        run = self.job.run
        found = self.by_value.get((run.group(place), key_of(value)), [])
        usable = [p for p in found if p.session != place.session]
        drawn = rng.permutation(len(usable))[:LOOKED_AT].tolist()
        own, text = draft.session.turns[turn], draft.text(turn)
        best: tuple[int, str] | None = None
        for at in drawn:
            donor = run.sessions[usable[at].session]
            there = usable[at].turn
            if there is None:
                there = next((i for i, t in enumerate(donor.turns) if t.speaker == own.speaker), None)
            if there is None or not donor.turns[there].text.strip() or donor.turns[there].text == text:
                continue
            alike = sum(own.labels.get(k) == v for k, v in donor.turns[there].labels.items())
            if best is None or alike > best[0]:
                best = alike, donor.turns[there].text
        return None if best is None else best[1]


def donors(job: Job) -> Donors:
    """The donors of a job, indexed once."""
    if "donors" not in job.given:
        job.given["donors"] = Donors(job)
    made = job.given["donors"]
    assert isinstance(made, Donors)
    return made
