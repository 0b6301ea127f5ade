"""BR01 to BR05 for every session, with quotes; not_applicable where there is no user or no brief."""

from collections.abc import Iterator, Sequence

from assay.records.session import Session
from assay.records.verdict import Quote, Status, Verdict
from assay.verification.check import Corpus, strings
from assay.verification.fidelity.briefs import brief_of, split_brief
from assay.verification.fidelity.rules import broken, early_end, out_of_role, untried
from assay.verification.fidelity.values import Known, stated

CODES = ("BR01", "BR02", "BR03", "BR04", "BR05")
BY = "brief rules"
NAME = "private.user"
"""What the verdicts are about: how the user keeps to what it was told, and no label of a turn."""


def brief_fidelity(corpus: Corpus) -> Iterator[Verdict]:
    """BR01 to BR05: one verdict a fault with its quote, or one `supported` or `not_applicable` a session and code.

    Deterministic, English. `read` holds the words of the brief that a fault is about. In sessions that assay made, the
    brief is everything that the scenario and the labels say, and BR02 to BR04 do not apply: the state machine decides
    what is tried and when they end.
    """
    for session in corpus.sessions:
        if not any(t.speaker == "user" for t in session.turns):
            yield from (_plain(session, code, "not_applicable", "no_user_turn") for code in CODES)
            continue
        brief = brief_of(session)
        for code in CODES:
            if code != "BR05" and brief is None:
                yield _plain(session, code, "not_applicable", "no_brief")
            elif session.authored and code in ("BR02", "BR03", "BR04"):
                yield _plain(session, code, "not_applicable", "state_machine")
            else:
                found = list(_faults(session, code, brief or ""))
                yield from found or [_plain(session, code, "supported")]


def _faults(session: Session, code: str, brief: str) -> Iterator[Verdict]:
    """The faults of one code in one session."""
    if code == "BR02":
        goals = [a.text for a in untried(session, split_brief(brief))]
        yield from (_fault(session, code, (), goal) for goal in goals)
    elif code == "BR03":
        found = broken(session, brief, split_brief(brief))
        yield from (_fault(session, code, (quote,), rule) for quote, rule in found)
    else:
        ended = early_end(session) if code == "BR04" else None
        quotes = {"BR01": invented, "BR05": out_of_role}.get(code, lambda _: iter([ended] if ended else []))
        yield from (_fault(session, code, (quote,)) for quote in quotes(session))


def invented(session: Session) -> Iterator[Quote]:
    """Values that the user states and that neither the brief, nor the partner, nor a tool said before; each once."""
    known = Known([*strings(session.private.get("user", {}))])
    if session.authored:
        for text in strings([session.private, session.session_labels, session.kept]):
            known.add(text)
    for i, turn in enumerate(session.turns):
        if session.authored:
            known.add(" ".join(strings(turn.labels)))
        if turn.speaker != "user":
            known.add(" ".join([turn.text, *strings(turn.tool_calls), *strings(turn.labels.get("tool_calls"))]))
            continue
        for value in stated(turn.text):
            if not known.holds(value):
                yield Quote(turn=i, quote=value.quote)
                known.add(value.quote)


def _guarded(session: Session) -> bool:
    """Sessions that assay made were worded under guards that refuse the same words: BR01 and BR05 are no evidence."""
    return session.authored


def _plain(session: Session, code: str, status: Status, reason: str | None = None) -> Verdict:
    score = 1.0 if status == "supported" else None
    return Verdict(
        code=code,
        session=session.id,
        name=NAME,
        status=status,
        score=score,
        by=BY,
        reason=reason,
        guard=_guarded(session),
    )


def _fault(session: Session, code: str, quotes: Sequence[Quote], rule: str | None = None) -> Verdict:
    turn = quotes[0].turn if quotes else None
    return Verdict(
        code=code, session=session.id, turn=turn, name=NAME, status="contradicted", score=0.0, by=BY, read=rule,
        evidence=tuple(quotes), independent=not _guarded(session), guard=_guarded(session),
    )  # fmt: skip
