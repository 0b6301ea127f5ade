"""Words for a move: candidates from the language model, guards that choose, a template after too many failures.

What a guard looked at has guided generation, so it is never evidence (DESIGN, rules): verification marks it `guard`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import UserAct
from assay.records.scenario import Scenario
from assay.simulation.policy import Move
from assay.simulation.prompt import one_line

CANDIDATES = 4
"""Candidates after which the template speaks."""
MAX_CHARACTERS = 300
"""Longest text of a user turn."""

Say = Callable[[str, int], Awaitable[tuple[str, str]]]
"""(prompt, candidate number) -> (text, key of the call in the ledger)."""

FRAME = re.compile(r"\b(assistant|customer|acts|situation|goal)\s*:", re.I)
AS_ASSISTANT = re.compile(
    r"\b(how (can|may) i (help|assist)|is there anything else i can|let me (check|look) (that|it)|"
    r"(i have|i've) (found|booked|reserved)|as an ai|language model|"
    r"your (order|appointment|reservation) (is|has been))\b",
    re.I,
)
YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|ok|okay|alright|correct|right|confirm(ed)?|fine|works|sounds|perfect|great|good|exactly|"
    r"absolutely|definitely|of course|please do|go ahead|that('?s| is) (it|what|the one))\b",
    re.I,
)
NO = re.compile(
    r"\b(no|(?<!why )not|nope|don't|do not|can't|cannot|won't|never|neither|nothing|rather|without)\b", re.I
)
CLOSING = re.compile(
    r"\b(bye|goodbye|good ?day|that'?s (all|it)|that is (all|it)|that'?ll be all|that will be all|"
    r"nothing( else)?|no,? thank|have a)\b",
    re.I,
)
BYE = re.compile(
    r"\b(bye|goodbye|see you|take care|have an? (nice|good|great|lovely)|good ?day|"
    r"that('?s| is|'?ll be| will be) (all|it)|all set|all i need(ed)?)\b",
    re.I,
)
NUMBER = re.compile(r"[A-Za-z]*[-#]?\d[\d-]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A user turn in words, and how they came about."""

    text: str
    realised_by: str
    """model or template."""
    key: str
    """Key of the call whose answer was taken; empty for a template."""
    tried: int
    """Candidates that were asked for."""
    failed: tuple[str, ...]
    """Guard that each rejected candidate failed."""


def normal(text: str) -> str:
    """Lower case, one space, no punctuation at the ends of words: for comparing values with words."""
    return " ".join(w.strip(".,;:!?\"'()") for w in text.lower().split())


def says(text: str, value: str) -> bool:
    """Whether a value stands in a text, whole words, case and end punctuation aside."""
    return f" {normal(value)} " in f" {normal(text)} "


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the guards of one turn are told besides the move."""

    closed: Mapping[str, str] = field(default_factory=dict)
    """Private facts whose gate is shut, with their values."""
    earlier: Sequence[str] = ()
    """The user's own lines so far."""
    topics: frozenset[str] = frozenset()
    """Words of the blueprint's domain, of all goals alike; a goal is stated with at least one of them."""
    firm: Sequence[str] = ()
    """Phrases of the own goal, one of which must be said: when it is stated again, having not been understood."""
    free: bool = False
    """Whether only the safety guards hold (conditioned regime): blank, too long, not the user, fact beyond its gate."""


def stem(word: str) -> str:
    """A word cut to five letters, so that `returning` meets `return`."""
    return word.strip(".,;:!?\"'()").lower()[:5]


def guard(text: str, move: Move, spec: UserAct, limits: Limits) -> str | None:
    """Name of the first guard that a candidate fails, or None.

    No guard looks at which goal is stated the first time, so that readers of the goal stay independent of the guards;
    when it must be stated again the words are held to it, and verification does not count that turn.
    """
    closed, earlier = limits.closed, limits.earlier
    if not text.strip():
        return "blank"
    if len(text) > MAX_CHARACTERS:
        return "too_long"
    if FRAME.search(text) or AS_ASSISTANT.search(text):
        return "not_the_user"
    if not limits.free and any(not says(text, value) for value in move.slots.values()):
        return "value_missing"
    if any(says(text, value) for value in closed.values()):
        return "fact_beyond_gate"
    if limits.free:
        return None
    if NUMBER.search(_without(text, move.slots.values())):
        return "invented_number"
    if spec.like not in ("thank", "acknowledge", "bye", "confirm", "reject") and normal(text) in map(normal, earlier):
        return "repeat"
    if spec.like == "state_goal" and limits.topics and not limits.topics & {stem(w) for w in text.split()}:
        return "off_topic"
    if limits.firm and not any(f" {phrase}" in f" {normal(text)}" for phrase in limits.firm):
        return "goal_missing"
    return _wrong_way(text, spec.like)


def _wrong_way(text: str, like: str) -> str | None:
    """The bare opposite of a few acts; small models word a refusal as an acceptance."""
    if like == "reject" and not NO.search(text):
        return "opposite"
    if like == "confirm" and (NO.search(text) or not YES.search(text)):
        return "opposite"
    if like == "withhold" and not (NO.search(text) or "?" in text):
        return "opposite"
    if like == "request" and "?" not in text and not re.search(r"\b(tell|what|how|when|which|know)\b", text, re.I):
        return "opposite"
    if like == "bye" and not BYE.search(text):
        return "opposite"
    if like == "thank" and not re.search(r"\b(thank|thanks|appreciate|cheers|grateful)", text, re.I):
        return "opposite"
    return None


def _without(text: str, values: object) -> str:
    for value in sorted((str(v) for v in values), key=len, reverse=True):  # type: ignore[attr-defined]
        text = re.sub(re.escape(value), " ", text, flags=re.I)
    return text


def template(blueprint: Blueprint, scenario: Scenario, move: Move, rng: np.random.Generator) -> str:
    """The fallback wording of a move."""
    spec = blueprint.user_acts[move.act]
    chosen = spec.says[int(rng.integers(len(spec.says)))]
    text = fill(chosen, {"goal": blueprint.goals[scenario.goal].words, **scenario.slots})
    return text[:1].upper() + text[1:]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into `{name}` marks; unknown marks stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), text)


async def word(
    prompt: str,
    move: Move,
    spec: UserAct,
    *,
    limits: Limits,
    say: Say | None,
    fallback: str,
) -> Worded:
    """Words for one move: the first candidate that passes every guard, else the fallback."""
    failed: list[str] = []
    if say is not None:
        for number in range(CANDIDATES):
            raw, key = await say(prompt, number)
            text = one_line(raw)
            fault = guard(text, move, spec, limits)
            if fault is None:
                return Worded(text=text, realised_by="model", key=key, tried=number + 1, failed=tuple(failed))
            failed.append(fault)
    return Worded(text=fallback, realised_by="template", key="", tried=len(failed), failed=tuple(failed))
