"""Beliefs over latents along a conversation: the exact filter, its temperature, its calibration (METHODS 5).

All arrays are numpy floats; logs are natural. K hypotheses, T turns of the user.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import BadInput

FLOOR = 1e-6
"""Smallest answer of a model that is believed."""
KNOWN = 0.9
"""Probability from which on a label counts as identifiable."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """What the turns say about the hypotheses; row 0 is before the first turn."""

    now: Array
    """(T+1, K) log P(g_t | u_1..t)."""
    first: Array
    """(T+1, K) log P(g_0 | u_1..t); equal to `now` without drift."""
    evidence: Array
    """(T+1,) log P(u_1..t), in nats."""


def normalised(logs: ArrayLike) -> Array:
    """Logs shifted so that each row's probabilities sum to 1.

    Shape (..., K). Raises BadInput for NaN, +inf, and rows without any mass.
    """
    values = np.asarray(logs, dtype=float)
    if values.size == 0 or np.isnan(values).any() or np.isposinf(values).any():
        raise BadInput("log probabilities must be numbers below infinity", now="give finite values or -inf")
    total = np.logaddexp.reduce(values, axis=-1)
    if np.isneginf(total).any():
        raise BadInput("every hypothesis has probability zero", now="check the prior and the likelihood table")
    return np.asarray(values - total[..., None])


def filter_beliefs(
    log_prior: ArrayLike, log_likelihood: ArrayLike, *, drift: float = 0.0, temperature: float = 1.0
) -> Beliefs:
    """Forward filter in log space: before each turn g moves by K = (1-e)I + eU, then Bayes' rule.

    `log_prior`: (K,), normalised here. `log_likelihood`: (T, K), log P(u_t | g, h_t); -inf is impossible. `drift`: e in
    [0, 1]. `temperature` > 0 divides the likelihoods. Raises BadInput for shapes that do not fit, values outside these
    ranges, NaN, and turns that no hypothesis allows.

    *Guarantee*: the posterior is exact when the prior, the kernel and the table are those that drew the latents and the
    turns; equal to summing over all paths to 1e-9, and then calibrated (tests/laws/test_belief_laws.py). Nothing is
    promised under a wrong table.
    """
    prior = normalised(log_prior)
    table = np.asarray(log_likelihood, dtype=float)
    if prior.ndim != 1 or table.ndim != 2 or table.shape[1] != len(prior):
        raise BadInput(f"a table of shape {table.shape} does not fit a prior of shape {prior.shape}", now="give (T, K)")
    if not 0 <= drift <= 1:
        raise BadInput(f"drift is {drift:g}, outside [0, 1]")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise BadInput(f"temperature is {temperature:g}, not a positive number")
    joint = np.full((len(prior), len(prior)), -np.inf) if drift else prior
    if drift:
        np.fill_diagonal(joint, prior)
    now, first, evidence = [prior], [prior], [0.0]
    for row in table:
        joint = (_moved(joint, drift) if drift else joint) + row / temperature
        gain = float(np.logaddexp.reduce(joint.ravel()))
        joint = normalised(joint.ravel()).reshape(joint.shape)
        evidence.append(evidence[-1] + gain)
        now.append(np.logaddexp.reduce(joint.T, axis=-1) if drift else joint)
        first.append(np.logaddexp.reduce(joint, axis=-1) if drift else joint)
    return Beliefs(now=np.array(now), first=np.array(first), evidence=np.array(evidence))


def increments(answers: ArrayLike, floor: float = FLOOR) -> Array:
    """(T, K) likelihoods, up to a constant per turn, from a model's answers q(g | text up to turn t).

    `answers`: (T+1, K) probabilities, row 0 before the first turn, asked with the same prompt and orders. The increment
    log q(g|u_t,h_t) - log q(g|h_t) is the likelihood ratio; q itself holds the prior, and multiplying it would count
    the prior T times. Raises BadInput outside [0, 1].
    """
    q = np.asarray(answers, dtype=float)
    if q.ndim != 2 or len(q) < 1 or not ((q >= 0) & (q <= 1)).all():
        raise BadInput("answers must be a (T+1, K) table of probabilities in [0, 1]")
    return np.asarray(np.diff(np.log(np.maximum(q, floor)), axis=0))


def marginal(log_posterior: ArrayLike, values: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """(names, (..., V) probabilities) of a label that is a function of the hypothesis. `values`: one per hypothesis."""
    p = np.exp(np.asarray(log_posterior, dtype=float))
    if p.shape[-1] != len(values):
        raise BadInput(f"{len(values)} values for {p.shape[-1]} hypotheses", now="give one value per hypothesis")
    names = tuple(sorted(set(values)))
    picks = np.array([[v == name for name in names] for v in values], dtype=float)
    return names, np.clip(p @ picks, 0.0, 1.0)


def identifiable_from(probability: ArrayLike, level: float = KNOWN) -> int | None:
    """First index t with P(label) >= `level` there and at every later one; None when not so at the end."""
    p = np.asarray(probability, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise BadInput("probabilities must be a row of numbers in [0, 1]")
    low = np.flatnonzero(p < level)
    start = int(low[-1]) + 1 if len(low) else 0
    return start if start < len(p) else None


def drift_alarm(
    log_prior: ArrayLike, log_likelihood: ArrayLike, drift: float = 0.1, alpha: float = 0.01
) -> tuple[int | None, Array]:
    """(first turn, 1-based, at which drift is believed, or None; (T+1,) log Bayes factor of drift against none).

    The factor is +inf from a turn on that no hypothesis allows alone and a change of it does; 0 where nothing does.

    *Guarantee*: under the static model with the true prior and table, the Bayes factor is a martingale that starts at
    1, so that P(it ever reaches 1/alpha) <= alpha (Ville); at any length of session (tests/laws/test_belief_laws.py).
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha is {alpha:g}, outside (0, 1)")
    if not 0 < drift <= 1:
        raise BadInput(f"drift is {drift:g}, outside (0, 1]")
    prior, table = normalised(log_prior), np.asarray(log_likelihood, dtype=float)
    moving, still = _evidence(prior, table, drift), _evidence(prior, table, 0.0)
    with np.errstate(invalid="ignore"):
        factor = np.where(np.isneginf(moving), 0.0, moving - still)
    over = np.flatnonzero(factor >= -math.log(alpha))
    return (int(over[0]) if len(over) else None), np.asarray(factor)


def _evidence(prior: Array, table: Array, drift: float) -> Array:
    """(T+1,) log P(u_1..t) under (1-e)I + eU; -inf from the first turn on that nothing allows."""
    now, out = prior, [0.0]
    for row in table:
        if drift:
            spread = np.full_like(now, math.log(drift / len(now)))
            now = np.logaddexp(now + math.log1p(-drift), spread) if drift < 1 else spread
        joint = now + row
        gain = float(np.logaddexp.reduce(joint))
        if math.isinf(gain):
            return np.array(out + [-math.inf] * (len(table) + 1 - len(out)))
        out.append(out[-1] + gain)
        now = joint - gain
    return np.array(out)


def premature(log_text: ArrayLike, log_policy: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) over sessions of log p_text(g*) - log p_policy(g*), one number per session; a t interval.

    Above 0: the words give the label away before the acts do. Raises BadInput for fewer than two sessions: never called
    on one session.

    *Guarantee*: sessions are independent draws; the interval then covers the mean at about `level` for large n.
    """
    gap = np.asarray(log_text, dtype=float) - np.asarray(log_policy, dtype=float)
    if gap.ndim != 1 or len(gap) < 2 or not np.isfinite(gap).all():
        raise BadInput("premature knowledge is a mean over sessions", now="give two or more sessions, finite numbers")
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, len(gap) - 1) * gap.std(ddof=1) / math.sqrt(len(gap)))
    mean = float(gap.mean())
    return mean, mean - half, mean + half


def fit_temperature(log_prior: ArrayLike, log_likelihood: ArrayLike, truth: ArrayLike) -> float:
    """The one temperature in [0.05, 20] under which whole-session posteriors give the truth the highest likelihood.

    `log_prior`: (K,) or (n, K). `log_likelihood`: (n, K), summed over the session, finite. `truth`: (n,) indices.
    """
    scores = np.asarray(log_likelihood, dtype=float)
    picks = np.asarray(truth, dtype=int)
    prior = np.broadcast_to(np.asarray(log_prior, dtype=float), scores.shape)
    if scores.ndim != 2 or len(scores) != len(picks) or len(picks) == 0:
        raise BadInput("one row of likelihoods and one truth per session")
    rows = np.arange(len(picks))

    def loss(log_power: float) -> float:
        return -float(normalised(prior + math.exp(log_power) * scores)[rows, picks].mean())

    from scipy.optimize import minimize_scalar

    found = minimize_scalar(loss, bounds=(-math.log(20), math.log(20)), method="bounded", options={"xatol": 1e-9})
    return math.exp(-float(found.x))


def held_out_temperatures(
    log_prior: ArrayLike, log_likelihood: ArrayLike, truth: ArrayLike, groups: Sequence[str], folds: int = 5
) -> Array:
    """(n,) temperature for every session, fitted on the sessions of other scenarios only. `groups`: scenario ids."""
    names = sorted(set(groups))
    if len(names) < folds:
        raise BadInput(f"{len(names)} scenarios for {folds} folds", now="take fewer folds or more scenarios")
    scores, picks = np.asarray(log_likelihood, dtype=float), np.asarray(truth, dtype=int)
    prior = np.broadcast_to(np.asarray(log_prior, dtype=float), scores.shape)
    order = {name: i % folds for i, name in enumerate(names)}
    fold = np.array([order[g] for g in groups])
    made = np.empty(len(picks))
    for k in range(folds):
        rest = fold != k
        made[~rest] = fit_temperature(prior[rest], scores[rest], picks[rest])
    return made


def _moved(joint: Array, drift: float) -> Array:
    """log of (K, K) joint of (g_0, g_t) after one step of the kernel on g_t."""
    spread = np.logaddexp.reduce(joint, axis=-1) + math.log(drift / joint.shape[-1])
    stay = joint + math.log1p(-drift) if drift < 1 else np.full_like(joint, -np.inf)
    return np.asarray(np.logaddexp(stay, spread[:, None]))
