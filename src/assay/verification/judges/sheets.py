"""The sheets of a corpus: all labels of a session in one blind call and one that shows values, in bounded windows.

What a sheet shows of a session that assay made are the user's own lines: the agent's are worded from what the user
meant, and would tell. A label of a turn is then read with the user's later lines in view, which asking one question a
call (`apart`) does not; a quote must stand in the label's own turn all the same. Sessions of others are shown whole.
What does not fit into one window is read in several, each with a few lines of the one before.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session
from assay.verification import model_reader
from assay.verification.check import Corpus
from assay.verification.judges import conformance
from assay.verification.judges.fence import LONGEST, visible
from assay.verification.judges.prompt import FLOOR, LETTERS, Answers, JudgePrompt
from assay.verification.judges.sheet import HEAD, Item, Sheet, fenced
from assay.verification.judges.targets import (
    Options,
    Target,
    is_guarded,
    options_of,
    plain,
    targets_of,
    template_or_again,
)
from assay.verification.minds.probes import Probe, probes
from assay.verification.minds.states import State, states

MOST_SHOWN = 2000
"""Characters of a record that one sheet shows."""
MOST_LINES, BEFORE = 60, 4
"""Lines of a window, and lines of the window before that it shows again."""
MOST_BLIND, MOST_SHOWING = 24, 14
"""Questions of a blind sheet, and of one that shows values."""
MOST_LISTED = 1800
"""Characters of the lists of options of one sheet."""
LONGEST_OPTION = 80
"""Characters of an option that are shown."""
OTHERS = 2
"""Other values that stand beside the label's own."""
NONE = "N"
"""Letter of `none of these`."""
NO_LETTER = "0"
"""The same where letters are those of a list, which may go up to Z."""
SEEING = f"Which of these letters do the words say ({NO_LETTER}: none of them)?\n"
ONE_IN = 40
"""One session in so many is read again, in two more orders of the options (RE), and asked who knows what (PT)."""
NO_WORDS = "no words of the user's own"
"""Reason of a goal that all lines of its session were held to."""


class Window(NamedTuple):
    """A part of a session that one sheet shows."""

    session: Session
    shown: tuple[int, ...]
    """Turns, in order."""
    own: frozenset[int]
    """Turns whose labels it is asked about."""
    first: bool
    """Whether labels of the session are asked about here."""


class Filled(NamedTuple):
    """A sheet, and what its answers are answers to."""

    sheet: Sheet
    places: tuple[tuple[int, ...], ...]
    """Per question the positions that it answers, in order of its letters."""


class Sheets(NamedTuple):
    """What a reading by sheets asks."""

    filled: tuple[Filled, ...]
    questions: tuple[model_reader.Question, ...]
    claims: tuple[conformance.Claim, ...]
    probes: tuple[Probe, ...]
    targets: tuple[Target, ...]
    """Labels that are asked about."""
    wordless: tuple[Target, ...]
    """Goals of sessions without a line that could tell them."""


def sheets_of(corpus: Corpus, labels: int, *, blind: bool, seeing: bool, minds: bool, again: bool) -> Sheets:
    """Sheets about the labels of whole sessions, drawn by the seed, until `labels` labels are asked about.

    `again`: whether one session in ONE_IN is read in all orders of the options, not in one alone. Positions count the
    questions first, then the claims, then the probes. No call depends on an answer, so that a plan counts them exactly.
    """
    known = options_of(corpus)
    found = drawn_sessions(corpus, labels, known)
    wordless = [t for t in found if _wordless(t)]
    held = [t for t in found if not _wordless(t)]
    by_session: dict[str, list[Target]] = {}
    for t in held:
        by_session.setdefault(t.session.id, []).append(t)
    picked = list(by_session)[: math.ceil(len(by_session) / ONE_IN)]
    desk = _Desk(corpus.seed, known, _common(by_session))
    for number, targets in enumerate(by_session.values()):
        for order in range(model_reader.ORDERS if again and number < len(picked) else 1) if blind else ():
            desk.blind(targets, order)
        if seeing:
            desk.seeing(targets)
    if minds:
        desk.minds(_states(corpus, labels))
    return desk.finished(tuple(held), tuple(wordless))


def drawn_sessions(corpus: Corpus, labels: int, options: Options) -> list[Target]:
    """All readable labels of sessions in a seeded random order, the first `labels` of them.

    A core act of a session that assay made is read off its act.
    """
    ranked: dict[str, list[Target]] = {}
    for t in targets_of(corpus) if labels > 0 else ():
        if t.value in options.get(t.name, ()) and not (corpus.blueprint is not None and t.name == "core_act"):
            ranked.setdefault(t.session.id, []).append(t)
    order = sorted(ranked, key=lambda s: digest([corpus.seed, "sheets", s]))
    return [t for s in order for t in ranked[s]][:labels]


def _wordless(target: Target) -> bool:
    return target.session.authored and target.turn is None and not _goal_lines(target.session)


def _goal_lines(session: Session) -> list[int]:
    held = template_or_again(session)
    return [i for i, t in enumerate(session.turns) if t.speaker == "user" and i not in held]


def _states(corpus: Corpus, labels: int) -> list[State]:
    """Knowledge states of one session in ONE_IN, at most `labels`."""
    every = states(corpus.sessions, 10**9, corpus.seed)
    order = sorted({s.session.id for s in every}, key=lambda s: digest([corpus.seed, "sheets", s]))
    picked = set(order[: math.ceil(len(order) / ONE_IN)])
    return [s for s in every if s.session.id in picked][:labels]


def windows(session: Session, shown: Sequence[int]) -> Iterator[Window]:
    """Windows over some turns of a session: every turn is the own of exactly one."""
    start, first = 0, True
    while start < len(shown) or first:
        size, end = 0, start
        while end < len(shown) and end - start < MOST_LINES:
            size += min(len(session.turns[shown[end]].text), LONGEST) + 12
            if size > MOST_SHOWN and end > start:
                break
            end += 1
        before = shown[max(0, start - BEFORE) : start]
        yield Window(session, (*_brief(session, before), *shown[start:end]), frozenset(shown[start:end]), first)
        start, first = end, False


def _brief(session: Session, turns: Sequence[int]) -> list[int]:
    """The last of some turns that together have at most a quarter of a window's characters."""
    kept: list[int] = []
    size = 0
    for i in reversed(turns):
        size += min(len(session.turns[i].text), LONGEST) + 12
        if size > MOST_SHOWN // 4:
            break
        kept.insert(0, i)
    return kept


def _views(targets: Sequence[Target]) -> Iterator[tuple[Window, list[Target]]]:
    """Windows of one session with the labels that are asked about in each."""
    session = targets[0].session
    turns = range(len(session.turns))
    goals: list[Target] = []
    shown = list(turns)
    if session.authored:
        shown = [i for i in turns if session.turns[i].speaker == "user"]
        lines = _goal_lines(session)
        if lines != shown:
            goals = [t for t in targets if t.turn is None]
            if goals:
                yield next(windows(session, lines)), goals
    rest = [t for t in targets if t not in goals]
    strays = {t.turn for t in rest if t.turn is not None} - set(shown)
    for window in windows(session, sorted({*shown, *strays})):
        here = [t for t in rest if (window.first if t.turn is None else t.turn in window.own)]
        if here:
            yield window, here


def _common(by_session: Mapping[str, Sequence[Target]]) -> tuple[str, ...]:
    """Names that at least half of the sessions have: their lists go to the head that all sheets share."""
    counts = Counter(name for held in by_session.values() for name in {t.name for t in held})
    return tuple(sorted(n for n, k in counts.items() if 2 * k >= len(by_session)))


class _Desk:
    """Gathers sheets and what they ask."""

    def __init__(self, seed: int, options: Options, common: Sequence[str]) -> None:
        self.seed, self.options = seed, options
        self.common = [n for n in common if len(self._list(n, 0)) <= MOST_LISTED // 2]
        while sum(len(self._list(n, 0)) for n in self.common) > MOST_LISTED:
            self.common.pop()
        self.questions: list[model_reader.Question] = []
        self.claims: list[conformance.Claim] = []
        self.probes: list[Probe] = []
        self.sheets: list[tuple[str, Sheet, list[tuple[int, ...]]]] = []

    def _order(self, name: str, order: int) -> list[str]:
        values = list(self.options[name])
        rng = np.random.default_rng([self.seed, 8, int(digest(name)[:16], 16)])
        return [values[i] for i in np.roll(rng.permutation(len(values)), order * max(1, len(values) // 3))]

    def _words(self, name: str, value: str) -> str:
        return visible(self.options[name][value]).text[:LONGEST_OPTION]

    def _list(self, name: str, order: int) -> str:
        rows = "".join(f"{x} {self._words(name, v)}\n" for x, v in zip(LETTERS, self._order(name, order), strict=False))
        return f"{_title(name)}:\n{rows}"

    def blind(self, targets: Sequence[Target], order: int) -> None:
        """Sheets that show no label: every option of a name, in the order of this draw."""
        head = HEAD + "".join(self._list(n, order) for n in self.common)
        for window, held in _views(targets):
            for part in self._parts(held, MOST_BLIND, order):
                extra = sorted({t.name for t in part} - set(self.common))
                lists = "".join(self._list(n, order) for n in extra)
                ask = f"{lists}Choose the letter from the list of that name:\n"
                items, places = [], []
                for t in part:
                    values = tuple(self._order(t.name, order))
                    items.append(Item(f"{_where(window, t)}{plain(t.name)}", LETTERS[: len(values)]))
                    places.append((len(self.questions),))
                    said = tuple(self._words(t.name, v) for v in values)
                    ask_ = JudgePrompt("LB01.s1", "LB01", t.session.id, t.turn, t.name, "", items[-1].text, said)
                    self.questions.append(
                        model_reader.Question(t.session.id, t.turn, t.name, t.value, order, ask_, values, is_guarded(t))
                    )
                self._add("LB01" if order == 0 else "RE01", "questions", window, (head, ask), items, places)

    def seeing(self, targets: Sequence[Target]) -> None:
        """Sheets that show the label's value among others of its name: which do its words say, if any?

        They begin as the blind sheets of the first order do, lists and record, so that a cache spares both.
        """
        head = HEAD + "".join(self._list(n, 0) for n in self.common)
        for window, held in _views(targets):
            for part in self._parts(held, MOST_SHOWING, None):
                items, places = [], []
                for t in part:
                    values, pool = self._shown(t)
                    letters, listed = self._lettered(t.name, values)
                    at = [t.turn] if t.turn is not None else window.shown
                    lines = tuple(visible(t.session.turns[i].text).text for i in at)
                    items.append(
                        Item(f"{_where(window, t)}{plain(t.name)}: {listed}", letters + NO_LETTER, True, lines)
                    )
                    first = len(self.claims)
                    shown = (t.value, *(v for v in values if v != t.value))
                    prompt = JudgePrompt(
                        "LB02.s2", "LB02", t.session.id, t.turn, t.name, "", items[-1].text, conformance.WORDS,
                        quoting=True,
                    )  # fmt: skip
                    self.claims += [conformance.Claim(t, v, prompt, pool) for v in shown]
                    places.append(tuple(first + shown.index(v) for v in values))
                self._add("LB02", "claims", window, (head, SEEING), items, places)

    def _lettered(self, name: str, values: Sequence[str]) -> tuple[str, str]:
        """(letters, how they are shown) of some values of a name: those of the head's list, or with their words."""
        if name in self.common:
            order = self._order(name, 0)
            letters = "".join(LETTERS[order.index(v)] for v in values)
            return letters, " ".join(letters)
        letters = LETTERS[: len(values)]
        return letters, "; ".join(f"{x} {self._words(name, v)}" for x, v in zip(letters, values, strict=True))

    def _shown(self, target: Target) -> tuple[list[str], int]:
        """The label's own value among OTHERS others, in random order; and how many others there are."""
        place = [target.session.id, target.turn, target.name]
        rng = np.random.default_rng([self.seed, 9, int(digest(place)[:16], 16)])
        others = [v for v in self.options[target.name] if v != target.value]
        held = [target.value, *(others[i] for i in rng.permutation(len(others))[:OTHERS])]
        return [held[i] for i in rng.permutation(len(held))], len(others)

    def _parts(self, held: Sequence[Target], most: int, order: int | None) -> Iterator[list[Target]]:
        """Labels in groups that one sheet holds; with `order` by the length of their lists too."""
        part: list[Target] = []
        names: set[str] = set()
        for t in held:
            more = {*names, t.name} - set(self.common)
            listed = sum(len(self._list(n, order)) for n in more) if order is not None else 0
            if part and (len(part) == most or listed > MOST_LISTED):
                yield part
                part, names = [], set()
            part.append(t)
            names.add(t.name)
        if part:
            yield part

    def minds(self, found: Sequence[State]) -> None:
        """Sheets that ask who knows what after a line, the whole record in view."""
        by_place: dict[tuple[str, tuple[int, ...]], list[State]] = {}
        for s in found:
            every = list(windows(s.session, range(len(s.session.turns))))
            shown = every[0].shown if len(every) == 1 else next(w.shown for w in every if s.turn in w.own)
            by_place.setdefault((s.session.id, shown), []).append(s)
        for (_, turns), held in by_place.items():
            asked = probes(held, self.seed)
            window = Window(held[0].session, turns, frozenset(turns), True)
            for start in range(0, len(asked), MOST_SHOWING):
                part = asked[start : start + MOST_SHOWING]
                items = [_probe_item(window, p) for p in part]
                first = len(self.probes)
                self.probes += part
                places = [(first + k,) for k in range(len(part))]
                ask = "Who knows what at that point of the record?\n"
                self._add("PT01", "probes", window, (HEAD, ask), items, places)

    def _add(
        self, code: str, kind: str, window: Window, words: tuple[str, str], items: list[Item],
        places: Sequence[tuple[int, ...]],
    ) -> None:  # fmt: skip
        session = window.session
        lines = [(session.turns[i].speaker, session.turns[i].text) for i in window.shown]
        alone = session.authored and kind != "probes"
        record = fenced(self.seed, session.id, lines, named=not alone)
        form_id = f"{code}.s2" if code == "LB02" else f"{code}.s1"
        turn = window.shown[0] if window.shown else None
        sheet = Sheet(form_id, code, session.id, turn, words[0], record, words[1], tuple(items))
        held: list[object] = getattr(self, kind)
        for k, (places_, _) in enumerate(zip(places, items, strict=True), 1):
            for at in places_:
                one = held[at]
                ask = one.ask._replace(within=f"{sheet.id}#{k}")  # type: ignore[attr-defined]
                held[at] = one._replace(ask=ask)  # type: ignore[attr-defined]
        self.sheets.append((kind, sheet, list(places)))

    def finished(self, targets: tuple[Target, ...], wordless: tuple[Target, ...]) -> Sheets:
        """All of it, positions counted over questions, claims and probes."""
        start = {"questions": 0, "claims": len(self.questions), "probes": len(self.questions) + len(self.claims)}
        filled = tuple(
            Filled(sheet, tuple(tuple(start[kind] + at for at in held) for held in places))
            for kind, sheet, places in self.sheets
        )
        return Sheets(filled, tuple(self.questions), tuple(self.claims), tuple(self.probes), targets, wordless)


def _title(name: str) -> str:
    means = {"act": "act (what the customer does in the line)", "goal": "goal (what the customer wants)"}
    return means.get(name, plain(name))


def _where(window: Window, target: Target) -> str:
    return "record " if target.turn is None else f"line {window.shown.index(target.turn) + 1} "


def _probe_item(window: Window, probe: Probe) -> Item:
    after = window.shown.index(probe.state.turn) + 1 if probe.state.turn in window.shown else len(window.shown)
    letters = LETTERS[: len(probe.ask.options)]
    listed = "".join(f" {x} {words};" for x, words in zip(letters, probe.ask.options, strict=True)).rstrip(";")
    return Item(f"After line {after}: {probe.ask.question.removeprefix('Question: ')}{listed}", letters)


def spread(filled: Filled, found: Sequence[tuple[Answers, str]]) -> Iterator[tuple[int, tuple[Answers, str]]]:
    """(position, its answer) of the answers of a sheet: what is chosen among values is said of each of them.

    The chosen value is supported, the others contradicted; `none` is not evidenced of all.
    """
    for item, places, (letters, words) in zip(filled.sheet.items, filled.places, found, strict=True):
        if not item.quoting:
            yield places[0], (letters, words)
            continue
        chosen = None if letters is None else max(letters, key=lambda x, said=letters: said[x])  # type: ignore[misc]
        for k, at in enumerate(places):
            if chosen is None:
                yield at, (None, words)
                continue
            status = "C" if chosen == NO_LETTER else "A" if chosen == item.letters[k] else "B"
            quote = words if status == "A" else ""
            yield at, ({x: 0.0 if x == status else FLOOR for x in "ABC"}, quote)


Like = Callable[[str], str]
"""Act -> core act."""


def core_acts(
    asked: Sequence[model_reader.Question], answers: Sequence[Answers], truth: Mapping[tuple[str, int | None], str],
    like: Like,
) -> tuple[list[model_reader.Question], list[Answers]]:  # fmt: skip
    """Questions about core acts with the answers that those about acts give: probabilities are added up.

    truth: (session, turn) -> the core act that the record has there; other turns are left out.
    """
    made: list[model_reader.Question] = []
    said: list[Answers] = []
    for q, a in zip(asked, answers, strict=True):
        value = truth.get((q.session, q.turn))
        if q.name != "act" or value is None:
            continue
        values = tuple(dict.fromkeys(like(v) for v in q.values))
        options = tuple(CORE_ACTS[v].meaning for v in values)
        ask = q.ask._replace(name="core_act", options=options)
        made.append(q._replace(name="core_act", value=value, values=values, ask=ask))
        said.append(None if a is None else _summed(q, a, values, like))
    return made, said


def _summed(question: model_reader.Question, answer: Mapping[str, float], values: Sequence[str], like: Like) -> Answers:
    from assay.verification.judges.prompt import shares

    found = shares(len(question.values), answer)
    if found is None:
        return None
    mass = dict.fromkeys(values, 0.0)
    for v, p in zip(question.values, found, strict=True):
        mass[like(v)] += p
    return {x: math.log(max(mass[v], 1e-13)) for x, v in zip(LETTERS, values, strict=False)}
