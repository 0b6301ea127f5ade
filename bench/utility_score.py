"""Scores of the utility benchmark: hits per test turn, ratio and gap closed, with intervals over sessions and seeds.

Two hits are counted. `main`: the act named is the turn's main act. `any`: it is one of the turn's acts (precision at
one), which a turn that does several things deserves. Source of ratio and gap closed: METHODS 8, RL05.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utility_turns import LabelledTurn

DRAWS = 2000
"""Bootstrap draws."""
Rates = Callable[..., NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Hits:
    """What one arm named, seed by seed."""

    main: NDArray[np.bool_]
    """Shape (seeds, turns)."""
    any: NDArray[np.bool_]
    """Shape (seeds, turns)."""
    macro: float
    """Mean F1 over acts, mean over seeds."""
    n: int
    """Training turns (the mean over seeds, rounded)."""

    def of(self, kind: str) -> NDArray[np.bool_]:
        """`main` or `any`."""
        return self.main if kind == "main" else self.any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with 95 % limits."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def hits(turns: Sequence[LabelledTurn], named: Sequence[Sequence[str]], n: int) -> Hits:
    """Hits of the acts named by every seed's classifier. Raises ValueError without turns or seeds."""
    if not turns or not named:
        raise ValueError("hits need test turns and at least one seed")
    main = np.array([[a == t.act for a, t in zip(row, turns, strict=True)] for row in named])
    some = np.array([[a in t.acts for a, t in zip(row, turns, strict=True)] for row in named])
    return Hits(main, some, float(np.mean([macro_f1([t.act for t in turns], row) for row in named])), n)


def macro_f1(truth: Sequence[str], named: Sequence[str]) -> float:
    """Mean over the acts that occur in the truth of the F1 of each."""
    scores = []
    for act in sorted(set(truth)):
        both = sum(a == b == act for a, b in zip(truth, named, strict=True))
        scores.append(2 * both / (sum(a == act for a in truth) + sum(b == act for b in named)))
    return float(np.mean(scores))


def constant(turns: Sequence[LabelledTurn], acts: Sequence[str], kind: str) -> Hits:
    """The base rate: the one act that hits most test turns, always named."""
    rows = {a: hits(turns, [[a] * len(turns)], 0) for a in acts}
    return max(rows.values(), key=lambda h: float(h.of(kind).mean()))


def recalls(turns: Sequence[LabelledTurn], found: Hits) -> dict[str, float]:
    """Act -> share of the turns with that main act that are named so, mean over seeds."""
    truth = np.array([t.act for t in turns])
    return {a: float(found.main[:, truth == a].mean()) for a in sorted(set(truth.tolist()))}


class Bootstrap:
    """Draws of whole test sessions and of the seeds of every arm; the same session draws for all arms."""

    def __init__(self, sessions: Sequence[str], seed: int) -> None:
        """Raises ValueError without sessions."""
        if not sessions:
            raise ValueError("the bootstrap needs at least one test session")
        names = {s: i for i, s in enumerate(dict.fromkeys(sessions))}
        self.codes = np.array([names[s] for s in sessions])
        self.rng = np.random.default_rng(seed)
        count = len(names)
        self.times = self.rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(float)
        self.size = self.times @ np.bincount(self.codes, minlength=count)

    def rates(self, found: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Hit rate in every draw, shape (DRAWS,): sessions redrawn, and the seeds of this arm redrawn."""
        totals = np.stack([np.bincount(self.codes, row, self.times.shape[1]) for row in found.astype(float)])
        per_seed = (self.times @ totals.T) / self.size[:, None]
        chosen = self.rng.integers(len(found), size=(DRAWS, len(found)))
        return np.asarray(np.take_along_axis(per_seed, chosen, axis=1).mean(axis=1), dtype=np.float64)

    def estimate(self, function: Rates, arms: Sequence[NDArray[np.bool_]]) -> Estimate:
        """A function of the hit rates of several arms, with percentile limits."""
        point = function(*(np.array([a.mean()]) for a in arms))[0]
        low, high = np.quantile(function(*(self.rates(a) for a in arms)), (0.025, 0.975))
        return Estimate(float(point), float(low), float(high))


def ratio(simulated: NDArray[np.float64], real: NDArray[np.float64]) -> NDArray[np.float64]:
    """Simulated over in-domain."""
    return simulated / real


def gap_closed(
    simulated: NDArray[np.float64], real: NDArray[np.float64], base: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(simulated - base) / (in-domain - base); where in-domain training gains nothing there is no gap: 0."""
    gained = real - base
    return np.divide(simulated - base, gained, out=np.zeros_like(gained), where=gained > 0)


def difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """First minus second."""
    return first - second
