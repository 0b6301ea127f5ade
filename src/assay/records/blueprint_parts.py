"""The parts of a blueprint: attributes, acts, goals, facts, policy rows, the reference assistant, the world."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from assay.records.base import Record
from assay.records.conditions import Condition
from assay.records.core_acts import CORE_ACTS
from assay.records.tools import Relevance, Values

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
    calls: tuple[str, ...] = ()
    """Tools of which the reference assistant, when it does this, brings about the first that the record allows."""


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
    effect: tuple[Values, ...] = ()
    """States of the world that are a success, the first one being what was asked for; `any`: set to something."""


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
    state: Values = Field(default_factory=dict)
    """Fields that tools write, with the value that they start from in every session."""
    relevance: Relevance | None = None
    """How much each row is worth to a user; null: not graded."""


class Rule(Part):
    """A constraint on a scenario, by rejection."""

    forbid: Condition
    """A draw for which all of this holds is thrown away."""
    why: str = ""
    """Reason, for people."""
    repair: dict[str, str] | None = None
    """Instead of redrawing, set these; the scenario is marked."""
