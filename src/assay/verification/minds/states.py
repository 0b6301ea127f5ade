"""Knowledge states of sessions that assay made: who knows which private fact of the other after which turn.

They come from the disclosure ledger (`Session.knowledge`), so they are exact: no text was read to find them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.session import Knowledge, Session
from assay.verification.check import readable

NO_LEDGER = "no disclosure ledger"
"""Reason for sessions of which nobody wrote down who could know what."""
NO_MODEL = "no_model"
"""Reason where no language model was asked."""


class State(NamedTuple):
    """One private fact of one party, and whether the other knows it after a turn."""

    session: Session
    turn: int
    """Last turn that was said."""
    owner: str
    """Whose fact it is."""
    fact: str
    """Name of the fact."""
    value: str
    """What it is."""
    other: str | None
    """What it is in another session; null where it is the same everywhere."""
    knower: str
    """The other party."""
    knows: bool
    """Whether the knower knows it."""
    told: bool
    """Whether it was said aloud, so that both know that both know; false also where it is not known."""

    @property
    def name(self) -> str:
        """Name that verdicts bear."""
        return f"private.{self.owner}.{self.fact}"


def states(sessions: Sequence[Session], limit: int, seed: int) -> list[State]:
    """A seeded random subset of at most `limit` knowledge states, by turns known and not known.

    Per fact and party there is one point in time at which it is not known yet, and one at which it is, where there are
    such. Sessions without a ledger, or in another language than English, give none.
    """
    pools: dict[tuple[str, str], set[str]] = defaultdict(set)
    for s in sessions:
        for row in s.knowledge:
            pools[row.party, row.fact].add(_value(s, row))
    found: dict[bool, list[State]] = {True: [], False: []}
    for s in sessions if limit > 0 else ():
        for state in _of_session(s, pools, seed):
            found[state.knows].append(state)
    for held in found.values():
        held.sort(key=lambda x: digest([seed, "minds", x.session.id, x.turn, x.name, x.knower]))
    pairs = zip_longest(found[True], found[False])
    return [x for pair in pairs for x in pair if x is not None][:limit]


def _of_session(session: Session, pools: dict[tuple[str, str], set[str]], seed: int) -> Iterator[State]:
    if not readable(session) or not session.turns:
        return
    for row in session.knowledge:
        value = _value(session, row)
        if not value.strip():
            continue
        rng = np.random.default_rng([seed, 5, int(digest([session.id, row.party, row.fact, row.knower])[:16], 16)])
        others = sorted(pools[row.party, row.fact] - {value})
        other = others[int(rng.integers(len(others)))] if others else None
        last = len(session.turns) - 1
        # from_turn is the first turn at which it can be used: it is known once the turn before was said
        since = last + 1 if row.from_turn is None else max(0, row.from_turn - 1)
        for low, high, knows in ((0, since - 1, False), (since, last, True)):
            if low <= high:
                turn = int(rng.integers(low, high + 1))
                told = knows and row.how == "said"
                yield State(session, turn, row.party, row.fact, value, other, row.knower, knows, told)


def _value(session: Session, row: Knowledge) -> str:
    value = session.private.get(row.party, {}).get(row.fact)
    return value if isinstance(value, str) else "" if value is None else str(value)


def without_ledger(sessions: Sequence[Session]) -> list[str]:
    """Ids of sessions of which no knowledge state can be asked."""
    return [s.id for s in sessions if not any(_value(s, row).strip() for row in s.knowledge) or not s.turns]
