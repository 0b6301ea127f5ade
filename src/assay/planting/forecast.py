"""What measuring power would plant, before any check is run on a copy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assay.errors import BadInput
from assay.planting.faults import OPERATORS, Order, carry_out
from assay.planting.gates import MIN_FAULTS
from assay.planting.power import SPARE, Plan, most_confusable, next_rates, plan_trials
from assay.planting.run import Run
from assay.records import Session, Verdict


def expected(
    originals: Sequence[Session], verdicts: Iterable[Verdict], plan: Plan, rate: float
) -> list[dict[str, Any]]:
    """The first copy of every way of planting that `measure` would try: units, faults, sessions that change.

    verdicts: on the originals. A way of which nothing can be planted here has 0 copies. Exact, seeds apart, since the
    faults are really planted; only a model's words are left out, so that it costs no call.
    """
    run, aids = Run(originals), replace(plan.aids, reword=None)
    said = list(verdicts)
    confusable = most_confusable(run, said) if plan.confusable else {}
    ways = []
    for trial in plan_trials(run, said, plan, aids)[0]:
        own = replace(aids, confusable=confusable) if trial.draw == "confusable" else aids
        spec = OPERATORS[trial.operator]
        rates = next_rates(run, spec, trial, own, rate, {}) if trial.draw == "uniform" or confusable else 0.0
        order = Order(
            operator=spec.name, kind=trial.kind, rate=rates or 1.0, seed=0, names=trial.names, aids=own,
            pairs_for=round(SPARE * MIN_FAULTS),
        )  # fmt: skip
        way: dict[str, Any] = {
            "operator": spec.name, "kind": trial.kind, "draw": trial.draw, "unit": spec.scope,
            "names": len(trial.names) if trial.names is not None else None,
        }  # fmt: skip
        ways.append({**way, **(_planted(run, order) if rates else NOTHING)})
    return ways


NOTHING: Mapping[str, int] = {"copies": 0, "eligible": 0, "faults": 0, "sessions": 0}
"""A way of which nothing can be planted."""


def _planted(run: Run, order: Order) -> Mapping[str, int]:
    try:
        drafts, made, report = carry_out(run, OPERATORS[order.operator], order)
    except BadInput:
        return NOTHING
    return {"copies": 1, "eligible": report.eligible, "faults": len(made), "sessions": len(drafts)}
