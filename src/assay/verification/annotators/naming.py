"""What annotators that name values are given, and what they give back: probabilities, blind to one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput
from assay.records.label_schema import Asked, AskedLabel
from assay.records.session import Session

Floats = NDArray[np.float64]


HISTORY = 8
"""Turns before its own that are heard for a label that lasts."""


class Line(NamedTuple):
    """The words that a reader sees of one target."""

    text: str
    """The turn, or all turns of a session."""
    before: str
    """The turn before it; empty where there is none and at session level."""
    history: tuple[str, ...] = ()
    """For labels that last: the turns before, newest first, at most HISTORY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one annotator said of every target of one label.

    For a category the rows of `p` sum to 1; for a set each cell is the probability that the value is present. A cell
    that the annotator cannot speak of is nan.
    """

    annotator: str
    """Name, as votes have it."""
    p: Floats
    """Shape (targets, values)."""
    draws: tuple[Floats, ...] = ()
    """Repeated draws, each of the shape of `p`; empty where there was one."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the annotator is: trained on what, which weights."""

    def spoke(self) -> NDArray[np.bool_]:
        """Shape (targets,): where it said anything."""
        return np.asarray(~np.isnan(self.p).all(axis=1))


def line_of(target: Asked, sessions: Mapping[str, Session], *, lasts: bool = False) -> Line:
    """The words of a target, for a label that lasts with those of the turns before."""
    turns = sessions[target.session].turns
    if target.turn is None:
        return Line("\n".join(f"{t.speaker}: {t.text}" for t in turns if t.text.strip()), "")
    first = max(0, target.turn - HISTORY)
    history = tuple(t.text for t in reversed(turns[first : target.turn])) if lasts else ()
    return Line(turns[target.turn].text, turns[target.turn - 1].text if target.turn else "", history)


def checked(reading: Reading, label: AskedLabel) -> Reading:
    """The reading itself. Raises BadInput for a cell that is no probability, or a category's rows that don't add up."""
    p = reading.p
    where = f"annotator {reading.annotator}, label {label.name}"
    told = ~np.isnan(p)
    if not np.isfinite(p[told]).all() or (p[told] < 0).any() or (p[told] > 1 + 1e-9).any():
        bad = p[told][~((p[told] >= 0) & (p[told] <= 1 + 1e-9))][0]
        raise BadInput(f"a probability of {bad:g}", where=where, now="probabilities lie between 0 and 1")
    if label.kind == "category":
        sums = np.nansum(p, axis=1)[reading.spoke()]
        if len(sums) and np.abs(sums - 1).max() > 1e-6:
            raise BadInput(
                f"probabilities that sum to {sums[np.abs(sums - 1).argmax()]:.6g}", where=where,
                now="the probabilities of a target sum to 1",
            )  # fmt: skip
    return reading


def votes(reading: Reading, label: AskedLabel) -> list[tuple[int, str]]:
    """(target, value) votes: the most likely value of each draw; of a set every value with at least a half."""
    values = list(label.values)
    found = []
    for p in reading.draws or (reading.p,):
        for i in np.flatnonzero(~np.isnan(p).all(axis=1)):
            row = np.nan_to_num(p[i], nan=-1.0)
            if label.kind == "category":
                found.append((int(i), values[int(row.argmax())]))
            else:
                found.extend((int(i), values[k]) for k in np.flatnonzero(row >= 0.5))
    return found


def stacked(rows: Sequence[Mapping[str, float] | None], label: AskedLabel) -> Floats:
    """Value -> probability mappings as a matrix; None and values that are not mentioned become nan and 0."""
    values = list(label.values)
    out = np.full((len(rows), len(values)), np.nan)
    for i, row in enumerate(rows):
        if row is not None:
            out[i] = [row.get(v, 0.0) for v in values]
    return out
