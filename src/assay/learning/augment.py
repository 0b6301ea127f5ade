"""Variation of public sessions: other values, other slot names, other nouns and verbs; the people's words stay theirs.

Every function takes a numpy Generator and returns new objects; nothing here reads global randomness.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.learning import goals, lines, pools
from assay.learning.data import (
    HumanSession,
    HumanTurn,
    PromptBuilder,
    Terciles,
    TrainingText,
    TurnAct,
    manner,
    sequence,
)

P_VALUES, P_SLOTS, P_WORDS, P_GOAL = 0.45, 0.3, 0.15, 0.5
"""Share of sessions whose values, slot names, nouns and verbs, goal phrases are varied."""
P_DROP, P_NO_GOAL, P_FROM_START, P_SHORT = 0.12, 0.15, 0.6, 0.6
"""Chance to drop a word of manner, to leave the goal out, to begin at the first turn, and to keep only the last
sentence of every assistant turn."""
FORMAT = ("NB-#####", "KX-#####", "######", "A##-####", "##-??-##", "???###", "ORD#######", "#####-?")
"""Patterns of made-up codes: # is a digit, ? a letter."""
P_BARE = 0.25
"""Chance that a turn whose only act gives one value is cut to that value."""
BARE = ("{}", "{}.", "{}.", "{} please", "{}, please.")
"""What people say around a value that is their whole turn: the frames of such turns in the sets."""
KINDS = ("code", *pools.VALUES)
KIND_WEIGHT = np.array([3.0, *({"product": 3.0}.get(k, 1.0) for k in pools.VALUES)])

Swap = Callable[[str], str]


def pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    """One item."""
    return items[int(rng.integers(len(items)))]


def make_code(rng: np.random.Generator) -> str:
    """A code such as KX-20417."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    filled = re.sub("#", lambda _: str(rng.integers(10)), pick(rng, FORMAT))
    return re.sub(r"\?", lambda _: pick(rng, letters), filled)


def make_clause(rng: np.random.Generator) -> str:
    """A reason or problem such as `the lid does not fit`."""
    return f"{pick(rng, pools.CLAUSE_SUBJECTS)} {pick(rng, pools.CLAUSE_ENDS)}"


def new_value(kind: str, rng: np.random.Generator) -> str:
    """A value of a kind."""
    made = {"code": make_code, "clause": make_clause}.get(kind)
    return made(rng) if made else pick(rng, pools.VALUES[kind])


def swapper(mapping: Mapping[str, str]) -> Swap:
    """One pass over a text that replaces every key (lower case) as a whole word, longest first."""
    if not mapping:
        return lambda text: text
    keys = "|".join(re.escape(k) for k in sorted(mapping, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{keys})(?!\w)", re.I)

    def swap(text: str) -> str:
        return pattern.sub(lambda m: _cased(m[0], mapping[m[0].lower()]), text)

    return swap


def _cased(old: str, new: str) -> str:
    """Keep a capital at a place where only the case of the first letter was the sentence's."""
    sentence_case = old[:1].isupper() and old[1:].islower() and " " not in old and new.islower()
    return new[:1].upper() + new[1:] if sentence_case else new


def _map(session: HumanSession, text: Swap, value: Swap, name: Swap, detail: Swap) -> HumanSession:
    """A session with every text, value, slot name and goal phrase passed through a function."""
    turns = [
        HumanTurn(
            None if t.assistant is None else text(t.assistant),
            [TurnAct(a.name, _named(a.slots, name, value), detail(a.detail)) for a in t.acts],
            text(t.text),
            t.target,
        )
        for t in session.turns
    ]
    return replace(session, turns=turns, goals=tuple(detail(g) for g in session.goals))


def _named(slots: Sequence[tuple[str, str]], name: Swap, value: Swap) -> list[tuple[str, str]]:
    """Slots with other names and values; a name that is taken already stays as it was."""
    new: dict[str, str] = {}
    for old, content in slots:
        key = name(old)
        new[old if key in new else key] = value(content)
    return list(new.items())


def _same(text: str) -> str:
    return text


def _alone(turn: HumanTurn, value: str) -> bool:
    """Whether a turn is one of the bare frames around that value."""
    return any(turn.text.lower() == frame.format(value).lower() for frame in BARE)


def cut_to_values(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Some turns that do nothing but give one value are cut to that value: `I want to go to Paris.` -> `Paris.`"""
    for turn in session.turns:
        if len(turn.acts) == 1 and turn.acts[0].name == "inform" and len(turn.acts[0].slots) == 1 and turn.target:
            value = turn.acts[0].slots[0][1]
            if value not in ("yes", "no") and rng.random() < P_BARE:
                turn.text = pick(rng, BARE).format(value)
    return session


def vary_values(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Other values, the same ones everywhere in the session; most slots get a name that fits the new value."""
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    session = cut_to_values(session, rng)
    for turn in session.turns:
        for slot, value in (s for act in turn.acts for s in act.slots):
            if len(value) < 3 or value in ("yes", "no") or value.lower() in values or rng.random() < 0.2:
                continue
            kind = _kind(slot, bare=_alone(turn, value), rng=rng)
            values[value.lower()] = new_value(kind, rng)
            if slot not in names and rng.random() < 0.7:
                names[slot] = pick(rng, pools.KIND_SLOTS[kind])
    swap = swapper(values)
    new = _map(session, swap, lambda v: values.get(v.lower(), swap(v)), lambda n: names.get(n, n), _same)
    return _check(new)


def _kind(slot: str, bare: bool, rng: np.random.Generator) -> str:
    """Kind of the new value: dates and times mostly stay what they are, the rest is drawn.

    A clause only takes the place of a value that is the whole turn (`bare`); elsewhere it would break the sentence.
    """
    if bare and rng.random() < 0.7:
        return "clause"
    if rng.random() < 0.6:
        for kind in ("date", "time"):
            if kind in slot:
                return kind
    return KINDS[int(rng.choice(len(KINDS), p=KIND_WEIGHT / KIND_WEIGHT.sum()))]


def _check(session: HumanSession) -> HumanSession:
    """Values as they are spelt in the words now; a turn that lost one is no target any more."""
    for turn in session.turns:
        for act in turn.acts:
            for i, (slot, value) in enumerate(act.slots):
                if value and value not in ("yes", "no"):
                    at = turn.text.lower().find(value.lower())
                    if at >= 0:
                        act.slots[i] = (slot, turn.text[at : at + len(value)])
                    turn.target = turn.target and at >= 0
    return session


def vary_slots(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Other slot names: a synonym where one is known, else now and then a name that says nothing."""
    names: dict[str, str] = {}

    def name(slot: str) -> str:
        if slot not in names:
            known = pools.SYNONYMS.get(slot)
            names[slot] = pick(rng, known) if known else pick(rng, pools.GENERIC_SLOTS) if rng.random() < 0.3 else slot
        return names[slot]

    asked = {n for t in session.turns for a in t.acts for n, v in a.slots if not v}
    return _map(session, _same, _same, lambda n: n if n in asked and n not in pools.SYNONYMS else name(n), _same)


def vary_words(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Other nouns and verbs for those of the set's domains, in words, goal phrases and the names of slots alike."""
    mapping: dict[str, str] = {}
    for old in pools.NOUNS:
        new = pick(rng, pools.OTHER_NOUNS)
        mapping |= {old: new, old + "s": new + "s", old.replace("y", "ie") + "s": new + "s"}
    mapping |= {old: pick(rng, pools.OTHER_VERBS) for old in pools.VERBS}
    values = {v.lower() for t in session.turns for a in t.acts for _, v in a.slots}
    for word in [w for w in mapping if any(w in v.split() for v in values)]:
        del mapping[word]
    swap = swapper(mapping)
    return _check(_map(session, swap, _same, swap, swap))


def vary_goal(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Another phrase for each intent, the same one in the header and in the acts."""
    phrases = {g: pick(rng, pools.GOAL_PHRASES.get(g, (g,))) for g in session.goals}
    return _map(session, _same, _same, _same, lambda g: phrases.get(g, g))


def renewed(session: HumanSession) -> HumanSession:
    """A deep copy of the turns, which the other functions may write to."""
    return _map(session, _same, _same, _same, _same)


def varied(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """A session after each variation that the dice ask for."""
    session = goals.vary_asked(goals.vary_intent(session, rng), rng)
    for chance, vary in ((P_GOAL, vary_goal), (P_WORDS, vary_words), (P_VALUES, vary_values), (P_SLOTS, vary_slots)):
        if rng.random() < chance:
            session = vary(session, rng)
    for act in (a for t in session.turns for a in t.acts):
        if rng.random() < 0.3:
            act.slots = [act.slots[i] for i in rng.permutation(len(act.slots))]
    return session


def header(session: HumanSession, cuts: Terciles, rng: np.random.Generator) -> dict[str, Any]:
    """Keyword arguments of the prompt's header; manner is measured before the session is varied."""
    context = rng.choice(len(pools.SITUATIONS), size=int(rng.integers(4)), replace=False)
    return {
        "manner": tuple(w for w in manner(session, cuts) if rng.random() >= P_DROP),
        "situation": tuple(pools.SITUATIONS[i] for i in context),
    }


def last_sentence(text: str) -> str:
    """The last sentence of an assistant turn: what a person mostly answers to."""
    return re.split(r"(?<=[.?!])\s+(?=[A-Z])", text.strip())[-1]


def draw(
    builder: PromptBuilder,
    session: HumanSession,
    cuts: Terciles,
    rng: np.random.Generator,
    fits: Callable[[str], bool],
) -> TrainingText | None:
    """One varied training sequence of a session; None when nothing of it fits."""
    top = header(session, cuts, rng)
    new = lines.with_lines(varied(renewed(session), rng), rng)
    top["goal"] = "" if rng.random() < P_NO_GOAL else ", ".join(new.goals[: int(rng.integers(1, 4))])
    if rng.random() < P_SHORT:
        new = replace(new, turns=[replace(t, assistant=t.assistant and last_sentence(t.assistant)) for t in new.turns])
    late = rng.random() >= P_FROM_START and len(new.turns) > 4
    start = int(rng.integers(1, len(new.turns) - 2)) if late else 0
    return sequence(builder, new, top, start, fits)
