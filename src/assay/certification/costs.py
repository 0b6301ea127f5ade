"""What a certificate costs, in answers, before anybody is asked."""

import math
from collections.abc import Sequence
from typing import Any

from assay.certification.bound import LEAST_PLANTED, least_answers, planned_beta
from assay.certification.design import POOLED
from assay.certification.forecast import forecast
from assay.certification.sample import listed
from assay.records.certificate import Certificate
from assay.records.label import Label


def plan(
    labels: Sequence[Label],
    *,
    names: Sequence[str] = (),
    claims: Sequence[str] = (POOLED,),
    alpha: float = 0.05,
    delta: float = 0.05,
    planted: int = 0,
    error: float | None = None,
) -> dict[str, Any]:
    """Answers needed when 0, 1 or 2 of them are wrong, per claim, and in one sentence.

    delta: the risk of all claims together; each gets an equal share. `answers` counts certify answers above the
    threshold of one claim; `draw` is the whole sample in which so many are expected, since the sample is drawn from all
    names at once. `expect` says how many answers a grant takes in 9 of 10 cases at a label error of `error` (default
    alpha / 5), for one name and for ten. With at least 40 planted wrong labels the answers pay for the assessors' own
    mistakes too.
    """
    asked = listed(labels, names)
    level = delta / len(claims)
    beta = planned_beta(planted, level / 2)
    answers = {str(k): least_answers(k, alpha, level / 2 if beta else level, beta) for k in (0, 1, 2)}
    by_claim = {}
    for claim in claims:
        size = sum(claim in (POOLED, x.name) for x in asked)
        draw = {k: math.ceil(m * len(asked) / size) for k, m in answers.items() if m <= size}
        by_claim[claim] = {"listed": size, "answers": answers, "draw": draw, "possible": bool(draw)}
    found = {
        "alpha": alpha,
        "delta": delta,
        "claims": len(claims),
        "planted": planted,
        "listed": len(asked),
        "answers": answers,
        "by_claim": by_claim,
    }
    expect = forecast(alpha, delta, len(claims), error)
    return {**found, "expect": expect, "sentence": f"{_sentence(found)} {expect['sentence']}"}


def not_requested(
    labels: Sequence[Label], *, alpha: float = 0.05, delta: float = 0.05, before: Certificate | None = None
) -> Certificate:
    """The certificate of a run that nobody has answered a sample of: no claim, and what one would cost.

    before: the run's last certificate. Where it opened answers it is returned as it is: what was spent stays on record.
    """
    if before is not None and before.looks:
        return before
    return Certificate(
        status="not_requested",
        estimate_reason="no answers",
        plan=plan(labels, alpha=alpha, delta=delta),
    )


def percent(share: float) -> str:
    """A share as people read it, rounded up so that a limit is never printed too small: `5 %`, `7.7 %`."""
    return f"{math.ceil(share * 1000 - 1e-9) / 10:g} %"


def needed(alpha: float, delta: float, beta: float = 0.0) -> str:
    """`59 answers if none is wrong, 93 with one wrong, 124 with two`."""
    none, one, two = (least_answers(k, alpha, delta, beta) for k in (0, 1, 2))
    return f"{none} answers if none is wrong, {one} with one wrong, {two} with two"


def _sentence(found: dict[str, Any]) -> str:
    a = found["answers"]
    start = f"A certificate that at most {percent(found['alpha'])} of the accepted labels are wrong"
    each = " for each of " + str(found["claims"]) + " claims" if found["claims"] > 1 else ""
    cost = f"needs {a['0']} answers{each} if none is wrong, {a['1']} with one wrong, {a['2']} with two"
    more = f", plus {LEAST_PLANTED} on planted wrong labels to measure the assessors" if not found["planted"] else ""
    short = "" if a["0"] <= found["listed"] else f"; this run lists only {found['listed']} labels, too few"
    return f"{start} (risk {percent(found['delta'])}) {cost}{more}{short}."
