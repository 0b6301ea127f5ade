"""PT01 and PT02: does a reader that is right about who knows what stay right in every form of the question?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.records.base import rounded
from assay.records.session import Session
from assay.records.verdict import Status, Verdict
from assay.verification.check import Corpus
from assay.verification.judges.prompt import Answers
from assay.verification.judges.trial import Trial
from assay.verification.minds.probes import FORMS, Probe, gathered
from assay.verification.minds.states import NO_LEDGER, NO_MODEL, State, without_ledger

CODES = ("PT01", "PT02")
OPEN = "free"


def verdicts(
    asked: Sequence[Probe], answers: Sequence[tuple[Answers, str]], by: str, independent: bool
) -> Iterator[Verdict]:
    """PT01 and PT02 of each knowledge state that was probed.

    PT01, the conjunction: supported only where every form is answered as the ledger says. PT02, structured minus open:
    contradicted where the structured forms are all right and the reader's own words are not. Score: share of forms
    that are right; 1 minus what the share of structured forms has over the open one.
    """
    prompts: dict[tuple[str, int, str, str], list[str]] = {}
    for p in asked:
        key = (p.state.session.id, p.state.turn, p.state.name, p.state.knower)
        prompts.setdefault(key, []).append(p.ask.id)
    for state, forms in gathered(asked, answers):
        common = {
            "session": state.session.id, "turn": state.turn, "name": state.name, "by": by, "independent": independent,
            "prompts": tuple(prompts[state.session.id, state.turn, state.name, state.knower]),
        }  # fmt: skip
        if any(right is None for right in forms.values()):
            for code in CODES:
                more = {"status": "unparsed", "reason": "no answer in one of the forms"}
                yield Verdict(code=code, **{**common, **more, "independent": False})
            continue
        share = sum(map(bool, forms.values())) / len(forms)
        yield Verdict(code="PT01", status=_joint(forms), score=share, read=_read(state, forms), **common)
        picked = [bool(right) for form, right in forms.items() if form != OPEN]
        gap = sum(picked) / len(picked) - bool(forms[OPEN])
        status: Status = "not_evidenced" if not all(picked) else "supported" if forms[OPEN] else "contradicted"
        yield Verdict(code="PT02", status=status, score=1 - max(0.0, gap), **common)


def _joint(forms: Mapping[str, bool | None]) -> Status:
    if any(right is None for right in forms.values()):
        return "unparsed"
    return "supported" if all(forms.values()) else "contradicted"


def _read(state: State, forms: Mapping[str, bool | None]) -> str | None:
    """What the reader says of the state, where all forms agree."""
    if len(set(forms.values())) > 1:
        return None
    return "known" if state.knows == bool(next(iter(forms.values()))) else "not known"


def trials(asked: Sequence[Probe], answers: Sequence[tuple[Answers, str]]) -> Iterator[Trial]:
    """Per state what PT01 says of it as it stands, and what it would say were the ledger the other way round."""
    turned = gathered(asked, answers, turned=True)
    for (state, forms), (_, other) in zip(gathered(asked, answers), turned, strict=True):
        yield Trial("PT01", state.name, state.session.id, _joint(forms), _joint(other))


def figures(asked: Sequence[Probe], answers: Sequence[tuple[Answers, str]]) -> dict[str, Any]:
    """Share of right answers per form, the conjunction, and structured minus open, each with n and a 95 % interval.

    Unit: knowledge state; sessions are the clusters; states with an answer missing are left out and counted.
    *Guarantee*: as `stats.intervals.cluster_mean` (tests/laws/test_interval_laws.py).
    """
    found = gathered(asked, answers)
    parsed = [(s, f) for s, f in found if all(right is not None for right in f.values())]
    rows: dict[str, list[tuple[float, str]]] = {form: [] for form in (*FORMS, "conjunction", "gap")}
    for state, forms in parsed:
        for form, right in forms.items():
            rows[form].append((float(bool(right)), state.session.id))
        picked = [bool(right) for form, right in forms.items() if form != OPEN]
        rows["conjunction"].append((float(all(forms.values())), state.session.id))
        rows["gap"].append((sum(picked) / len(picked) - bool(forms[OPEN]), state.session.id))
    return {"states": len(found), "unparsed": len(found) - len(parsed), **{k: _mean(v) for k, v in rows.items() if v}}


def _mean(rows: Sequence[tuple[float, str]]) -> dict[str, Any]:
    from assay.stats.intervals import cluster_mean

    found = cluster_mean([x for x, _ in rows], [session for _, session in rows])
    return dict(rounded({"mean": found.point, "ci": [found.low, found.high], "n": len(rows)}))


def unasked(corpus: Corpus) -> Iterator[Verdict]:
    """PT01 and PT02 of every session before a model was asked: not_applicable, with the reason."""
    dumb = set(without_ledger(corpus.sessions))
    for s in corpus.sessions:
        for code in CODES:
            yield none_of(s, code, NO_LEDGER if s.id in dumb else NO_MODEL)


def none_of(session: Session, code: str, reason: str, by: str = "") -> Verdict:
    """A verdict that says why there is none."""
    return Verdict(code=code, session=session.id, status="not_applicable", reason=reason, by=by)
