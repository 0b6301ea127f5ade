"""The overall error of all labels: by one chance for all, or by inverse probability where strata had their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.certification.answers import right
from assay.certification.costs import percent
from assay.certification.drawing import OUTSIDE
from assay.certification.matched import Matched
from assay.records.certificate import Claim, Estimate
from assay.stats.intervals import clopper_pearson
from assay.stats.sequential import betting_interval

LEAST_OUTSIDE = 0.2
"""Least share of draws outside the accepted region for an overall error (METHODS 10)."""


def overall(claims: Sequence[Claim], read: Matched, sample: Mapping[str, Any]) -> tuple[Estimate | None, str | None]:
    """Share of wrong labels among all that could be drawn, with a 95 % interval; or None and the reason.

    One chance for all: Clopper-Pearson (exact, hence fit for few errors). Strata: the mean of w * wrong over all draws,
    w = (the stratum's share of labels) / (its chance of a draw), with a betting interval on [0, largest w]. None where
    fewer than 20 % of the draws lie outside the accepted labels, or some are unanswered, or whole sessions were drawn.
    """
    draws = read.certify
    if sample.get("unit", "label") == "session":
        return None, "whole sessions were drawn; the claim speaks of the share of wrong labels"
    if any(x.final.outcome == "unanswered" for x in draws):
        return None, "not every sampled label was answered"
    if not draws:
        return None, "no certify label was drawn"
    if sample.get("draws"):
        return _weighted(read, sample)
    limits = {name: c.threshold for c in claims if c.threshold is not None for name in c.names}
    inside = sum(x.label.rank_score >= limits.get(x.label.name, 2.0) for x in draws)
    whole = all(x.rank_score >= limits.get(x.name, 2.0) for x in read.listed)
    if read.outside:
        return None, f"{read.outside} labels outside the listed ones had no chance of being drawn (--outside 0.2)"
    if not whole and 1 - inside / len(draws) < LEAST_OUTSIDE:
        return None, f"fewer than {percent(LEAST_OUTSIDE)} of the draws lie outside the accepted labels"
    wrong = sum(not right(x.final, x.truth, "expressed") for x in draws)
    low, high = clopper_pearson(wrong, len(draws))
    return Estimate(error=wrong / len(draws), ci=(low, high)), None


def _weighted(read: Matched, sample: Mapping[str, Any]) -> tuple[Estimate | None, str | None]:
    chance = float(sample["outside"])
    if chance < LEAST_OUTSIDE:
        return None, f"fewer than {percent(LEAST_OUTSIDE)} of the draws go outside the listed labels"
    wrong = {read.ids[x.label.id]: not right(x.final, x.truth, "expressed") for x in read.certify}
    share = read.outside / (read.outside + len(read.listed))
    weight = {True: share / chance, False: (1 - share) / (1 - chance)}
    z = np.array([weight[stratum == OUTSIDE] * wrong[i] for i, stratum in sample["draws"]])
    low, high = betting_interval(z, 0.0, max(weight.values()))
    return Estimate(error=float(min(z.mean(), 1.0)), ci=(low, min(high, 1.0))), None
