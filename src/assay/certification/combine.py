"""Evidence of all checks as one number: a small additive model, monotone in each check, fitted on planted faults.

The log odds of `correct` against `faulty` are a sum over checks of a non-decreasing function of what each says: never
lower where a check supports instead of contradicts, or where its score is higher. A check that says nothing of a label
adds nothing. Correct and faulty weigh the same within a label name, so that the sum is evidence and not our choice of
how many faults to plant. Models are cross-fitted: a session's labels are ranked by a model that saw neither the session
nor its faulty copies.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.certification.evidence import Index, Power, status
from assay.records.base import digest
from assay.records.label import Given
from assay.records.verdict import Status, Verdict

Floats = NDArray[np.float64]

FOLDS = 5
"""Groups of sessions; each is ranked by a model of the others."""
LEAST = 50
"""Faults of a label name from which on it has a model of its own; the others share one."""
KNOTS = (0.0, 0.05, 0.15, 0.35, 0.65, 1.0)
"""Quantiles of a check's scores between which its effect is a straight line."""
RIDGE = 1.0
"""Weight of the squares of the coefficients against the summed log loss."""
ANY = "*"
"""Name of the model for label names without their own."""
SIGNS: Mapping[Status, float] = {"supported": 1.0, "contradicted": -1.0}
"""What a status says without a score; the other statuses say nothing either way."""

Said = tuple[Status, float | None]
"""(worst status, lowest score) of one check on one label."""
Words = Mapping[str, Said]
"""Check code -> what it says of one label; checks that do not apply are left out."""


@dataclass(frozen=True, slots=True)
class Case:
    """One label with what the checks say of it, and whether it is right."""

    session: str
    name: str
    right: bool
    words: Words


def words_of(found: Iterable[Verdict], name: str, power: Power) -> dict[str, Said]:
    """What each check says of one label: worst status, lowest score. Guards and checks without power are left out."""
    said: dict[str, Said] = {}
    for v in found:
        now = status(v, name, power)
        if v.guard or now == "not_applicable":
            continue
        old = said.get(v.code)
        if old is None:
            said[v.code] = (now, v.score)
            continue
        worse = now if _order(now) < _order(old[0]) else old[0]
        scores = [x for x in (old[1], v.score) if x is not None]
        said[v.code] = (worse, min(scores) if scores else None)
    return said


def _order(now: Status) -> float:
    return SIGNS.get(now, 0.0)


def fold_of(session: str) -> int:
    """Fold of a session and of all its faulty copies, which keep its id."""
    return int(digest(["combine", session])[:8], 16) % FOLDS


@dataclass(slots=True)
class Collector:
    """Gathers cases while faults are planted: each broken label as in the copy, and as in the original."""

    cases: list[Case] = field(default_factory=list)
    _before: tuple[int, Index] | None = None

    def __call__(
        self, broken: Sequence[Given], before: Sequence[Verdict], after: Sequence[Verdict], codes: frozenset[str]
    ) -> None:
        """Note one copy. broken: labels that a fault made wrong; before, after: verdicts on the originals and on the
        copy; codes: checks that were asked in both.
        """
        if self._before is None or self._before[0] != id(before):
            self._before = (id(before), Index(before))
        now, nothing = Index(after), Power()
        for given in broken:
            for index, right in ((now, False), (self._before[1], True)):
                words = words_of(index.of(given), given.name, nothing)
                kept = {c: w for c, w in words.items() if c in codes}
                if kept:
                    self.cases.append(Case(given.session, given.name, right, kept))


def fit(cases: Sequence[Case], no_power: frozenset[tuple[str, str | None]] = frozenset()) -> dict[str, Any] | None:
    """Cross-fitted models, as a JSON object; None without cases of both kinds.

    no_power: (check, name) pairs that say nothing here. Returned: {"folds": K, "models": K times {label name or "*":
    {code: {"sign": [against, for], "knots": [...], "slopes": [...], "shift": x}}}, "cases": {name: [right, faulty]}}.

    *Guarantee*: no label is ranked by a model that saw its session. What the ranks are worth on errors that nobody
    planted is not known from this: only answers tell (METHODS 10). tests/laws/test_combine_laws.py shows the twin that
    is not cross-fitted promising more than it keeps.
    """
    kept = [_without(c, no_power) for c in cases]
    if len({c.right for c in kept}) < 2:
        return None
    folds = [fold_of(c.session) for c in kept]
    models = [_models([c for c, f in zip(kept, folds, strict=True) if f != k]) for k in range(FOLDS)]
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for c in kept:
        counts[c.name][not c.right] += 1
    return {"folds": FOLDS, "models": models, "cases": dict(sorted(counts.items()))}


def _without(case: Case, no_power: frozenset[tuple[str, str | None]]) -> Case:
    words = {c: w for c, w in case.words.items() if (c, case.name) not in no_power}
    return Case(case.session, case.name, case.right, words)


def _models(cases: Sequence[Case]) -> dict[str, Any]:
    by_name: dict[str, list[Case]] = defaultdict(list)
    for c in cases:
        by_name[c.name].append(c)
    own = {n: cs for n, cs in by_name.items() if min(sum(c.right for c in cs), sum(not c.right for c in cs)) >= LEAST}
    return {ANY: _fit_one(cases), **{name: _fit_one(cs) for name, cs in sorted(own.items())}}


def _fit_one(cases: Sequence[Case]) -> dict[str, Any]:
    """One model: check code -> its step and its broken line, all slopes >= 0."""
    codes = sorted({code for c in cases for code in c.words})
    shapes = {code: _knots([w[1] for c in cases if (w := c.words.get(code)) and w[1] is not None]) for code in codes}
    rows = [[_columns(c.words.get(code), shapes[code]) for code in codes] for c in cases]
    if not codes:
        return {}
    x = np.array([[v for part in row for v in part] for row in rows], dtype=float)
    there = np.array([[code in c.words for code in codes for _ in range(2 + len(shapes[code]) - 1)] for c in cases])
    right = np.array([c.right for c in cases])
    weight = _weights(cases)
    # a check that is silent on a label must add nothing: its columns are measured from their mean where it speaks
    spoken = (weight[:, None] * there).sum(0)
    shift = np.divide((weight[:, None] * x * there).sum(0), spoken, out=np.zeros(x.shape[1]), where=spoken > 0)
    beta = _non_negative_logistic((x - shift) * there, right, weight)
    model, at = {}, 0
    for code in codes:
        size = 2 + len(shapes[code]) - 1
        part, mean = beta[at : at + size], shift[at : at + size]
        model[code] = {
            "sign": [float(v) for v in part[:2]], "knots": shapes[code], "slopes": [float(v) for v in part[2:]],
            "shift": float(part @ mean),
        }  # fmt: skip
        at += size
    return model


def _knots(scores: Sequence[float]) -> list[float]:
    """Strictly rising quantiles of the scores; one where they are all the same or there are none."""
    if not scores:
        return [0.0]
    return sorted({float(f"{v:.6g}") for v in np.quantile(scores, KNOTS)})


def _columns(said: Said | None, knots: Sequence[float]) -> list[float]:
    """[not contradicted, supported, how far the score is through each stretch], each in [0, 1]."""
    if said is None:
        return [0.0] * (2 + len(knots) - 1)
    sign = SIGNS.get(said[0], 0.0)
    score = knots[0] if said[1] is None else said[1]
    parts = [min(1.0, max(0.0, (score - a) / (b - a))) for a, b in pairwise(knots)]
    return [float(sign >= 0), float(sign > 0), *parts]


def _weights(cases: Sequence[Case]) -> Floats:
    """Right and faulty weigh the same within a name; the weights have mean 1."""
    counts: Counter[tuple[str, bool]] = Counter()
    for c in cases:
        counts[c.name, c.right] += 1
    half = {key: (counts[key[0], True] + counts[key[0], False]) / (2 * n) for key, n in counts.items()}
    return np.array([half[c.name, c.right] for c in cases])


def _non_negative_logistic(x: Floats, right: NDArray[np.bool_], weight: Floats) -> Floats:
    """Coefficients >= 0 of a logistic model with free intercept (dropped: the classes are balanced)."""
    from scipy.optimize import minimize

    y = np.where(right, 1.0, -1.0)

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = y * (theta[0] + x @ theta[1:])
        p = weight * y / (1 + np.exp(np.clip(z, -500, 500)))
        value = float((weight * np.logaddexp(0, -z)).sum() + RIDGE * (theta[1:] ** 2).sum() / 2)
        return value, np.concatenate([[-p.sum()], RIDGE * theta[1:] - x.T @ p])

    bounds = [(None, None), *[(0.0, None)] * x.shape[1]]
    found = minimize(loss, np.zeros(1 + x.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8})  # fmt: skip
    return np.asarray(found.x[1:], dtype=float)


def _held(models: Mapping[str, Any], session: str, name: str) -> Mapping[str, Any]:
    """The model that ranks a label: of its session's fold, of its name where there is one."""
    found = models["models"][fold_of(session) % models["folds"]]
    model: Mapping[str, Any] = found.get(name) or found.get(ANY) or {}
    return model


def known_codes(models: Mapping[str, Any], session: str, name: str) -> frozenset[str]:
    """Checks whose word on such labels the model has learnt."""
    return frozenset(_held(models, session, name))


def evidence(models: Mapping[str, Any], session: str, name: str, words: Words) -> float | None:
    """Log odds of correct against faulty of one label; None where no check that the model knows says anything."""
    model = _held(models, session, name)
    found = [
        sum(v * b for v, b in zip(_columns(said, part["knots"]), [*part["sign"], *part["slopes"]], strict=True))
        - part["shift"]
        for code, said in sorted(words.items())
        if (part := model.get(code)) is not None
    ]
    return math.fsum(found) if found else None
