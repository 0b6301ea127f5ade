"""A verdict: what one check says of one label, with evidence."""

from typing import Literal

from pydantic import Field

from assay.records.base import Record

Status = Literal["supported", "contradicted", "not_evidenced", "unparsed", "not_applicable"]
Severity = Literal["helped", "hindered", "minor"]


class Quote(Record):
    """A span that is really in the text."""

    turn: int
    """Turn it stands in."""
    quote: str
    """The words, verbatim."""


class Verdict(Record):
    """One check's word on one label, turn or session."""

    code: str
    """Stable code of the check, e.g. LB01."""
    session: str
    """Session id."""
    turn: int | None = None
    """Turn, or null for the session."""
    name: str | None = None
    """Label name, or null where the check is about the turn or session."""
    status: Status
    """supported = no fault found by this check; contradicted = its fault was found here."""
    score: float | None = Field(default=None, ge=0, le=1)
    """In [0, 1], higher = better, or null."""
    read: str | None = None
    """The value that the annotator reads, where it names one."""
    evidence: tuple[Quote, ...] = ()
    """Quotes from the session."""
    by: str = ""
    """The annotator."""
    independent: bool = False
    """Whether the evidence comes from something that did not help make the label or text."""
    guard: bool = False
    """Whether the same evidence guided generation: a guard is never support."""
    reason: str | None = None
    """Why not_applicable or unparsed: no_power, language, budget, ..."""
    severity: Severity | None = None
    """Of a leak or an ungrounded claim: helped or hindered the run (by its outcome), or minor: nobody took it up."""
    trail: tuple[tuple[int, float], ...] = ()
    """(turn, P(label) once it was said) along the session; turn -1: before the user's first. Of BE01."""
    from_turn: int | None = None
    """First turn from which on the label could be known. Of BE02."""
    prompts: tuple[str, ...] = ()
    """Ids of a judge's prompts: form, colon, digest of the exact words (the ledger holds them)."""
