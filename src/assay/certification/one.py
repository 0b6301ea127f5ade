"""Certify: answers to a sample become claims, trust and certified labels, or a refusal that says what is missing.

Looks: certify answers are opened once. Every opening of fresh answers spends risk, and over all looks of a run the sum
of what was spent never exceeds the delta that is asked for. The first look may spend all of it (59 clean answers at 5 %
and 5 %); to keep something for later looks, ask with `keep`: a share of what is left that this look leaves untouched.
After all is spent, a further look must be asked with a larger delta in total, which its sentence then names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.certification import platt
from assay.certification.advice import sentences
from assay.certification.answers import LEAST_ALPHA, Final, canon_value, counts, right
from assay.certification.claims import Case, Estimand, accepted_hash, assumptions, could_pass, covered, decide_in_order
from assay.certification.costs import percent, plan
from assay.certification.design import POOLED
from assay.certification.estimate import overall
from assay.certification.matched import Matched, match
from assay.certification.sample import grids, hashes
from assay.errors import BadInput
from assay.records.base import digest
from assay.records.certificate import Certificate, Claim
from assay.records.label import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of the answers, before they are opened."""

    alpha: float = 0.05
    """Largest share of wrong labels among the accepted ones."""
    delta: float = 0.05
    """Risk over all looks and claims of this run."""
    claims: tuple[str, ...] = ()
    """`pooled` or label names; empty: the claims fixed at the draw."""
    estimand: Estimand = "expressed"
    """What wrong means; `not_contradicted` is for claims on session-level latents only."""
    keep: float = 0.0
    """Share of the risk that is left, kept for later looks."""


def certify(
    labels: Sequence[Label],
    sample: Mapping[str, Any],
    rows: Sequence[Mapping[str, str]],
    ask: Ask,
    before: Certificate | None = None,
) -> tuple[Certificate, list[Label]]:
    """Open the answers and return the certificate and the updated labels.

    sample: the roles that `draw` returned; rows: answers (`sample_id`, `assessor`, `answer`, `seconds`) of all
    assessors; before: the run's last certificate, for the looks and the risk spent so far. Labels get `read` (what
    people say), `trust` from tune answers, and tier `certified` where a granted claim covers them.

    labels are taken as `assemble` made them. A sample that cannot pass whatever its answers say is not opened: the
    claims are refused and nothing is spent (tune answers are read all the same).
    Raises BadAnswers for answers that do not fit the sample and BadInput for claims that were not sampled.
    """
    read = match(labels, sample, rows)
    claims = _check(ask, sample, read.names)
    look = _look(before, read, sample, ask, claims)
    standing = standing_claims(before, labels)
    changed = _changed(read.listed, sample)
    cases = [] if changed else _cases(read, sample, ask, claims, look.risk or ask.delta)
    closed = changed or _closed(cases, look, ask, before, read)
    if closed:
        made = _refused(closed, read, sample, ask, claims, look.risk)
        certificate = _joined(_closed_certificate(made, labels, sample, ask, before), standing)
        return certificate, list(labels) if changed else _updated(labels, read, certificate, opened=False)
    made = decide_in_order(cases)
    made = [
        c if c.granted else c.model_copy(update={"reason": f"{c.reason}{_next_look(ask, look.risk, sample)} {way}"})
        for c, way in zip(made, sentences(cases, made), strict=True)
    ]
    if look.resumed:
        standing = [c for c in standing if c.name not in claims or c.delta not in {x.delta for x in made}]
    certificate = _joined(_opened(made, cases, read, sample, ask, look, before), standing)
    return certificate, _updated(labels, read, certificate, opened=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Where this look stands among all looks of the run."""

    number: int
    again: bool
    """Whether it repeats the last look to the letter."""
    resumed: bool
    """Whether it reads on in the sample of the last look."""
    risk: float
    """What this look may spend."""
    record: dict[str, Any]
    """What the certificate keeps of it."""


def _look(
    before: Certificate | None, read: Matched, sample: Mapping[str, Any], ask: Ask, claims: Sequence[str]
) -> _Look:
    past = dict(before.plan) if before is not None else {}
    asked = [ask.alpha, ask.delta, list(claims), ask.estimand, ask.keep]
    same = digest([[i["sample_id"] for i in sample["items"]], *asked])
    mark = digest([read.digest, *asked, hashes(read.listed)])
    again = past.get("look") == mark
    resumed = not again and bool(sample["early_stop"]) and past.get("looked") == same
    resumed = resumed and before is not None and set(before.spent) & set(read.ids.values()) <= read.answered
    # a look that goes on with the last one spends the same risk, not more
    spent = float(past.get("risk_spent", 0.0)) - (float(past["risk_of_look"]) if again or resumed else 0.0)
    risk = max(ask.delta - spent, 0.0) * (1 - ask.keep)
    done = before.looks if before is not None else 0
    record = {"look": mark, "looked": same, "risk_of_look": risk, "risk_spent": spent + risk}
    return _Look(number=done if again else done + 1, again=again, resumed=resumed, risk=risk, record=record)


def standing_claims(before: Certificate | None, labels: Sequence[Label]) -> list[Claim]:
    """Claims granted at earlier looks that still hold: the labels above their threshold are the same ones.

    A refusal at a later look takes nothing back from them: their risk was counted when they were granted.
    """
    held = []
    for claim in before.claims if before is not None else ():
        mine = [x for x in labels if x.name in claim.names and x.tier != "rejected"]
        if claim.granted and claim.threshold is not None and accepted_hash(mine, claim.threshold) == claim.labels_hash:
            held.append(claim)
    return held


def _joined(certificate: Certificate, standing: Sequence[Claim]) -> Certificate:
    """The claims asked now, then those still standing; the status speaks of the claims asked now."""
    rows = [c.row() for c in certificate.claims]
    kept = [c for c in standing if c.row() not in rows]
    return certificate.model_copy(update={"claims": (*certificate.claims, *kept)})


def _check(ask: Ask, sample: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """The claims that are asked, or BadInput."""
    for word, value in (("alpha", ask.alpha), ("delta", ask.delta)):
        if not 0 < value < 1:
            raise BadInput(f"{word} = {value} is not between 0 and 1", now=f"give {word} as a share, e.g. 0.05")
    if not 0 <= ask.keep < 1:
        raise BadInput(f"keep = {ask.keep} is not in [0, 1)", now="0 spends all risk at this look, 0.5 keeps half")
    claims = tuple(dict.fromkeys(ask.claims or sample["claims"]))
    for claim in claims:
        if claim != POOLED and claim not in names:
            raise BadInput(
                f"the sample was not drawn for {claim!r}",
                now=f"claim one of {', '.join(names)}, or draw a sample with --label {claim}",
            )
    return claims


def _changed(asked: Sequence[Label], sample: Mapping[str, Any]) -> str:
    """Why the sample no longer fits the labels, or nothing."""
    now = hashes(asked)
    for key, what in (("scores_hash", "scores"), ("labels_hash", "values")):
        if now[key] != sample[key]:
            return (
                f"The {what} of the labels changed since the sample was drawn, so its thresholds and answers no longer "
                "fit; nothing was opened: draw a fresh sample."
            )
    return ""


def _cases(read: Matched, sample: Mapping[str, Any], ask: Ask, claims: Sequence[str], risk: float) -> list[Case]:
    share = {claim: risk / len(claims) for claim in claims}
    thresholds = grids(read.listed, sample, share, ask.alpha)
    cases = []
    for claim in claims:
        names = covered(claim, read.names)
        poor = [n for n in names if (alpha := read.agreement.get(n)) is not None and alpha < LEAST_ALPHA]
        refusal = f"Assessors agree too little on {', '.join(poor)} (alpha below {LEAST_ALPHA})" if poor else ""
        if ask.estimand == "not_contradicted" and any(x.turn is not None for x in read.listed if x.name in names):
            raise BadInput(
                f"`not_contradicted` is for session-level labels, and {claim} covers labels of turns",
                now="claim session-level names only, or use the default estimand",
            )
        cases.append(
            Case(
                name=claim,
                names=names,
                alpha=ask.alpha,
                delta=share[claim],
                estimand=ask.estimand,
                thresholds=thresholds[claim],
                listed=tuple(x for x in read.listed if x.name in names),
                items=tuple(x for x in read.certify if x.label.name in names),
                planted=tuple(x for x in read.planted if x.label.name in names),
                unit=sample.get("unit", "label"),
                about=sample.get("about", "run"),
                early_stop=bool(sample["early_stop"]),
                refusal=refusal + "; clearer questions or a codebook are needed before a claim." if refusal else "",
            )
        )
    return cases


def _closed(cases: Sequence[Case], look: _Look, ask: Ask, before: Certificate | None, read: Matched) -> str:
    """Why the answers stay closed, or nothing."""
    follows = look.again or look.resumed
    if before is not None and not follows and set(before.spent) & set(read.ids.values()):
        return (
            f"The answers were opened at look {before.looks} and are spent; another claim, score or count of answers "
            "needs a fresh sample: assay sample DIR -n N."
        )
    if look.risk < 1e-9:
        return (
            f"The risk of {percent(ask.delta)} was spent at earlier looks; nothing was opened. A further look must be "
            f"asked with a larger delta in total, e.g. {2 * ask.delta:g}."
        )
    if not any(could_pass(case) for case in cases):
        return "Too few answers for any claim, whatever they say; nothing was opened or spent."
    return ""


def _refused(
    why: str, read: Matched, sample: Mapping[str, Any], ask: Ask, claims: Sequence[str], risk: float
) -> list[Claim]:
    """Claims that were not opened."""
    cost = plan(read.listed, claims=claims, alpha=ask.alpha, delta=risk or ask.delta, planted=sample["planted"])
    each = cost["answers"]
    found = []
    for claim in claims:
        names = covered(claim, read.names)
        items = [x for x in read.certify if x.label.name in names]
        answered = sum(x.final.outcome != "unanswered" for x in items)
        found.append(
            Claim(
                name=claim,
                names=names,
                estimand=ask.estimand,
                alpha=ask.alpha,
                delta=risk / len(claims),
                listed=sum(x.name in names for x in read.listed),
                reason=f"{why} {claim}: {answered} of {len(items)} sampled labels answered; a claim needs {each['0']} "
                f"answers if none is wrong, {each['1']} with one wrong, {each['2']} with two."
                + _lacking(claim, answered, len(items), each["0"]),
            )
        )
    return found


def _lacking(claim: str, answered: int, sampled: int, needed: int) -> str:
    """What stands between a claim that was not opened and the least it takes."""
    if answered >= needed:
        return ""
    if sampled >= needed:
        return f" {needed - answered} more are missing; cheapest way on: answer the rest of this sample."
    return f" {needed - answered} more are missing; cheapest way on: assay sample DIR -n {needed} --label {claim}."


def _next_look(ask: Ask, risk: float, sample: Mapping[str, Any]) -> str:
    """What a further look would have left."""
    if sample["early_stop"]:
        return " More answers to the same sample may be read at no further risk."
    if ask.keep:
        return (
            f" This look spent a risk of {percent(risk)} of {percent(ask.delta)}; the rest is left for fresh samples."
        )
    return f" The risk of {percent(ask.delta)} is spent: the next look must be asked with a larger delta in total."


def _closed_certificate(
    claims: Sequence[Claim], labels: Sequence[Label], sample: Mapping[str, Any], ask: Ask, before: Certificate | None
) -> Certificate:
    kept = {k: v for k, v in (before.plan if before else {}).items() if k in _SPENDS}
    names = tuple(c.name for c in claims)
    cost = plan(
        labels, names=sample["names"], claims=names, alpha=ask.alpha, delta=ask.delta, planted=sample["planted"]
    )
    return Certificate(
        status="refused",
        claims=tuple(claims),
        spent=before.spent if before else (),
        looks=before.looks if before else 0,
        scores_hash=sample["scores_hash"],
        estimate_reason="no answers were opened",
        plan={**cost, **kept},
    )


_SPENDS = ("look", "looked", "risk_of_look", "risk_spent")


def _opened(
    claims: Sequence[Claim],
    cases: Sequence[Case],
    read: Matched,
    sample: Mapping[str, Any],
    ask: Ask,
    look: _Look,
    before: Certificate | None,
) -> Certificate:
    estimate, why = overall(claims, read, sample)
    wrong = [x for x in (*read.certify, *read.tune) if x.final.outcome == "value" and x.final.canon != x.truth]
    caught = sum("contradicted" in x.label.verdicts.values() for x in wrong)
    cost = plan(
        read.listed,
        claims=[c.name for c in claims],
        alpha=ask.alpha,
        delta=ask.delta,
        planted=sample["planted"],
    )
    return Certificate(
        status="granted" if all(c.granted for c in claims) else "refused",
        claims=tuple(claims),
        spent=tuple(sorted(read.answered | set(before.spent if before else ()))),
        looks=look.number,
        scores_hash=sample["scores_hash"],
        assumes=assumptions(cases, read.agreement) + _named_late(claims, sample),
        estimate=estimate,
        estimate_reason=why,
        plan={
            **cost,
            "outcomes": counts(x.final for x in read.certify),
            "natural_errors": {"wrong": len(wrong), "contradicted": caught},
            **look.record,
        },
    )


def _named_late(claims: Sequence[Claim], sample: Mapping[str, Any]) -> tuple[str, ...]:
    late = {c.name for c in claims} != set(sample["claims"])
    return ("the claims were named after the draw, before the answers were seen",) if late else ()


def _updated(labels: Sequence[Label], read: Matched, certificate: Certificate, *, opened: bool) -> list[Label]:
    """Labels with what people read, trust from tune answers, and the tier of granted claims.

    While certify answers stay closed, only tune answers are read.
    """
    curve = platt.fit(
        [x.label.rank_score for x in read.tune], [right(x.final, x.truth, "expressed") for x in read.tune]
    )
    shown = (*read.certify, *read.tune, *read.planted) if opened else read.tune
    people = {x.label.id: x.final for x in shown}
    asked = {x.id for x in read.listed}
    limits: dict[str, float] = {}
    for claim in certificate.claims:
        for name in claim.names if claim.granted and claim.threshold is not None else ():
            limits[name] = min(limits.get(name, 2.0), claim.threshold or 0.0)
    updated = []
    for label in labels:
        change: dict[str, Any] = {}
        if label.id in people:
            change["read"] = _read_value(label, people[label.id])
        if curve is not None and label.id in asked:
            change |= {"trust": round(platt.predict(curve, label.rank_score), 6), "trust_basis": "answers"}
        covered_now = label.tier != "rejected" and label.rank_score >= limits.get(label.name, 2.0)
        if covered_now and label.tier != "certified":
            change |= {"tier": "certified", "reasons": ("certificate", *label.reasons)}
        elif label.tier == "certified" and not covered_now:
            change |= {"tier": "suspect", "reasons": ("certificate_lapsed",)}
        updated.append(label.model_copy(update=change) if change else label)
    return updated


def _read_value(label: Label, final: Final) -> Any:
    """What people say: the value itself when they name it, else their words; null when they cannot tell."""
    if final.outcome != "value":
        return None
    return label.value if final.canon == canon_value(label.value, label.kind) else final.text
