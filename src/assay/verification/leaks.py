"""Leaks: labels copied word for word (LB03) and private facts used before they could be (IA01)."""

import re
from collections.abc import Iterator
from typing import Any

from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, find_run, find_span, four_grams, strings

BY = "exact match"
TOO_COMMON = 5
"""Letters below which a value without digits is too common a word to call a leak."""


def verbatim_leaks(corpus: Corpus) -> Iterator[Verdict]:
    """LB03: a run of four words of a goal, profile value or undisclosed private fact stands in the user's own text.

    Values of fewer than four words cannot be copied in this sense: not_applicable (`short_value`) is not written for
    each of them; they simply get no LB03 verdict.
    """
    for session in corpus.sessions:
        for name, value in _phrases(session, corpus):
            grams = four_grams(value)
            if grams:
                yield _verbatim(session, name, grams)


def _phrases(session: Session, corpus: Corpus) -> Iterator[tuple[str, str]]:
    labels = session.session_labels
    if corpus.blueprint is not None and isinstance(labels.get("goal"), str):
        goal = corpus.blueprint.goals.get(labels["goal"])
        if goal is not None:
            yield "goal", goal.words
    for key, value in (labels.get("profile") or {}).items() if isinstance(labels.get("profile"), dict) else ():
        yield f"profile.{key}", str(value)
    if session.authored:
        disclosed = {d.fact for d in session.disclosures}
        for fact, value in session.private.get("user", {}).items():
            if fact not in disclosed and isinstance(value, str):
                yield f"private.user.{fact}", value


def _verbatim(session: Session, name: str, grams: set[tuple[str, ...]]) -> Verdict:
    for i, turn in enumerate(session.turns):
        if turn.speaker == "user" and (hit := grams & four_grams(turn.text)):
            quote = find_run(turn.text, sorted(hit)[0])
            evidence = (Quote(turn=i, quote=quote),) if quote else ()
            return _verdict("LB03", session, i, name, "contradicted", evidence)
    return _verdict("LB03", session, None, name, "supported", ())


def early_facts(corpus: Corpus) -> Iterator[Verdict]:
    """IA01: a party's turn uses a private fact before any turn that could have told it.

    Sessions made by assay have a disclosure ledger: the owner may use a fact from the turn of its disclosure, the
    partner after it. In foreign sessions the owner may speak at any time; the partner only after the owner or a tool
    has said it, or where its own private facts hold the same words. Exact matching only: paraphrases are not found
    (`assay checks IA01`).
    """
    for session in corpus.sessions:
        for party, facts in sorted(session.private.items()):
            for fact, value in sorted(facts.items()):
                if fact == "persona":
                    continue
                texts = [v for v in _texts(value) if _telling(v)]
                if texts:
                    yield _early(session, party, fact, texts)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if len(value.split()) <= 8 else _entities(value)
    if isinstance(value, list | tuple):
        return [t for v in value for t in _texts(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    return [str(value)] if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1000 else []


def _entities(text: str) -> list[str]:
    """Identifiers, numbers of four digits or more and e-mail addresses of a long private text."""
    found = re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b\w*\d\w*[_-]\w+\b|\b\w+_\d+\b|\b\d{4,}\b", text)
    return sorted(set(found))


def _telling(value: str) -> bool:
    return (any(c.isdigit() for c in value) and len(value) >= 4) or (len(value) >= TOO_COMMON and not value.isdigit())


def _early(session: Session, party: str, fact: str, texts: list[str]) -> Verdict:
    name = f"private.{party}.{fact}"
    told_at = next((d.turn for d in session.disclosures if d.party == party and d.fact == fact), None)
    for text in texts:
        known = told_at if session.authored else None
        for i, turn in enumerate(session.turns):
            quote = find_span(turn.text, text)
            if quote is None:
                continue
            owner = turn.speaker == party
            # A guard kept the owner's own words behind the gate; finding nothing there is no evidence.
            if session.authored and (told_at is None or i < told_at):
                return _verdict("IA01", session, i, name, "contradicted", (Quote(turn=i, quote=quote),))
            if not session.authored:
                if owner or turn.speaker not in ("user", "assistant", *session.private):
                    known = i if known is None else known
                elif known is None and not _knows(session, turn.speaker, text):
                    return _verdict("IA01", session, i, name, "contradicted", (Quote(turn=i, quote=quote),))
    return _verdict("IA01", session, None, name, "supported", ())


def _knows(session: Session, party: str, text: str) -> bool:
    """Whether a party's own private facts hold the same words."""
    return any(find_span(own, text) for own in strings(session.private.get(party, {})))


def _verdict(
    code: str, session: Session, turn: int | None, name: str, status: Any, evidence: tuple[Quote, ...]
) -> Verdict:
    return Verdict(
        code=code, session=session.id, turn=turn, name=name, status=status, evidence=evidence,
        score=0.0 if status == "contradicted" else 1.0, by=BY,
        independent=not session.authored or status == "contradicted", guard=session.authored and status == "supported",
    )  # fmt: skip
