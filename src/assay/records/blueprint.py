"""A blueprint: the YAML a person writes, from which every label is drawn before any text exists."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from assay.records.base import Record, digest
from assay.records.blueprint_parts import (
    CONTEXT_FIELDS,
    TRAITS,
    AssistantAct,
    Attribute,
    Fact,
    Goal,
    ReferenceAssistant,
    Row,
    Rule,
    Slot,
    UserAct,
    World,
)
from assay.records.conditions import check_condition
from assay.records.layers import Layers, layer_problems
from assay.records.session import Regime
from assay.records.tools import ARG_KINDS, Tool


class Blueprint(Record):
    """Everything from which sessions are drawn."""

    schema_number: int = Field(default=1, alias="schema")
    """Schema number of the blueprint; this version reads 1."""
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    """Short name."""
    title: str
    """One line for people."""
    language: str = "en"
    """BCP 47."""
    regime: Regime = "controlled"
    """controlled: the state machine picks acts, the model words them; conditioned: the model is told profile, goal and
    this turn's intent as text and writes freely."""
    slots: dict[str, Slot]
    """Slot -> how it is drawn."""
    profile: dict[str, Attribute] = Field(default_factory=dict)
    """Profile attribute -> how it is drawn; `disclosure` and `patience` steer the policy."""
    context: dict[str, Attribute] = Field(default_factory=dict)
    """Context fields that differ from the built-in pools."""
    goals: dict[str, Goal]
    """Goal -> what it takes."""
    facts: dict[Literal["user", "assistant"], dict[str, Fact]] = Field(default_factory=dict)
    """Party -> private fact."""
    user_acts: dict[str, UserAct]
    """What a user can do."""
    assistant_acts: dict[str, AssistantAct]
    """What an assistant can do."""
    policy: tuple[Row, ...]
    """The first row whose condition holds and that has an act left decides."""
    assistant: ReferenceAssistant
    """The built-in assistant."""
    world: World = Field(default_factory=World)
    """The knowledge base."""
    tools: dict[str, Tool] = Field(default_factory=dict)
    """What an assistant under test may do on its copy of the knowledge base."""
    constraints: tuple[Rule, ...] = ()
    """What may not be drawn together."""
    layers: Layers = Field(default_factory=Layers)
    """Topics, subtopics and personas that sessions are spread over."""
    free: tuple[str, ...] = ()
    """Slots that no label depends on."""
    max_user_turns: int = Field(default=10, ge=2, le=100)
    """After so many user turns the state machine stands in `out_of_time`."""

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON; kept, since every scenario carries it.

        The regime steers the words alone, so scenarios of both regimes are the same ones: it is left out.
        """
        return digest({k: v for k, v in self.row().items() if k != "regime"})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, whose hash is its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("hash", None)
        return copied

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        problems = list(self._problems())
        if problems:
            where, message = problems[0]
            raise ValueError(f"{where}: {message}")
        return self

    def _problems(self) -> Iterator[tuple[str, str]]:
        """(dotted field, message) of every name that does not exist and every goal that cannot end."""
        if self.schema_number != 1:
            yield "schema", f"this version reads schema 1, not {self.schema_number}"
        yield from self._act_problems()
        yield from self._policy_problems()
        yield from self._fact_problems()
        yield from self._assistant_problems()
        yield from self._tool_problems()
        yield from self._cycle_problems()
        yield from layer_problems(self)

    def _act_problems(self) -> Iterator[tuple[str, str]]:
        for name, act in self.user_acts.items():
            for slot in act.slots:
                if slot not in self.slots:
                    yield f"user_acts.{name}.slots", f"no slot {slot!r}; one of {', '.join(self.slots)}"
        for name, goal in self.goals.items():
            yield from self._goal_problems(name, goal)
        for name in self.context:
            if name not in CONTEXT_FIELDS:
                yield f"context.{name}", f"not a context field; one of {', '.join(CONTEXT_FIELDS)}"

    def _goal_problems(self, name: str, goal: Goal) -> Iterator[tuple[str, str]]:
        for slot in goal.tell:
            if slot not in self.slots:
                yield f"goals.{name}.tell", f"no slot {slot!r}; one of {', '.join(self.slots)}"
        told = {a.tells for a in self.assistant_acts.values()}
        for wanted in goal.learn:
            if wanted not in told:
                yield f"goals.{name}.learn", f"no assistant act tells {wanted!r}, so the goal is unreachable"
        if "refused" not in goal.ends:
            yield f"goals.{name}.ends", "every goal needs the terminal state refused"
        if name not in self.assistant.flows:
            yield f"goals.{name}", "unreachable goal: the assistant has no flow for it"

    def _policy_problems(self) -> Iterator[tuple[str, str]]:
        if not any(act.ends for act in self.user_acts.values()):
            yield "user_acts", "no act ends the session, so every goal is unreachable"
        if self.policy and self.policy[-1].when:
            yield (
                f"policy.{len(self.policy) - 1}",
                "the last row must have no condition, so that there is always an act",
            )
        for i, row in enumerate(self.policy):
            yield from self._row_problems(f"policy.{i}", row)
        for i, rule in enumerate(self.constraints):
            for key, message in check_condition(rule.forbid, self):
                yield f"constraints.{i}.forbid.{key}", message
        used = {act for row in self.policy for act in row.do if act in self.user_acts}
        for name, goal in self.goals.items():
            sayable = {s for act in used for s in self.user_acts[act].slots}
            for slot in set(goal.tell) - sayable:
                yield f"goals.{name}.tell", f"unreachable goal: no act of the policy says {slot!r}"

    def _row_problems(self, where: str, row: Row) -> Iterator[tuple[str, str]]:
        for act in row.do:
            if act not in self.user_acts:
                yield f"{where}.do", f"no user act {act!r}; one of {', '.join(self.user_acts)}"
        for key, message in check_condition(row.when, self):
            yield f"{where}.when.{key}", message
        for key in row.when:
            if key.startswith("world."):
                yield f"{where}.when.{key}", "a user does not see the world; use what the assistant said"

    def _fact_problems(self) -> Iterator[tuple[str, str]]:
        for party, facts in self.facts.items():
            for name, fact in facts.items():
                if fact.slot is not None and fact.slot not in self.slots:
                    yield f"facts.{party}.{name}.slot", f"no slot {fact.slot!r}"
                for act in fact.gate.heard:
                    if act not in self.assistant_acts:
                        yield (
                            f"facts.{party}.{name}.gate.heard",
                            f"no assistant act {act!r}; one of {', '.join(self.assistant_acts)}",
                        )

    def _assistant_problems(self) -> Iterator[tuple[str, str]]:
        book = self.assistant
        named = [(f"assistant.{f}", getattr(book, f)) for f in ("open", "ask_goal", "clarify", "ask_more", "close")]
        named += [(f"assistant.explain.{k}", v) for k, v in book.explain.items()]
        for goal, flow in book.flows.items():
            if goal not in self.goals:
                yield f"assistant.flows.{goal}", f"no goal {goal!r}"
            named += [
                (f"assistant.flows.{goal}.{f}", getattr(flow, f))
                for f in ("offer", "alternative", "done", "deny")
                if getattr(flow, f) is not None
            ]
            named += [(f"assistant.flows.{goal}.answers", act) for act in flow.answers]
            asked = {a.asks for a in self.assistant_acts.values()}
            for slot in flow.need:
                if slot not in asked:
                    yield f"assistant.flows.{goal}.need", f"no assistant act asks for {slot!r}"
            if flow.test is not None and flow.test not in self.world.fields:
                yield f"assistant.flows.{goal}.test", f"no field {flow.test!r} in world.fields"
        for where, act in named:
            if act not in self.assistant_acts:
                yield where, f"no assistant act {act!r}; one of {', '.join(self.assistant_acts)}"

    def _argument_problems(self, name: str, tool: Tool, columns: set[str]) -> Iterator[tuple[str, str]]:
        for arg, kind in tool.args.items():
            if kind not in ARG_KINDS:
                yield f"tools.{name}.args.{arg}", f"no kind {kind!r}; one of {', '.join(ARG_KINDS)}"
            elif kind == "slot" and arg not in self.slots:
                yield f"tools.{name}.args.{arg}", f"no slot {arg!r}; one of {', '.join(self.slots)}"
            elif kind == "row" and arg not in columns:
                yield f"tools.{name}.args.{arg}", f"no column {arg!r} in world.rows"

    def _tool_problems(self) -> Iterator[tuple[str, str]]:
        state = self.world.state
        columns = {column for row in self.world.rows for column in row}
        known = {*self.world.fields, *state}
        for field in set(state) & set(self.world.fields):
            yield f"world.state.{field}", "is drawn in world.fields already"
        for name, tool in self.tools.items():
            yield from self._argument_problems(name, tool, columns)
            lists = (
                ("optional", tool.optional, set(tool.args)),
                ("needs", tool.needs, known),
                ("reads", tool.reads, columns if tool.rows else known),
                ("sets", tool.sets, set(state)),
            )
            for part, names, there in lists:
                for field in (x for x in names if x not in there):
                    yield f"tools.{name}.{part}", f"no {field!r}; one of {', '.join(sorted(there)) or 'none'}"
        for name, act in self.assistant_acts.items():
            for tool_name in (t for t in act.calls if t not in self.tools):
                yield f"assistant_acts.{name}.calls", f"no tool {tool_name!r}; one of {', '.join(self.tools) or 'none'}"
        for name, goal in self.goals.items():
            for field in (x for option in goal.effect for x in option if x not in state):
                yield f"goals.{name}.effect", f"no field {field!r} in world.state"
        if self.world.relevance is not None:
            for slot in (s for s in self.world.relevance.wishes if s not in columns or s not in self.slots):
                yield f"world.relevance.wishes.{slot}", "not a slot that is also a column of world.rows"

    def _cycle_problems(self) -> Iterator[tuple[str, str]]:
        nodes = dict(self.attributes())
        drawn = {"goal", *(f"persona.{t}" for t in TRAITS), *(f"context.{f}" for f in CONTEXT_FIELDS)}
        for start in nodes:
            seen, at = [start], nodes[start].given
            while at in nodes:
                if at in seen:
                    yield start, f"cycle of conditions: {' -> '.join([*seen, at])}"
                    return
                seen.append(at)
                at = nodes[at].given
            if at is not None and at not in drawn:
                yield f"{seen[-1]}.given", f"`given` names {at!r}, which is not drawn"

    def attributes(self) -> Iterator[tuple[str, Attribute]]:
        """Every drawn attribute by its full name: slots.x, profile.x, context.x, world.x, facts.party.x."""
        yield from ((f"profile.{k}", v) for k, v in self.profile.items())
        yield from ((f"context.{k}", v) for k, v in self.context.items())
        yield from ((f"slots.{k}", v) for k, v in self.slots.items())
        yield from ((f"world.{k}", v) for k, v in self.world.fields.items())
        for party, facts in self.facts.items():
            yield from ((f"facts.{party}.{k}", v.attribute) for k, v in facts.items() if v.attribute is not None)
