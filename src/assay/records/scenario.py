"""A scenario: one draw of all session-level latents, frozen and hashed before any text exists."""

from typing import Any

from pydantic import Field

from assay.records.base import Record, digest


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
    persona: dict[str, float] = Field(default_factory=dict)
    """Big Five trait -> value in [0, 1]."""
    context: dict[str, Any] = Field(default_factory=dict)
    """Context field -> value."""
    slots: dict[str, str] = Field(default_factory=dict)
    """Slot -> the value this user has in mind."""
    facts: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Party -> private fact -> value."""
    world: dict[str, Any] = Field(default_factory=dict)
    """The row of the knowledge base that this scenario is about, as the assistant may look it up."""
    rejected: int = 0
    """Draws thrown away by constraints before this one."""
    repaired: tuple[str, ...] = ()
    """Constraints that were repaired instead of redrawn."""

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON."""
        return digest(self.row())
