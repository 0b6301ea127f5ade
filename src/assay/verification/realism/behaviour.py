"""RL06: how often simulated users do what real ones do, and how long they speak."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.intervals import Interval, cluster_mean, rate_difference
from assay.verification.realism.lines import Lines, common_pairs
from assay.verification.realism.signals import ANY_LANGUAGE_BEHAVIOURS, BEHAVIOURS, spoken

Floats = NDArray[np.float64]
Values = list[list[float]]
"""Values of one side, session by session."""
PERMUTATIONS = 9_999
CHUNK = 1_000
"""Permutations held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One behaviour on both sides; 95 % intervals, by session."""

    simulated: Interval
    real: Interval
    difference: tuple[float, float | None, float | None]
    """simulated minus real, with its limits; null with too few sessions."""
    unit: str
    """share of turns, words per turn, turns per session, characters per word."""
    p: float
    """Two-sided permutation p of the difference over sessions (within pairs, where paired)."""
    p_holm: float | None = None
    """After Holm over all that was asked of these sessions; null before that."""

    def row(self) -> dict[str, Any]:
        """As the JSON summary shows it."""
        return {
            "simulated": self.simulated.point, "simulated_ci": _limits(self.simulated),
            "real": self.real.point, "real_ci": _limits(self.real),
            "difference": self.difference[0],
            "difference_ci": None if self.difference[1] is None else [self.difference[1], self.difference[2]],
            "unit": self.unit, "p": self.p, "p_holm": self.p_holm,
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


def behaviour_rates(
    simulated: Sequence[Lines], real: Sequence[Lines], english: bool = True, seed: int = 0
) -> dict[str, Rate]:
    """Rate of every behaviour among turns, then the means of lengths.

    *Guarantee*: `p` is exact under exchangeable sessions (within pairs, where every real session has its regeneration);
    tests/laws/test_realism_family_laws.py. Intervals take sessions as independent, as in stats.intervals
    (cluster-robust, approximate).
    """
    out = {}
    clusters = [[own.session for own in side for _ in own.texts] for side in (simulated, real)]
    chosen = {name: does for name, does in BEHAVIOURS.items() if english or name in ANY_LANGUAGE_BEHAVIOURS}
    sides = [{name: _per_turn(side, does) for name, does in chosen.items()} for side in (simulated, real)]
    lengths = {"words per turn": "words", "characters per word": "characters", "turns per session": "turns"}
    more = [{name: _lengths(side, what) for name, what in lengths.items()} for side in (simulated, real)]
    tables = [_table([*rates.values(), *means.values()]) for rates, means in zip(sides, more, strict=True)]
    p = dict(zip([*chosen, *lengths], _p_values(tables, _twins(simulated, real), seed).tolist(), strict=True))
    for name in chosen:
        values = [[v for own in side[name] for v in own] for side in sides]
        # ids may be the same on both sides; only real counterparts would make the difference a paired one
        gap = rate_difference(
            (values[0], [f"s/{c}" for c in clusters[0]]), (values[1], [f"r/{c}" for c in clusters[1]]), side="two"
        )
        out[name] = Rate(
            simulated=cluster_mean(values[0], clusters[0]), real=cluster_mean(values[1], clusters[1]),
            difference=(gap.point, gap.low, gap.high), unit="share of turns", p=p[name],
        )  # fmt: skip
    for unit in lengths:
        rows = [_flat(side, own[unit]) for side, own in zip((simulated, real), more, strict=True)]
        out[unit] = _means(rows[0], rows[1], unit, p[unit])
    return out


def _per_turn(side: Sequence[Lines], does: Callable[[str], bool]) -> Values:
    return [[float(does(t)) for t in own.texts] for own in side]


def _lengths(side: Sequence[Lines], what: str) -> Values:
    """Values of each session: words of a turn, characters of a turn's words (turns with words only), turns."""
    if what == "turns":
        return [[float(len(own.texts))] for own in side]
    words = [[spoken(t) for t in own.texts] for own in side]
    if what == "words":
        return [[float(len(w)) for w in own] for own in words]
    return [[sum(map(len, w)) / len(w) for w in own if w] for own in words]


def _flat(side: Sequence[Lines], values: Values) -> tuple[list[float], list[str]]:
    found = [(v, own.session) for own, row in zip(side, values, strict=True) for v in row]
    return [v for v, _ in found] or [0.0], [c for _, c in found] or [""]


def _twins(simulated: Sequence[Lines], real: Sequence[Lines]) -> NDArray[np.int64] | None:
    """For each simulated session the row of the real one that it regenerates, where each has one."""
    if not common_pairs(real, simulated):
        return None
    order = {own.session: i for i, own in enumerate(real)}
    return np.array([order[own.session] for own in simulated], dtype=np.int64)


def _table(values: Sequence[Values]) -> Floats:
    """Sums and numbers of values of every session: shape (sessions, 2 k), the k sums first."""
    sums = [[sum(own) for own in one] for one in values]
    return np.asarray([*sums, *([float(len(own)) for own in one] for one in values)]).T


def _p_values(tables: Sequence[Floats], twins: NDArray[np.int64] | None, seed: int) -> Floats:
    """Permutation p of each of the k differences; shape (k,)."""
    first, second = tables[0], tables[1] if twins is None else tables[1][twins]
    rng = np.random.default_rng([seed, 0x61])
    both = np.concatenate([first, second])
    own = np.arange(len(both)) < len(first)
    observed = _gaps(own[None, :], both)[0]
    beyond, done = np.zeros(len(observed)), 0
    while done < PERMUTATIONS:
        count = min(CHUNK, PERMUTATIONS - done)
        if twins is None:
            picked = rng.permuted(np.repeat(own[None, :], count, axis=0), axis=1)
        else:
            half = rng.random((count, len(first))) < 0.5
            picked = np.concatenate([half, ~half], axis=1)
        beyond += (_gaps(picked, both) >= observed - 1e-12).sum(axis=0)
        done += count
    return np.asarray((1 + beyond) / (1 + PERMUTATIONS))


def _gaps(picked: NDArray[np.bool_], both: Floats) -> Floats:
    """Absolute difference of the two sides' means under each row of `picked`; shape (rows, k)."""
    one = picked.astype(np.float64) @ both
    two = both.sum(axis=0) - one
    k = both.shape[1] // 2
    means = [side[:, :k] / np.maximum(side[:, k:], 1.0) for side in (one, two)]
    return np.asarray(np.abs(means[0] - means[1]))


def _means(a: tuple[list[float], list[str]], b: tuple[list[float], list[str]], unit: str, p: float) -> Rate:
    """Means on both sides, and their difference with the two intervals combined as independent."""
    first, second = (cluster_mean(v, c, proportion=False) for v, c in (a, b))
    gap = first.point - second.point
    limits: tuple[float | None, float | None] = (None, None)
    if first.low is not None and second.low is not None and first.high is not None and second.high is not None:
        half = float(np.hypot(first.high - first.low, second.high - second.low)) / 2
        limits = (gap - half, gap + half)
    return Rate(simulated=first, real=second, difference=(gap, *limits), unit=unit, p=p)
