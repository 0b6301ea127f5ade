"""A session: what was said, what each party privately knew, and how it was made."""

from typing import Any, Literal

from pydantic import Field

from assay.records.base import Record
from assay.records.outcome import Flag, Outcome

Mode = Literal["agents", "script", "mindreaders"]
Regime = Literal["controlled", "conditioned"]


class Turn(Record):
    """One turn. Its 0-based position in `turns` is its `turn` everywhere."""

    speaker: str
    """user, assistant, tool, action, narrator, or a name."""
    text: str
    """What was said; may be empty."""
    labels: dict[str, Any] = Field(default_factory=dict)
    """Label name -> value. In sessions that assay made these are authored, else given."""
    tool_calls: list[dict[str, Any]] | None = None
    """Tool calls of this turn, as in the source."""
    tool_call_id: str | None = None
    """The call that a tool turn answers."""
    name: str | None = None
    """Speaker's or tool's name, as in the source."""
    time: str | float | None = None
    """When it was said, as in the source."""
    realised_by: str | None = None
    """Who worded it: model, template, reference, endpoint, python, given."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Fields of the source that assay does not read; kept."""


class Disclosure(Record):
    """A private fact that a party let out, and when."""

    turn: int
    """Turn at which it was said."""
    party: str
    """Whose fact it is."""
    fact: str
    """Name of the fact."""


class Knowledge(Record):
    """From when on a party could know a private fact of the other. Turns are first turns at which it holds."""

    party: str
    """Whose fact it is."""
    fact: str
    """Name of the fact."""
    knower: str
    """The other party."""
    from_turn: int | None = None
    """First turn at which the knower could use it; null: never in this session."""
    how: Literal["said", "looked_up", "view"] | None = None
    """said: the owner said it the turn before; looked_up: a tool or the record on file holds it; view: shared views."""
    gate_turn: int | None = None
    """First turn at which the owner may say it; null: its gate never opened."""
    may_never_surface: bool = False
    """Whether the owner may never say it."""


class Session(Record):
    """One session, made by assay or by anybody else."""

    id: str
    """Unique in its file."""
    turns: tuple[Turn, ...]
    """The transcript, in order."""
    source: str | None = None
    """Where it comes from."""
    licence: str | None = None
    """Licence of the text, if known."""
    split: str | None = None
    """Upstream split."""
    language: str = "und"
    """BCP 47; `und` unless known."""
    session_labels: dict[str, Any] = Field(default_factory=dict)
    """Label name -> value for the whole session."""
    private: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Party -> fact -> value or list: what one side knew and the other did not."""
    kept: dict[str, Any] = Field(default_factory=dict)
    """Private keys that belong to no party (`gold_*`): kept, not watched."""
    scenario: str | None = None
    """Id of the scenario it was generated from; null for foreign sessions."""
    scenario_hash: str | None = None
    """sha256 of that scenario."""
    mode: Mode | None = None
    """How it was made; null for foreign sessions."""
    regime: Regime | None = None
    """Whether the user's acts bound the words (controlled) or only told the model what is meant (conditioned)."""
    non_interference: bool | None = None
    """Whether each party was worded from its own view only; false by design in script and mindreaders."""
    end: str | None = None
    """Terminal state of the state machine; null for foreign sessions."""
    disclosures: tuple[Disclosure, ...] = ()
    """The disclosure ledger, in order: what the plan let out, and when."""
    knowledge: tuple[Knowledge, ...] = ()
    """Who could know which private fact of the other from which turn on: every fact, every partner."""
    sub_goals: dict[str, str] = Field(default_factory=dict)
    """Sub-goal (`do`, `tell.x`, `learn.x`) -> complete, attempted or incomplete at the end."""
    outcome: Outcome | None = None
    """What came of it; null for foreign sessions."""
    flags: tuple[Flag, ...] = ()
    """What the assistant did that it should not have done, by turn."""
    world_end: dict[str, str] = Field(default_factory=dict)
    """Fields of the world that tools write, as they stood at the end; empty where the assistant had no tools."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Turn -> key of the model call in the ledger whose exact prompt made it."""
    failure: str | None = None
    """Why the session could not be finished; null when it was."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Fields of the source that assay does not read; kept."""

    @property
    def authored(self) -> bool:
        """Whether assay made it, so that its labels are latents."""
        return self.scenario is not None

    @property
    def from_prior(self) -> bool:
        """Whether it counts for prevalence and calibration: rows of a covering array are no draws from the prior."""
        return bool(self.extra.get("arm", "prior") == "prior")

    @property
    def held_to_values(self) -> bool:
        """Whether a guard let only user turns pass that hold their labelled values: not in script, nor conditioned."""
        return self.scenario is not None and self.mode != "script" and self.regime != "conditioned"
