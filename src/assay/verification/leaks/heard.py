"""What was said in a session, turn by turn, indexed so that a value is found in many turns at once; who heard it."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from assay.records.session import Session, Turn
from assay.verification.check import find_run, find_span, strings, words
from assay.verification.leaks.forms import Mention, mentions
from assay.verification.leaks.watched import WORD, Atom
from assay.verification.leaks.words_for import ONES

EXACT, FORM = "exact match", "normal form"
ASIDE = frozenset({"tool", "action", "narrator", "system", "environment"})
"""Speakers that are no party."""
PIECE = re.compile(r"[^\W_]+")
DIGIT = {**{w: str(n) for w, n in ONES.items() if n < 10}, "oh": "0"}


class Line:
    """One text, read once."""

    __slots__ = ("_values", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = frozenset(WORD.findall(text.lower()))
        self._values: list[Mention] | None = None

    @property
    def values(self) -> list[Mention]:
        """Its values."""
        if self._values is None:
            self._values = mentions(self.text)
        return self._values

    def holds(self, held: Atom) -> tuple[str, str] | None:
        """(quote, how) where a value stands here: word for word, or in its normal form; else None."""
        if self.words.issuperset(held.words):
            if (quote := find_span(self.text, held.text)) is not None:
                return quote, EXACT
            if len(run := words(held.text)) > 1 and (quote := find_run(self.text, run)) is not None:
                return quote, FORM
        if held.compact and (quote := spelled(self.text, held.compact)) is not None:
            return quote, FORM
        if not held.values or not all(_stands(w, self.words) for w in held.others):
            return None
        spans = [next((s for s in self.values if v.same(s)), None) for v in held.values]
        first = spans[0]
        if first is None or any(s is None for s in spans):
            return None
        return self.text[first.start : first.end], FORM


def _stands(word: str, said: frozenset[str]) -> bool:
    return word in said or word + "s" in said or word.removesuffix("s") in said


def spelled(text: str, compact: str) -> str | None:
    """The part of a text whose letters and digits, digits also as words, are exactly those of an identifier."""
    joined, starts, ends = "", {}, {}
    for m in PIECE.finditer(text):
        starts[len(joined)] = m.start()
        joined += DIGIT.get(m[0].lower(), m[0].lower())
        ends[len(joined)] = m.end()
    at = joined.find(compact)
    while at >= 0:
        if at in starts and at + len(compact) in ends:
            return text[starts[at] : ends[at + len(compact)]]
        at = joined.find(compact, at + 1)
    return None


def calls_of(turn: Turn) -> str:
    """What a turn hands to tools, as text."""
    return " ".join(strings([turn.tool_calls, turn.labels.get("tool_calls")]))


class Heard:
    """The turns of one session. Building it is linear in its text; `find` looks only at turns that hold the words."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lines = [Line(t.text) for t in session.turns]
        self.calls = {i: Line(c) for i, t in enumerate(session.turns) if (c := calls_of(t)).strip()}
        self.by_word: dict[str, list[int]] = defaultdict(list)
        self.by_value: dict[str, list[int]] = defaultdict(list)
        self.squeezed = [_squeezed(t.text) for t in session.turns]
        for i, line in enumerate(self.lines):
            for word in sorted(line.words):
                self.by_word[word].append(i)
            for key in dict.fromkeys(chain.from_iterable(m.keys for m in line.values)):
                self.by_value[key].append(i)
        self.parties = _parties(session)
        self.cut: dict[str, int] = {}
        for i, turn in enumerate(session.turns):
            if turn.speaker == "tool" and is_cut(turn.text):
                for party in self.hears(i) or self.parties:
                    self.cut.setdefault(party, i)

    def cut_before(self, party: str, turn: int) -> bool:
        """Whether a party has heard an answer of a tool of which the record keeps a part only: it may know more."""
        return self.cut.get(party, turn) < turn

    def find(self, held: Atom) -> list[tuple[int, str, str]]:
        """(turn, quote, how) of every turn whose words hold a value, in order."""
        found = []
        for i in sorted(self._near(held)):
            if (hit := self.lines[i].holds(held)) is not None:
                found.append((i, *hit))
        return found

    def _near(self, held: Atom) -> set[int]:
        """Turns that may hold a value."""
        near: set[int] = set()
        if held.words:
            lists = [self.by_word.get(w, []) for w in held.words]
            rarest = min(lists, key=len)
            near.update(rarest)
        for value in held.values[:1]:
            for key in value.keys:
                near.update(self.by_value.get(key, []))
        if held.compact:
            near.update(i for i, text in enumerate(self.squeezed) if held.compact in text)
        return near

    def hears(self, turn: int) -> frozenset[str] | None:
        """Who hears a turn; None: everybody. A tool's answer is heard by the party that called it."""
        said = self.session.turns[turn]
        if said.speaker != "tool":
            return None
        asked = said.extra.get("requestor") or said.labels.get("requestor")
        if isinstance(asked, str) and asked in self.parties:
            return frozenset({asked})
        for i in range(turn - 1, -1, -1):
            before = self.session.turns[i]
            if before.speaker not in ASIDE:
                called = i in self.calls and before.speaker != "assistant"
                return frozenset({before.speaker if called else "assistant"}) if "assistant" in self.parties else None
        return frozenset({"assistant"}) if "assistant" in self.parties else None


def is_cut(text: str) -> bool:
    """Whether a tool's answer breaks off: it begins as JSON and its brackets never close, or it ends in dots."""
    text = text.strip()
    if text.endswith(("...", "…")):
        return True
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except ValueError:
        return text[-1] not in "}]"
    except RecursionError:
        return False
    return False


def _squeezed(text: str) -> str:
    return "".join(DIGIT.get(p, p) for p in PIECE.findall(text.lower()))


def _parties(session: Session) -> frozenset[str]:
    return frozenset(t.speaker for t in session.turns if t.speaker not in ASIDE) | frozenset(session.private)


def spoken(session: Session) -> Sequence[int]:
    """Turns of parties."""
    return [i for i, t in enumerate(session.turns) if t.speaker not in ASIDE]
