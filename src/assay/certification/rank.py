"""rank_score: one number that orders labels from worst to best. It is not a probability of anything.

Where faults were planted, it is the evidence of all checks as one monotone model adds it up (combine.py); a check which
that model has not seen, such as a judge, adds its own log odds. Without planted faults the weights are fixed.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from assay.certification.combine import evidence, known_codes, words_of
from assay.certification.evidence import READING, Power
from assay.records.label import Given
from assay.records.verdict import Status, Verdict

WEIGHTS: Mapping[Status, float] = {
    "supported": 1.0,
    "contradicted": -2.0,
    "not_evidenced": -0.5,
    "unparsed": -0.1,
    "not_applicable": 0.0,
}
"""Log odds of being correct per check, where planted faults have not measured it. Fixed, from no data: a contradiction
counts twice a support because a reader errs on good labels less often than faults go unseen."""

SMOOTHING = 0.5
"""Pseudo-count per status, so that a status never seen on faults does not settle the matter."""

LIMIT = 4.0
"""Largest weight of one check: naive Bayes takes checks that share a cause for independent."""

TIE = 0.2
"""Weight of the mean score: it orders labels with the same statuses and little else."""

MOST = 40.0
"""Largest log odds, so that scores stay apart from 0 and 1."""

SPREAD = 4.0
"""Log odds are divided by this before the logistic, so that 6 digits still tell them apart."""


def ranked(given: Given, statuses: Mapping[str, Status], found: Sequence[Verdict], power: Power) -> float:
    """The rank score of one label: combined evidence where faults were planted, else `rank_score`; in [0, 1].

    statuses: worst status per check code; found: the verdicts on this label. 0.5 means that nothing is known.
    """
    if power.combine is None:
        return rank_score(statuses, found, given.name, power)
    words = words_of(found, given.name, power)
    value = evidence(power.combine, given.session, given.name, words) or 0.0
    others = sorted(words.keys() - known_codes(power.combine, given.session, given.name))
    value += sum(weight(code, words[code][0], given.name, power) for code in others)
    scores = [s for _, s in words.values() if s is not None]
    if scores:
        value += TIE * (sum(scores) / len(scores) - 0.5)
    return 1 / (1 + math.exp(-max(-MOST, min(MOST, value)) / SPREAD))


def rank_score(statuses: Mapping[str, Status], found: Iterable[Verdict], name: str, power: Power) -> float:
    """Naive-Bayes log odds of the statuses on planted faults against originals, squashed into [0, 1].

    statuses: worst status per check code; found: the verdicts themselves, for their scores. Guards count for nothing.
    0.5 means that nothing is known. A check that planted faults have not measured for this name has fixed weights.
    """
    verdicts = [v for v in found if not v.guard and statuses.get(v.code) != "not_applicable"]
    codes = {v.code for v in verdicts}
    odds = sum(weight(code, statuses[code], name, power) for code in sorted(codes))
    scores = [v.score for v in verdicts if v.score is not None and v.code in READING and v.independent]
    scores = scores or [v.score for v in verdicts if v.score is not None]
    if scores:
        odds += TIE * (sum(scores) / len(scores) - 0.5)
    return 1 / (1 + math.exp(-odds / SPREAD))


def weight(code: str, now: Status, name: str, power: Power) -> float:
    """Log likelihood ratio of one status, correct against faulty, within +-LIMIT."""
    table = power.rates.get(code, {}).get(name)
    if now == "not_applicable":
        return 0.0
    if not table or not sum(table["faulty"].values()) or not sum(table["original"].values()):
        return WEIGHTS[now]
    ratio = math.log(_share(table["original"], now) / _share(table["faulty"], now))
    return max(-LIMIT, min(LIMIT, ratio))


def _share(counts: Mapping[str, int], now: Status) -> float:
    """Smoothed share of a status among the verdicts that apply."""
    applied = {s: n for s, n in counts.items() if s != "not_applicable"}
    return (applied.get(now, 0) + SMOOTHING) / (sum(applied.values()) + SMOOTHING * (len(WEIGHTS) - 1))
