"""RL06: how often simulated users do what real ones do, and how long they speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.stats.intervals import Interval, cluster_mean, rate_difference
from assay.verification.realism.lines import Lines
from assay.verification.realism.signals import ANY_LANGUAGE_BEHAVIOURS, BEHAVIOURS, spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One behaviour on both sides; 95 % intervals, by session."""

    simulated: Interval
    real: Interval
    difference: tuple[float, float | None, float | None]
    """simulated minus real, with its limits; null with too few sessions."""
    unit: str
    """share of turns, words per turn, turns per session, characters per word."""

    def row(self) -> dict[str, Any]:
        """As the JSON summary shows it."""
        return {
            "simulated": self.simulated.point, "simulated_ci": _limits(self.simulated),
            "real": self.real.point, "real_ci": _limits(self.real),
            "difference": self.difference[0],
            "difference_ci": None if self.difference[1] is None else [self.difference[1], self.difference[2]],
            "unit": self.unit,
        }  # fmt: skip

    @property
    def distance(self) -> float:
        """The difference in units of half its interval: above 1 the interval leaves out 0. 0 without interval."""
        point, low, high = self.difference
        if low is None or high is None or high <= low:
            return 0.0
        return point / ((high - low) / 2)


def _limits(found: Interval) -> list[float] | None:
    return None if found.low is None or found.high is None else [found.low, found.high]


def behaviour_rates(simulated: Sequence[Lines], real: Sequence[Lines], english: bool = True) -> dict[str, Rate]:
    """Rate of every behaviour among turns, then the means of lengths.

    *Guarantee*: sessions are independent; intervals as in stats.intervals (cluster-robust, approximate).
    """
    out = {}
    clusters = [[own.session for own in side for _ in own.texts] for side in (simulated, real)]
    for name, does in BEHAVIOURS.items():
        if not english and name not in ANY_LANGUAGE_BEHAVIOURS:
            continue
        values = [[float(does(t)) for own in side for t in own.texts] for side in (simulated, real)]
        # ids may be the same on both sides; only real counterparts would make the difference a paired one
        gap = rate_difference(
            (values[0], [f"s/{c}" for c in clusters[0]]), (values[1], [f"r/{c}" for c in clusters[1]]), side="two"
        )
        out[name] = Rate(
            simulated=cluster_mean(values[0], clusters[0]), real=cluster_mean(values[1], clusters[1]),
            difference=(gap.point, gap.low, gap.high), unit="share of turns",
        )  # fmt: skip
    for name, unit in (("words", "words per turn"), ("characters", "characters per word")):
        rows = [_lengths(side, name) for side in (simulated, real)]
        out[unit] = _means(rows[0], rows[1], unit)
    counts = [([float(len(own.texts)) for own in side], [own.session for own in side]) for side in (simulated, real)]
    out["turns per session"] = _means(counts[0], counts[1], "turns per session")
    return out


def _lengths(side: Sequence[Lines], what: str) -> tuple[list[float], list[str]]:
    values, clusters = [], []
    for own in side:
        for text in own.texts:
            words = spoken(text)
            if what == "words" or words:
                values.append(float(len(words)) if what == "words" else sum(map(len, words)) / len(words))
                clusters.append(own.session)
    return values or [0.0], clusters or [""]


def _means(a: tuple[list[float], list[str]], b: tuple[list[float], list[str]], unit: str) -> Rate:
    """Means on both sides, and their difference with the two intervals combined as independent."""
    first, second = (cluster_mean(v, c, proportion=False) for v, c in (a, b))
    gap = first.point - second.point
    limits: tuple[float | None, float | None] = (None, None)
    if first.low is not None and second.low is not None and first.high is not None and second.high is not None:
        half = float(np.hypot(first.high - first.low, second.high - second.low)) / 2
        limits = (gap - half, gap + half)
    return Rate(simulated=first, real=second, difference=(gap, *limits), unit=unit)
