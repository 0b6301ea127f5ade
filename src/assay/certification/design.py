"""What is drawn for people, fixed before anybody answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

POOLED = "pooled"
"""Name of the one claim over all asked names."""

Codebook = Mapping[str, Mapping[str, str]]
"""Label name -> value -> one-line meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is drawn, fixed before anybody answers."""

    n: int
    """`certify` labels."""
    names: tuple[str, ...] = ()
    """Label names asked for; empty: all."""
    tune: int = 0
    """`tune` labels on top, which trust may be fitted on."""
    planted: int = 0
    """Wrong labels mixed in blind, on top."""
    claims: tuple[str, ...] = (POOLED,)
    """`pooled`, or the names that get a claim each."""
    alpha: float = 0.05
    """Largest share of wrong labels among the accepted ones."""
    delta: float = 0.05
    """Risk of a false certificate."""
    top: float = 1.0
    """Share of the labels, best ranks first, that the claim is about; the others are not accepted whatever comes."""
    outside: float = 0.0
    """Share of the draws that go to labels outside `top`, for an overall error; 0 draws none there."""
    unit: Literal["label", "session"] = "label"
    """What is drawn: labels, or whole sessions with all their listed labels (`n` then counts sessions)."""
    about: Literal["run", "new_sessions"] = "run"
    """What the claim is about: the listed labels, or those of new sessions from the same source (unit session)."""
    early_stop: bool = False
    """Whether answers may be looked at after every one (betting bound) instead of once (Clopper-Pearson)."""
    codebook: Codebook = field(default_factory=dict)
    """Meanings shown with the question; a name that it lists is a closed question."""
