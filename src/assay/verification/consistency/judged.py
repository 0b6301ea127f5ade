"""CO01 to CO03 by a language model: which line contradicts a fact or an earlier line, and whose persona is it?

The seam is that of the rules (`lines.LineReader`): the same checks make the verdicts, the model only answers. A
speaker's lines stand once in a sheet, a question a line (CO01, CO02) or a fact (CO03: the fact among facts of other
people, and `cannot tell`; asked again of an empty record, so that what can be guessed does not count). Copies with a
planted contradiction, and with another's persona, are read in the same way and put the judge on trial.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.session import Turn
from assay.records.verdict import Quote, Status, Verdict
from assay.verification.check import Corpus, readable
from assay.verification.consistency.lines import LineAnswer, LineQuestion
from assay.verification.consistency.measures import MOST_UNPARSED, above_empty
from assay.verification.consistency.one import LAG, Speaker, line_to_line, prompt_to_line, speakers_of
from assay.verification.judges.fence import visible
from assay.verification.judges.prompt import LETTERS, Answers
from assay.verification.judges.sheet import HEAD, Item, Sheet, fenced
from assay.verification.judges.sheets import NONE, Filled, windows
from assay.verification.judges.trial import Trial

CODES = ("CO01", "CO02", "CO03")
OPTIONS = LETTERS.replace(NONE, "")
"""Letters of facts; NONE is `none of them`."""
MOST_FACTS, MOST_ITEMS = 24, 24
"""Facts of a sheet, and questions of one."""
TRIED = 30
"""Speakers of whom a broken copy is read: fewer than 30 conclude nothing (judges/trial.py)."""
UNREAD = "no verdict in the answer"

Contradicted = Callable[[str, np.random.Generator], str]
"""A sentence that cannot be true together with another."""


class Copy(NamedTuple):
    """A speaker as the judge is shown it."""

    speaker: Speaker
    kind: str
    """own, empty (CO03 without a record), planted or swapped (on trial)."""
    at: int | None = None
    """Turn of a planted contradiction."""


class Part(NamedTuple):
    """A sheet about a copy, and which lines or facts its questions are about."""

    code: str
    copy: Copy
    sheet: Sheet
    about: tuple[int, ...]
    """Turns (CO01, CO02) or indices of facts (CO03)."""
    options: tuple[tuple[int, ...], ...] = ()
    """CO03: per question the position of the own fact among its letters, as (position,)."""


def parts_of(corpus: Corpus, codes: frozenset[str], most: int, contradicted: Contradicted | None = None) -> list[Part]:
    """Sheets about speakers with a persona, in a seeded random order, while their lines and facts are at most `most`.

    contradicted: makes the planted contradictions; without it no judge is tried.
    """
    found = [one for s in corpus.sessions if readable(s) for one in speakers_of(s) if one.turns]
    found.sort(key=lambda one: digest([corpus.seed, "consistency", one.session.id, one.party]))
    held, size = [], 0
    for one in found:
        size += len(one.turns) + len(one.facts)
        if size > most:
            break
        held.append(one)
    parts = [p for one in held for p in _of_copy(corpus, codes, Copy(one, "own"))]
    if contradicted is not None:
        copies = [copy for one in held[:TRIED] for copy in _broken(corpus, one, contradicted)]
        parts += [p for copy in copies for p in _of_copy(corpus, codes, copy)]
    return parts


def _broken(corpus: Corpus, one: Speaker, contradicted: Contradicted) -> Iterator[Copy]:
    """The speaker with a line that contradicts a fact and the line before, and with somebody else's persona."""
    rng = np.random.default_rng([corpus.seed, 21, int(digest([one.session.id, one.party])[:16], 16)])
    if len(one.turns) > 1:
        k = int(rng.integers(1, len(one.turns)))
        fact = one.facts[int(rng.integers(len(one.facts)))]
        before = one.session.turns[one.turns[k - 1]].text
        said = f"{contradicted(fact, rng)} {contradicted(before, rng)}"
        turns = list(one.session.turns)
        turns[one.turns[k]] = Turn(**{**turns[one.turns[k]].model_dump(), "text": said})
        copy = one.session.model_copy(update={"turns": tuple(turns)})
        yield Copy(Speaker(copy, one.party, one.facts, one.turns), "planted", one.turns[k])
    others = _others(corpus, one, rng, len(one.facts))
    if others:
        yield Copy(Speaker(one.session, one.party, tuple(others), one.turns), "swapped")


def _others(corpus: Corpus, one: Speaker, rng: np.random.Generator, n: int) -> list[str]:
    """Facts of other people, at most n, none of them the speaker's."""
    own = {f.casefold() for f in one.facts}
    pool = sorted({f for s in corpus.sessions for x in speakers_of(s) for f in x.facts if f.casefold() not in own})
    return [pool[i] for i in rng.permutation(len(pool))[:n]]


def _of_copy(corpus: Corpus, codes: frozenset[str], copy: Copy) -> Iterator[Part]:
    one = copy.speaker
    kinds = {"own": CODES, "planted": ("CO01", "CO02"), "swapped": ("CO03",)}[copy.kind]
    for code in (c for c in kinds if c in codes):
        if code == "CO03":
            yield from _facts(corpus, copy)
            yield from _facts(corpus, copy._replace(kind="empty")) if copy.kind == "own" else ()
            continue
        for window in windows(one.session, one.turns):
            about = [i for i in window.shown if i in window.own and (code == "CO01" or i != one.turns[0])]
            if about:
                yield _lines(corpus.seed, code, copy, window.shown, about)


def _lines(seed: int, code: str, copy: Copy, shown: Sequence[int], about: Sequence[int]) -> Part:
    number = {i: k for k, i in enumerate(shown, 1)}
    if code == "CO01":
        facts = copy.speaker.facts[:MOST_FACTS]
        listed = "".join(f"{x} {visible(f).text}\n" for x, f in zip(OPTIONS, facts, strict=False))
        ask = f"Facts about the speaker:\n{listed}Which fact does each line contradict ({NONE}: none)?\n"
        items = tuple(Item(f"line {number[i]}", OPTIONS[: len(facts)] + NONE) for i in about)
    else:
        ask = "For each line the number of the earlier line that it contradicts, 0 for none:\n"
        items = tuple(Item(f"line {number[i]}", "") for i in about)
    return Part(code, copy, _sheet(seed, code, copy, shown, ask, items), tuple(about))


def _facts(corpus: Corpus, copy: Copy) -> Iterator[Part]:
    """Each fact among two of other people: which is true of the speaker, by the record alone?"""
    one = copy.speaker
    rng = np.random.default_rng([corpus.seed, 22, int(digest([one.session.id, one.party, *one.facts])[:16], 16)])
    pool = _others(corpus, one, rng, 40) or [f"I am {w}." for w in ("a pilot", "from Norway", "a twin")]
    items, places = [], []
    for fact in one.facts:
        shown = [fact, *(pool[i] for i in rng.permutation(len(pool))[:2])]
        order = rng.permutation(len(shown))
        listed = "; ".join(f"{OPTIONS[k]} {visible(shown[i]).text}" for k, i in enumerate(order))
        items.append(Item(f"{listed}; {NONE} cannot tell", OPTIONS[: len(shown)] + NONE))
        places.append((int(np.flatnonzero(order == 0)[0]),))
    shown_turns = () if copy.kind == "empty" else next(iter(windows(one.session, one.turns))).shown
    ask = "Which is true of the speaker, by the record alone?\n"
    for k in range(0, len(items), MOST_ITEMS):
        sheet = _sheet(corpus.seed, "CO03", copy, shown_turns, ask, tuple(items[k : k + MOST_ITEMS]))
        about = tuple(range(k, min(k + MOST_ITEMS, len(items))))
        yield Part("CO03", copy, sheet, about, tuple(places[k : k + MOST_ITEMS]))


def _sheet(seed: int, code: str, copy: Copy, shown: Sequence[int], ask: str, items: tuple[Item, ...]) -> Sheet:
    session = copy.speaker.session
    lines = [(session.turns[i].speaker, session.turns[i].text) for i in shown]
    record = fenced(seed, session.id, lines, named=False)
    return Sheet(f"{code}.s1", code, session.id, shown[0] if shown else None, HEAD, record, ask, items)


def filled(parts: Sequence[Part], start: int) -> list[Filled]:
    """The sheets with the positions of their answers, from `start`."""
    out = []
    for part in parts:
        n = len(part.sheet.items)
        out.append(Filled(part.sheet, tuple((start + k,) for k in range(n))))
        start += n
    return out


Said = Mapping[int, tuple[Answers, str]]


def verdicts(
    parts: Sequence[Part], said: Said, start: int, by: str, independent: bool, corpus: Corpus
) -> tuple[list[Verdict], list[Trial]]:
    """CO01 to CO03 of the speakers that were read, and trials on the broken copies; unparsed is its own bucket."""
    read: dict[tuple[str, str], dict[tuple[str, str], dict[int, str]]] = {}
    copies: dict[tuple[str, str], dict[str, Copy]] = {}
    prompts: dict[tuple[str, str, str, str], list[str]] = {}
    for part in parts:
        one, kind = part.copy.speaker, part.copy.kind
        key = (one.session.id, one.party)
        n = len(part.sheet.items)
        if all(start + k in said for k in range(n)):
            copies.setdefault(key, {})[kind] = part.copy
            held = read.setdefault(key, {}).setdefault((part.code, kind), {})
            for k, about in enumerate(part.about):
                held[about] = _word(part, k, said[start + k])
            prompts.setdefault((*key, part.code, kind), []).append(part.sheet.id)
        start += n
    made: list[Verdict] = []
    trials: list[Trial] = []
    for key, answers in read.items():
        own = {}
        for (code, kind), held in answers.items():
            if kind == "empty":
                continue
            copy = copies[key][kind]
            ids = tuple(prompts[(*key, code, kind)])
            empty = answers.get((code, "empty"))
            found = list(_of_code(corpus, code, copy, held, empty or {}))
            found = [v.model_copy(update=_signed(v, by, ids, independent)) for v in found]
            if kind == "own":
                made += found
                own[code] = {v.turn: v.status for v in found}
            else:
                trials += _trials(code, copy, found, own.get(code, {}))
    return made, trials


def _signed(verdict: Verdict, by: str, prompts: tuple[str, ...], independent: bool) -> dict[str, object]:
    return {"by": by, "prompts": prompts, "independent": independent and verdict.status != "unparsed"}


def _word(part: Part, k: int, answer: tuple[Answers, str]) -> str:
    """The letter, or number, that was answered; "" where there is none."""
    letters, words = answer
    if part.code == "CO02":
        return words.strip() if words.strip().isdigit() else ""
    if letters is None:
        return ""
    chosen = max(letters, key=lambda x, held=letters: held[x])  # type: ignore[misc]
    if part.code == "CO03" and chosen != NONE:
        return "own" if OPTIONS.index(chosen) == part.options[k][0] else "other"
    return chosen


def _of_code(
    corpus: Corpus, code: str, copy: Copy, held: Mapping[int, str], empty: Mapping[int, str]
) -> Iterator[Verdict]:
    one = copy.speaker
    if code == "CO03":
        yield _whose(one, held, empty)
        return
    lone = Corpus(sessions=[one.session], seed=corpus.seed)
    turns = iter(one.turns if code == "CO01" else one.turns[1:])

    def reader(asked: Sequence[LineQuestion]) -> list[LineAnswer]:
        return [_line(code, held.get(i, ""), i, one) for i, _ in zip(turns, asked, strict=False)]

    check = prompt_to_line if code == "CO01" else line_to_line
    for v in check(lone, _only(one, code, reader)):
        if v.turn in held and v.name == one.name:
            yield v


def _only(one: Speaker, code: str, reader: Callable[[Sequence[LineQuestion]], list[LineAnswer]]) -> Callable[
    [Sequence[LineQuestion]], Sequence[LineAnswer]
]:  # fmt: skip
    """The reader for this speaker's questions, and no answer to those about others of the session."""
    own = [one.session.turns[i].text for i in (one.turns if code == "CO01" else one.turns[1:])]

    def read(asked: Sequence[LineQuestion]) -> Sequence[LineAnswer]:
        return reader(asked) if [q.line for q in asked] == own else [LineAnswer(None) for _ in asked]

    return read


def _line(code: str, word: str, turn: int, one: Speaker) -> LineAnswer:
    if not word:
        return LineAnswer(None)
    if code == "CO01":
        return LineAnswer(False) if word == NONE else LineAnswer(True, OPTIONS.index(word))
    k = one.turns.index(turn)
    if word == "0":
        return LineAnswer(False)
    # numbers count the lines of the window, whose last own lines are these
    return LineAnswer(True, min(int(word) - 1, LAG)) if 1 <= int(word) <= k else LineAnswer(None)


def _whose(one: Speaker, held: Mapping[int, str], empty: Mapping[int, str]) -> Verdict:
    """CO03 of a speaker: (agree - agree on an empty record) / (1 - the latter); void where over 5 % were unparsed."""
    parsed = [w for w in held.values() if w]
    common = {"code": "CO03", "session": one.session.id, "name": one.name}
    if len(held) - len(parsed) > MOST_UNPARSED * len(held) or not parsed:
        return Verdict(status="unparsed", reason=UNREAD, **common)
    own, other = parsed.count("own"), parsed.count("other")
    guessed = sum(w == "own" for w in empty.values()) / len(empty) if empty else 0.0
    score = above_empty(own / len(parsed), guessed)
    status: Status = "not_evidenced"
    if score is not None and score > 0 and own > other:
        status = "supported"
    elif other > own:
        status = "contradicted"
    first = one.turns[0]
    quotes = (Quote(turn=first, quote=one.session.turns[first].text),) if status == "contradicted" else ()
    rounded = None if score is None or math.isnan(score) else float(f"{score:.6g}")
    return Verdict(status=status, score=rounded, evidence=quotes, **common)


def _trials(code: str, copy: Copy, found: Sequence[Verdict], own: Mapping[int | None, str]) -> Iterator[Trial]:
    """What the judge said of a broken copy, beside what it said of the speaker as it is."""
    at = copy.at if code != "CO03" else None
    for v in found:
        if v.turn == at and at in own:
            yield Trial(code, v.name or "persona", v.session, own[at], v.status)


def unread(corpus: Corpus, codes: frozenset[str], parts: Sequence[Part], sessions: set[str], by: str) -> list[Verdict]:
    """One `not_applicable: budget` per speaker that was not read."""
    done = {(p.copy.speaker.session.id, p.copy.speaker.party) for p in parts} if parts else set()
    return [
        Verdict(code=c, session=s.id, name=one.name, status="not_applicable", reason="budget", by=by)
        for s in corpus.sessions if readable(s)
        for one in speakers_of(s)
        if one.turns and ((s.id, one.party) not in done or s.id not in sessions)
        for c in CODES if c in codes
    ]  # fmt: skip
