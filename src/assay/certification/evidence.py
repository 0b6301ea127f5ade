"""Which verdicts speak of which label, and what measured power says of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.errors import BadInput
from assay.records.label import Given
from assay.records.verdict import Status, Verdict

READING = frozenset({"LB01", "LB02", "LB06", "CO01", "CO03"})
"""Checks that read the value: only these can support a label (METHODS 10)."""

GATE = 0.5
"""Least lower limit of recall minus false-alarm rate with which a check passes the power gate (METHODS 9)."""

LEAST_FAULTS = 100
"""Faults that the power gate needs."""

WORST: tuple[Status, ...] = ("contradicted", "unparsed", "not_evidenced", "supported", "not_applicable")
"""Statuses, worst first."""


class Index:
    """Verdicts by what they speak of.

    A verdict that names a label speaks of that label at its turn (of every turn when its turn is null); a session-level
    label hears the verdicts on its name at every turn. A verdict without a name speaks of all labels of its turn. An
    IA01 verdict on `private.<party>.<fact>` also speaks of the labels of its turn that end in `.<fact>`.
    """

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self._named: dict[tuple[str, str, int | None], list[Verdict]] = defaultdict(list)
        self._session: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
        self._turn: dict[tuple[str, int | None], list[Verdict]] = defaultdict(list)
        self._fact: dict[tuple[str, int, str], list[Verdict]] = defaultdict(list)
        for v in verdicts:
            if v.name is None:
                self._turn[v.session, v.turn].append(v)
                continue
            self._named[v.session, v.name, v.turn].append(v)
            self._session[v.session, v.name].append(v)
            if v.code == "IA01" and v.turn is not None:
                self._fact[v.session, v.turn, v.name.rsplit(".", 1)[-1]].append(v)

    def of(self, given: Given) -> list[Verdict]:
        """Every verdict that speaks of one label."""
        nameless = self._turn.get((given.session, given.turn), [])
        if given.turn is None:
            return [*self._session.get((given.session, given.name), []), *nameless]
        named = self._named.get((given.session, given.name, given.turn), [])
        everywhere = self._named.get((given.session, given.name, None), [])
        facts: list[Verdict] = []
        if "." in given.name:
            facts = self._fact.get((given.session, given.turn, given.name.rsplit(".", 1)[-1]), [])
        return [*named, *everywhere, *nameless, *(v for v in facts if v.name != given.name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What planted faults say of the checks, read from power.json."""

    measured: bool = False
    """Whether power was measured at all."""
    gates: Mapping[str, bool | None] = field(default_factory=dict)
    """Label name -> gate passed, null where it could not be measured."""
    no_power: frozenset[tuple[str, str | None]] = frozenset()
    """(check, name) that find nothing here; name null for faults of a turn as such."""
    passed: frozenset[tuple[str, str]] = frozenset()
    """(check, name) whose lower limit reaches the gate for at least one operator, over all kinds of that operator."""
    rates: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]] = field(default_factory=dict)
    """check -> name -> faulty | original -> status -> count."""
    combine: Mapping[str, Any] | None = None
    """Models that add up the evidence of all checks (combine.py), where faults were planted to fit them."""

    @classmethod
    def read(cls, power: Mapping[str, Any] | None) -> "Power":
        """Read the object of power.json. Raises BadInput when a field that is needed is missing or of another type."""
        if power is None:
            return cls()
        try:
            gates = {str(name): _gate(found) for name, found in power["gates"].items()}
            pairs = frozenset((str(check), name) for check, name in power["no_power"])
            passed = _passed(power["results"]) - pairs
            models = power.get("combine")
            if models is not None and len(models["models"]) != models["folds"]:
                raise ValueError(f"{len(models['models'])} models for {models['folds']} folds")
            return cls(
                measured=True, gates=gates, no_power=pairs, passed=passed, rates=power["status_rates"], combine=models
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(
                f"power.json does not have the form this version writes ({type(error).__name__}: {error})",
                where="power.json",
                now="measure power again: assay power DIR",
            ) from error


def _gate(found: Mapping[str, Any]) -> bool | None:
    """Whether a gate passed; None where it could not be measured."""
    return True if found["passed"] else None if found["lowest"] is None else False


def _passed(results: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """(check, name) that reach the gate for at least one operator, in every kind in which it was planted."""
    lowest: dict[tuple[str, str, str], float] = {}
    for row in results:
        if row["name"] is None or not row.get("independent", True):
            continue
        key = (row["check"], row["name"], row["operator"])
        enough = row["difference_lower"] is not None and row["n_faults"] >= LEAST_FAULTS
        lowest[key] = min(lowest.get(key, 1.0), float(row["difference_lower"]) if enough else -1.0)
    return frozenset((check, name) for (check, name, _), low in lowest.items() if low >= GATE)


def status(verdict: Verdict, name: str, power: Power) -> Status:
    """A verdict's status, `not_applicable` where the check has no power for this name on this model.

    A verdict on a turn as such (its name is null) is measured by the faults that break no one label.
    """
    pair = (verdict.code, None if verdict.name is None else name)
    return "not_applicable" if pair in power.no_power else verdict.status


def worst_by_code(found: Iterable[Verdict], name: str, power: Power) -> dict[str, Status]:
    """Check code -> worst status, codes sorted."""
    worst: dict[str, Status] = {}
    for v in found:
        now = status(v, name, power)
        if v.code not in worst or WORST.index(now) < WORST.index(worst[v.code]):
            worst[v.code] = now
    return dict(sorted(worst.items()))


def counts_as_evidence(verdict: Verdict) -> bool:
    """Independent evidence that guided nothing (METHODS 0)."""
    return verdict.independent and not verdict.guard
