"""Verdicts become labels: what each one is, what it rests on, its tier and its rank (METHODS 10).

Nothing here is ever `certified`: only a granted claim on people's answers does that (`one.certify`).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from assay.certification.evidence import READING, Index, Power, counts_as_evidence, status, worst_by_code
from assay.certification.rank import ranked
from assay.records.label import OTHER, Given, Label, Tier, key_of
from assay.records.session import Mode
from assay.records.verdict import Verdict

DETERMINISTIC = ("CO05", "IA01", "LB03")
"""Codes whose rule can reject a label alone: CO05 a blank turn (all labels of that turn: there are no words to carry
them; a repeat or a persona copy is a fault of the text, not proof against a label); IA01 an exact match of a private
fact before anybody could say it (the labels of that fact); LB03 a session-level latent copied word for word. All three
are string rules that anybody can check by hand."""


BLIND = frozenset({"LB01", "LB06"})
"""Readers that name a value without having seen the recorded one: only their readings say what the text says."""


def assemble(
    givens: Iterable[Given],
    verdicts: Iterable[Verdict],
    power: Mapping[str, Any] | None,
    born: Mapping[str, Mode | None],
    survived: Collection[str] = (),
) -> list[Label]:
    """Build the label records, in the order of `givens`.

    givens: labels as they stand in the sessions; verdicts: all of the run; power: the object of power.json, or None
    where power was not measured; born: session id -> mode (missing or null: a foreign session); survived: label names
    that were measured to survive that mode (METHODS 8, RL07). Raises BadInput for a power object of another form.
    """
    index, measured = Index(verdicts), Power.read(power)
    # a name that survived its mode is capped no more than one born among agents
    return [_label(g, index.of(g), measured, None if g.name in survived else born.get(g.session)) for g in givens]


def _label(given: Given, found: Sequence[Verdict], power: Power, mode: Mode | None) -> Label:
    """One label with everything known about it."""
    tier, reasons = judge(given, found, power, mode)
    statuses = worst_by_code(found, given.name, power)
    evidence = [v for v in found if counts_as_evidence(v) and v.code in READING]
    blind = [v for v in evidence if v.code in BLIND]
    realised = _agreed(given, blind)
    trust = _out_of_fold(given, blind)
    contradicted = any(status(v, given.name, power) == "contradicted" for v in evidence)
    return Label(
        id=given.id,
        session=given.session,
        turn=given.turn,
        name=given.name,
        kind=given.kind,
        value=given.value,
        source=given.source,
        authored=given.value if given.source == "authored" else None,
        realised=realised,
        distribution=_distribution(given, blind),
        rank_score=round(ranked(given, statuses, found, power), 6),
        trust=trust,
        trust_basis="none" if trust is None else "labels",
        tier=tier,
        suggested=realised if contradicted and realised is not None and realised != given.value else None,
        identifiable_from_turn=next((v.from_turn for v in found if v.code == "BE02" and given.turn is None), None),
        reasons=tuple(reasons),
        verdicts=statuses,
    )


def judge(given: Given, found: Sequence[Verdict], power: Power, mode: Mode | None) -> tuple[Tier, list[str]]:
    """Tier and the codes that explain it.

    rejected: a deterministic rule fails, or two independent checks by two annotators that passed the power gate
    contradict. provisional: at least one independent reader supports, none contradicts, and no cap holds. The caps
    (`born_script`, `born_mindreaders`, `no_independent_reader`, `unmeasured_power`, `no_power`) bound provisional only.
    """
    failed = sorted({v.code for v in found if fails_rule(v, given)})
    if failed:
        return "rejected", failed
    evidence = [(v, status(v, given.name, power)) for v in found if counts_as_evidence(v)]
    against = [v for v, now in evidence if now == "contradicted"]
    if _two_strong(against, given.name, power):
        return "rejected", sorted({v.code for v in against})
    support = sorted({v.code for v, now in evidence if now == "supported" and v.code in READING})
    reasons = [*_caps(given, found, power, mode), *sorted({v.code for v in against})]
    if not reasons and support:
        return "provisional", support
    return "suspect", reasons or ["not_supported"]


def fails_rule(verdict: Verdict, given: Given) -> bool:
    """Whether a deterministic rule rejects this label (see DETERMINISTIC)."""
    if verdict.code not in DETERMINISTIC or verdict.status != "contradicted":
        return False
    if verdict.code == "CO05":
        return verdict.turn is not None and verdict.turn == given.turn and _says(verdict, "blank")
    if verdict.code == "IA01":
        return verdict.name is not None and _says(verdict, "exact")
    return given.turn is None and verdict.name == given.name


def _says(verdict: Verdict, word: str) -> bool:
    return word in verdict.by.split("@")[0] or verdict.reason == word


def _caps(given: Given, found: Sequence[Verdict], power: Power, mode: Mode | None) -> list[str]:
    caps = [f"born_{mode}"] if mode in ("script", "mindreaders") else []
    applies = ("supported", "contradicted", "not_evidenced")
    if not any(counts_as_evidence(v) and v.code in READING and v.status in applies for v in found):
        caps.append("no_independent_reader")
    gate = power.gates.get(given.name)
    if gate is None:
        caps.append("unmeasured_power")
    elif not gate:
        caps.append("no_power")
    return caps


def _two_strong(against: Sequence[Verdict], name: str, power: Power) -> bool:
    """Two different checks by two different annotators, each of which passed the gate for this name."""
    strong = {(v.code, v.by) for v in against if (v.code, name) in power.passed}
    return any(a[0] != b[0] and a[1] != b[1] for a in strong for b in strong)


def _agreed(given: Given, evidence: Sequence[Verdict]) -> Any:
    """The value that all independent readers name, typed as the label's, or None."""
    reads = {v.read for v in evidence if v.read is not None and v.status not in ("unparsed", "not_applicable")}
    return _typed(given, next(iter(reads))) if len(reads) == 1 else None


def _typed(given: Given, read: str) -> Any:
    if read == key_of(given.value):
        return given.value
    if given.kind in ("number", "bool", "set"):
        try:
            return json.loads(read)
        except ValueError:
            return read
    return read


def _distribution(given: Given, evidence: Sequence[Verdict]) -> dict[str, float]:
    """Mean over independent readers of what each gives to the value and to what it read instead.

    A reader's score is its probability of the recorded value; the rest goes to the value that it read, or to
    `__other__` where it read the recorded one. Without a score its reading counts whole. Empty without readings.
    """
    own = key_of(given.value)
    parts: list[dict[str, float]] = []
    for v in evidence:
        if v.read is None or v.status in ("unparsed", "not_applicable"):
            continue
        if v.read == own:
            p = 1.0 if v.score is None else v.score
            parts.append({own: p, OTHER: 1 - p})
        else:
            p = 0.0 if v.score is None else v.score
            parts.append({own: p, v.read: 1 - p})
    keys = sorted({k for part in parts for k in part})
    mean = {k: sum(part.get(k, 0.0) for part in parts) / len(parts) for k in keys}
    return {k: p for k, p in mean.items() if p > 0}


def _out_of_fold(given: Given, evidence: Sequence[Verdict]) -> float | None:
    """LB06's out-of-fold probability: the one trust that needs no answers, for labels assay did not author."""
    scores = [v.score for v in evidence if v.code == "LB06" and v.score is not None]
    return sum(scores) / len(scores) if scores and given.source == "given" else None
