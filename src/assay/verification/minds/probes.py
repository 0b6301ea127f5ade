"""Probes of a knowledge state in several forms (PT01, PT02): yes or no, choice, list, and words of one's own.

The forms are those of FANToM (Kim et al. 2023): a reader that is right in one form and wrong in another does not know
who knows what, it knows a form. No prompt holds the answer; each shows the session up to the state's turn alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.verification.check import find_span
from assay.verification.judges.fence import fence, mark_of, name_of, visible
from assay.verification.judges.prompt import Answers, JudgePrompt, shares
from assay.verification.judges.targets import Target, shown_turns
from assay.verification.minds.states import State

FORM_ID = "PT01.1"
FORMS = ("yes_no", "choice", "list", "second_order", "free")
"""Kinds of probes; `free` alone is open, the others are structured."""
UNKNOWN = re.compile(
    r"(?i)\b(?:unknown|not (?:yet )?(?:known|said|told|given|mentioned|disclosed|stated|shared|provided)|no idea|"
    r"nothing|none|n/?a|does(?:n't| not) know|do(?:n't| not) know|not available|unspecified)\b"
)
"""Ways to say that something is not known."""


class Probe(NamedTuple):
    """One question about one state."""

    state: State
    form: str
    """One of FORMS."""
    ask: JudgePrompt
    right: int
    """Position of the right option; -1 where the answer is in words."""


def probes(found: Sequence[State], seed: int) -> list[Probe]:
    """All probes of the states, state by state. Prompts about a session share their beginning."""
    return [p for state in found for p in _probes(state, seed)]


def _probes(state: State, seed: int) -> Iterator[Probe]:
    rng = np.random.default_rng(
        [seed, 6, int(digest([state.session.id, state.turn, state.name, state.knower])[:16], 16)]
    )
    owner, knower = f"the {name_of(state.owner)}", f"the {name_of(state.knower)}"
    thing = f"{owner}'s {visible(state.fact).text.replace('_', ' ')}"
    forms: list[tuple[str, str, list[str], int]] = [
        ("yes_no", f"By now, does {knower} know {thing}?", ["yes", "no"], 0 if state.knows else 1),
        ("list", f"Who knows {thing} by now?", [f"{owner} alone", f"both {owner} and {knower}"], int(state.knows)),
    ]
    if state.other is not None:
        options = [visible(state.value).text, visible(state.other).text, f"{knower} does not know it"]
        forms.insert(
            1, ("choice", f"What is {thing}, as far as {knower} knows by now?", options, 0 if state.knows else 2)
        )
    if state.told or not state.knows:
        ask = f"By now, does {owner} think that {knower} knows {thing}?"
        forms.append(("second_order", ask, ["yes", "no"], 0 if state.told else 1))
    prefix = _opening(state, seed)
    common = (FORM_ID, "PT01", state.session.id, state.turn, state.name, prefix)
    for form, ask, options, right in forms:
        order = [int(i) for i in rng.permutation(len(options))]
        listed = tuple(options[i] for i in order)
        yield Probe(state, form, JudgePrompt(*common, f"Question: {ask}", listed), order.index(right))
    ask = f"What is {thing}, as far as {knower} knows by now? A few words, or `unknown`."
    yield Probe(state, "free", JudgePrompt(*common, f"Question: {ask}", free=True), -1)


def _opening(state: State, seed: int) -> str:
    """The fenced transcript up to the state's turn."""
    turns = [(t.speaker, t.text) for t in state.session.turns]
    shown = shown_turns(Target(state.session, state.turn, state.name, state.value))
    shut = fence(mark_of(seed, state.session.id, turns), [turns[i] for i in shown])
    return shut.text + shut.close


def is_right(probe: Probe, answer: tuple[Answers, str], *, turned: bool = False) -> bool | None:
    """Whether an answer is right of the state, or with `turned` of its opposite; None where it says nothing.

    In words: the value itself where it is known; where it is not, any way to say so.
    """
    said, words = answer
    if probe.form == "free":
        if not words.strip():
            return None
        named = find_span(visible(words).text, visible(probe.state.value).text) is not None
        unknown = UNKNOWN.search(words) is not None and not named
        return named if probe.state.knows != turned else unknown
    p = None if said is None else shares(len(probe.ask.options), said)
    if p is None:
        return None
    first = max(range(len(p)), key=lambda i: p[i])
    return first == (_opposite(probe) if turned else probe.right)


def _opposite(probe: Probe) -> int:
    """Position of the option that would be right if the state were the other way round."""
    if probe.form != "choice":
        return 1 - probe.right
    known = probe.ask.options.index(visible(probe.state.value).text)
    unknown = next(i for i, words in enumerate(probe.ask.options) if words.endswith("does not know it"))
    return unknown if probe.state.knows else known


def gathered(
    asked: Sequence[Probe], answers: Sequence[tuple[Answers, str]], *, turned: bool = False
) -> list[tuple[State, Mapping[str, bool | None]]]:
    """Per state: form -> whether its answer was right."""
    found: dict[tuple[object, ...], tuple[State, dict[str, bool | None]]] = {}
    for probe, answer in zip(asked, answers, strict=True):
        s = probe.state
        _, forms = found.setdefault((s.session.id, s.turn, s.name, s.knower), (s, {}))
        forms[probe.form] = is_right(probe, answer, turned=turned)
    return list(found.values())
