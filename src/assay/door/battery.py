"""The checks on trial, split by what their word on a session hangs on, so that measuring power is affordable."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from assay.planting.battery import Battery, Verify
from assay.records.base import digest
from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.verification.check import CHECKS

ALONE = 3
"""Sessions that each check reads alone, to see whether its word on a session hangs on the others."""
OF_LABELS = frozenset(c.code for c in CHECKS if c.unit == "label")
"""Codes whose verdicts are about single labels."""

Make = Callable[[frozenset[str]], Verify]
"""Codes -> those checks as one function of sessions."""


class Split(NamedTuple):
    """Codes by what their word on a session hangs on, and what they all say of the sessions."""

    local: frozenset[str]
    """That session alone."""
    whole: frozenset[str]
    """The other sessions too, and they speak of turns or sessions."""
    on_labels: frozenset[str]
    """The other sessions too, and they speak of given labels: a whole copy, only where a label is broken."""
    verdicts: list[Verdict]
    """On the sessions."""


def split(make: Make, codes: frozenset[str], sessions: Sequence[Session], seed: int) -> Split:
    """Find by trial which checks are local: those that say the same of a session alone and of one among half of all.

    Three sessions are read alone and then every second one together; a check is local where each word about them is
    the one that it has in the whole. That is evidence and no proof: a check that heeds the others only in rare cases
    may pass for local, and its power then leaves those cases out.
    """
    verdicts = make(codes)(sessions)
    said = _by_session(verdicts)
    ranked = sorted(sessions, key=lambda s: digest([seed, "battery", s.id]))
    probes = [[s] for s in ranked[:ALONE]] + ([list(sessions[::2])] if len(sessions) > ALONE else [])
    local = codes
    for probe in probes:
        heard = _by_session(make(local)(probe))
        keys = [(code, s.id) for code in sorted(local) for s in probe]
        local = local - {code for code, i in keys if heard.get((code, i)) != said.get((code, i))}
    rest = codes - local
    of_labels = rest & OF_LABELS if any(not s.authored for s in sessions) else frozenset[str]()
    return Split(local, rest - of_labels, of_labels, verdicts)


def _by_session(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], list[Verdict]]:
    found: dict[tuple[str, str], list[Verdict]] = {}
    for v in verdicts:
        found.setdefault((v.code, v.session), []).append(v)
    return found


def battery(make: Make, found: Split) -> Battery:
    """The split checks as planting runs them."""

    def some(codes: frozenset[str]) -> Verify:
        return make(codes) if codes else lambda sessions: []

    return Battery(
        whole=some(found.whole), local=some(found.local), on_labels=some(found.on_labels),
        labels_codes=found.on_labels, originals=found.verdicts,
    )  # fmt: skip


def sample(sessions: Sequence[Session], limit: int, seed: int) -> list[Session]:
    """At most `limit` sessions, drawn by the seed and the ids alone, in their order."""
    if len(sessions) <= limit:
        return list(sessions)
    order = np.argsort([int(digest([seed, "power sample", s.id])[:15], 16) for s in sessions], kind="stable")
    return [sessions[i] for i in sorted(order[:limit].tolist())]
