"""A blueprint: the YAML a person writes, from which every label is drawn before any text exists."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from assay.records.base import Record, digest
from assay.records.conditions import Condition, check_condition
from assay.records.core_acts import CORE_ACTS

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
"""The Big Five, in the order in which they are drawn."""

CONTEXT_FIELDS = (
    "age", "gender", "familiarity", "emotion", "formality", "duration", "medium", "topic", "location", "stance",
    "disfluency",
)  # fmt: skip
"""The eleven context fields (DiaSynth), in the order in which they are drawn."""


def _as_shares(value: Any) -> Any:
    """A bare list of values is a uniform distribution."""
    if isinstance(value, list):
        if len({str(v) for v in value}) < len(value):
            raise ValueError("values are listed twice")
        return {_text(v): 1 / len(value) for v in value}
    if isinstance(value, dict):
        return {_text(k): v for k, v in value.items()}
    return value


def _text(value: Any) -> str:
    """YAML's yes/no and numbers as the words they were written as."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _as_words(value: Any) -> Any:
    """Keys as the words they were written as."""
    return {_text(k): v for k, v in value.items()} if isinstance(value, dict) else value


def _sums_to_one(shares: dict[str, float]) -> dict[str, float]:
    if not shares:
        raise ValueError("no values")
    if any(p < 0 for p in shares.values()):
        raise ValueError("a probability is negative")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"probabilities sum to {sum(shares.values()):.6g}, not 1")
    return shares


Shares = Annotated[dict[str, float], BeforeValidator(_as_shares), AfterValidator(_sums_to_one)]
"""Value -> probability, summing to 1; a bare list is uniform."""


def _like_core(value: str) -> str:
    if value not in CORE_ACTS:
        raise ValueError(f"{value!r} is not a core act; one of {', '.join(CORE_ACTS)}")
    return value


Like = Annotated[str, AfterValidator(_like_core)]


class Part(Record):
    """Base of the parts of a blueprint."""


class Range(Part):
    """A number drawn uniformly from [min, max]."""

    min: float
    """Smallest value."""
    max: float
    """Largest value."""
    integer: bool = True
    """Whether only whole numbers are drawn."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Attribute(Part):
    """Something drawn: from shares, a range, a pattern, or conditionally on another attribute."""

    values: Shares | None = None
    """Value -> probability, or a list for equal ones."""
    range: Range | None = None
    """A number."""
    pattern: str | None = None
    """Text in which # is a digit and @ a capital letter, e.g. `NB-#####`."""
    given: str | None = None
    """Name of the attribute (`profile.age`, `goal`, `slots.item`, ...) on which it depends."""
    when: Annotated[dict[str, Shares] | None, BeforeValidator(_as_words)] = None
    """Value of `given` -> shares; `else` covers the rest."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [w for w in ("values", "range", "pattern", "when") if getattr(self, w) is not None]
        if len(ways) != 1:
            raise ValueError(f"give exactly one of values, range, pattern, when; this has {', '.join(ways) or 'none'}")
        if (self.when is None) != (self.given is None):
            raise ValueError("`given` and `when` belong together")
        return self


class Slot(Attribute):
    """A piece of information that can be said."""

    words: str = ""
    """How it is called in a sentence, e.g. "order number"; default: its name."""


class UserAct(Part):
    """One thing a user can do in a turn."""

    like: Like
    """The core act it is a kind of."""
    means: str
    """One line, shown to annotators and people."""
    slots: tuple[str, ...] = ()
    """Slots whose values the words must carry."""
    asks: str | None = None
    """What it asks for, in words."""
    says: tuple[str, ...]
    """Templates, the fallback wording; `{slot}` stands for a value."""
    detail: Literal["goal", ""] = ""
    """`goal`: the goal's words go into the prompt's act."""
    once: bool = False
    """Whether it can be done only once in a session."""
    ends: bool = False
    """Whether the session is over after it."""


class AssistantAct(Part):
    """One thing the assistant can do in a turn."""

    like: Like
    """The core act it is a kind of."""
    means: str
    """One line."""
    says: tuple[str, ...]
    """Templates of the reference assistant; also examples for the reader of other assistants' acts."""
    asks: str | None = None
    """Slot that it asks for."""
    tells: str | None = None
    """Sub-goal of kind `learn` that it completes."""
    sets: Literal["resolved", "refused"] | None = None
    """Outcome it brings about."""


class Goal(Part):
    """What a user wants."""

    weight: float = Field(gt=0)
    """Share of the prior; weights are normalised."""
    words: str
    """The goal as a phrase after "wants to"."""
    tell: tuple[str, ...] = ()
    """Slots the user must get across: sub-goals of kind `tell`."""
    learn: tuple[str, ...] = ()
    """Things the user wants to know: sub-goals of kind `learn`."""
    ends: tuple[str, ...] = ("resolved", "refused", "gave_up")
    """Terminal states; must contain refused."""


class Gate(Part):
    """When a private fact may be said."""

    heard: tuple[str, ...] = ()
    """Any of these assistant acts opens it; empty: open from the start."""


class Fact(Part):
    """A private fact of one party."""

    slot: str | None = None
    """Its value is this slot's value."""
    attribute: Attribute | None = None
    """Or it is drawn by itself."""
    words: str
    """What it is, in words."""
    gate: Gate = Field(default_factory=Gate)
    """When it may be said."""
    may_never_surface: bool = False
    """Whether it is never said at all."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.slot is None) == (self.attribute is None):
            raise ValueError("give exactly one of slot, attribute")
        return self


class Row(Part):
    """One row of the policy: when it holds, these acts have these probabilities."""

    when: Condition = Field(default_factory=dict)
    """Condition on the state; empty: always."""
    do: Shares
    """User act -> probability."""


class Flow(Part):
    """What the reference assistant does for one goal."""

    cues: tuple[str, ...]
    """Words from which it understands this goal."""
    need: tuple[str, ...] = ()
    """Slots that it must know first, in order."""
    test: str | None = None
    """Field of the world whose value `yes` allows the request; null: always allowed."""
    offer: str | None = None
    """Act that proposes the solution; null: done without asking."""
    alternative: str | None = None
    """Act that proposes another solution after a no."""
    done: str
    """Act that says that it is done."""
    deny: str | None = None
    """Act that says that it cannot be done."""
    answers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Assistant act -> words of a question that it answers."""


class ReferenceAssistant(Part):
    """The built-in assistant: role, acts of every conversation, and a flow per goal."""

    role: str
    """System prompt for assistants behind an endpoint."""
    open: str
    """Act with which it starts, before the user speaks."""
    ask_goal: str
    """Act that asks what the user wants."""
    clarify: str
    """Act for what was not understood."""
    ask_more: str
    """Act that asks whether there is anything else."""
    close: str
    """Act that ends the conversation."""
    explain: dict[str, str] = Field(default_factory=dict)
    """Core act of the user -> assistant act that answers it (e.g. withhold -> explain_why)."""
    flows: dict[str, Flow]
    """Goal -> flow."""


class World(Part):
    """What the assistant can look up."""

    fields: dict[str, Attribute] = Field(default_factory=dict)
    """Drawn per scenario: the record that the session is about."""
    rows: tuple[dict[str, str], ...] = ()
    """A fixed table, e.g. a catalogue."""
    title: str | None = None
    """Column of `rows` that names a row in a conversation."""


class Rule(Part):
    """A constraint on a scenario, by rejection."""

    forbid: Condition
    """A draw for which all of this holds is thrown away."""
    why: str = ""
    """Reason, for people."""
    repair: dict[str, str] | None = None
    """Instead of redrawing, set these; the scenario is marked."""


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
    constraints: tuple[Rule, ...] = ()
    """What may not be drawn together."""
    free: tuple[str, ...] = ()
    """Slots that no label depends on."""
    max_user_turns: int = Field(default=10, ge=2, le=100)
    """After so many user turns the state machine stands in `out_of_time`."""

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON; kept, since every scenario carries it."""
        return digest(self.row())

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
        yield from self._cycle_problems()

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
