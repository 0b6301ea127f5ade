"""Degenerate text (CO05): blank, repeated or copied from the persona; a fault of the turn, whatever its labels say."""

from collections.abc import Iterator

from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, four_grams, words

SHORT = 3
"""Turns of at most this many words (thanks, yes please) may be repeated."""


def degenerate_turns(corpus: Corpus) -> Iterator[Verdict]:
    """CO05 for every user turn: contradicted when blank, a repeat of an own line, or holding four words of the persona.

    Empty turns that carry a tool call are no blanks.
    """
    for session in corpus.sessions:
        persona = _persona_grams(session)
        seen: dict[tuple[str, ...], int] = {}
        for i, turn in enumerate(session.turns):
            if turn.speaker != "user":
                continue
            own = tuple(words(turn.text))
            fault = None
            if not own and not turn.tool_calls:
                fault = "blank"
            elif len(own) > SHORT and own in seen:
                fault = "repeat"
            elif persona & four_grams(turn.text):
                fault = "persona_copy"
            seen.setdefault(own, i)
            yield Verdict(
                code="CO05",
                session=session.id,
                turn=i,
                status="contradicted" if fault else "supported",
                score=0.0 if fault else 1.0,
                evidence=(Quote(turn=i, quote=turn.text),) if fault and turn.text else (),
                by=f"rules: {fault}" if fault else "rules",
                independent=fault is not None or not session.authored,
                guard=session.authored and fault is None,
            )


def _persona_grams(session: Session) -> set[tuple[str, ...]]:
    texts: list[str] = []
    for key in ("persona", "profile", "context"):
        value = session.session_labels.get(key)
        if isinstance(value, dict):
            texts += [str(v) for v in value.values()]
    persona = session.private.get("user", {}).get("persona")
    if session.authored:
        texts.append(str(persona or ""))
    return set().union(*(four_grams(t) for t in texts)) if texts else set()
