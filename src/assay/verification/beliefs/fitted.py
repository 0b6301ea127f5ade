"""A policy fitted to real people: what a turn tells of a hidden label, learnt from other sessions (METHODS 5).

Where nobody wrote the policy, its table is replaced by a log-linear one: log P(u_t | g, h_t) = w . f(u_t, h_t, g) up to
a constant per turn, so that the filter goes on as before. f reads the turn from the side of a hypothesis: words that
name one of its values stand as that value's place (`<High>`), words that name another hypothesis's value as `<other>`,
and n-grams round such places are the features, beside word x value pairs. What is learnt for one value then holds for
all. w is fitted to the posteriors after every turn of whole sessions, not turn by turn, so that turns that repeat one
another are not counted twice; one temperature is fitted on sessions that w has not seen.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput
from assay.stats.beliefs import fit_temperature, normalised

HALF = 1 << 16
WIDTH = 2 * HALF
"""Places that features are hashed to: the first half for n-grams round places, the second for word x value pairs."""
RIDGES = (2.0, 8.0, 32.0)
"""Twice the nats that a weight of 1 costs over the whole fit; the one that does best on held-out sessions is taken."""
LEXICAL = 0.3
"""Size of a word x value pair beside a place's 1, so that it costs more (chosen on half of CaSiNo's sessions)."""
FOLDS = 4
MOST_STEPS = 80
NEAR = 4
"""Words on each side of a place that are paired with it."""

Logs = NDArray[np.float64]
Hypothesis = Mapping[str, str]
"""Place -> value, e.g. {"High": "Food", "Low": "Water"}; an empty value has no words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One party's side of a session."""

    group: str
    """Session or scenario id; sessions of one group are never on both sides of a fold."""
    truth: int
    """Index of the true hypothesis."""
    turns: tuple[tuple[str, str], ...]
    """(what the partner said before it, what the party said), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPolicy:
    """A fitted policy over fixed hypotheses."""

    hypotheses: tuple[Hypothesis, ...]
    """What may be hidden."""
    weight: Logs
    """(WIDTH,) weights, the temperature in them."""
    log_prior: Logs
    """(K,) shares of the hypotheses among the sessions it was fitted on, one session's worth smoothed."""
    temperature: float
    """What the likelihoods were divided by."""
    ridge: float
    """Which of RIDGES."""
    n: int
    """Sessions it was fitted on."""

    def table(self, turns: Sequence[tuple[str, str]]) -> Logs:
        """(turns, K) log-likelihoods, up to a constant per turn, for `filter_beliefs`; 0 rows without turns."""
        if not turns:
            return np.empty((0, len(self.hypotheses)))
        matrix = _matrix(list(_rows(turns, self.hypotheses)))
        return np.asarray(matrix @ self.weight).reshape(len(turns), len(self.hypotheses))


def fit_policy(told: Sequence[Told], hypotheses: Sequence[Hypothesis]) -> FittedPolicy:
    """Fit weights, prior, ridge and temperature.

    Raises BadInput for fewer than 2 hypotheses, fewer groups than FOLDS, a truth out of range, or a party that never
    speaks. *Guarantee*: none beyond the data: random are the sessions, assumed is that new ones are drawn alike. Its
    posteriors are calibrated as far as the held-out temperature makes them (tests/verification/test_beliefs_fitted.py;
    the twin tempered on the sessions that it was fitted on is over-confident).
    """
    k = len(hypotheses)
    groups = sorted({t.group for t in told})
    if k < 2 or len(groups) < FOLDS:
        raise BadInput(f"{k} hypotheses, {len(groups)} sessions", now=f"give 2 or more, and {FOLDS} sessions or more")
    if any(not 0 <= t.truth < k or not t.turns for t in told):
        raise BadInput("a session without turns, or whose truth is no hypothesis", now="leave it out")
    blocks = [_matrix(list(_rows(t.turns, hypotheses))) for t in told]
    truth = np.array([t.truth for t in told])
    counts = np.bincount(truth, minlength=k) + 1.0 / k
    log_prior = np.log(counts / counts.sum())
    place = {name: i % FOLDS for i, name in enumerate(groups)}
    fold = np.array([place[t.group] for t in told])
    tried = []
    for ridge in RIDGES:
        totals = _held_out(blocks, truth, fold, log_prior, ridge)
        heat = fit_temperature(log_prior, totals, truth)
        loss = -float(normalised(log_prior + totals / heat)[np.arange(len(truth)), truth].mean())
        tried.append((loss, ridge, heat))
    _, ridge, heat = min(tried)
    weight = _weights(blocks, truth, log_prior, ridge) / heat
    return FittedPolicy(
        hypotheses=tuple(hypotheses), weight=weight, log_prior=log_prior, temperature=heat, ridge=ridge, n=len(told)
    )


def _held_out(
    blocks: Sequence[Any], truth: NDArray[np.int64], fold: NDArray[np.int64], log_prior: Logs, ridge: float
) -> Logs:
    """(sessions, K) log-likelihoods of whole sessions by weights that were fitted on the other folds."""
    totals = np.empty((len(blocks), len(log_prior)))
    for part in range(FOLDS):
        kept = np.flatnonzero(fold != part).tolist()
        weight = _weights([blocks[i] for i in kept], truth[kept], log_prior, ridge)
        for i in np.flatnonzero(fold == part).tolist():
            totals[i] = (blocks[i] @ weight).reshape(-1, len(log_prior)).sum(axis=0)
    return totals


def _weights(blocks: Sequence[Any], truth: NDArray[np.int64], log_prior: Logs, ridge: float) -> Logs:
    """w of least mean loss over the prefixes of each session, plus the ridge."""
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix, vstack

    k = len(log_prior)
    turns = np.array([b.shape[0] // k for b in blocks])
    whole = vstack(blocks).tocsr()
    seen, place = np.unique(whole.indices, return_inverse=True)
    whole = csr_matrix((whole.data, place, whole.indptr), shape=(whole.shape[0], len(seen)))
    back = whole.T.tocsr()
    owner = np.repeat(np.arange(len(blocks)), turns)
    starts = np.concatenate([[0], turns.cumsum()[:-1]])
    goal = np.zeros((len(owner), k))
    goal[np.arange(len(owner)), truth[owner]] = 1.0
    share = (1.0 / turns)[owner][:, None]

    def cost(w: Logs) -> tuple[float, Logs]:
        run = (whole @ w).reshape(-1, k).cumsum(axis=0)
        before = np.where(starts[:, None] > 0, run[np.maximum(starts - 1, 0)], 0.0)
        logs = log_prior + run - before[owner]
        logs -= logs.max(axis=1, keepdims=True)
        p = np.exp(logs)
        p /= p.sum(axis=1, keepdims=True)
        loss = -float((share * goal * np.log(np.maximum(p, 1e-12))).sum())
        gap = share * (p - goal)
        # a weight of turn t moves the posterior of every later turn of its session
        later = gap[::-1].cumsum(axis=0)[::-1]
        ends = starts + turns
        after = np.vstack([later, np.zeros((1, k))])[ends]
        return loss + ridge * float(w @ w) / 2, np.asarray(back @ (later - after[owner]).ravel() + ridge * w)

    found = minimize(cost, np.zeros(len(seen)), jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    weight = np.zeros(WIDTH)
    weight[seen] = found.x
    return weight


def _rows(turns: Iterable[tuple[str, str]], hypotheses: Sequence[Hypothesis]) -> Iterator[list[int]]:
    """Features of every (turn, hypothesis), turn by turn, as places below WIDTH."""
    names = [stems(v) for h in hypotheses for v in h.values() if v]
    for partner, text in turns:
        words, before = stems(text), stems(partner)
        for hypothesis in hypotheses:
            yield [_place(f) for f in set(_features(words, before, hypothesis, names))]


def _place(feature: str) -> int:
    return zlib.crc32(feature.encode()) % HALF + (HALF if feature.startswith("w ") else 0)


def stems(text: str) -> list[str]:
    """Lower-case words and numbers, cut to five letters so that `moderately` meets `moderate`."""
    return [w[:5] for w in re.findall(r"[a-z]+|\d+|[?!]", text.lower())]


def _features(words: list[str], before: list[str], hypothesis: Hypothesis, names: list[list[str]]) -> Iterator[str]:
    own = [(place, stems(value)) for place, value in hypothesis.items() if value]
    for place, value in hypothesis.items():
        yield from (f"w {w} {place}={value}" for w in words)
    for side, said in (("", _placed(words, own, names)), ("p ", _placed(before, own, names))):
        marks = [i for i, w in enumerate(said) if w.startswith("<")]
        for i in marks:
            yield f"{side}m {said[i]}"
            for j in range(max(0, i - NEAR), min(len(said), i + NEAR + 1)):
                if j != i:
                    yield f"{side}n {said[i]} {said[j]} {'after' if j > i else 'before'}"
            yield f"{side}b {' '.join(said[max(0, i - 1) : i + 1])}"
            yield f"{side}b {' '.join(said[i : i + 2])}"
            yield f"{side}t {' '.join(said[max(0, i - 2) : i + 1])}"
            if side and words:
                yield f"{side}a {said[i]} {words[0]}"


def _placed(words: list[str], own: Sequence[tuple[str, list[str]]], names: Sequence[list[str]]) -> list[str]:
    """The words with the hypothesis's values as `<place>` and other hypotheses' values as `<other>`."""
    out, i = [], 0
    while i < len(words):
        place = next((p for p, value in own if words[i : i + len(value)] == value), None)
        value = next((v for p, v in own if p == place), None) or next(
            (n for n in names if words[i : i + len(n)] == n), None
        )
        if value is None:
            out.append(words[i])
            i += 1
            continue
        out.append(f"<{place or 'other'}>")
        i += len(value)
    return out


def _matrix(rows: Sequence[Sequence[int]]) -> Any:
    """(rows, WIDTH) sparse matrix of the features' sizes."""
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *(len(r) for r in rows)])
    places = np.fromiter((f for r in rows for f in r), dtype=np.int64, count=int(ends[-1]))
    return csr_matrix((np.where(places < HALF, 1.0, LEXICAL), places, ends), shape=(len(rows), WIDTH))
