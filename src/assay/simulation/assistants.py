"""Assistants: the built-in reference assistant, an endpoint, a Python callable. All see only the transcript.

The assistant is the system under test. The reference assistant reads the user's words by cues, looks things up in the
world and declares its own act; the acts of all others are read from their text (simulation.reading).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import Attribute, Flow
from assay.records.outcome import FlagKind
from assay.records.scenario import Scenario
from assay.records.session import Turn
from assay.simulation.bounds import examine
from assay.simulation.tools import Desk, desk_of
from assay.simulation.views import AssistantView
from assay.simulation.wording import CLOSING, NO, YES, fill, normal, says

MAX_ASKS = 3
"""How often the reference assistant asks for the same thing before it gives up."""
WHY = re.compile(r"\b(why|rather not|prefer not|not (say|give|tell)|don't want to (say|give|tell)|do you need)\b", re.I)
OTHER = re.compile(
    r"\b(else you can|other (way|option|one|choice|time|day)|another|alternative|different|(some|any)thing else)\b",
    re.I,
)
ANY = re.compile(
    r"\b(any|either|no preference|(do not|don't) (mind|care)|not fussy|whatever|up to you|does(n't| not) matter)\b",
    re.I,
)
MAX_OFFERS = 4
"""How many rows of a catalogue the reference assistant proposes before it says that it has nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an assistant answered."""

    text: str
    act: str | None = None
    """Its own act where it declares one; None: to be read."""
    key: str = ""
    """Key of the model call, if any."""
    realised_by: str = "reference"
    """reference, endpoint, http or python."""
    full: str = ""
    """The whole answer where `text` is only what of it is shown."""
    faults: tuple[tuple[FlagKind, str], ...] = ()
    """What is wrong with the answer: (kind, what was found)."""
    steps: tuple["Step", ...] = ()
    """Calls of tools and their answers before it, in order."""
    world: Mapping[str, str] | None = None
    """Fields that tools write, as they stand now; None for an assistant without tools."""
    tool_calls: int = 0
    """Calls of tools in this session up to now."""
    tool_errors: int = 0
    """Of these, the ones that named no tool or had wrong arguments."""


@dataclass(frozen=True, slots=True)
class Step:
    """A turn that the user never sees: a call of tools, or a tool's answer."""

    turn: Turn
    key: str = ""
    """Key of the model call that made it, if any."""


class Assistant(Protocol):
    """One conversation with an assistant."""

    async def reply(self, view: AssistantView) -> Reply:
        """Answer the transcript so far; the transcript is empty when the assistant opens."""
        ...


@dataclass(slots=True)
class ReferenceAssistant:
    """A rule-based assistant over the knowledge base. One object per session."""

    blueprint: Blueprint
    world: dict[str, str]
    """What it may look up: the scenario's record."""
    key: dict[str, str]
    """Slot -> value on file, to recognise what it is told (a shop knows its own order numbers)."""
    rng: np.random.Generator
    goal: str | None = None
    slots: dict[str, str] = field(default_factory=dict)
    asks: dict[str, int] = field(default_factory=dict)
    phase: str = "collect"
    last: str | None = None
    asking: str | None = None
    """The slot asked for last; stays while it explains why it asks."""
    offered: list[str] = field(default_factory=list)
    desk: Desk | None = None
    """Where what it does is done; None where the blueprint has no tools."""

    async def reply(self, view: AssistantView) -> Reply:
        """The next turn, by rules."""
        if not view.transcript:
            return self._say(self.blueprint.assistant.open)
        return self._say(self._decide(view.transcript[-1][1]))

    def _say(self, act: str) -> Reply:
        spec = self.blueprint.assistant_acts[act]
        self.last = act
        if spec.asks:
            self.asks[spec.asks] = self.asks.get(spec.asks, 0) + 1
        if act not in self.blueprint.assistant.explain.values():
            self.asking = spec.asks
        text = spec.says[int(self.rng.integers(len(spec.says)))]
        values = {**self.world, **self.slots, **self._row()}
        if self.desk is not None:
            self.desk.effect(spec.calls, values)
        return Reply(text=fill(text, values), act=act, world=dict(self.desk.state) if self.desk is not None else None)

    def _row(self) -> dict[str, str]:
        title = self.blueprint.world.title
        if title is None or not self.offered:
            return {}
        return next((r for r in self.blueprint.world.rows if r[title] == self.offered[-1]), {})

    def _decide(self, text: str) -> str:
        book = self.blueprint.assistant
        self._read_slots(text)
        if self.goal is None:
            self.goal = self._read_goal(text)
        if self.goal is None:
            return book.clarify if self.last in (book.ask_goal, book.clarify) else book.ask_goal
        flow = book.flows[self.goal]
        if "withhold" in book.explain and self.asking and self.asking not in self.slots and WHY.search(text):
            if self.last != book.explain["withhold"]:
                return book.explain["withhold"]
            # Told why and still not willing: it goes on without.
            self.asks[self.asking] = MAX_ASKS
        answer = self._answer(flow, text)
        if answer is not None:
            return answer
        missing = next((s for s in flow.need if s not in self.slots and self.asks.get(s, 0) < MAX_ASKS), None)
        if missing is not None:
            return next(a for a, spec in self.blueprint.assistant_acts.items() if spec.asks == missing)
        return self._solve(flow, text)

    def _read_slots(self, text: str) -> None:
        for slot, spec in self.blueprint.slots.items():
            if slot in self.slots:
                continue
            known = [self.key[slot]] if slot in self.key else []
            found = next((v for v in [*known, *values_of(spec)] if v and says(text, v)), None)
            # A free answer to a direct question counts even when it is not one of the values on file.
            free = slot == self.asking and spec.pattern is None and slot not in self.key
            if found is None and free and not WHY.search(text):
                found = "" if ANY.search(text) else text.strip()
            if found is not None:
                self.slots[slot] = found

    def _read_goal(self, text: str) -> str | None:
        plain = normal(text)
        hits = [
            (len(cue), goal)
            for goal, flow in self.blueprint.assistant.flows.items()
            for cue in flow.cues
            if f" {cue}" in f" {plain}"
        ]
        return max(hits)[1] if hits else None

    def _answer(self, flow: Flow, text: str) -> str | None:
        if "?" not in text and not re.search(r"\b(how|when|what|which|tell|know|why)\b", text, re.I):
            return None
        ready = all(s in self.slots or self.asks.get(s, 0) >= MAX_ASKS for s in flow.need)
        plain = normal(text)
        for act, cues in flow.answers.items():
            if ready and any(f" {cue}" in f" {plain}" for cue in cues):
                return act
        return None

    def _solve(self, flow: Flow, text: str) -> str:
        book = self.blueprint.assistant
        if self.phase == "collect":
            self.phase = "offered"
            if flow.test is not None and self.world.get(flow.test) != "yes":
                self.phase = "denied"
                return flow.deny or book.close
            if self.blueprint.world.rows and flow.offer is not None:
                return self._recommend(flow)
            if flow.offer is not None:
                return flow.offer
            self.phase = "done"
            return flow.done
        if self.phase in ("offered", "second"):
            return self._on_offer(flow, text)
        if self.phase == "denied" and OTHER.search(text) and flow.alternative and not self.offered:
            self.phase = "second"
            return flow.alternative
        if self.last == book.ask_more or CLOSING.search(text):
            return book.close
        return book.ask_more

    def _on_offer(self, flow: Flow, text: str) -> str:
        refused = NO.search(text) or OTHER.search(text)
        if YES.search(text) and not refused:
            second, self.phase = self.phase == "second", "done"
            return self._done_of(flow.alternative) if second and flow.alternative else flow.done
        if not refused and self.last and self.blueprint.assistant_acts[self.last].tells and flow.offer:
            return flow.offer
        if self.offered:
            return self._recommend(flow)
        if self.phase == "offered" and flow.alternative:
            self.phase = "second"
            return flow.alternative
        self.phase = "done"
        return self.blueprint.assistant.ask_more

    def _done_of(self, offer: str) -> str:
        """The act that says that an alternative is done: `voucher_done` for `offer_voucher`, else the flow's."""
        name = f"{offer.removeprefix('offer_')}_done"
        assert self.goal is not None
        return name if name in self.blueprint.assistant_acts else self.blueprint.assistant.flows[self.goal].done

    def _recommend(self, flow: Flow) -> str:
        """The next row that fits all that is known; else, once, the one that fits best; else a refusal."""
        title = self.blueprint.world.title or ""
        rows = [r for r in self.blueprint.world.rows if r[title] not in self.offered]
        known = {s: normal(v) for s, v in self.slots.items() if v}

        def fit(row: dict[str, str]) -> tuple[int, list[bool]]:
            agrees = [normal(row.get(s, "")) == known[s] for s in flow.need if s in known]
            return sum(normal(row[s]) == v for s, v in known.items() if s in row), agrees

        best = max(rows, key=fit, default=None)
        exact = best is not None and fit(best)[0] == sum(s in best for s in known)
        if best is None or flow.offer is None or len(self.offered) >= MAX_OFFERS or not (exact or self._may_miss(flow)):
            self.phase = "denied"
            return flow.deny or self.blueprint.assistant.close
        self.offered.append(best[title])
        self.phase = "offered" if exact else "second"
        return flow.offer if exact or flow.alternative is None else flow.alternative

    def _may_miss(self, flow: Flow) -> bool:
        return flow.alternative is not None and self.phase != "second"


def values_of(slot: Attribute) -> list[str]:
    """Every value a slot can take, conditional ones included."""
    tables = [slot.values or {}, *(slot.when or {}).values()]
    return list(dict.fromkeys(v for table in tables for v in table))


Chat = Callable[[AssistantView], Awaitable[tuple[str, str]]]
"""View -> (text, key of the call)."""


@dataclass(frozen=True, slots=True)
class ChatAssistant:
    """An assistant behind an endpoint or a Python callable."""

    chat: Chat
    realised_by: str
    language: str = "en"
    """What it should answer in."""

    async def reply(self, view: AssistantView) -> Reply:
        """Whatever the system under test says, examined; its act is read by somebody else."""
        text, key = await self.chat(view)
        return examined(text, view, self.language, Reply(text="", key=key, realised_by=self.realised_by))


def examined(text: str, view: AssistantView, language: str, rest: Reply) -> Reply:
    """A reply with this text, cut to what is shown, and with what is wrong with it beside the faults it has."""
    own = [said for speaker, said in view.transcript if speaker == "assistant"]
    found = examine(text, earlier=own, system=view.role, language=language)
    full = text if found.shown != text else ""
    return replace(rest, text=found.shown, full=full, faults=(*rest.faults, *found.faults))


def reference_assistant(blueprint: Blueprint, scenario: Scenario, rng: np.random.Generator) -> ReferenceAssistant:
    """The built-in assistant for one session. It gets the world record and the keys on file, nothing of the user."""
    on_file = {s: v for s, v in scenario.slots.items() if blueprint.slots[s].pattern is not None}
    desk = desk_of(blueprint, scenario) if blueprint.tools else None
    return ReferenceAssistant(blueprint=blueprint, world=dict(scenario.world), key=on_file, rng=rng, desk=desk)
