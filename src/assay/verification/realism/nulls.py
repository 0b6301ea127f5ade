"""Texts, which of them hang together, and what follows: folds, permuted class labels, equal numbers per class."""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import NotEnoughData

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

FEWEST = 4
"""Fewest independent sessions (or pairs of sessions) per class with which anything is said."""

FEWEST_GROUPS = 10
"""Groups below which folds hold sessions instead: two a fold."""


class Text(NamedTuple):
    """One unit to tell apart: the words of a turn, or of a session with one line a turn."""

    text: str
    """The words."""
    session: str
    """Session it belongs to: texts of one session are never independent."""
    group: str = ""
    """Scenario, persona or service: folds never cut through it. Empty: the session stands alone."""
    pair: str = ""
    """Id that a real text and its regeneration share, else empty."""


class Pool(NamedTuple):
    """Real and simulated texts as arrays, real ones first; shape (n,) each."""

    texts: tuple[Text, ...]
    simulated: Bools
    """Class of each text."""
    unit: Ints
    """What a permutation moves as one, 0..U-1: a session, or all sessions that pairs tie together."""
    fold_unit: Ints
    """What a fold holds as one: units that share a group too, where groups leave folds to hold out."""
    paired: bool
    """Whether every text has its counterpart, so that classes are swapped within units."""


def pool(real: Sequence[Text], simulated: Sequence[Text]) -> Pool:
    """Tie the texts together.

    Paired where every text has a pair id and every id stands once on each side; sessions are then named by side, so
    that a session and its regeneration may have one id. Raises NotEnoughData below four sessions a class.
    """
    texts = (*real, *simulated)
    side = np.arange(len(texts)) >= len(real)
    ids = [f"{int(s)}/{t.session}" for s, t in zip(side, texts, strict=True)]
    paired = _is_paired(real, simulated)
    keys = [[i] + ([f"pair/{t.pair}"] if paired else []) for i, t in zip(ids, texts, strict=True)]
    unit = joined(keys)
    grouped = joined([k + ([f"group/{t.group}"] if t.group else []) for k, t in zip(keys, texts, strict=True)])
    sizes = np.bincount(grouped)
    if len(sizes) < FEWEST_GROUPS or sizes.max() > len(texts) / 2:
        # one scenario or service that holds most of it leaves nothing to train on beside it
        grouped = unit
    few = min((len(set(unit[side].tolist())), len(set(unit[~side].tolist()))))
    if few < FEWEST:
        raise NotEnoughData(
            f"{few} independent sessions in a class cannot be told apart from another", now=f"needs at least {FEWEST}"
        )
    return Pool(texts, side, unit, grouped, paired)


def _is_paired(real: Sequence[Text], simulated: Sequence[Text]) -> bool:
    ids, others = [t.pair for t in real], [t.pair for t in simulated]
    if not ids or "" in ids or len(set(ids)) != len(ids):
        return False
    return sorted(ids) == sorted(others)


def joined(keys: Sequence[Sequence[str]]) -> Ints:
    """Component 0..C-1 of each item, in order of appearance: items that share a key, directly or not, are one."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for own in keys:
        for other in own[1:]:
            parent[root(other)] = root(own[0])
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(root(own[0]), len(seen)) for own in keys], dtype=np.int64)


def fold_of(units: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Fold of each row: whole units, in random order, each to the fold that holds least so far.

    Class labels play no part in it, so that folds stay fair under permuted labels. Raises NotEnoughData for fewer than
    two units.
    """
    sizes = np.bincount(units)
    if len(sizes) < 2:
        raise NotEnoughData("all texts share one group, so no fold can be held out", now="group by something smaller")
    folds = min(folds, len(sizes))
    held = np.zeros(folds)
    place = np.zeros(len(sizes), dtype=np.int64)
    for u in rng.permutation(len(sizes)):
        place[u] = int(np.argmin(held))
        held[place[u]] += sizes[u]
    return np.asarray(place[units])


def permuted(made: Pool, count: int, rng: np.random.Generator) -> Bools:
    """Class labels permuted over sessions, or swapped within pairs: shape (n, count), True for simulated."""
    units = int(made.unit.max()) + 1
    if made.paired:
        swapped = rng.random((units, count)) < 0.5
        return np.asarray(made.simulated[:, None] ^ swapped[made.unit])
    own = np.zeros(units, dtype=bool)
    own[made.unit[made.simulated]] = True
    drawn = rng.permuted(np.repeat(own[:, None], count, axis=1), axis=0)
    return np.asarray(drawn[made.unit])


def least_p(first: int, second: int, permutations: int, *, paired: bool = False) -> float:
    """The smallest p that so many permutations of so many sessions can show.

    first, second: sessions of each class (paired: pairs). A labelling and its mirror image are equally far from chance,
    so that with equal numbers two of the labellings that there are reach the largest distance.
    """
    ways = 2.0**first if paired else float(comb(first + second, first))
    mirrors = 2 if paired or first == second else 1
    return min(1.0, max(1 / (1 + permutations), mirrors / ways))


def balanced(labels: Bools, rng: np.random.Generator) -> Bools:
    """Which rows count in each column so that both classes have the same number; the others are left out at random.

    Part of the pipeline that is rerun under each permutation: labels, and what is returned, have shape (n, P).
    """
    kept = np.ones_like(labels)
    ones = labels.sum(axis=0)
    surplus = 2 * ones - len(labels)
    for column in np.flatnonzero(surplus):
        larger = np.flatnonzero(labels[:, column] == (surplus[column] > 0))
        kept[rng.choice(larger, abs(int(surplus[column])), replace=False), column] = False
    return kept


def equal_sessions(
    real: Sequence[Text], simulated: Sequence[Text], most: int, rng: np.random.Generator
) -> tuple[list[Text], list[Text]]:
    """As many sessions of one class as of the other, and at most about `most` texts a class.

    Paired texts are kept or left out pair by pair, whole sessions at a time. Unpaired: sessions of the larger class are
    drawn, then the same number of texts at most from each session, whatever its class.
    """
    if _is_paired(real, simulated):
        units = joined([[f"session/{t.session}", f"pair/{t.pair}"] for t in real]).tolist()
        chosen = _until(rng.permutation(max(units) + 1).tolist(), np.bincount(units), most)
        kept = {t.pair for t, u in zip(real, units, strict=True) if u in chosen}
        return [t for t in real if t.pair in kept], [t for t in simulated if t.pair in kept]
    names = [list(dict.fromkeys(t.session for t in side)) for side in (real, simulated)]
    n = min(len(names[0]), len(names[1]), most)
    per_session = -(-most // max(n, 1))
    out = []
    for side, own in zip((real, simulated), names, strict=True):
        drawn = set(rng.choice(len(own), n, replace=False).tolist())
        sessions = {name for i, name in enumerate(own) if i in drawn}
        out.append(_thinned([t for t in side if t.session in sessions], per_session, rng))
    # one share for both classes: which texts are dropped must not depend on the class
    share = min(1.0, most / max(map(len, out)))
    one, two = ([t for t in side if share == 1 or rng.random() < share] for side in out)
    return one, two


def _until(order: Sequence[int], sizes: NDArray[np.int64], most: int) -> set[int]:
    """Units in order until `most` rows are reached, at least one."""
    chosen, held = set[int](), 0
    for unit in order:
        if chosen and held + int(sizes[unit]) > most:
            break
        chosen.add(unit)
        held += int(sizes[unit])
    return chosen


def _thinned(texts: Sequence[Text], per_session: int, rng: np.random.Generator) -> list[Text]:
    """At most `per_session` random texts of each session, in their order."""
    rank: dict[str, list[tuple[float, int]]] = {}
    for i, (text, u) in enumerate(zip(texts, rng.random(len(texts)), strict=True)):
        rank.setdefault(text.session, []).append((float(u), i))
    kept = {i for own in rank.values() for _, i in sorted(own)[:per_session]}
    return [t for i, t in enumerate(texts) if i in kept]
