"""What came of a session: a status per sub-goal, and everything an assistant did that it should not."""

from typing import Literal

from pydantic import Field

from assay.records.base import Record

Status = Literal["complete", "attempted", "incomplete"]
FlagKind = Literal[
    "other_role", "other_language", "prompt_dump", "too_long", "empty", "repeats", "tool_loop", "never_ends"
]


class Flag(Record):
    """One thing that an assistant should not have done. A flagged turn brings the user nothing."""

    turn: int
    """0-based turn."""
    kind: FlagKind
    """other_role, other_language, prompt_dump (8 words in a row of its own instructions), too_long, empty, repeats (the
    same answer a third time running), tool_loop, never_ends (no outcome before the user's time or patience ran out)."""
    detail: str = ""
    """What was found."""


class Picks(Record):
    """What was recommended out of a catalogue, and what became of it."""

    recommended: tuple[str, ...] = ()
    """Titles in the order in which the assistant first named them."""
    best: int = Field(ge=0, le=4)
    """Highest grade in the catalogue for this user."""
    hit_at_1: bool
    """Whether the first recommendation has the highest grade."""
    hit_at_3: bool
    """Whether one of the first three has."""
    accepted: str | None = None
    """Title that the user took; null for none."""
    regret: int = Field(ge=0, le=4)
    """Highest grade minus the accepted one's; the whole grade where nothing was accepted."""
    turns_to_acceptance: int | None = None
    """User turns up to and including the one that took it; null for none."""


class Outcome(Record):
    """How the user's goal came out."""

    status: Status
    """complete: the request was dealt with and nothing asked for stayed open; attempted: it was stated; incomplete: it
    was not. A session with a flag is never complete."""
    refused: bool = False
    """Beside complete: the record did not allow the request, and the assistant said so and did not do it."""
    wrongly_refused: bool = False
    """The record allowed the request and the assistant refused it."""
    wrongly_granted: bool = False
    """The record did not allow the request and the assistant did it all the same."""
    by: Literal["world", "machine"]
    """world: from what was written to the session's copy of the world; machine: from the acts that were read."""
    user_turns: int = Field(ge=0)
    """Turns of the user."""
    user_words: int = Field(ge=0)
    """Words of the user."""
    assistant_words: int = Field(ge=0)
    """Words of the assistant, as shown."""
    tool_calls: int = Field(default=0, ge=0)
    """Calls of tools."""
    tool_errors: int = Field(default=0, ge=0)
    """Of these, the ones that named no tool or had wrong arguments."""
    picks: Picks | None = None
    """Recommendations, where the blueprint grades a catalogue and the goal asks for one."""
