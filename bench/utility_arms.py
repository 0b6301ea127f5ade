"""The arms of one fold of the utility benchmark, on the same test turns with the same learner."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from utility_learner import Learner, joined, take
from utility_score import Bootstrap, Hits, constant, difference, gap_closed, hits, ratio, recalls
from utility_turns import MAIN, LabelledTurn

SEEDS = 5
SIZES = (100, 200, 400, 800, 1500, 3000)
MIXED = (50, 100, 200, 500)
DOUBT = 0.1
"""A simulated turn is filtered out when the reader of the training corpora gives its authored act less than this."""
SAMPLE = 1000
"""Turns of the matched arms, where there are as many."""
Draw = Callable[[np.random.Generator], list[LabelledTurn]]


@dataclass(frozen=True, slots=True)
class Pools:
    """Turns that a fold may learn from, and those it is tested on."""

    simulated: list[LabelledTurn]
    direct: list[LabelledTurn]
    """Real turns that the adapter was trained on."""
    real: list[LabelledTurn]
    """Train part of the held-out corpus."""
    test: list[LabelledTurn]


def shared_acts(pools: Pools) -> tuple[str, ...]:
    """Acts that both the simulated sessions and the test turns have, as main acts."""
    made, wanted = {t.act for t in pools.simulated}, {t.act for t in pools.test}
    return tuple(a for a in MAIN if a in made & wanted)


def within(pools: Pools, acts: Sequence[str]) -> Pools:
    """The pools without the turns whose main act is another."""

    def kept(turns: list[LabelledTurn]) -> list[LabelledTurn]:
        return [t for t in turns if t.act in acts]

    return Pools(kept(pools.simulated), kept(pools.direct), kept(pools.real), kept(pools.test))


def consistent(turns: Sequence[LabelledTurn], reader: Learner) -> list[LabelledTurn]:
    """Simulated turns without those whose authored act a reader of the training corpora finds unlikely.

    An act that those corpora do not have can't be read there: its turns stay.
    """
    if not turns:
        return []
    shares = reader.shares(turns)
    known = shares.max(axis=0) > 0
    column = {a: i for i, a in enumerate(reader.acts) if known[i]}
    return [t for t, row in zip(turns, shares, strict=True) if t.act not in column or row[column[t.act]] >= DOUBT]


class Fold:
    """One held-out corpus."""

    def __init__(self, pools: Pools, sample: int = SAMPLE) -> None:
        """Raises ValueError where the simulated sessions and the test turns share no act."""
        self.acts = shared_acts(pools)
        if not self.acts:
            raise ValueError("the simulated sessions and the test turns have no act in common")
        self.whole, self.pools = pools, within(pools, self.acts)
        self.n = min(sample, len(self.pools.simulated), len(self.pools.real))
        self.filtered = consistent(self.pools.simulated, Learner(self.acts).fit(self.pools.direct))
        self.bootstrap = Bootstrap([t.session for t in self.pools.test], seed=11)

    def arm(self, draw: Draw) -> Hits:
        """Train on what every seed draws and name the test turns."""
        drawn = [draw(np.random.default_rng([17, seed])) for seed in range(SEEDS)]
        named: list[list[str]] = []
        for i, turns in enumerate(drawn):
            # a whole pool is the same turns for every seed
            same = i > 0 and {id(t) for t in turns} == {id(t) for t in drawn[0]}
            named.append(named[0] if same else Learner(self.acts).fit(turns).predict(self.pools.test))
        return hits(self.pools.test, named, round(float(np.mean([len(d) for d in drawn]))))

    def some(self, turns: list[LabelledTurn], n: int) -> Hits:
        """The arm of n turns of a pool."""
        return self.arm(lambda rng: take(turns, n, rng))

    def matched(self) -> dict[str, Hits]:
        """The arms at the matched size, and those at full size."""
        p = self.pools
        return {
            "training turns of the adapter, same n": self.some(p.direct, self.n),
            "training turns of the adapter, all": self.some(p.direct, len(p.direct)),
            "simulated, same n": self.some(p.simulated, self.n),
            "simulated, all": self.some(p.simulated, len(p.simulated)),
            "simulated, same n, and joined": self.arm(lambda rng: joined(take(p.simulated, self.n, rng), rng)),
            "simulated, all, and joined": self.arm(lambda rng: joined(p.simulated, rng)),
            "simulated, filtered, all": self.some(self.filtered, len(self.filtered)),
            "simulated + training turns, all": self.arm(lambda rng: p.simulated + p.direct),
            "simulated, all, and joined + training turns": self.arm(lambda rng: joined(p.simulated, rng) + p.direct),
            "in-domain, same n": self.some(p.real, self.n),
            "in-domain, all": self.some(p.real, len(p.real)),
        }

    def report(self) -> dict[str, Any]:
        """Everything that is printed, as JSON: coverage, arms, comparisons, per act, size curve, mix."""
        p, whole = self.pools, self.whole
        arms = self.matched()
        return {
            "acts": self.acts,
            "test": {"turns": len(p.test), "sessions": len({t.session for t in p.test}),
                     "coverage": len(p.test) / len(whole.test)},
            "pools": {"simulated": len(p.simulated), "simulated sessions": len({t.session for t in p.simulated}),
                      "filtered": len(self.filtered), "training turns": len(p.direct), "in-domain": len(p.real)},
            "n": self.n,
            "arms": {name: self._row(found) for name, found in arms.items()} | {
                f"base rate, {kind}": self._row(constant(p.test, self.acts, kind)) for kind in ("main", "any")
            },
            "against": {kind: self._against(arms, kind) for kind in ("main", "any")},
            "per act": self._per_act(arms),
            "sizes": self._sizes(),
            "mix": self._mix(),
            "text alone": self._library(),
        }  # fmt: skip

    def _library(self) -> dict[str, Any]:
        """The check of assay itself (RL05) with its own learner, which reads the text alone; main acts, matched n."""
        from assay.verification.realism.utility import Labelled, utility

        p = self.pools
        kinds = [[Labelled(t.text, t.act, t.session) for t in turns] for turns in (p.simulated, p.real, p.test)]
        found = utility(kinds[0], kinds[1], kinds[2], seeds=range(SEEDS), n=self.n)
        return {name: asdict(getattr(found, name)) for name in ("accuracy", "macro_f1")}

    def _row(self, found: Hits) -> dict[str, Any]:
        def rate(kind: str) -> str:
            return str(self.bootstrap.estimate(lambda x: x, [found.of(kind)]))

        return {"n": found.n, "main": rate("main"), "any": rate("any"), "macro": round(found.macro, 3)}

    def _against(self, arms: dict[str, Hits], kind: str) -> dict[str, dict[str, str]]:
        base = constant(self.pools.test, self.acts, kind).of(kind)
        real = arms["in-domain, same n"].of(kind)
        out = {}
        for name, found in arms.items():
            own = found.of(kind)
            best = max(arms["training turns of the adapter, same n"].of(kind),
                       arms["training turns of the adapter, all"].of(kind), key=lambda h: float(h.mean()))  # fmt: skip
            out[name] = {
                "ratio": str(self.bootstrap.estimate(ratio, [own, real])),
                "gap closed": str(self.bootstrap.estimate(gap_closed, [own, real, base])),
                "minus best direct": str(self.bootstrap.estimate(difference, [own, best])),
            }
        return out

    def _per_act(self, arms: dict[str, Hits]) -> dict[str, dict[str, Any]]:
        shown = {"simulated": "simulated, same n", "direct": "training turns of the adapter, all",
                 "in-domain": "in-domain, same n"}  # fmt: skip
        found = {name: recalls(self.pools.test, arms[arm]) for name, arm in shown.items()}
        made = [t.act for t in self.pools.simulated]
        return {
            a: {"test turns": sum(t.act == a for t in self.pools.test), "simulated turns": made.count(a)}
            | {name: round(found[name][a], 3) for name in shown}
            for a in self.acts
        }

    def _sizes(self) -> dict[int, dict[str, list[float]]]:
        """Size -> arm -> [main, any], only where the pool is large enough."""
        p = self.pools
        pools = {"simulated": p.simulated, "in-domain": p.real, "training turns": p.direct}
        out: dict[int, dict[str, list[float]]] = {}
        for n in SIZES:
            found = {k: self.some(v, n) for k, v in pools.items() if len(v) >= n}
            out[n] = {k: [round(float(h.main.mean()), 3), round(float(h.any.mean()), 3)] for k, h in found.items()}
        return out

    def _mix(self) -> dict[int, dict[str, str]]:
        """Real turns -> main hits with them alone, with the simulated ones, and with the adapter's training turns."""
        p, out = self.pools, {}
        for k in MIXED:
            if len(p.real) < k:
                continue
            rows = {
                "real alone": self.some(p.real, k),
                "simulated + real": self.arm(lambda rng, k=k: take(p.real, k, rng) + take(p.simulated, self.n, rng)),
                "training turns + real": self.arm(lambda rng, k=k: take(p.real, k, rng) + take(p.direct, self.n, rng)),
            }  # fmt: skip
            out[k] = {name: str(self.bootstrap.estimate(lambda x: x, [h.main])) for name, h in rows.items()}
        return out
