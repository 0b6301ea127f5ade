"""Soft majority for open text (METHODS 7): answers that mean the same are one answer, and the largest such set wins.

No two people word an answer alike, so that counting equal strings finds no majority. Texts are embedded, clustered by
mean cosine, and an item's answer is the text nearest to the middle of its largest cluster.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput

ALIKE = 0.6
"""Mean cosine from which two sets of texts are one: all-MiniLM-L6-v2 gives paraphrases more and other answers less."""
MOST_TEXTS = 2000
"""Answers to one item, at most: clustering compares every two."""

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts -> vectors, shape (texts, dimension)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftMajority:
    """What was found on one item."""

    item: str
    """Name of the item."""
    clusters: tuple[tuple[str, float], ...]
    """(text nearest to the middle, share of the voices), largest first."""
    cosine: float
    """Mean cosine of two texts in the largest cluster, in [-1, 1]; 1 where it holds one text."""
    tied: bool
    """Whether another cluster is as large; the tighter one then stands first."""
    voices: int
    """Annotators; several texts of one are one voice."""


def soft_majority(rows: Iterable[tuple[str, str, str]], embed: Embed, alike: float = ALIKE) -> list[SoftMajority]:
    """One result per item, in order of their names, from (item, annotator, text) rows.

    embed: gets every different text once. alike: in (-1, 1]. Average linkage (R. Sokal, C. Michener, 1958) on
    cosines. An annotator who gave several texts has one voice, split over them. Raises BadInput for no rows, an empty
    text, more than MOST_TEXTS texts of an item, and vectors that are not finite or all zero.

    *Guarantee*: none about meaning: that is the embedding's. For a fixed embedding the result does not depend on the
    order of rows (tests/aggregation/test_open_text.py).
    """
    if not -1 < alike <= 1:
        raise BadInput(f"alike is {alike:g}, outside (-1, 1]")
    given: dict[str, dict[str, list[str]]] = {}
    for number, (item, annotator, text) in enumerate(rows, start=1):
        if not item.strip() or not annotator.strip() or not text.strip():
            raise BadInput("an empty item, annotator or text", where=f"vote {number}", now="fill it in or drop the row")
        given.setdefault(item, {}).setdefault(annotator, []).append(text.strip())
    if not given:
        raise BadInput("no votes", now="give rows of item, annotator, text")
    texts = sorted({t for by in given.values() for said in by.values() for t in said})
    vectors = _unit(np.asarray(embed(texts), dtype=float), len(texts))
    place = {t: i for i, t in enumerate(texts)}
    return [_of_item(item, given[item], vectors, place, alike) for item in sorted(given)]


def _unit(vectors: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros((1, 1))
    if len(vectors) != n or not np.isfinite(vectors).all() or not (length > 0).all():
        raise BadInput("the embedding gave no usable vectors", now="one finite vector per text, none of them zero")
    return np.asarray(vectors / length)


def _of_item(
    item: str, by: dict[str, list[str]], vectors: NDArray[np.float64], place: dict[str, int], alike: float
) -> SoftMajority:
    texts = sorted({t for said in by.values() for t in said})
    if len(texts) > MOST_TEXTS:
        raise BadInput(f"{len(texts)} different texts", where=f"item {item!r}", now=f"give {MOST_TEXTS} at most")
    voice = dict.fromkeys(texts, 0.0)
    for annotator in sorted(by):
        for text in by[annotator]:
            voice[text] += 1 / len(by[annotator])
    weight = np.array([voice[t] for t in texts])
    own = vectors[[place[t] for t in texts]]
    cosine = np.clip(own @ own.T, -1.0, 1.0)
    group = _clusters(cosine, alike)
    found = []
    for k in np.unique(group):
        inside = np.flatnonzero(group == k)
        near = cosine[np.ix_(inside, inside)]
        middle = texts[inside[int((near @ weight[inside]).argmax())]]
        found.append((float(weight[inside].sum()), _mean_pair(near, weight[inside]), middle))
    found.sort(key=lambda f: (-round(f[0], 9), -round(f[1], 9), f[2]))
    return SoftMajority(
        item=item,
        clusters=tuple((middle, share / len(by)) for share, _, middle in found),
        cosine=found[0][1],
        tied=len(found) > 1 and abs(found[0][0] - found[1][0]) < 1e-9,
        voices=len(by),
    )


def _clusters(cosine: NDArray[np.float64], alike: float) -> NDArray[np.int64]:
    """Cluster number of every text."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(cosine) == 1:
        return np.zeros(1, dtype=np.int64)
    apart = np.maximum(1 - (cosine + cosine.T) / 2, 0.0)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), method="average")
    return np.asarray(fcluster(tree, t=1 - alike + 1e-12, criterion="distance"), dtype=np.int64)


def _mean_pair(near: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Mean cosine of two different voices; the same text twice counts as 1."""
    total = float(weight.sum())
    if total <= 1:
        return 1.0 if len(near) == 1 else float(near[np.triu_indices(len(near), 1)].mean())
    pairs = float(weight @ near @ weight) - float(np.diag(near) @ weight)
    return float(np.clip(pairs / (total * (total - 1)), -1.0, 1.0))
