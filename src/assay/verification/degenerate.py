"""Degenerate text (CO05): blank, repeated, generic or copied from the persona; whatever the turn's labels say."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from assay.records.session import Session, Turn
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, four_grams, words
from assay.verification.consistency.persona import persona_facts

SHORT = 3
"""Turns of at most this many words (thanks, yes please) may be repeated."""
COPIED = 2 / 3
"""Least share of a turn's words in runs of four words of the persona for it to be a copy. Of real speakers' turns in
PersonaChat 5 % hold four words of their persona in a row, and 0.4 % are covered to this share."""
ALL_GENERIC = 0.75
"""Share of a speaker's turns from which on generic ones are a fault by themselves."""
LEAST_TURNS = 4
"""Turns that a speaker must have for ALL_GENERIC."""

BARE = ("Sm", "Sk", "Mn")
"""Categories of signs that say nothing alone: `|`, `=`, `^`, a variation selector."""

EMPTY_WORDS = frozenset(
    [
        "ok",
        "okay",
        "k",
        "sure",
        "fine",
        "good",
        "great",
        "nice",
        "cool",
        "alright",
        "right",
        "well",
        "oh",
        "ah",
        "hm",
        "hmm",
        "um",
        "uh",
        "wow",
        "yes",
        "yeah",
        "yep",
        "yup",
        "no",
        "nope",
        "not",
        "i",
        "see",
        "that",
        "that's",
        "is",
        "was",
        "it",
        "it's",
        "its",
        "interesting",
        "sounds",
        "sound",
        "problem",
        "thanks",
        "thank",
        "you",
        "very",
        "much",
        "so",
        "really",
        "all",
        "a",
        "the",
        "to",
        "do",
        "what",
        "say",
        "know",
        "don't",
        "am",
        "i'm",
        "guess",
        "maybe",
        "perhaps",
        "just",
        "of",
        "course",
        "absolutely",
        "definitely",
        "certainly",
        "indeed",
        "true",
        "haha",
        "lol",
        "awesome",
        "amazing",
        "how",
        "too",
        "as",
        "would",
        "will",
        "can",
        "let's",
        "go",
        "for",
        "now",
        "there",
        "here",
        "hi",
        "hello",
        "hey",
        "got",
        "understood",
        "understand",
        "get",
        "agreed",
        "agree",
        "makes",
        "sense",
        "point",
        "be",
        "think",
        "we",
        "bye",
        "goodbye",
    ]
)
"""Words with which one can speak and say nothing. Of real users' turns 0.4 % (PersonaChat) to 22 % (CamRest676) hold no
others; after a question that asks for more than yes or no, at most 0.6 % on ten public sets."""
ASKS_MORE = re.compile(
    r"\b(what|which|where|when|who|whom|whose|how (many|much|old|long|often|far))\b(?! (about|else)\b)[^.!?]*\?\W*$",
    re.IGNORECASE,
)
"""A turn that ends in a question to which neither yes nor a pleasantry is an answer."""


def degenerate_turns(corpus: Corpus) -> Iterator[Verdict]:
    """CO05 for every user turn: contradicted when blank, a repeat of an own line, a copy of the persona, or generic.

    Empty turns that carry a tool call are no blanks. A turn copies the persona when two thirds of its words stand in
    runs of four words of it, or when it is a whole sentence of it. It is generic when it holds nothing but words that
    say nothing and either follows a question that asks for more, or is one of three quarters such turns of a speaker.
    """
    for session in corpus.sessions:
        faults = turn_faults(session)
        for i, fault in faults.items():
            text = session.turns[i].text
            yield Verdict(
                code="CO05",
                session=session.id,
                turn=i,
                status="contradicted" if fault else "supported",
                score=0.0 if fault else 1.0,
                evidence=(Quote(turn=i, quote=text),) if fault and text else (),
                by=f"rules: {fault}" if fault else "rules",
                independent=fault is not None or not session.authored,
                guard=session.authored and fault is None,
            )


def turn_faults(session: Session, party: str = "user") -> dict[int, str | None]:
    """Turn -> blank, repeat, persona_copy, generic or None, for every turn of a party."""
    grams, whole = _persona(session, party)
    own = [(i, turn) for i, turn in enumerate(session.turns) if turn.speaker == party]
    empty = [is_generic(turn.text) for _, turn in own]
    all_generic = len(own) >= LEAST_TURNS and sum(empty) >= ALL_GENERIC * len(own)
    seen: set[tuple[str, ...]] = set()
    found: dict[int, str | None] = {}
    for (i, turn), generic in zip(own, empty, strict=True):
        said = tuple(words(turn.text))
        fault = None
        if is_blank(turn.text) and not turn.tool_calls:
            fault = "blank"
        elif len(said) > SHORT and said in seen:
            fault = "repeat"
        elif (len(said) > 1 and said in whole) or _covered(said, grams) >= COPIED:
            fault = "persona_copy"
        elif generic and (all_generic or _asked_more(session.turns, i, party)):
            fault = "generic"
        seen.add(said)
        found[i] = fault
    return found


def is_blank(text: str) -> bool:
    """Whether a line has nothing but white space, punctuation, rules and frames (`___ | |`); emoji are words."""
    return all(c.isspace() or unicodedata.category(c)[0] in "PCZ" or unicodedata.category(c) in BARE for c in text)


def is_generic(text: str) -> bool:
    """Whether a line has words, asks nothing, and holds only words that say nothing."""
    said = words(text)
    return bool(said) and "?" not in text and all(w in EMPTY_WORDS for w in said)


def _asked_more(turns: Sequence[Turn], i: int, party: str) -> bool:
    return i > 0 and turns[i - 1].speaker != party and ASKS_MORE.search(turns[i - 1].text) is not None


def _covered(said: Sequence[str], grams: set[tuple[str, ...]]) -> float:
    """Share of the words that stand in a run of four of the persona."""
    hit = [False] * len(said)
    for i in range(len(said) - 3):
        if tuple(said[i : i + 4]) in grams:
            hit[i : i + 4] = [True] * 4
    return sum(hit) / len(said) if said else 0.0


def _persona(session: Session, party: str) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """(runs of four words, whole sentences) of a party's persona."""
    texts = [fact.text for fact in persona_facts(session, party)]
    return set().union(*(four_grams(t) for t in texts)) if texts else set(), {tuple(words(t)) for t in texts}
