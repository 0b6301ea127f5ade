"""A brief in parts: its sentences and clauses with spans, sorted into facts, rules and sub-goals.

Deterministic and English only. A sentence ends at a full stop, question or exclamation mark, semicolon or line end that
is followed by white space; a clause also at ", but", ", and", "and then" before a new "you". A clause with a condition,
a prohibition or a preference is a rule; one that wants something done is a sub-goal; the others, and every value, are
facts.
"""

import re
from typing import Literal, NamedTuple

from assay.records.session import Session
from assay.verification.check import strings

Kind = Literal["fact", "rule", "goal"]

CUT = re.compile(r"(?<=[.!?;])\s+|\n+|,?\s+(?:but|and|then|and then)\s+(?=you\b)", re.I)
RULE = re.compile(
    r"\b(?:if|unless|only|otherwise|prefer|never|do not|don't|does not|doesn't|will not|won't|should not|insist)\b",
    re.I,
)
GOAL = re.compile(
    r"\b(?:wants?(?: the agent)? to|would like(?: to)?|'d like(?: to)?|needs? to|wish(?:es)? to|try to"
    r"|ask (?:for|to|about)|mention)\b",
    re.I,
)
BRIEF = re.compile(r"instruct|brief|goal|task|scenario", re.I)


class Atom(NamedTuple):
    """One part of a brief."""

    kind: Kind
    """fact, rule or goal."""
    text: str
    """The words, verbatim."""
    start: int
    """First character in the brief."""
    end: int
    """Character after the last."""


def split_brief(brief: str) -> tuple[Atom, ...]:
    """The clauses of a brief in order, each with its kind and span; empty for an empty brief. Never raises."""
    atoms, at = [], 0
    for cut in [*CUT.finditer(brief), None]:
        end = len(brief) if cut is None else cut.start()
        piece = brief[at:end]
        text = piece.strip()
        if text:
            start = at + piece.index(text[0])
            atoms.append(Atom(_kind(text), text, start, start + len(text)))
        at = end if cut is None else cut.end()
    return tuple(atoms)


def _kind(text: str) -> Kind:
    if RULE.search(text):
        return "rule"
    return "goal" if GOAL.search(text) else "fact"


def brief_of(session: Session) -> str | None:
    """What the user was told, or None: texts of its private facts that instruct it, or every fact of assay's own."""
    facts = session.private.get("user", {})
    told = [v for k, v in facts.items() if isinstance(v, str) and v.strip() and k != "persona" and _instructs(k, v)]
    if session.authored:
        told = list(strings(facts))
    return "\n".join(told) if told else None


def _instructs(name: str, value: str) -> bool:
    """Whether a private fact is an instruction: named so, or a text that says `you`."""
    return bool(BRIEF.search(name)) or (len(value.split()) >= 5 and bool(re.search(r"\byou(?:r)?\b", value, re.I)))
