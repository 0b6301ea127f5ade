"""Whose persona is it, and what does it say: the sentences of a party's persona, wherever a session keeps them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.records.session import Session

PERSONA_KEYS = frozenset(
    {"persona", "profile", "character", "background", "backstory", "biography", "bio", "demographics", "personality"}
)
"""First part of a private fact's name that says who somebody is. Goals, instructions and reasons are briefs (BR)."""
LABEL_KEYS = ("persona", "profile", "context")
"""Session labels whose entries the user of a session was given as its person."""
SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
ABBREVIATED = re.compile(r"(?:^|\s)(?:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|etc|jr|sr|[a-z])\.$", re.I)
LONGEST = 60
"""Words of the longest piece of a persona that counts as one fact; longer ones are cut there."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence about a person."""

    source: str
    """Where it stands: `persona`, `profile.age`, ..."""
    text: str
    """The sentence as it stands there; an attribute as a sentence (`My age is 34.`)."""
    attribute: bool = False
    """Whether it was a name and a value of at most three words, not a sentence."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, each of at most LONGEST words; pieces without a letter or digit are left out."""
    found: list[str] = []
    for piece in SENTENCE.split(text):
        piece = piece.strip()
        if found and ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        elif any(c.isalnum() for c in piece):
            found.append(piece)
    cut: list[str] = []
    for piece in found:
        held = piece.split()
        cut += [" ".join(held[i : i + LONGEST]) for i in range(0, len(held), LONGEST)]
    return cut


def persona_facts(session: Session, party: str = "user") -> tuple[Fact, ...]:
    """What a session says of who a party is, each sentence once, in order.

    Read from the party's private facts whose name begins with a persona key, and for the user from the session labels
    persona, profile and context where these are tables (the latents of a session that assay made). An attribute of
    at most three words becomes a sentence: `profile.age: 34` reads `My age is 34.`
    """
    found: dict[str, Fact] = {}
    for source, value in _places(session, party):
        for fact in _facts(source, value):
            found.setdefault(fact.text.casefold(), fact)
    return tuple(found.values())


def parties(session: Session) -> list[str]:
    """Parties with a persona that speak in the session, the user first, then by name."""
    speakers = {turn.speaker for turn in session.turns}
    held = [p for p in {*session.private, "user"} if p in speakers and persona_facts(session, p)]
    return sorted(held, key=lambda p: (p != "user", p))


def persona_name(session: Session, party: str) -> str:
    """The session label that says who a party is: `persona` or `persona.<party>`, as the importer names them."""
    own = f"persona.{party}"
    if party == "user" or own in session.session_labels:
        return "persona" if party == "user" else own
    return "persona" if parties(session)[:1] == [party] else own


def _places(session: Session, party: str) -> Iterator[tuple[str, Any]]:
    for fact, value in session.private.get(party, {}).items():
        if fact.split(".", 1)[0].lower() in PERSONA_KEYS:
            yield fact, value
    for key in LABEL_KEYS if party == "user" else ():
        value = session.session_labels.get(key)
        if isinstance(value, Mapping):
            yield key, value


def _facts(source: str, value: Any) -> Iterator[Fact]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(f"{source}.{key}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _facts(source, inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
        if text and "." in source and len(text.split()) <= 3:
            name = source.rsplit(".", 1)[-1].replace("_", " ").replace("-", " ")
            yield Fact(source, f"My {name} is {text.rstrip('.')}.", attribute=True)
        else:
            yield from (Fact(source, piece) for piece in sentences(text))
