"""The sentences of the report: numbers with unit, n and interval, and what codes and tiers mean."""

from collections.abc import Mapping
from typing import Any

from assay.records.core_acts import CORE_ACTS
from assay.stats.intervals import Interval

TIERS = ("certified", "provisional", "suspect", "rejected", "unchecked")
"""Tiers as the report shows them; `unchecked` are those of suspect that no check could say anything about."""

TIER_MEANS = {
    "certified": "people's answers bound the error of these labels",
    "provisional": "an independent reader agrees, none disagrees, and planted faults show that it would notice",
    "suspect": "something is missing or disagrees; the reasons are listed with each label",
    "rejected": "a deterministic rule fails, or two independent checks contradict",
    "unchecked": "suspect because no check could say anything about it",
}
"""One line for each tier."""

REASONS = {
    "no_independent_reader": "no independent reader: nothing that did not help to make the label or its text reads it",
    "unmeasured_power": "power not measured: it is not known whether its checks would notice a wrong label",
    "no_power": "power gate failed: the checks that read it miss too many planted faults",
    "not_supported": "the independent reader found no support",
    "born_script": "born in script mode, where one call saw everything",
    "born_mindreaders": "born in mindreaders mode, where the parties saw each other's latents",
    "language": "no part that reads it knows the language",
    "budget": "the budget did not reach it",
    "no_turns": "the session has no turns",
    "no_user_turn": "nobody called user speaks",
    "no_such_label": "the session has no label that it reads",
    "authored": "it reads given labels, and assay authored these",
    "no_judge": "it takes a language model, and none was named (--judge)",
    "not_drawn": "the language model read other sessions",
    "nothing_to_read": "the session has nothing that it reads",
}
"""Reason code -> words."""

REMEDIES = {
    "no_independent_reader": "name a judge that did not word the sessions (--judge), or answer a sample (assay sample)",
    "unmeasured_power": "measure power on 300 sessions or more (assay power), or answer a sample (assay sample)",
    "no_power": "use a stronger judge (--judge), or answer a sample (assay sample)",
    "not_supported": "answer a sample (assay sample), or use a stronger judge (--judge)",
    "language": "name a judge that reads the language (--judge)",
    "born_script": "measure which names survive the mode (assay gap), or answer a sample (assay sample)",
    "born_mindreaders": "measure which names survive the mode (assay gap), or answer a sample (assay sample)",
    "budget": "raise --max-cost or --limit",
}
"""Reason code -> what would have to be there."""

STATUS = {
    "supported": "supported",
    "contradicted": "contradicted",
    "not_evidenced": "not evidenced",
    "unparsed": "unparsed",
    "not_applicable": "not applicable",
}
"""Verdict status -> words."""


def count(n: int, unit: str = "") -> str:
    """`1,254 labels`, `1 label`."""
    number = f"{n:,}"
    return f"{number} {unit if n != 1 else unit.removesuffix('s')}" if unit else number


def percent(share: float) -> str:
    """A share as people read it: `33 %`, `4.2 %`, `<0.1 %`."""
    value = 100 * share
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.1f} %" if 0 < value < 9.95 or 99 < value < 100 else f"{value:.0f} %"


def span(low: float | None, high: float | None) -> str:
    """`28 to 38 %`, or why there is none."""
    if low is None or high is None:
        return "no interval"
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def interval(found: Interval, unit: str) -> str:
    """`33 % (95 % interval 28 to 38 %; n = 388 labels in 20 sessions)`, with few clusters said aloud."""
    point = percent(found.point)
    held = f"n = {count(found.n, unit)} in {count(found.clusters, 'sessions')}"
    if found.low is None:
        return f"{point} (no interval below 10 sessions; {held})"
    few = "; few clusters" if found.flag else ""
    return f"{point} (95 % interval {span(found.low, found.high)}; {held}{few})"


def reason(code: str) -> str:
    """A reason code in words; unknown ones stand as they are."""
    return REASONS.get(code) or (f"{code} found its fault" if question(code) else code)


def question(code: str) -> str:
    """The question that a check answers, or nothing for one that is not in the table."""
    from assay.verification.check import CHECKS

    return next((c.question for c in CHECKS if c.code == code), "")


def certificate_lines(certificate: Mapping[str, Any] | None) -> list[str]:
    """What the certificate says, or what one would cost, in sentences."""
    if certificate is None:
        return ["No certificate was made yet: run `assay certify DIR`."]
    claims = certificate.get("claims") or []
    lines = [_claim(claim) for claim in claims]
    status = certificate.get("status")
    if status == "not_requested":
        lines.append("No label is certified, because nobody has answered a sample of this run.")
    sentence = (certificate.get("plan") or {}).get("sentence")
    if sentence and status != "granted":
        lines.append(str(sentence))
    elif status == "not_requested":
        lines.append("What a certificate would cost was not worked out: `assay certify DIR --plan` says it.")
    estimate = certificate.get("estimate")
    if estimate:
        low, high = estimate["ci"]
        lines.append(f"Overall error of the listed labels: {percent(estimate['error'])} (interval {span(low, high)}).")
    elif claims and certificate.get("estimate_reason"):
        lines.append(f"No overall error is stated: {certificate['estimate_reason']}.")
    for assumed in certificate.get("assumes") or []:
        lines.append(f"Assumes: {assumed}.")
    return lines


def _claim(claim: Mapping[str, Any]) -> str:
    word = "Granted" if claim.get("granted") else "Refused"
    answers = f"{claim.get('wrong', 0)} wrong of {count(int(claim.get('n_answers') or 0), 'answers')}"
    bound = claim.get("bound")
    limit = f"; upper limit {percent(bound)}" if isinstance(bound, int | float) else ""
    return f"{word} ({claim.get('name', '?')}; {answers}{limit}): {claim.get('reason') or 'no reason was given'}"


def act_means(name: str, value: str, blueprint: Mapping[str, Any] | None) -> str:
    """One line on what an act's value means, where the blueprint or the core acts say it."""
    if name == "core_act":
        found = CORE_ACTS.get(value)
        return found.meaning if found is not None else ""
    if name == "act":
        acts = (blueprint or {}).get("user_acts")
        spec = acts.get(value) if isinstance(acts, dict) else None
        return str(spec.get("means", "")) if isinstance(spec, dict) else ""
    return ""
