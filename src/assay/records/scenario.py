"""A scenario: one draw of all session-level latents, frozen and hashed before any text exists."""

from typing import Annotated, Any, Literal

from pydantic import Field

from assay.records.base import Record, digest
from assay.records.layers import Thought


class Scenario(Record):
    """One draw of all latents of one session."""

    id: str
    """`s00000`, `s00001`, ... in the order of the draw."""
    seed: int
    """The run's seed; the scenario's stream is spawned from (seed, id)."""
    blueprint: str
    """sha256 of the blueprint."""
    goal: str
    """Name of the goal."""
    profile: dict[str, Any] = Field(default_factory=dict)
    """Profile attribute -> value."""
    persona: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Big Five trait -> value in [0, 1]."""
    context: dict[str, Any] = Field(default_factory=dict)
    """Context field -> value."""
    topic: str = ""
    """First layer; the same as `context.topic`."""
    subtopic: str = ""
    """Second layer: the situation; empty where the blueprint has none."""
    persona_line: str = ""
    """Third layer: who the user is, from a pool or derived from the Big Five."""
    behaviours: dict[str, str] = Field(default_factory=dict)
    """Big Five trait -> what somebody in this band does in a chat."""
    name: str = ""
    """Display name of the user."""
    arm: Literal["prior", "covering"] = "prior"
    """prior: a draw from the joint prior. covering: a row of a covering array, in no prevalence and no calibration."""
    reflection: tuple[Thought, ...] = ()
    """What each context value means for the conversation; in no transcript and no assistant's view."""
    slots: dict[str, str] = Field(default_factory=dict)
    """Slot -> the value this user has in mind."""
    facts: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Party -> private fact -> value."""
    world: dict[str, Any] = Field(default_factory=dict)
    """The row of the knowledge base that this scenario is about, as the assistant may look it up."""
    relevance: dict[str, int] = Field(default_factory=dict)
    """Title of a catalogue's row -> its grade for this user, 0 to 4; empty where nothing is graded."""
    rejected: int = 0
    """Draws thrown away by constraints before this one."""
    repaired: tuple[str, ...] = ()
    """Constraints that were repaired instead of redrawn."""

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON."""
        return digest(self.row())
