"""What an assistant under test may not do, looked for in every answer; nothing is lost, nothing of it counts as good.

Too long an answer is cut for the transcript (SHOWN characters) and shorter still for the user's own prompt (HEARD bytes
an answer); the whole text is kept beside it. A flagged answer has no act, so that it costs the user patience.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.outcome import FlagKind
from assay.simulation.wording import normal

SHOWN = 2000
"""Characters of an answer that stand in the transcript."""
HEARD = 400
"""UTF-8 bytes of an answer that stand in the user's own prompt: its beginning and its end."""
COPIED = 8
"""Words in a row of its own instructions by which a dump is known."""
SAME = 3
"""The same answer so many times running is a loop."""
GAP = " ... "

OTHER_ROLE = re.compile(r"^[ \t>*_#-]*(user|customer|client|human|caller|patient|system)[*_]*\s*:", re.I | re.M)
OWN_ROLE = re.compile(r"^\s*(assistant|agent|ai|bot)\s*:\s*", re.I)

FUNCTION_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset([
        "the", "a", "an", "is", "are", "was", "i", "you", "we", "it", "to", "of", "and", "or", "in", "on", "for",
        "with", "that", "this", "can", "do", "not", "have", "your", "my", "what", "please", "be", "at", "will",
        "no", "yes", "would", "could", "how", "which", "there", "if"
    ]),
    "de": frozenset([
        "der", "die", "das", "und", "ist", "nicht", "ich", "sie", "wir", "ein", "eine", "zu", "mit", "auf", "den",
        "dem", "es", "für", "von", "bitte", "haben", "kann", "wie", "ihre", "ihr", "sind", "können", "möchten",
        "was", "mir"
    ]),
    "fr": frozenset([
        "le", "la", "les", "et", "est", "pas", "je", "vous", "nous", "un", "une", "de", "des", "du", "à", "pour",
        "avec", "que", "qui", "ce", "votre", "pouvez", "bonjour", "en", "dans", "au", "sur", "avez", "merci", "il"
    ]),
    "es": frozenset([
        "el", "la", "los", "las", "y", "es", "no", "yo", "usted", "un", "una", "de", "del", "para", "con", "que",
        "por", "en", "su", "puede", "hola", "gracias", "se", "me", "lo", "cómo", "cuál", "tiene", "favor", "al"
    ]),
    "it": frozenset([
        "il", "lo", "la", "gli", "le", "e", "è", "non", "io", "lei", "un", "una", "di", "del", "per", "con", "che",
        "in", "suo", "può", "ciao", "grazie", "si", "mi", "come", "quale", "ha", "favore", "al", "della"
    ]),
    "nl": frozenset([
        "de", "het", "een", "en", "is", "niet", "ik", "u", "wij", "van", "voor", "met", "dat", "in", "op", "uw",
        "kunt", "kan", "hallo", "bedankt", "wat", "hoe", "welke", "heeft", "te", "zijn", "om", "er", "graag"
    ]),
    "pt": frozenset([
        "o", "a", "os", "as", "e", "é", "não", "eu", "você", "um", "uma", "de", "do", "da", "para", "com", "que",
        "em", "seu", "sua", "pode", "olá", "obrigado", "se", "me", "como", "qual", "tem", "por", "favor", "ao"
    ]),
}  # fmt: skip
"""Language -> its commonest short words."""
LATIN = frozenset(FUNCTION_WORDS)


@dataclass(frozen=True, slots=True)
class Examined:
    """An answer as it goes into the transcript."""

    shown: str
    """What the user gets to see."""
    faults: tuple[tuple[FlagKind, str], ...]
    """What is wrong with it: (kind, what was found)."""


def examine(text: str, *, earlier: Sequence[str], system: str, language: str) -> Examined:
    """Find what is wrong with one answer, and cut it.

    earlier: the assistant's answers so far, as shown; system: its own instructions.
    """
    found: list[tuple[FlagKind, str]] = []
    text = OWN_ROLE.sub("", text, count=1)
    other = OTHER_ROLE.search(text)
    shown = text
    if not text.strip():
        found.append(("empty", ""))
    if other is not None:
        found.append(("other_role", " ".join(other[0].split())))
        # what it says in the user's name is not shown; an answer that begins so stays, or nothing would be left
        shown = text[: other.start()].rstrip() or text
    if (tongue := other_language(text, language)) is not None:
        found.append(("other_language", tongue))
    if (copied := copied_words(text, system)) is not None:
        found.append(("prompt_dump", copied))
    if len(text) > SHOWN:
        found.append(("too_long", f"{len(text)} characters"))
    last = [normal(e) for e in earlier[-(SAME - 1) :]]
    if text.strip() and len(last) == SAME - 1 and set(last) == {normal(cut(shown))}:
        found.append(("repeats", f"{SAME} times running or more"))
    return Examined(cut(shown), tuple(found))


def cut(text: str, limit: int = SHOWN) -> str:
    """The first `limit` characters, ending at a word where there is one near."""
    if len(text) <= limit:
        return text
    head = text[: limit - len(GAP)]
    space = head.rfind(" ", max(0, len(head) - 40))
    return (head[:space] if space > 0 else head).rstrip() + GAP.rstrip()


def heard(text: str) -> str:
    """What of an answer stands in the user's own prompt: all of it, or its beginning and its end in HEARD bytes."""
    data = text.encode("utf-8")
    if len(data) <= HEARD:
        return text
    tail = HEARD // 3
    head = HEARD - tail - len(GAP)
    return data[:head].decode("utf-8", "ignore").rstrip() + GAP + data[-tail:].decode("utf-8", "ignore").lstrip()


def copied_words(text: str, system: str) -> str | None:
    """The first COPIED words in a row that a text shares with its own instructions, or None."""
    own, said = (re.findall(r"\w+", t.lower()) for t in (system, text))
    held = {tuple(own[i : i + COPIED]) for i in range(len(own) - COPIED + 1)}
    for i in range(len(said) - COPIED + 1):
        if tuple(said[i : i + COPIED]) in held:
            return " ".join(said[i : i + COPIED])
    return None


def other_language(text: str, language: str) -> str | None:
    """The language that a text is in when it is not the session's; None where that cannot be told.

    By function words among the languages of FUNCTION_WORDS, and by script for languages in Latin letters. Texts of
    fewer than five words are never called; names and numbers carry no function words and are not called either.
    """
    base = language.split("-")[0].lower()
    letters = [c for c in text if c.isalpha()]
    if base in LATIN and len(letters) >= 5 and sum(ord(c) < 0x250 for c in letters) < 0.5 * len(letters):
        return "another script"
    words = re.findall(r"[^\W\d_]+", text.lower())
    if base not in LATIN or len(words) < 5:
        return None
    counts = {name: sum(w in known for w in words) for name, known in FUNCTION_WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    clear = counts[best] >= 3 and counts[best] >= 0.2 * len(words) and counts[best] >= 2 * counts[base] + 1
    return best if best != base and clear else None
