"""LB03: a label copied word for word into the text."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, find_run, four_grams, strings
from assay.verification.leaks.watched import SECRET

BY = "exact match"


class Phrase(NamedTuple):
    """A text that must not be copied."""

    name: str
    """Label or private fact."""
    party: str
    """Whose turns are read."""
    texts: tuple[str, ...]
    """Its words."""
    reason: str | None = None
    """Why it is not looked for: disclosed (it may be said), told (others' facts are there to be said), empty."""


def verbatim_leaks(corpus: Corpus) -> Iterator[Verdict]:
    """LB03: four words in a row of a goal, profile value, persona or undisclosed private fact in the party's own text.

    One verdict a label or fact: supported, contradicted, or not_applicable with `short_value` (fewer than four words
    can't be copied in this sense), `disclosed`, `told` (in others' sessions a private fact is there to be said; only
    personas and facts that are named a secret are not) or `empty`; a session without goal, profile and private facts
    gets one (`no_such_label`).
    """
    for session in corpus.sessions:
        found = list(_phrases(session, corpus))
        if not found:
            yield _verdict(session, None, "private", "not_applicable", (), "no_such_label")
        for phrase in found:
            yield _verbatim(session, phrase)


def _phrases(session: Session, corpus: Corpus) -> Iterator[Phrase]:
    labels = session.session_labels
    if isinstance(labels.get("goal"), str):
        goal = corpus.blueprint.goals.get(labels["goal"]) if corpus.blueprint is not None else None
        yield Phrase("goal", "user", (goal.words if goal is not None else labels["goal"],))
    profile = labels.get("profile")
    for key, value in profile.items() if isinstance(profile, dict) else ():
        yield Phrase(f"profile.{key}", "user", (str(value),))
    disclosed = {(d.party, d.fact) for d in session.disclosures}
    for party, held in sorted(session.private.items()):
        for fact, value in sorted(held.items()):
            texts = tuple(t for t in strings(value) if t.strip())
            open_to_say = not session.authored and fact != "persona" and not SECRET.search(fact)
            reason = "disclosed" if (party, fact) in disclosed else "told" if open_to_say else None
            yield Phrase(f"private.{party}.{fact}", party, texts, reason if texts else "empty")


def _verbatim(session: Session, phrase: Phrase) -> Verdict:
    """The verdict on one phrase."""
    grams = set().union(*map(four_grams, phrase.texts)) if phrase.texts else set()
    reason = phrase.reason or (None if grams else "short_value")
    if reason is not None:
        return _verdict(session, None, phrase.name, "not_applicable", (), reason)
    for i, turn in enumerate(session.turns):
        if turn.speaker == phrase.party and (hit := grams & four_grams(turn.text)):
            quote = find_run(turn.text, sorted(hit)[0])
            return _verdict(
                session,
                i,
                phrase.name,
                "contradicted",
                (Quote(turn=i, quote=quote),) if quote else (),
            )
    return _verdict(session, None, phrase.name, "supported", ())


def _verdict(
    session: Session,
    turn: int | None,
    name: str,
    status: Any,
    evidence: tuple[Quote, ...],
    reason: str | None = None,
) -> Verdict:
    applies = status != "not_applicable"
    return Verdict(
        code="LB03", session=session.id, turn=turn, name=name, status=status, evidence=evidence, reason=reason,
        score=None if not applies else 0.0 if status == "contradicted" else 1.0, by=BY,
        independent=applies and (not session.authored or status == "contradicted"),
        guard=session.authored and status == "supported",
    )  # fmt: skip
