"""What assistants under test can do besides talking, and how much a catalogue's rows are worth to a user."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from assay.records.base import Record
from assay.records.conditions import Condition

ARG_KINDS = ("slot", "row", "text")
"""Kinds of an argument: a slot's value, a column of the catalogue, any text."""


def _plain(value: Any) -> Any:
    """YAML's yes/no and numbers as the words they were written as."""
    if not isinstance(value, dict):
        return value
    return {str(k): ("yes" if v is True else "no" if v is False else str(v)) for k, v in value.items()}


Values = Annotated[dict[str, str], BeforeValidator(_plain)]
"""Field -> value, both as written."""


class Tool(Record):
    """A function over the knowledge base that an assistant under test may call; run on the session's own copy."""

    does: str
    """One line, sent to the assistant."""
    args: dict[str, str] = Field(default_factory=dict)
    """Argument -> kind: `slot` (the slot of that name; one with a pattern must be the number on file), `row` (the
    catalogue's column of that name), `text`."""
    optional: tuple[str, ...] = ()
    """Arguments that may be left out."""
    needs: Values = Field(default_factory=dict)
    """Fields of the record that must have these values, else the answer is an error and nothing changes."""
    otherwise: str = "this is not possible"
    """What that error says."""
    reads: tuple[str, ...] = ()
    """Fields of the record, or columns of the rows found, that it answers with."""
    rows: bool = False
    """Whether it searches the catalogue by its `row` arguments."""
    most: int = Field(default=5, ge=1, le=50)
    """Most rows that it answers with."""
    sets: Values = Field(default_factory=dict)
    """Field of `world.state` -> value that it writes; `{name}` stands for an argument."""


class Taste(Record):
    """What some users like beyond what they ask for."""

    when: Condition
    """Users: a condition on the scenario's goal and profile."""
    likes: dict[str, tuple[str, ...]]
    """Column -> values that such a user likes."""
    weight: float = Field(gt=0)
    """Weight beside the wishes."""


class Relevance(Record):
    """How much each row of the catalogue is worth to a user: a grade from 0 to 4."""

    wishes: dict[str, float]
    """Slot that is also a column -> its weight, for users who have that wish."""
    names: str | None = None
    """Slot that names one row by its title; that row alone is worth anything then."""
    taste: tuple[Taste, ...] = ()
    """Likes of some users, which they do not state."""
