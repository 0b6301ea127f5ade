"""RL04: do simulated users vary as real ones do? Duplicates, distinct words, and how many share a name."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.stats.intervals import clopper_pearson
from assay.verification.realism.lines import Lines
from assay.verification.realism.signals import spoken

WORTH_REPEATING = 4
"""Words from which a repeated turn counts as a duplicate: people say yes alike."""
ROUNDS = 200
TOKENS = 2000
"""Words that distinct-1 and distinct-2 are counted over: they fall with the length of the text."""
NAME_MOST = 0.05
"""Share of sessions that one name may introduce."""
_NAMED = re.compile(r"\b(?:my name is|my name's|i am called|call me|this is|i'm|i am)\s+([A-Z][a-z]{2,})\b")
_NO_NAME = frozenset(
    word
    for line in (
        "Not Just Sorry Looking Going Interested Here Very Really Also Still From Currently Trying Happy Glad Sure The",
        "Planning Hoping Thinking American British English French German Indian Chinese Canadian Christian Muslim",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    )
    for word in line.split()
)


def diversity(simulated: Sequence[Lines], real: Sequence[Lines], rng: np.random.Generator) -> dict[str, Any]:
    """Duplicates and distinct n-grams at equal numbers of sessions, and names, for both sides.

    Each figure is {simulated, real, real_95 or limits}: the range of real halves says what is chance.
    """
    n = min(len(simulated), len(real) // 2)
    out: dict[str, Any] = {"n_sessions": n}
    measures = {"duplicate_turns": duplicates, "distinct_1": _distinct(1), "distinct_2": _distinct(2)}
    for name, statistic in measures.items():
        sides = [[statistic(_drawn(side, n, rng), rng) for _ in range(ROUNDS)] for side in (simulated, real)]
        known = [[v for v in side if v is not None] for side in sides]
        if not known[0] or not known[1]:
            out[name] = {"reason": "too few words"}
            continue
        low, high = np.quantile(known[1], [0.025, 0.975])
        out[name] = {
            "simulated": float(np.mean(known[0])), "real": float(np.mean(known[1])),
            "real_range": [float(low), float(high)],
        }  # fmt: skip
    out["names"] = {"simulated": names(simulated), "real": names(real)}
    return out


def _drawn(side: Sequence[Lines], n: int, rng: np.random.Generator) -> list[Lines]:
    return [side[i] for i in rng.choice(len(side), n, replace=False)]


def duplicates(side: Sequence[Lines], rng: np.random.Generator) -> float | None:
    """Share of turns of four words or more whose words another turn has, letter for letter; None without such turns."""
    seen = Counter(tuple(w) for own in side for t in own.texts if len(w := spoken(t)) >= WORTH_REPEATING)
    total = sum(seen.values())
    return sum(c for c in seen.values() if c > 1) / total if total else None


def _distinct(size: int) -> Any:
    """Distinct n-grams per n-gram in the first words of turns drawn in random order."""

    def statistic(side: Sequence[Lines], rng: np.random.Generator) -> float | None:
        turns = [t for own in side for t in own.texts]
        grams: list[tuple[str, ...]] = []
        for i in rng.permutation(len(turns)):
            words = spoken(turns[i])
            grams += [tuple(words[j : j + size]) for j in range(len(words) - size + 1)]
            if len(grams) >= TOKENS:
                return len(set(grams[:TOKENS])) / TOKENS
        return None

    return statistic


def names(side: Sequence[Lines]) -> dict[str, Any]:
    """The name that most sessions introduce or carry, and its share of the sessions that have a name at all."""
    found: Counter[str] = Counter()
    named = 0
    for own in side:
        said = {n for t in own.texts for n in _NAMED.findall(t) if n not in _NO_NAME} | {
            n.split()[0] for n in own.names if n.strip()
        }
        named += bool(said)
        found.update(said)
    if not named:
        return {"sessions_with_a_name": 0, "collapsed": None}
    name, most = min(found.items(), key=lambda item: (-item[1], item[0]))
    low, high = clopper_pearson(min(most, named), named)
    return {
        "sessions_with_a_name": named, "distinct": len(found), "most_common": name, "share": most / named,
        "ci": [low, high], "collapsed": low > NAME_MOST,
    }  # fmt: skip
