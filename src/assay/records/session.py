"""A session: what was said, what each party privately knew, and how it was made."""

from typing import Any, Literal

from pydantic import Field

from assay.records.base import Record

Mode = Literal["agents", "script", "mindreaders"]


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
    end: str | None = None
    """Terminal state of the state machine; null for foreign sessions."""
    disclosures: tuple[Disclosure, ...] = ()
    """The disclosure ledger, in order."""
    sub_goals: dict[str, str] = Field(default_factory=dict)
    """Sub-goal (`tell.x`, `learn.x`) -> complete, attempted or incomplete at the end."""
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
