"""The planner's expectation, and the cheapest way on from a refusal: what to answer, list or learn next."""

import math
from collections.abc import Sequence

import numpy as np

from assay.certification.answers import right
from assay.certification.bound import least_answers
from assay.certification.claims import Case
from assay.certification.forecast import expected_answers, pct
from assay.records.certificate import Claim

LEAST_READ = 20
"""Answers of a top part below which nothing is said of its error."""


def cheapest(case: Case, claim: Claim) -> str:
    """One sentence: of more answers, a shorter list and better labels, what costs people least after this refusal.

    Looks at answers that are spent: it only plans a fresh sample, on which the next claim will rest alone.
    """
    known = [(x.label.rank_score, not right(x.final, x.truth, case.estimand)) for x in case.items]
    known = sorted((row for row in known), key=lambda row: -row[0])
    open_ = sum(x.final.outcome == "unanswered" for x in case.items)
    name = ", ".join(case.names[:3])
    if case.refusal:
        return f"Cheapest way on: one line of meaning for each value of {name} in the codebook, then a fresh sample."
    if open_ and claim.wrong - open_ <= 0:
        return f"Cheapest way on: answer the {open_} open items of {name}."
    wrong = np.cumsum([bad for _, bad in known])
    counts = np.arange(1, len(known) + 1)
    whole = float(wrong[-1] / counts[-1]) if len(known) else 1.0
    if len(known) >= LEAST_READ and whole <= case.alpha / 2:
        n = expected_answers(round(max(whole, case.alpha / 10), 4), case.alpha, case.level)
        missing = "" if n is None else f" with about {n} answers ({max(0, n - claim.n_answers)} more than now)"
        return f"Cheapest way on: a fresh sample of {name}{missing}; {pct(whole)} of these were wrong."
    good = [i for i in range(LEAST_READ - 1, len(known)) if wrong[i] <= case.alpha / 2 * counts[i]]
    if good:
        cut = known[good[-1]][0]
        share = sum(x.rank_score >= cut for x in case.listed) / max(len(case.listed), 1)
        rate = float(wrong[good[-1]] / counts[good[-1]])
        n = expected_answers(round(max(rate, case.alpha / 10), 4), case.alpha, case.level)
        n = least_answers(0, case.alpha, case.level) if n is None else n
        top = f"--top {math.floor(share * 100) / 100:g}"
        return (
            f"Cheapest way on: list only the best {pct(share)} of {name}, of which {wrong[good[-1]]} of "
            f"{counts[good[-1]]} answers were wrong: a fresh sample of about {n} with {top}."
        )
    return (
        f"Cheapest way on: better labels of {name} ({pct(whole)} of the answers call them wrong, and the best ranked "
        "ones are no better): learn from `tune` answers (assay label --learn-from), or add an annotator."
    )


def sentences(cases: Sequence[Case], claims: Sequence[Claim]) -> list[str]:
    """`cheapest` of every refused claim, empty for the granted ones."""
    by_name = {c.name: c for c in cases}
    return ["" if c.granted or c.name not in by_name else cheapest(by_name[c.name], c) for c in claims]
