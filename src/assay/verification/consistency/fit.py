"""Whose lines are these: how much better one persona fits the lines of a session than other people's personas do.

Nothing in a line of small talk says absolutely whether it fits a persona; against a background of other personas it
does. For a persona P and lines L eight statistics of the cosines (MiniLM) and of the weighted word overlaps between
the sentences of P and the pieces of L are computed, for the whole session and for each half, and standardised by the
same statistics of 20 to 40 other personas. With how well each half answers the partner's turns, and the likeness of
the halves to each other, a multinomial logistic regression gives the probability that the persona fits throughout,
that the lines are another person's, or that they are so from the middle on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.verification.consistency.lexicon import Rarity, stems

WEIGHTS = Path(__file__).parent / "weights" / "persona-fit-1.npz"
KINDS = ("fits", "another", "from_middle")
"""What the model tells apart, in the order of its outputs."""
FLOOR = 0.01
"""Added to a background's standard deviation, so that a constant statistic does not divide by nothing."""
LEAST_LINES = 4
"""Own lines below which halves mean nothing and no score is given."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Person:
    """A persona as the model sees it."""

    vectors: Floats
    """(facts, d) unit vectors of its sentences."""
    stems: tuple[frozenset[int], ...]
    """Stems of each sentence."""


class Talk(NamedTuple):
    """One party's lines in a session, in pieces."""

    vectors: Floats
    """(pieces, d) unit vectors."""
    stems: tuple[frozenset[int], ...]
    """Stems of each piece."""
    line: NDArray[np.int64]
    """(pieces,) number of the line that a piece belongs to."""
    whole: Floats
    """(lines, d) unit vectors of whole lines."""
    before: Floats
    """(lines, d) the partner's turn before; zero where there is none."""
    after: Floats
    """(lines, d) the partner's turn after; zero where there is none."""


class Overlap:
    """Weighted share of the stems of each fact that a piece holds, for many facts at once."""

    def __init__(self, facts: Sequence[frozenset[int]], rarity: Rarity) -> None:
        self.where: dict[int, list[int]] = {}
        self.rarity, self.n = rarity, len(facts)
        self.total = np.array([2.0 + sum(rarity.of(w) for w in sorted(f)) for f in facts])
        for number, fact in enumerate(facts):
            for word in sorted(fact):
                self.where.setdefault(word, []).append(number)

    def matrix(self, pieces: Sequence[frozenset[int]]) -> NDArray[np.float64]:
        """(facts, pieces) in [0, 1)."""
        out = np.zeros((self.n, len(pieces)))
        for column, piece in enumerate(pieces):
            for word in sorted(piece):
                rows = self.where.get(word)
                if rows:
                    out[rows, column] += self.rarity.of(word)
        return np.asarray(out / self.total[:, None])


def statistics(cosine: NDArray[Any], overlap: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(personas, 8) of (facts, pieces) matrices, whose rows belong to personas that begin at `starts`.

    Mean over facts of the best piece and over pieces of the best fact: of cosines, and of cosines plus 0.3 overlap;
    soft versions of these; best overlap; the three best pairs.
    """
    both = cosine + 0.3 * overlap
    sizes = np.diff(np.append(starts, len(cosine)))

    def over_facts(rows: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.add.reduceat(rows, starts) / sizes)

    def best_fact(matrix: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.maximum.reduceat(matrix, starts, axis=0).mean(axis=1))

    out = [over_facts(cosine.max(axis=1)), best_fact(cosine), over_facts(both.max(axis=1)), best_fact(both)]
    soft = np.exp(8.0 * both)
    out.append(np.log(over_facts(soft.mean(axis=1))) / 8.0)
    out.append(over_facts(np.log(soft.mean(axis=1))) / 8.0)
    out.append(over_facts(overlap.max(axis=1)))
    ends = np.append(starts, len(both))
    best = [np.sort(both[a:b].ravel())[-3:].mean() for a, b in pairwise(ends)]
    return np.stack([*out, np.array(best)], axis=1)


def features(person: Person, talk: Talk, background: Sequence[Person], rarity: Rarity) -> NDArray[np.float64]:
    """The 30 features of one session: 3 x 8 standardised statistics and 6 of how its halves hang together."""
    half = len(talk.whole) // 2
    everybody = [person, *background]
    starts = np.cumsum([0, *(len(p.vectors) for p in everybody[:-1])])
    cosine = np.concatenate([p.vectors for p in everybody]) @ talk.vectors.T
    overlap = Overlap([f for p in everybody for f in p.stems], rarity).matrix(talk.stems)
    out = []
    for part in (slice(None), talk.line < half, talk.line >= half):
        found = statistics(cosine[:, part], overlap[:, part], starts)
        others = found[1:]
        out.append((found[0] - others.mean(axis=0)) / (others.std(axis=0) + FLOOR))
    return np.concatenate([*out, _halves(talk, half)])


def _halves(talk: Talk, half: int) -> NDArray[np.float64]:
    """How much better the first half answers and is answered than the second, and the likeness of the halves."""
    replies = (talk.whole * talk.before).sum(axis=1)
    answered = (talk.whole * talk.after).sum(axis=1)
    has_before, has_after = np.abs(talk.before).sum(axis=1) > 0, np.abs(talk.after).sum(axis=1) > 0
    first = np.arange(len(talk.whole)) < half
    across = talk.whole[half:] @ talk.whole[:half].T
    return np.array(
        [
            _mean(replies[~first & has_before]) - _mean(replies[first & has_before]),
            _mean(answered[~first & has_after]) - _mean(answered[first & has_after]),
            _mean(replies[~first & has_before]),
            _mean(answered[~first & has_after]),
            float(across.max(axis=1).mean()),
            float(across.mean()),
        ]
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0


@dataclass(frozen=True)
class FitModel:
    """Weights of the multinomial regression, the rarity of stems, and a background of personas."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    rarity: Rarity
    background: tuple[Person, ...]
    card: dict[str, Any]

    def probabilities(self, person: Person, talk: Talk, background: Sequence[Person]) -> NDArray[np.float64]:
        """(3,) probability of each of KINDS, equal priors."""
        x = (features(person, talk, background, self.rarity) - self.mean) / self.scale
        z = self.coefficients @ np.clip(x, -6.0, 6.0) + self.intercepts
        p = np.exp(z - z.max())
        return np.asarray(p / p.sum())


@lru_cache(maxsize=1)
def shipped() -> FitModel:
    """The model that comes with assay (weights/persona-fit-1.md says what it was trained on)."""
    with np.load(WEIGHTS, allow_pickle=False) as held:
        rarity = Rarity(
            dict(zip(held["stem_keys"].tolist(), (held["stem_weights"] / 16.0).tolist(), strict=True)),
            float(held["unseen"]),
        )
        vectors = held["background"].astype(np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        ends, stem_ends = held["persona_ends"].tolist(), held["fact_ends"].tolist()
        tokens = held["fact_stems"].tolist()
        facts = [frozenset(tokens[a:b]) for a, b in zip([0, *stem_ends[:-1]], stem_ends, strict=True)]
        people = tuple(Person(vectors[a:b], tuple(facts[a:b])) for a, b in zip([0, *ends[:-1]], ends, strict=True))
        return FitModel(
            mean=held["mean"], scale=held["scale"], coefficients=held["coefficients"], intercepts=held["intercepts"],
            rarity=rarity, background=people, card=json.loads(str(held["card"])),
        )  # fmt: skip


def person_of(texts: Sequence[str], vectors: Floats) -> Person:
    """A persona from its sentences and their vectors."""
    return Person(vectors, tuple(stems(t) for t in texts))
