"""The arms of the matched test: templates, the bare model, the adapter, the adapter behind the guards of the product.

Samples are kept in `samples.jsonl`, one line each, under a key of all that changes them: a killed run goes on.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.making import LAST_TEMPERATURE
from assay.models.embedded import EmbeddedModel
from assay.models.model import Request, Sampling
from assay.records.base import digest
from assay.records.blueprint_parts import UserAct
from assay.records.core_acts import CORE_ACTS
from assay.simulation.policy import Move
from assay.simulation.prompt import STOP, one_line
from assay.simulation.wording import CANDIDATES, Limits, guard
from matched_data import Case

TOKENS = 48
"""Longest answer, as at run time."""
LIKE = {act.words: name for name, act in CORE_ACTS.items()}
"""Core act in the prompt's words -> its name."""
SAYS: dict[str, tuple[str, ...]] = {
    "greet": ("Hello.", "Hi there."),
    "state goal": ("I want to {goal}.", "I would like to {goal}, please.", "I need to {goal}."),
    "inform": ("The {slot} is {value}.", "It is {value}."),
    "choose": ("I will take {value}.", "I choose {value}."),
    "choose, no slot": ("That one is good.", "I will take that one."),
    "no preference": ("I have no preference for the {slot}.", "Any {slot} will do."),
    "request": ("What is the {slot}?", "Can you tell me the {slot}?"),
    "confirm": ("Yes, please do that.", "Yes, that works for me."),
    "reject": ("No, I do not want that.", "No, thanks."),
    "ask alternative": ("Do you have another option?", "Is there anything else?"),
    "thank": ("Thank you for your help.", "Thanks a lot."),
    "bye": ("That is all. Goodbye.", "Bye, have a nice day."),
}
"""Core act -> templates, the generic ones of a blueprint (those of `returns`, without its domain)."""


def template_of(case: Case, seed: int) -> str:
    """A turn in templates: one sentence for each act and slot, drawn by the case's own dice."""
    rng = np.random.default_rng([seed, int(digest(f"template/{case.id}")[:12], 16)])
    said: list[str] = []
    for act in case.acts:
        own = [(slot, value) for name, slot, value in case.slots if name == act]
        key = "choose, no slot" if act == "choose" and not own else act
        fills = [{"slot": s, "value": v} for s, v in own] or [{"slot": "", "value": ""}]
        if act == "state goal":
            fills = [{"goal": g} for g in case.goals]
        said += [SAYS[key][int(rng.integers(len(SAYS[key])))].format(**f) for f in fills]
    return " ".join(said)


def fault_of(text: str, case: Case) -> str | None:
    """The first guard of `simulation.wording` that a candidate fails, each act of the turn looked at in turn."""
    needed = {f"{n}": value for n, value in enumerate(case.values)}
    limits = Limits(earlier=case.earlier)
    for act in case.acts:
        like = LIKE[act]
        spec = UserAct.model_validate({"like": like, "means": like, "says": ("",)})
        fault = guard(text, Move(act=like, core_act=like, slots=needed), spec, limits)
        if fault is not None:
            return fault
    return None


@dataclass(frozen=True, slots=True)
class Decoding:
    """How words are drawn."""

    temperature: float
    top_p: float
    open_tail: bool = True
    """Whether every token may be drawn, as at run time; else the engine's own min_p 0.05 and top_k 40 cut."""

    def __str__(self) -> str:
        return f"T={self.temperature:g},p={self.top_p:g}{',open' if self.open_tail else ''}"


class Engine(EmbeddedModel):
    """The product's embedded model, which can be told to cut the tail of the distribution as llama.cpp would."""

    open_tail = True

    def _body(self, engine: Any, request: Request) -> dict[str, Any]:
        return {**super()._body(engine, request), **({} if self.open_tail else {"min_p": 0.05, "top_k": 40})}


@dataclass(slots=True)
class Store:
    """Samples by key; every new one is written at once."""

    path: Path
    held: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            text = self.path.read_text(encoding="utf8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # a kill cut off the last line
                self.path.write_text(whole, encoding="utf8")
            rows = [json.loads(line) for line in whole.split("\n") if line]
            self.held.update({row["key"]: row["text"] for row in rows})

    def put(self, key: str, text: str) -> str:
        """Keep and return a sample."""
        self.held[key] = text
        with self.path.open("a", encoding="utf8") as out:
            out.write(json.dumps({"key": key, "text": text}, ensure_ascii=False) + "\n")
        return text


@dataclass(slots=True)
class Talker:
    """One model of the product's engine path with a store of what it said."""

    name: str
    """What the samples are filed under: the adapter's digest, or bare and its prompt."""
    open_model: Callable[[], Engine]
    """Opened at the first sample that is not stored."""
    store: Store
    seed: int
    prefix: str = ""
    """Put before every prompt."""
    model: Engine | None = None

    def say(self, case: Case, candidate: int, decoding: Decoding) -> str:
        """One candidate, its seed made as at run time (`door.making.say_with`)."""
        key = f"{self.name}|{decoding}|{self.seed}|{case.id}|{candidate}"
        if key in self.store.held:
            return self.store.held[key]
        self.model = self.model or self.open_model()
        self.model.open_tail = decoding.open_tail
        prompt = self.prefix + case.prompt
        own = int(digest([self.seed, case.session, prompt, candidate])[:7], 16)
        warmth = decoding.temperature if candidate < CANDIDATES - 1 else min(LAST_TEMPERATURE, decoding.temperature)
        sampling = Sampling(temperature=warmth, top_p=decoding.top_p, max_tokens=TOKENS, stop=(STOP,), seed=own)
        answer = asyncio.run(self.model.complete(Request(prompt=prompt, sampling=sampling, purpose="word")))
        return self.store.put(key, one_line(answer.text))

    def close(self) -> None:
        """Give the engine back."""
        if self.model is not None:
            asyncio.run(self.model.close())
            self.model = None


@dataclass(frozen=True, slots=True)
class Line:
    """A regenerated turn."""

    text: str
    by_template: bool = False
    failed: tuple[str, ...] = ()
    """Guard that each rejected candidate failed."""


def guarded(case: Case, talker: Talker, decoding: Decoding, fallback: str) -> Line:
    """The first candidate that passes every guard, else the fallback: `simulation.wording.word` with several acts."""
    failed: list[str] = []
    for number in range(CANDIDATES):
        text = talker.say(case, number, decoding)
        fault = fault_of(text, case)
        if fault is None:
            return Line(text, failed=tuple(failed))
        failed.append(fault)
    return Line(fallback, True, tuple(failed))


def regenerate(
    arm: str, cases: Sequence[Case], talkers: dict[str, Talker], decoding: Decoding, seed: int
) -> list[Line]:
    """The lines of one arm: templates, zero_shot, few_shot, adapter or guarded."""
    if arm == "templates":
        return [Line(template_of(c, seed)) for c in cases]
    if arm == "guarded":
        return [guarded(c, talkers["adapter"], decoding, template_of(c, seed)) for c in cases]
    return [Line(talkers[arm].say(c, 0, decoding)) for c in cases]
