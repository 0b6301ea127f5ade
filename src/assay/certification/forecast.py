"""How many answers to expect for a certificate, when a guess at the label error is right."""

from functools import lru_cache
from typing import Any

import numpy as np

from assay.certification.bound import allowed_wrong

LIKELY = 0.9
"""Probability of a grant that the planner's expectation is made for."""
MOST = 20_000
"""Answers beyond which an expectation is not worth its name."""


@lru_cache(maxsize=256)
def expected_answers(error: float, alpha: float, delta: float, beta: float = 0.0) -> int | None:
    """Fewest answers with which a claim is granted in 9 of 10 cases when `error` of the accepted labels are wrong.

    None where that needs more than 20,000, which is so for every error near alpha or above it.
    """
    from scipy.stats import binom

    if error >= alpha * (1 - beta):
        return None
    m = np.arange(MOST + 1)
    enough = binom.cdf(allowed_wrong(MOST, alpha, delta, beta), m, error) >= LIKELY
    # as answers grow the chance falls a little before each further wrong one is allowed: the first that lasts
    last = np.flatnonzero(~enough[: MOST + 1])
    found = int(last[-1]) + 1 if last.size else 0
    return found if found <= MOST else None


def forecast(alpha: float, delta: float, claims: int, error: float | None = None) -> dict[str, Any]:
    """What to expect for one name, for these claims and for ten names, when `error` (default alpha/5) is the truth."""
    error = alpha / 5 if error is None else error
    each = expected_answers(error, alpha, delta / claims)
    one, ten = expected_answers(error, alpha, delta), expected_answers(error, alpha, delta / 10)
    found: dict[str, Any] = {
        "error": error, "chance": LIKELY, "one_name": one, "ten_names": None if ten is None else 10 * ten,
        "this": None if each is None else claims * each,
    }  # fmt: skip
    if one is None or ten is None or each is None:
        return {**found, "sentence": f"At a label error of {pct(error)} no number of answers certifies {pct(alpha)}."}
    told = (
        f"To certify {pct(alpha)} at {pct(1 - delta)} expect to answer about {one} if {pct(error)} of the labels are "
        f"wrong (granted in 9 of 10 cases); ten names cost about {10 * ten}, {ten} each."
    )
    return {**found, "sentence": told}


def pct(share: float) -> str:
    """A share as people read it, to three digits."""
    return f"{100 * share:.3g} %"
