"""A label: (target, name, value, source, distribution), and how to find all labels of a session."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from assay.records.base import Record, digest
from assay.records.session import Session
from assay.records.verdict import Status

Kind = Literal["category", "set", "number", "string", "bool"]
Source = Literal["authored", "given", "consensus", "human", "statistical"]
Tier = Literal["certified", "provisional", "suspect", "rejected"]

OTHER = "__other__"
"""Key of the mass of all values beyond the 20 that a distribution keeps."""


class Label(Record):
    """One label with everything known about it. One record per (session, turn, name)."""

    schema_number: int = Field(default=1, alias="schema")
    """Schema number of this record."""
    id: str
    """Hash of (session, turn, name), 16 hex characters."""
    session: str
    """Session id."""
    turn: int | None = None
    """0-based turn, null at session level."""
    span: tuple[int, int] | None = None
    """[start, end] in code points of the turn's text, or null."""
    name: str
    """Label name; dicts are flattened to `name.key`."""
    kind: Kind
    """Kind of value."""
    value: Any
    """= authored, else given, else consensus."""
    source: Source
    """Where the value comes from."""
    authored: Any = None
    """The latent, where assay made the session."""
    realised: Any = None
    """What the text says, by independent annotators."""
    read: Any = None
    """What blind people say."""
    distribution: dict[str, float] = Field(default_factory=dict)
    """Value (JSON text unless a string) -> probability; for sets P(element present)."""
    rank_score: float = Field(default=0.0, ge=0, le=1)
    """Orders labels; not a probability of anything."""
    trust: float | None = Field(default=None, ge=0, le=1)
    """Probability of being correct, where METHODS 10 says it is measured; else null."""
    trust_basis: Literal["answers", "labels", "none"] = "none"
    """What trust was fitted on."""
    tier: Tier = "suspect"
    """certified, provisional, suspect or rejected."""
    suggested: Any = None
    """A better value where evidence names one."""
    identifiable_from_turn: int | None = None
    """First turn from which the label could be known."""
    reasons: tuple[str, ...] = ()
    """Codes that explain the tier."""
    verdicts: dict[str, Status] = Field(default_factory=dict)
    """Check code -> status."""

    @property
    def silent(self) -> bool:
        """Whether no check had a word on it. BE says when a label could be known, not whether it is right: no word."""
        return all(now == "not_applicable" for code, now in self.verdicts.items() if not code.startswith("BE"))


class Given(Record):
    """A label as it stands in a session, before any evidence."""

    session: str
    """Session id."""
    turn: int | None
    """0-based turn, null at session level."""
    name: str
    """Flattened name."""
    kind: Kind
    """Kind of value."""
    value: Any
    """The value; sets are sorted lists."""
    source: Source
    """authored where assay made the session, else given."""

    @property
    def id(self) -> str:
        """The id that its Label will have."""
        return label_id(self.session, self.turn, self.name)


def label_id(session: str, turn: int | None, name: str) -> str:
    """The id of a label: 16 hex characters of the hash of (session, turn, name)."""
    return digest([session, turn, name])[:16]


def key_of(value: Any) -> str:
    """A value as a distribution key: itself when a string, else its JSON text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def kind_of(value: Any) -> Kind:
    """Kind of a flattened value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        return "set"
    return "string" if isinstance(value, str) and len(value) > 60 else "category"


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) pairs: dicts become `name.key`, lists of scalars sorted sets.

    Lists that hold dicts or lists need a mapping; they are yielded whole, so that a caller can list them as not
    checked.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        scalars = not any(isinstance(v, dict | list | tuple) for v in value)
        yield name, sorted({key_of(v) for v in value}) if scalars else list(value)
    elif value is not None:
        yield name, value


def is_structured(value: Any) -> bool:
    """Whether a flattened value is a list of dicts or lists, which no check reads without a mapping."""
    return isinstance(value, list | tuple) and any(isinstance(v, dict | list | tuple) for v in value)


def labels_of(session: Session) -> Iterator[Given]:
    """Every label of a session, session level first, then by turn; structured values are left out."""
    source: Source = "authored" if session.authored else "given"
    for turn, labels in [(None, session.session_labels), *((i, t.labels) for i, t in enumerate(session.turns))]:
        for name, raw in labels.items():
            for flat, value in flatten(name, raw):
                if not is_structured(value):
                    yield Given(
                        session=session.id, turn=turn, name=flat, kind=kind_of(value), value=value, source=source
                    )
