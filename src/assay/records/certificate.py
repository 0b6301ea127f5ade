"""A certificate: claims, bounds, and what was spent to get them."""

from typing import Any, Literal

from pydantic import Field

from assay.records.base import Record


class Estimate(Record):
    """Overall error by inverse-probability weights."""

    error: float
    """Share of wrong labels."""
    ci: tuple[float, float]
    """Confidence interval."""


class Claim(Record):
    """One sentence about the labels of this run that was asked for."""

    name: str
    """`pooled`, or a label name."""
    names: tuple[str, ...] = ()
    """Label names the claim covers."""
    unit: Literal["label", "session"] = "label"
    """What was drawn: labels, or whole sessions."""
    about: Literal["run", "new_sessions"] = "run"
    """What the claim is about: the listed labels, or those of new sessions from the same source."""
    estimand: Literal["expressed", "not_contradicted"] = "expressed"
    """What wrong means (METHODS 0)."""
    alpha: float
    """Largest share of wrong labels among the accepted ones."""
    delta: float
    """Risk that the sentence is false, after sharing among claims and looks."""
    threshold: float | None = None
    """Smallest rank score (or trust) that is accepted; null when refused."""
    accepted: int = 0
    """Labels above the threshold."""
    listed: int = 0
    """Labels that were asked for."""
    n_answers: int = 0
    """Certify answers above the threshold."""
    wrong: int = 0
    """Of these, wrong (cannot tell, several fit and unanswered included)."""
    cannot_tell: int = 0
    """Of the wrong, how many were `cannot tell`."""
    bound: float | None = None
    """Upper confidence limit of the error among the accepted."""
    granted: bool = False
    """Whether the claim holds."""
    reason: str = ""
    """One sentence: why, and what would be needed."""
    labels_hash: str | None = None
    """sha256 of the accepted label ids, sorted."""


class Certificate(Record):
    """What may be said about the labels of this run."""

    schema_number: int = Field(default=1, alias="schema")
    """Schema number of this record."""
    status: Literal["not_requested", "granted", "refused"]
    """refused if any asked claim is."""
    claims: tuple[Claim, ...] = ()
    """One per asked name, or one pooled."""
    spent: tuple[str, ...] = ()
    """Sample ids of certify answers opened, now spent."""
    looks: int = 0
    """How often certify answers of this run have been opened."""
    scores_hash: str | None = None
    """sha256 of (label id, score) written before the answers were opened."""
    assumes: tuple[str, ...] = ()
    """Assumptions the sentence rests on."""
    estimate: Estimate | None = None
    """Overall error, or null."""
    estimate_reason: str | None = None
    """Why there is no estimate."""
    plan: dict[str, Any] = Field(default_factory=dict)
    """What a certificate would cost: answers by (wrong, needed)."""
