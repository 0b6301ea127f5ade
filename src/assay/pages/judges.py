"""What the report says of the language models that read labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one check asked of a judge, per session."""

    code: str
    calls: str
    prompt: str
    read: str
    generated: str
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One judge: what it was asked, and how it did on planted wrong labels."""

    judge: str
    asked: tuple[Asked, ...]
    left: int
    """Sessions left unread for the budget."""
    trials: tuple[dict[str, Any], ...]
    """Rows of judges.json."""


def judges(trials: Sequence[dict[str, Any]], usage: dict[str, Any] | None) -> list[Judge]:
    """The judges of a run, by name; none where no language model read."""
    readings = (usage or {}).get("readings") or []
    names = sorted({str(r["judge"]) for r in (*trials, *readings)})
    return [
        Judge(
            judge=name,
            asked=tuple(a for r in readings if r["judge"] == name for a in _asked(r["by_check"])),
            left=sum(int(r.get("sessions_left_for_budget", 0)) for r in readings if r["judge"] == name),
            trials=tuple(t for t in trials if t["judge"] == name),
        )
        for name in names
    ]


def _asked(by_check: dict[str, Any]) -> list[Asked]:
    return [
        Asked(
            code=code, sessions=row["sessions"], calls=f"{row['per_session']['calls']:.1f}",
            prompt=f"{row['per_session']['prompt_tokens']:.0f}", read=f"{row['per_session']['prompt_tokens_read']:.0f}",
            generated=f"{row['per_session']['tokens_generated']:.0f}",
        )
        for code, row in sorted(by_check.items())
    ]  # fmt: skip
