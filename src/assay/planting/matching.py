"""What a check said about the place of a fault, in the faulty copy and in the original."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from assay.planting.operator import Scope
from assay.records import Status, Verdict

Check = tuple[str, bool]
"""(code, independent): what independent annotators say under a code is kept apart from what others say.

A guard's `supported` stands beside them, since it is what they say where they find no fault; it never supports."""

ORDER: tuple[Status, ...] = ("contradicted", "supported", "not_evidenced", "unparsed", "not_applicable")
"""Several verdicts of one check on one unit count as the first of these that is among them."""


class Target(NamedTuple):
    """The unit that a fault breaks."""

    session: str
    turn: int | None
    name: str | None


class Word(NamedTuple):
    """What a check says of one unit; status null where it says nothing."""

    status: Status | None
    score: float | None
    reason: str | None


SILENT = Word(None, None, None)


class Said:
    """Verdicts of one run, to be asked by check and unit."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self._by_turn: dict[tuple[Check, str, int | None], list[Verdict]] = defaultdict(list)
        self._by_session: dict[tuple[Check, str], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            clean = verdict.guard and verdict.status == "supported"
            check = (verdict.code, clean or (verdict.independent and not verdict.guard))
            self._by_turn[(check, verdict.session, verdict.turn)].append(verdict)
            self._by_session[(check, verdict.session)].append(verdict)

    def checks(self) -> list[Check]:
        """All checks that said something, sorted."""
        return sorted({check for check, _ in self._by_session})

    def word(self, check: Check, target: Target, scope: Scope, about: str | None = None) -> Word:
        """A check's word on a unit, by its most specific verdicts.

        scope label: verdicts on that label at that turn, else on the turn, else on the label or as such for the whole
        session. turn: any verdict at that turn, else one on the session. session: any verdict in the session. Where the
        fault of a turn or session is `about` a label name, verdicts on other names are left out.
        """
        here = self._by_turn.get((check, target.session, target.turn), ())
        around = self._by_turn.get((check, target.session, None), ()) if target.turn is not None else ()
        if scope == "session":
            here, around = self._by_session.get((check, target.session), ()), ()
        if scope == "label":
            for part in (here, around):
                for name in (target.name, None):
                    if found := [v for v in part if v.name == name]:
                        return merged(found)
            return SILENT
        if about is not None:
            here = [v for v in here if v.name in (None, target.name, about)]
        return merged(here or [v for v in around if v.name in (None, target.name, about)])


def merged(verdicts: Sequence[Verdict]) -> Word:
    """One word out of several verdicts on one unit: `contradicted` if any says so; the lowest score."""
    if not verdicts:
        return SILENT
    status = min((v.status for v in verdicts), key=ORDER.index)
    scores = [v.score for v in verdicts if v.score is not None]
    reason = next((v.reason for v in verdicts if v.status == status), None)
    return Word(status, min(scores) if scores else None, reason)


def asked(word: Word) -> bool:
    """Whether a check was asked at all: one that the budget left out says nothing about its power."""
    return not (word.status == "not_applicable" and word.reason == "budget")
