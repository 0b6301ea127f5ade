"""Nothing is silently dropped: every check has a word on every session, if only why it has none."""

from collections.abc import Collection, Iterable, Sequence

from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.verification.check import CHECKS, CheckInfo
from assay.verification.one import OFFLINE, in_order

OF_GIVEN = frozenset({"LB06"})
"""Checks of labels that assay did not author."""
OF_OTHERS = frozenset({"LB02"})
"""Checks whose rules know assay's own sessions only; in others' a language model does them."""

WHY = frozenset({
    "no_turns", "no_user_turn", "no_such_label", "authored", "no_judge", "not_drawn", "nothing_to_read",
})  # fmt: skip
"""Reasons that are given here."""


def account_for(
    verdicts: Iterable[Verdict], sessions: Sequence[Session], codes: Collection[str], *, judged: bool = False
) -> list[Verdict]:
    """The verdicts, and one `not_applicable` for each session of which an asked check said nothing at all; in order.

    codes: the checks that were asked. judged: whether a language model read. Reasons: no_turns, no_user_turn,
    no_such_label (the session has no label that the check reads), authored (a check of given labels on labels that
    assay authored), no_judge (it takes a language model and none was named), not_drawn (one was, and read others), and
    nothing_to_read. What was added for an earlier reading is made anew.
    """
    found = [v for v in verdicts if not _added(v)]
    said = {(v.code, v.session) for v in found}
    infos = [c for c in CHECKS if c.code in codes]
    found += [
        Verdict(code=c.code, session=s.id, status="not_applicable", reason=_reason(c, s, judged))
        for s in sessions
        for c in infos
        if (c.code, s.id) not in said
    ]
    return in_order(found)


def _added(verdict: Verdict) -> bool:
    """Whether a verdict only says why there is none."""
    place = (verdict.turn, verdict.name, verdict.by)
    return verdict.status == "not_applicable" and verdict.reason in WHY and place == (None, None, "")


def _reason(check: CheckInfo, session: Session, judged: bool) -> str:
    """Why a check has no word on a session."""
    if not session.turns:
        return "no_turns"
    offline = check.code in OF_GIVEN or any(check.code in held for held, _ in OFFLINE)
    if check.code in OF_GIVEN and session.authored:
        return "authored"
    if not offline or (check.code in OF_OTHERS and not session.authored):
        return "not_drawn" if judged else "no_judge"
    if check.unit == "turn" and not any(t.speaker == "user" for t in session.turns):
        return "no_user_turn"
    return "no_such_label" if check.unit == "label" else "nothing_to_read"
