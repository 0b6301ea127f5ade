"""What a persona session is paid: consistency by METHODS 4 minus degenerate text, under a floor on coverage.

The judge is a callable that the door passes in (a stage never imports another). Numbers it gives are checked: a judge
that raises, or gives what is no number between 0 and 1, ends the run with the session named.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from assay.errors import AssayError, Refused
from assay.learning.persona_frames import Talk

Reward = Literal["consistency", "random", "inverted"]
DEGENERATE_COST = 3.0
"""Taken off for a session of degenerate lines alone: as much as perfect consistency gives."""
FLOOR_COST = 3.0
"""Taken off for a session that bears on nothing it was asked."""
MORE_DEGENERATE, LESS_COVERAGE, LEAST_DOUBT = 0.10, 0.05, 0.3
"""An alarm rings when the degenerate share of held-out lines has risen by so much, their coverage has fallen by so
much, or the doubt of the model is below this share of its first."""
IDLE_STEPS = 20
"""Steps in a row whose groups were all paid alike, after which training is refused."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the judge of the reward says of one line."""

    contradicts: bool
    degenerate: bool
    says: bool
    """Whether it says the fact that was asked for, or nothing was asked."""

    @property
    def accepted(self) -> bool:
        """Whether it is taught as it stands."""
        return self.says and not self.contradicts and not self.degenerate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One session by METHODS 4, each in [0, 1]."""

    co01: float
    """1 - lines that contradict the persona / lines."""
    co02: float
    """1 - lines that contradict an earlier own line / (lines - 1)."""
    co03: float
    """Questions that the transcript answers as the persona does."""
    coverage: float
    """CO04: facts (those asked for, where some were) on which any line bears."""
    degenerate: float
    """CO05: lines that are blank, repeated, generic or copied."""
    marks: tuple[Mark, ...] = ()


Judge = Callable[[Talk], Scores]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """How scores are paid."""

    floor: float
    """Coverage below which is charged for."""
    degenerate: float = DEGENERATE_COST
    below_floor: float = FLOOR_COST


def pay(scores: Scores, prices: Prices) -> float:
    """CO01 + CO02 + CO03 - cost of degenerate lines - cost of coverage below the floor, in [-6, 3]."""
    short = max(0.0, prices.floor - scores.coverage) / prices.floor if prices.floor else 0.0
    good = scores.co01 + scores.co02 + scores.co03
    return good - prices.degenerate * scores.degenerate - prices.below_floor * short


def judged(judge: Judge, talks: Sequence[Talk]) -> list[Scores]:
    """The scores of some sessions. Raises Refused, naming the session, for a judge that fails."""
    found = []
    for talk in talks:
        where = f"session {talk.frame.id}"
        try:
            scores = judge(talk)
        except AssayError:
            raise
        except Exception as error:
            what = f"the judge of the reward failed: {type(error).__name__}: {error}"
            raise Refused(what, where=where, now="mend the judge; the run goes on from its last checkpoint") from error
        for name in ("co01", "co02", "co03", "coverage", "degenerate"):
            value = float(getattr(scores, name))
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                what = f"the judge of the reward gave {name} = {value}"
                raise Refused(what, where=where, now="scores are numbers from 0 to 1; mend the judge")
        found.append(scores)
    return found


def paid_for(kind: Reward, own: Sequence[float], rng: np.random.Generator) -> list[float]:
    """Rewards of a group: the own ones, the same dealt out blindly, or the opposite."""
    if kind == "random":
        return [float(x) for x in rng.permutation(np.asarray(own, float))]
    return [-x for x in own] if kind == "inverted" else list(own)


@dataclass(slots=True)
class Idle:
    """Counts steps whose groups were paid alike."""

    steps: int = 0

    def see(self, groups: Sequence[Sequence[float]], step: int) -> float:
        """Share of groups without variance. Raises Refused after IDLE_STEPS steps of nothing else."""
        idle = float(np.mean([float(np.ptp(g) == 0) for g in groups]))
        self.steps = self.steps + 1 if idle == 1.0 else 0
        if self.steps >= IDLE_STEPS:
            raise Refused(
                f"the reward told no two sessions of a group apart in {IDLE_STEPS} steps", where=f"step {step}",
                now="raise `group` or `temperature`, or take a judge that tells sessions apart",
            )  # fmt: skip
        return idle


def alarms(first: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is going wrong on held-out personas, in sentences; empty when nothing does."""
    found = []
    if now["degenerate"] > first["degenerate"] + MORE_DEGENERATE:
        found.append(f"degenerate lines rose from {first['degenerate']:.2f} to {now['degenerate']:.2f}")
    if now["coverage"] < first["coverage"] - LESS_COVERAGE:
        found.append(f"coverage fell from {first['coverage']:.2f} to {now['coverage']:.2f}")
    if now["doubt"] < LEAST_DOUBT * first["doubt"]:
        found.append(f"the words became certain: {first['doubt']:.2f} to {now['doubt']:.2f} nats a token")
    return found
