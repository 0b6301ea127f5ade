"""Whose private fact is it: the keys of `private` in their normal form {party: {fact: value or list}}."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from assay.errors import BadSessions
from assay.importing.maps import SourceMap
from assay.records.session import Turn

ROLES = frozenset({"user", "assistant"})
"""Parties that every session has, whether or not they speak."""

NUMBERED = re.compile(r"^(p|person|persona|profile|speaker|agent|party|participant|user|bot|human|role)_?\d+$", re.I)
"""Keys that count parties instead of naming them."""


class Parted(NamedTuple):
    """The private keys of one session, by party."""

    facts: dict[str, dict[str, Any]]
    """Party -> fact -> value or list."""
    kept: dict[str, Any]
    """Keys that belong to no party."""
    empty: int
    """Facts without a value, left out."""
    guessed: tuple[str, ...]
    """Keys given to the user because nothing says whose they are."""


def leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(fact, value or list) pairs of a private value: dicts flatten to `name.key`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, value


def is_empty(value: Any) -> bool:
    """Whether a fact says nothing, so that looking for it in a text would always or never succeed."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict) and not value)


def by_party(private: dict[str, Any], turns: Sequence[Turn], source_map: SourceMap, where: str) -> Parted:
    """Sort the private keys of a session by party.

    A key belongs, in this order, to the speaker it equals; to the speaker whose turns carry it as `labels.name` or
    `labels.speaker_name`; to the speaker it ends in (`_<speaker>`, the rest names the fact); to the party that the map
    says; to nobody (`gold_*`, kept); else to the user, which is listed in `guessed`. The roles user and assistant
    count as speakers of every session. Raises BadSessions for a key that numbers its party (P1, persona_2) where the
    map says nothing of it.
    """
    speakers = ROLES | {turn.speaker for turn in turns}
    names = _names(turns)
    facts: dict[str, dict[str, Any]] = {}
    kept: dict[str, Any] = {}
    guessed: list[str] = []
    empty = 0
    for key, value in private.items():
        party, fact = _owner(key, value, speakers, names, source_map)
        if party is None:
            if key.startswith("gold_"):
                kept[key] = value
                continue
            if NUMBERED.match(key):
                raise BadSessions(
                    f"the private key {key!r} numbers its party and nothing says who that is",
                    where=f"{where}, private.{key}",
                    now=f"give --map FILE with  private: {{{key}: user.persona}}  (or the party and fact it is)",
                )
            guessed.append(key)
            party, fact = "user", key
        for name, leaf in leaves(fact, value):
            if is_empty(leaf):
                empty += 1
                continue
            own = facts.setdefault(party, {})
            own[_free(own, name or "brief", key)] = leaf
    return Parted(facts, kept, empty, tuple(guessed))


def _names(turns: Sequence[Turn]) -> dict[str, str]:
    """Name that a speaker's turns carry -> speaker; a name carried by several goes to the one with most turns."""
    seen: Counter[tuple[str, str]] = Counter()
    for turn in turns:
        for label in ("name", "speaker_name"):
            if isinstance(turn.labels.get(label), str):
                seen[turn.labels[label], turn.speaker] += 1
    found: dict[str, str] = {}
    for (name, speaker), _ in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
        found.setdefault(name, speaker)
    return found


def _owner(
    key: str, value: Any, speakers: frozenset[str], names: dict[str, str], source_map: SourceMap
) -> tuple[str | None, str]:
    """(party, fact) of a key; the fact is empty where the key names only the party, the party None where unknown."""
    if key in speakers:
        return key, ""
    if key in names:
        return names[key], ""
    for speaker in sorted(speakers, key=lambda s: (-len(s), s)):
        if key.endswith(f"_{speaker}") and len(key) > len(speaker) + 1:
            return speaker, key[: -len(speaker) - 1]
    mapped = source_map.party(key)
    if mapped is None:
        return None, key
    party, fact = mapped
    return party, fact if fact or isinstance(value, dict) else key


def _free(own: dict[str, Any], fact: str, key: str) -> str:
    """A fact name not yet taken: two keys of one fact are told apart by the key they came from."""
    name, count = fact, 1
    while name in own:
        name = f"{fact}.{key}" if count == 1 else f"{fact}.{key}.{count}"
        count += 1
    return name
