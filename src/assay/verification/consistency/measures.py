"""The scores of METHODS 4 from counts: their denominators are what was parsed, and a score can be void."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_UNPARSED = 0.05
"""Share of unparsed verdicts above which a score is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Scores of one speaker in one session, each in [0, 1], or None where it is void or cannot be asked."""

    co01: float | None
    """Prompt-to-line: 1 - contradicted lines / lines."""
    co02: float | None
    """Line-to-line: 1 - lines that contradict an earlier own line / (lines - 1)."""
    co03: float | None
    """Question-answer: share of the persona's questions that the transcript answers as the persona does."""
    co04: float | None
    """Coverage: share of facts on which any line bears."""
    degenerate: float
    """Share of the speaker's turns that are blank, repeated, generic or copied."""

    @property
    def overall(self) -> float | None:
        """Harmonic mean of CO01 to CO04 times (1 - degenerate share); None when a part is missing."""
        held = [self.co01, self.co02, self.co03, self.co04]
        parts = [p for p in held if p is not None]
        if len(parts) < len(held):
            return None
        if min(parts) <= 0.0:
            return 0.0
        return len(parts) / sum(1.0 / p for p in parts) * (1.0 - self.degenerate)


def rate_score(faults: int, parsed: int, unparsed: int = 0) -> float | None:
    """1 - faults / parsed; None where nothing was parsed or more than 5 % of the verdicts could not be."""
    if parsed <= 0 or unparsed > MOST_UNPARSED * (parsed + unparsed):
        return None
    return 1.0 - faults / parsed


def above_empty(agree: float, agree_on_empty: float) -> float | None:
    """(agree - agree on an empty transcript) / (1 - the latter), not below 0; None where the latter is 1."""
    return None if agree_on_empty >= 1.0 else max(0.0, (agree - agree_on_empty) / (1.0 - agree_on_empty))


def drift(faults: Sequence[bool]) -> float | None:
    """Share of faulty lines in the last third minus that in the first; None for fewer than three lines."""
    third = len(faults) // 3
    if third == 0:
        return None
    return (sum(faults[-third:]) - sum(faults[:third])) / third
