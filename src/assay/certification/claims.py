"""One claim: the answers above each threshold, the walk from strict to loose, and the sentence that comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from assay.certification.answers import Final, right
from assay.certification.bound import LEAST_PLANTED, passed_limit, survives, upper_limit, walk
from assay.certification.costs import needed, percent
from assay.certification.design import POOLED
from assay.certification.sessions import sessions_pass
from assay.records.base import digest
from assay.records.certificate import Claim
from assay.records.label import Label
from assay.stats.intervals import clopper_pearson, hypergeometric_upper
from assay.stats.sequential import betting_rejects

Estimand = Literal["expressed", "not_contradicted"]


class Item(NamedTuple):
    """One certify or planted item with its final answer."""

    label: Label
    final: Final
    truth: str
    """Canonical form of the recorded (or planted) value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that one claim is decided on."""

    name: str
    """`pooled`, or a label name."""
    names: tuple[str, ...]
    """Label names that it covers."""
    alpha: float
    """Largest share of wrong labels."""
    delta: float
    """Risk of this claim at this look."""
    estimand: Estimand = "expressed"
    """What wrong means."""
    thresholds: tuple[float, ...] = ()
    """From strict to loose."""
    listed: tuple[Label, ...] = ()
    """Labels the claim is about."""
    items: tuple[Item, ...] = ()
    """Certify items in the order of the permutation."""
    planted: tuple[Item, ...] = ()
    """Planted items that were answered."""
    unit: Literal["label", "session"] = "label"
    """What was drawn."""
    about: Literal["run", "new_sessions"] = "run"
    """What the claim is about."""
    early_stop: bool = False
    """Whether the betting bound is used, on the longest answered prefix."""
    refusal: str = ""
    """A reason found beforehand (assessors disagree): the claim is refused whatever the counts."""

    @property
    def measures_assessors(self) -> bool:
        """Whether enough planted items were answered."""
        return len(self.planted) >= LEAST_PLANTED

    @property
    def level(self) -> float:
        """Risk left for the labels: half goes to the assessors where they are measured."""
        return self.delta / 2 if self.measures_assessors else self.delta

    @property
    def beta(self) -> float:
        """Limit of the share of wrong labels that assessors pass; 0 where it is assumed."""
        if not self.measures_assessors:
            return 0.0
        passed = sum(right(x.final, x.truth, self.estimand) for x in self.planted)
        return passed_limit(passed, len(self.planted), self.delta / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Answers above each threshold."""

    accepted: tuple[int, ...]
    answers: tuple[int, ...]
    wrong: tuple[int, ...]
    sequences: tuple[tuple[bool, ...], ...] = field(default=(), repr=False)
    """Per threshold, whether each answer was wrong, in the order of the permutation."""
    items: tuple[Item, ...] = field(default=(), repr=False)
    """The items that were read."""


def counted(case: Case) -> Counts:
    """Accepted labels, answers and wrong answers per threshold."""
    items = tuple(_prefix(case.items)) if case.early_stop else case.items
    scored = [(x.label.rank_score, not right(x.final, x.truth, case.estimand)) for x in items]
    sequences = tuple(tuple(w for s, w in scored if s >= t) for t in case.thresholds)
    scores = np.array([x.rank_score for x in case.listed])
    return Counts(
        accepted=tuple(int((scores >= t).sum()) for t in case.thresholds),
        answers=tuple(map(len, sequences)),
        wrong=tuple(map(sum, sequences)),
        sequences=sequences,
        items=items,
    )


def could_pass(case: Case) -> bool:
    """Whether the strictest threshold passes if every answer given is right.

    Reads who answered what item, never an answer: a sample that cannot pass need not be opened, and costs no risk.
    """
    agreed = replace(
        case,
        refusal="",
        items=tuple(
            x if x.final.outcome == "unanswered" else x._replace(final=Final("value", x.truth)) for x in case.items
        ),
        planted=tuple(x._replace(final=Final("value", x.truth + "?")) for x in case.planted),
    )
    return decide(agreed).granted


def decide(case: Case) -> Claim:
    """Test the thresholds and say what may be claimed.

    *Guarantee*: the certify items are a simple random sample of the listed labels and the thresholds were fixed from
    the scores alone; then `error <= alpha` is granted falsely with probability at most `delta`, over the draw. Proven
    by tests/laws/test_certificate_laws.py.
    """
    counts, beta = counted(case), case.beta
    passes = _passes(case, counts, beta)
    best = int(walk(passes)) if case.thresholds else -1
    granted = best >= 0 and not case.refusal
    shown = max(best, 0)
    threshold = case.thresholds[shown] if case.thresholds else None
    above = [x for x in case.items if threshold is not None and x.label.rank_score >= threshold]
    claim = Claim(
        name=case.name,
        names=case.names,
        unit=case.unit,
        about=case.about,
        estimand=case.estimand,
        alpha=case.alpha,
        delta=case.delta,
        threshold=threshold if granted else None,
        accepted=counts.accepted[shown] if granted else 0,
        listed=len(case.listed),
        n_answers=counts.answers[shown] if counts.answers else 0,
        wrong=counts.wrong[shown] if counts.wrong else 0,
        cannot_tell=sum(x.final.outcome == "cannot_tell" for x in above),
        bound=_bound(case, counts, beta, shown),
        granted=granted,
        labels_hash=accepted_hash(case.listed, threshold) if granted and threshold is not None else None,
    )
    return claim.model_copy(update={"reason": _reason(case, claim, above, beta)})


def decide_in_order(cases: Sequence[Case]) -> list[Claim]:
    """Each claim at its share; a claim granted down to its loosest threshold hands its share to the next one.

    *Guarantee*: the order was named beforehand (fallback procedure of Wiens and Dmitrienko), so any claim is granted
    falsely with probability at most the sum of the shares. Proven by tests/laws/test_certificate_laws.py.
    """
    made: list[Claim] = []
    carried = 0.0
    for case in cases:
        raised = replace(case, delta=case.delta + carried)
        claim = decide(raised)
        made.append(claim)
        carried = raised.delta if claim.granted and claim.threshold == case.thresholds[-1] else 0.0
    return made


def accepted_hash(labels: Sequence[Label], threshold: float) -> str:
    """sha256 of the sorted ids of the labels at or above a threshold."""
    return digest(sorted(x.id for x in labels if x.rank_score >= threshold))


def covered(claim: str, names: Sequence[str]) -> tuple[str, ...]:
    """Label names that a claim covers."""
    return tuple(sorted(names)) if claim == POOLED else (claim,)


def _passes(case: Case, counts: Counts, beta: float) -> Sequence[bool]:
    if beta >= 1:
        return [False] * len(case.thresholds)
    if case.unit == "session":
        outcome = [(x.label, not right(x.final, x.truth, case.estimand)) for x in counts.items]
        return [sessions_pass(outcome, case.listed, t, case.alpha, case.level, case.about) for t in case.thresholds]
    if not case.early_stop:
        passes = survives(counts.answers, counts.wrong, case.alpha, case.level, beta, counts.accepted)
        return list(map(bool, passes))
    limit = case.alpha * (1 - beta)
    return [
        bool(betting_rejects(np.array(sequence, dtype=float), size, limit, case.level))
        for sequence, size in zip(counts.sequences, counts.accepted, strict=True)
    ]


def _prefix(items: Sequence[Item]) -> Sequence[Item]:
    """The longest run from the start whose items all have an answer."""
    stop = next((i for i, x in enumerate(items) if x.final.outcome == "unanswered"), len(items))
    return items[:stop]


def _bound(case: Case, counts: Counts, beta: float, shown: int) -> float | None:
    """Upper limit at delta / J, so that it holds whichever of the J thresholds was taken; null for the betting rule."""
    if case.early_stop or case.unit == "session" or not counts.answers:
        return None
    level = case.level / len(case.thresholds)
    limit = upper_limit(counts.wrong[shown], counts.answers[shown], level, beta)
    size = counts.accepted[shown]
    if limit <= case.alpha or beta > 0 or size < counts.answers[shown]:
        return limit
    # on a short list the exact limit is the lower one
    return min(limit, hypergeometric_upper(counts.wrong[shown], counts.answers[shown], size, 1 - level) / size)


def _reason(case: Case, claim: Claim, above: Sequence[Item], beta: float) -> str:
    """One sentence: what holds, or what would have been needed."""
    told = f"{claim.wrong} of {claim.n_answers} answers wrong"
    if claim.estimand == "not_contradicted" and above:
        low, high = clopper_pearson(claim.cannot_tell, len(above))
        told += f"; `cannot tell` {claim.cannot_tell} of {len(above)}, {percent(low)} to {percent(high)}"
    if case.refusal:
        return case.refusal
    if claim.granted and case.about == "new_sessions":
        return (
            f"Of the labels of {', '.join(case.names)} that are accepted in new sessions of this source, at most "
            f"{percent(case.alpha)} are wrong, with confidence {100 * (1 - case.delta):.6g} % ({told}, whole sessions)."
        )
    if claim.granted:
        return (
            f"At most {percent(case.alpha)} of the {claim.accepted} accepted labels of {', '.join(case.names)} "
            f"are wrong, with confidence {100 * (1 - case.delta):.6g} % ({told})."
        )
    unanswered = sum(x.final.outcome == "unanswered" for x in above)
    blanks = f", {unanswered} of them unanswered" if unanswered else ""
    asked = f"{percent(case.alpha)} asked ({told}{blanks})"
    if case.early_stop or case.unit == "session":
        return f"The answers so far do not rule out a label error of {case.name} above the {asked}."
    limit = upper_limit(claim.wrong, claim.n_answers, case.level, beta)
    return (
        f"The label error of {case.name} could be {percent(limit)}, above the {asked}; a fresh sample needs "
        f"{needed(case.alpha, case.level, min(beta, 0.99))} above the threshold."
    )


def assumptions(cases: Sequence[Case], given: Mapping[str, float | None]) -> tuple[str, ...]:
    """What the sentences rest on. given: name -> agreement of the assessors, None where it was not measured."""
    found = ["the listed labels were sampled at random and people answered blind to the recorded values"]
    if not all(c.measures_assessors for c in cases):
        found.append("assumes assessors never pass a wrong label")
    else:
        found.append("assumes assessors pass natural errors no more often than the planted ones, drawn evenly")
    if any(c.about == "new_sessions" for c in cases):
        found.append(
            "the sessions of this run are independent draws of the source that new ones come from, and no new one has "
            "more accepted labels than the largest here"
        )
    unmeasured = sorted(name for name, alpha in given.items() if alpha is None)
    if unmeasured:
        found.append(f"agreement between assessors was not measured for {', '.join(unmeasured)}")
    return tuple(found)
