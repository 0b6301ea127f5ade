"""Coverage of the latents: how often each value occurs, beside the share that the blueprint planned."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.pages.reading import Made
from assay.records import Label
from assay.records.blueprint_parts import Shares
from assay.records.label import key_of
from assay.stats.intervals import Interval, cluster_mean

MOST = 8
"""Values shown per name; the rest is one line."""
OPEN_ENDED = 40
"""Distinct values from which on a name is only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a label name."""

    value: str
    share: Interval
    count: int
    planned: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The distribution of one label name."""

    name: str
    n: int
    unit: str
    """labels, or sessions for session-level names."""
    distinct: int
    values: tuple[Value, ...]
    rest: tuple[int, int]
    """(values, labels) that are not shown."""
    hidden: bool
    """Whether values are withheld because they could be transcript text."""
    has_plan: bool

    @property
    def aside(self) -> bool:
        """Whether it is one of the many that colour a session rather than decide it."""
        return self.name.startswith(("persona.", "context.")) or self.name in ("subtopic", "name")

    @property
    def top(self) -> float:
        """Largest number drawn, so that bars of one name share a scale."""
        return max(
            [0.05, *(v.share.high or v.share.point for v in self.values), *(v.planned or 0 for v in self.values)]
        )


def coverage(made: Made, names: Sequence[str], hidden: frozenset[str]) -> list[Covered]:
    """One entry per label name that has labels, in the order of `names`."""
    labels: dict[str, list[Label]] = defaultdict(list)
    for label in made.labels or ():
        labels[label.name].append(label)
    plans = planned(made)
    return [_covered(name, labels[name], plans.get(name), name in hidden) for name in names if labels[name]]


def _covered(name: str, labels: Sequence[Label], plan: Mapping[str, float] | None, hidden: bool) -> Covered:
    values = [label.value if isinstance(label.value, list) else [label.value] for label in labels]
    keys = [frozenset(key_of(v) for v in own) for own in values]
    sessions = [label.session for label in labels]
    counts = Counter(k for own in keys for k in own)
    for value in plan or ():
        counts.setdefault(value, 0)
    ordered = sorted(counts, key=lambda v: (-counts[v], -(plan or {}).get(v, 0.0), v))
    open_ended = len(ordered) > OPEN_ENDED or (plan is None and len(ordered) > 2 and len(labels) < 2 * len(ordered))
    shown = [] if hidden or open_ended else ordered[: MOST + (len(ordered) == MOST + 1)]
    if shown and plan is not None and len(ordered) <= 2 * MOST:
        shown = ordered
    return Covered(
        name=name,
        n=len(labels),
        unit="sessions" if labels[0].turn is None else "labels",
        distinct=sum(c > 0 for c in counts.values()),
        values=tuple(
            Value(
                value=v,
                count=counts[v],
                planned=plan.get(v) if plan is not None else None,
                share=cluster_mean([float(v in own) for own in keys], sessions),
            )
            for v in shown
        ),
        rest=(len(ordered) - len(shown), sum(counts[v] for v in ordered[len(shown) :])),
        hidden=hidden,
        has_plan=plan is not None,
    )


def planned(made: Made) -> dict[str, dict[str, float]]:
    """Label name -> value -> planned share, for session-level latents whose prior the blueprint states.

    A conditional attribute is planned given the values its parent took in this run. Constraints act later and may move
    shares away from these. Rows of a covering array are no draws from the prior: nothing is planned for them.
    """
    book = made.blueprint
    if book is None or not made.sessions or not made.sessions[0].authored or not made.sessions[0].from_prior:
        return {}
    plans: dict[str, dict[str, float]] = {}
    goals = _mapping(book, "goals")
    weights = {
        str(g): float(spec["weight"]) for g, spec in goals.items() if isinstance(spec, dict) and "weight" in spec
    }
    if weights and len(weights) == len(goals):
        plans["goal"] = {g: w / sum(weights.values()) for g, w in weights.items()}
    for group in ("profile", "context"):
        for key, spec in _mapping(book, group).items():
            plan = _attribute(spec, made)
            if plan:
                plans[f"{group}.{key}"] = plan
    return plans


def _attribute(spec: Any, made: Made) -> dict[str, float] | None:
    if not isinstance(spec, dict):
        return None
    if spec.get("values") is not None:
        return _shares(spec["values"])
    cases, given = spec.get("when"), spec.get("given")
    if not isinstance(cases, dict) or not isinstance(given, str) or given.startswith("persona"):
        return None
    tables = {str(k): _shares(v) for k, v in cases.items()}
    total: Counter[str] = Counter()
    scenarios = made.scenarios or []
    for scenario in scenarios:
        drawn = _drawn(scenario.row(), given)
        if drawn is None:
            return None  # the parent's draw was not kept, so the plan given it is not known
        table = tables.get(drawn) or tables.get("else") or {}
        for value, share in table.items():
            total[value] += share / len(scenarios)  # type: ignore[assignment]
    return dict(total) or None


def _drawn(row: Mapping[str, Any], path: str) -> str | None:
    value: Any = row
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else str(value)


def _shares(raw: Any) -> dict[str, float] | None:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Shares).validate_python(raw)
    except ValidationError:
        return None


def _mapping(book: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = book.get(key)
    return found if isinstance(found, dict) else {}
