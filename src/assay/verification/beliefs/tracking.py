"""Follow one session: the posterior of its session labels after every user turn, and from when on they were knowable.

Where the likelihoods come from is the caller's: a table with one column per hypothesis.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.records.session import Session
from assay.stats.beliefs import KNOWN, filter_beliefs, identifiable_from, marginal


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """What the user may have in mind, with the prior over it."""

    log_prior: NDArray[np.float64]
    """(K,) normalised."""
    values: Mapping[str, tuple[str, ...]]
    """Label name -> its value under each hypothesis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One label along one session."""

    name: str
    """Label name."""
    turns: tuple[int, ...]
    """Positions of the user's turns."""
    probability: tuple[float, ...]
    """P(label's value), before the first user turn and after each: one more than `turns`."""
    hits: tuple[bool, ...]
    """Whether the most probable value is the label's."""
    confidence: tuple[float, ...]
    """Probability of the most probable value."""
    read: str = ""
    """The most probable value at the end."""
    value: str = ""
    """The label's value."""
    values: tuple[str, ...] = ()
    """What it could be."""
    posterior: tuple[tuple[float, ...], ...] = ()
    """P of each of `values`, before the first user turn and after each."""

    @property
    def identifiable_from_turn(self) -> int | None:
        """First turn from which on P(label) stays at 0.9 or more; 0 where the prior says so; None: never."""
        at = identifiable_from(self.probability, KNOWN)
        return None if at is None else 0 if at == 0 else self.turns[at - 1]


def track(
    session: Session,
    truth: Mapping[str, str],
    hypotheses: Hypotheses,
    table: NDArray[np.float64],
    *,
    drift: float = 0.0,
) -> list[Track]:
    """A track for every label of `truth` that the hypotheses know.

    `table`: (user turns, K) log-likelihoods. Labels whose value no hypothesis holds are left out. Raises BadInput for a
    session that no hypothesis allows.
    """
    believed = filter_beliefs(hypotheses.log_prior, table, drift=drift)
    turns = tuple(i for i, t in enumerate(session.turns) if t.speaker == "user")
    made = []
    for name, value in sorted(truth.items()):
        if value not in hypotheses.values.get(name, ()):
            continue
        names, p = marginal(believed.first, hypotheses.values[name])
        column = names.index(value)
        made.append(
            Track(
                name=name,
                turns=turns,
                probability=tuple(float(x) for x in p[:, column]),
                hits=tuple(bool(x) for x in p.argmax(axis=1) == column),
                confidence=tuple(float(x) for x in p.max(axis=1)),
                read=names[int(p[-1].argmax())],
                value=value,
                values=names,
                posterior=tuple(map(tuple, p.tolist())),
            )
        )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What following one session gave."""

    tracks: tuple[Track, ...] = ()
    """One per label that the hypotheses know."""
    reason: str | None = None
    """Why there are none."""
    untracked: tuple[str, ...] = ()
    """Labels of the kind that is tracked, on which no act depends."""
    drifted_at: int | None = None
    """Turn at which the acts tell of a user who changed (BE04), or None."""
