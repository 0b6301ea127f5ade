"""Other goals and other questions in people's own frames: `I'd like to book a table` -> `I'd like to return a product`.

A small model copies a phrase only when it has seen phrases of many kinds copied. The frame around the phrase stays a
person's; the phrase and the act that promises it change together. Nothing here reads global randomness.
"""

import re
from dataclasses import replace

import numpy as np

from assay.learning import phrases
from assay.learning.data import HumanSession, HumanTurn, TurnAct

VERB = (
    r"(?:find|book|reserve|buy|get|purchase|make|schedule|rent|look for|look up|search for|search|check|see|know|play|"
    r"watch|transfer|add|set|go|plan|arrange|visit|order|hire|locate|take|set up|put|listen to|attend|rent out|send)"
)
STOP = r"(?=\s+(?:in|at|for|on|from|please|that|which|and|by|this|next|with|near|around|tomorrow|today)\b|[.,;!?]|$)"
RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (rf"\b(?:looking|searching|hoping|trying) to {VERB}\b[^.,;!?]*?{STOP}", "looking to {}"),
        (rf"\b(?:looking|searching) for [^.,;!?]*?{STOP}", "looking to {}"),
        (rf"\bhelp me (?:to )?(?:with [^.,;!?]*?|{VERB}\b[^.,;!?]*?){STOP}", "help me {}"),
        (rf"\bhelp me in \w+ing [^.,;!?]*?{STOP}", "help me {}"),
        (rf"\b(can|could|would) you (?:please )?{VERB}\b(?: me)?[^.,;!?]*?{STOP}", "can you help me {}"),
        (rf"\bto {VERB}\b[^.,;!?]*?{STOP}", "to {}"),
        (rf"(?<=\bi'd like )(?:a|an|some) [^.,;!?]*?{STOP}", "to {}"),
        (rf"(?<=\bi need )(?:a|an|some) [^.,;!?]*?{STOP}", "to {}"),
        (rf"(?<=\bi want )(?:a|an|some) [^.,;!?]*?{STOP}", "to {}"),
    )
)
"""Frames in which people state a goal; what they match is replaced by the frame's rest and the new phrase."""
FRAME_OF_ASKED = re.compile(r"\b(?:what|what's|whats|tell|know|give|how about|is|are|get)\b|\?", re.IGNORECASE)
P_INTENT, P_ASKED = 0.4, 0.5
"""Share of stated goals and of asked topics that are replaced, where a frame is found."""


def _guarded(turn: HumanTurn) -> list[str]:
    """Surface values of a turn, which no replacement may touch."""
    return [v.lower() for a in turn.acts for _, v in a.slots if v and v not in ("yes", "no")]


def restate(turn: HumanTurn, new: str) -> str | None:
    """A turn's words with its stated goal replaced by another phrase; None where no frame is found.

    The first frame wins whose match holds no value of the turn.
    """
    for pattern, frame in RULES:
        found = pattern.search(turn.text)
        if found and not any(v in found[0].lower() for v in _guarded(turn)):
            text = turn.text[: found.start()] + frame.format(new) + turn.text[found.end() :]
            return text[:1].upper() + text[1:] if turn.text[:1].isupper() else text
    return None


def vary_intent(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Another phrase of quite another domain for each goal; a turn whose frame is not found is no target any more."""
    chosen: dict[str, str] = {}
    for goal in session.goals:
        if rng.random() < P_INTENT:
            chosen[goal] = phrases.GOALS[int(rng.integers(len(phrases.GOALS)))]
    if not chosen:
        return session
    turns = [_with_goal(turn, chosen) for turn in session.turns]
    return replace(session, turns=turns, goals=tuple(chosen.get(g, g) for g in session.goals))


def _with_goal(turn: HumanTurn, chosen: dict[str, str]) -> HumanTurn:
    stated = [a for a in turn.acts if a.detail in chosen]
    if not stated:
        return turn
    acts = [TurnAct(a.name, list(a.slots), chosen.get(a.detail, a.detail)) for a in turn.acts]
    text = restate(turn, chosen[stated[0].detail]) if len(stated) == 1 else None
    return replace(turn, acts=acts, text=text or turn.text, target=turn.target and text is not None)


def vary_asked(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Other topics asked for, where the words name the topic: `what is the address` -> `what is the delivery day`."""
    turns = []
    for turn in session.turns:
        new = turn
        for number, act in enumerate(turn.acts):
            for place, (slot, value) in enumerate(act.slots):
                if act.name == "request" and not value and rng.random() < P_ASKED:
                    topic = phrases.TOPICS[int(rng.integers(len(phrases.TOPICS)))]
                    new = _asking(new, (number, place), slot, topic)
        turns.append(new)
    return replace(session, turns=turns)


def _asking(turn: HumanTurn, where: tuple[int, int], slot: str, topic: str) -> HumanTurn:
    words = slot.split()
    names = dict.fromkeys((slot, " ".join(words[-2:]), words[-1], words[0], *phrases.SPOKEN.get(slot, ())))
    if not FRAME_OF_ASKED.search(turn.text) or topic in turn.text:
        return turn
    for name in names:
        found = re.search(rf"\b(?:the|its|their|your) ({re.escape(name)})\b", turn.text, re.IGNORECASE)
        if found and not any(v in name for v in _guarded(turn)):
            acts = [TurnAct(a.name, list(a.slots), a.detail) for a in turn.acts]
            slots = acts[where[0]].slots
            if any(s == topic for s, _ in slots):
                return turn
            slots[where[1]] = (topic, "")
            return replace(turn, acts=acts, text=turn.text[: found.start(1)] + topic + turn.text[found.end(1) :])
    return turn
