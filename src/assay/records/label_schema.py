"""What `assay label` is asked to name: label names, their values with one-line meanings, and a few examples or none.

A schema file (YAML):

    labels:
      active_intent:
        of: user                 # speaker of the turns that carry it, or `session`; default user
        kind: category           # one value a target (default), or `set`: any number of values
        lasts: true              # it goes on from turn to turn until the text changes it (default false)
        may_be_empty: false      # of a set: whether nothing may be said at all
        question: What does the customer want to get done?      # optional
        values:                  # value -> one-line meaning; a plain list of values will do
          FindBus: look for a bus journey
          BuyBusTicket: buy a bus ticket
        examples:                # optional: value -> texts
          FindBus: [Any buses to Fresno tomorrow?]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from assay.errors import BadInput
from assay.records.base import Record
from assay.records.session import Session
from assay.records.yaml_text import load_yaml

SESSION = "session"
"""`of` of a label that is about the whole session."""
MOST_VALUES = 200
"""More values than this are no closed list."""
EXAMPLE = "labels: {mood: {of: user, values: {calm: sounds at ease, angry: complains or insults}}}"


class AskedLabel(Record):
    """One label name that annotators are asked for."""

    name: str
    """Label name."""
    of: str = "user"
    """Speaker of the turns that carry it, or `session`."""
    kind: Literal["category", "set"] = "category"
    """One value a target, or any number."""
    lasts: bool = False
    """Whether a value goes on from turn to turn until the text changes it: readers then hear the turns before too."""
    question: str = ""
    """The question in words; empty: a standard one."""
    may_be_empty: bool = False
    """Whether a set may hold nothing; else it holds at least its likeliest value."""
    values: dict[str, str]
    """Value -> one-line meaning."""
    examples: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Value -> texts that have it."""

    @field_validator("values", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        # a list of values without meanings: each stands for itself
        if isinstance(value, list | tuple):
            return {str(v): str(v) for v in value}
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else value

    @field_validator("examples", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {str(k): (v,) if isinstance(v, str) else v for k, v in value.items()}


class Asked(Record):
    """One place that a label is asked for."""

    session: str
    """Session id."""
    turn: int | None
    """0-based turn, null for the session."""


def targets_of(label: AskedLabel, sessions: Mapping[str, Session]) -> tuple[list[Asked], int]:
    """Places to label, in order of sessions and turns, and how many were left out because their text is blank."""
    found, blank = [], 0
    for session in sessions.values():
        turns = [None] if label.of == SESSION else [i for i, t in enumerate(session.turns) if t.speaker == label.of]
        for turn in turns:
            texts = [t.text for t in session.turns] if turn is None else [session.turns[turn].text]
            if any(text.strip() for text in texts):
                found.append(Asked(session=session.id, turn=turn))
            else:
                blank += 1
    return found, blank


def read_schema(path: str | Path) -> tuple[AskedLabel, ...]:
    """The labels of a schema file. Raises BadInput that names the file and the entry that is wrong."""
    import yaml

    where = str(path)
    try:
        content = load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read the schema: {error}", where=where, now=f"write it as YAML: {EXAMPLE}") from error
    return parse_schema(content, where)


def parse_schema(content: Any, where: str = "the schema") -> tuple[AskedLabel, ...]:
    """The labels of a schema's YAML content. Raises BadInput that names the entry that is wrong."""
    labels = content.get("labels") if isinstance(content, Mapping) else None
    if not isinstance(labels, Mapping) or not labels:
        raise BadInput("the schema names no label", where=where, now=EXAMPLE)
    return tuple(_label(str(name), entry, f"{where}, labels.{name}") for name, entry in labels.items())


def _label(name: str, entry: Any, where: str) -> AskedLabel:
    if not isinstance(entry, Mapping) or "name" in entry:
        raise BadInput(f"not a label: {type(entry).__name__}", where=where, now=EXAMPLE)
    try:
        made = AskedLabel(name=name, **{str(k): v for k, v in entry.items()})
    except (ValidationError, TypeError) as error:
        what = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        raise BadInput(
            f"{'.'.join(map(str, what['loc'])) or 'entry'}: {what['msg']}", where=where, now=EXAMPLE
        ) from error
    least = 1 if made.kind == "set" else 2
    if not least <= len(made.values) <= MOST_VALUES:
        raise BadInput(
            f"{len(made.values)} values", where=where, now=f"between {least} and {MOST_VALUES} values, e.g. {EXAMPLE}"
        )
    if blank := [v for v in made.values if not v.strip() or v != v.strip()]:
        raise BadInput(f"a value that is blank or has spaces around it: {blank[0]!r}", where=where, now=EXAMPLE)
    if unknown := sorted(set(made.examples) - set(made.values)):
        now = f"one of {', '.join(list(made.values)[:12])}"
        raise BadInput(f"examples of a value that is not listed: {unknown[0]!r}", where=where, now=now)
    return made
