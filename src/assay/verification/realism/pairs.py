"""RL03: real-or-simulated pairs for people, in blind random order, and what their answers say."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from assay.errors import BadAnswers, NotEnoughData
from assay.stats.intervals import Interval, clopper_pearson, cluster_mean
from assay.verification.realism.nulls import Text

Side = Literal["first", "second"]


class Pair(NamedTuple):
    """Two texts of which one is simulated."""

    pair_id: str
    first: str
    second: str
    simulated_is: Side
    """Never shown to those who answer."""


class Judgement(NamedTuple):
    """What one person said of one pair."""

    pair_id: str
    rater: str
    answer: Side
    """Which one they took for the simulated one."""


class Judged(NamedTuple):
    """How often people found the simulated one."""

    share: float
    """Right judgements per judgement; 0.5 is chance."""
    ci: tuple[float, float] | None
    """95 %: Clopper-Pearson with one judgement a pair, else by rater; null with fewer than 10 raters."""
    p: float | None
    """Two-sided exact binomial p against 0.5; null where a pair has several judgements."""
    n: int
    pairs: int
    raters: int


def make_pairs(real: Sequence[Text], simulated: Sequence[Text], n: int, rng: np.random.Generator) -> list[Pair]:
    """`n` pairs (fewer where there are fewer texts): regenerations with their originals, else at random.

    Every text is used once, the order within a pair is drawn, and ids say nothing. Raises NotEnoughData without texts.
    """
    if not real or not simulated:
        raise NotEnoughData("no pairs without real and simulated texts", now="give at least one of each")
    by = {t.pair: t for t in real if t.pair}
    twins = [(by[t.pair], t) for t in simulated if t.pair in by]
    if not twins:
        one, two = rng.permutation(len(real)), rng.permutation(len(simulated))
        twins = [(real[i], simulated[j]) for i, j in zip(one, two, strict=False)]
    out = []
    for number, i in enumerate(rng.permutation(len(twins))[:n], 1):
        own, made = twins[i]
        swap = bool(rng.random() < 0.5)
        first, second = (made.text, own.text) if swap else (own.text, made.text)
        out.append(Pair(f"p{number:04d}", first, second, "first" if swap else "second"))
    return out


def pairs_csv(pairs: Sequence[Pair]) -> str:
    """What people get: `pair_id,first,second`."""
    return _csv(["pair_id", "first", "second"], [p[:3] for p in pairs])


def key_csv(pairs: Sequence[Pair]) -> str:
    """What stays behind: `pair_id,simulated_is`."""
    return _csv(["pair_id", "simulated_is"], [(p.pair_id, p.simulated_is) for p in pairs])


def _csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def judge(judgements: Sequence[Judgement], key: Mapping[str, Side]) -> Judged:
    """How often the simulated one was found.

    *Guarantee*: with one judgement a pair, raters who cannot tell are right with probability 1/2 independently, since
    the order in each pair is a coin of its own: the binomial p and limits are exact. With several judgements a pair
    they share that coin, so that only raters are taken as independent. Raises BadAnswers for an unknown pair or a
    second answer of one rater to one pair, NotEnoughData without answers.
    """
    if not judgements:
        raise NotEnoughData("no answers", now="needs at least one")
    for j in judgements:
        if j.pair_id not in key:
            raise BadAnswers(f"no pair {j.pair_id!r}", now="answer the pairs that were drawn")
        if j.answer not in ("first", "second"):
            raise BadAnswers(f"the answer {j.answer!r} is neither first nor second", where=j.pair_id)
    if len({(j.pair_id, j.rater) for j in judgements}) < len(judgements):
        raise BadAnswers("a rater answered a pair twice", now="keep the first answer")
    right = [j.answer == key[j.pair_id] for j in judgements]
    pairs, raters = {j.pair_id for j in judgements}, [j.rater for j in judgements]
    n, k = len(right), sum(right)
    if len(pairs) == n:
        from scipy.stats import binomtest

        return Judged(k / n, clopper_pearson(k, n), float(binomtest(k, n).pvalue), n, n, len(set(raters)))
    found: Interval = cluster_mean(np.asarray(right, dtype=float), raters)
    limits = None if found.low is None or found.high is None else (found.low, found.high)
    return Judged(found.point, limits, None, n, len(pairs), len(set(raters)))


def judged_row(found: Judged) -> dict[str, Any]:
    """As the JSON summary shows it."""
    return found._asdict()
