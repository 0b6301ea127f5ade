"""From measured power to the gate of a label name, and to the checks that have none (METHODS 9)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAY_SUPPORT = ("LB01", "LB02", "LB06", "CO01", "CO03")
"""Checks that read a value: only these can carry a label."""
NOT_OF_VALUE = ("LB03", "LB05", "CO04", "CO05", "RE", "RL", "BE", "PT", "IA", "BR", "AU", "CN")
"""Checks, by how their code starts, whose fault is not a wrong value: swaps do not show whether they have power."""
MIN_FAULTS = 100
"""Faults that an operator needs for a gate."""
MIN_DIFFERENCE = 0.5
"""Lower limit of recall minus false alarms that a gate needs."""

Row = Mapping[str, Any]
"""One entry of `results` in power.json."""


def gates(
    results: Sequence[Row], names: Iterable[str], readers: Mapping[str, set[str]], missing: Mapping[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """The power gate of each label name.

    Passed when, for every way in which faults of that name were planted, at least 100 faults were planted and the best
    check among those that are independent and may support has a lower 95 % limit of recall minus false alarms of at
    least 0.5. `lowest` is the least of these best limits over all ways (null where none could be measured); `by_way`
    has each: operator/kind/draw -> {faults, best}.

    results: as in power.json. names: all label names. readers: name -> independent checks that read it. missing:
    name -> kinds that could not be made here, which are said in the reason and do not fail the gate.
    """
    return {name: _gate(name, results, readers.get(name, set()), missing.get(name, [])) for name in names}


def _gate(name: str, results: Sequence[Row], readers: set[str], missing: list[str]) -> dict[str, Any]:
    able = sorted(readers & set(MAY_SUPPORT))
    if not able:
        return {"passed": False, "lowest": None, "reason": "no independent reader", "by_way": {}}
    mine = [r for r in results if r["name"] == name]
    ways = sorted({way(r) for r in mine})
    if not ways:
        return {"passed": False, "lowest": None, "reason": "no operator breaks it here", "by_way": {}}
    by_way: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for one in ways:
        rows = [r for r in mine if way(r) == one and r["independent"] and r["check"] in able]
        best = max((r["difference_lower"] for r in rows if r["difference_lower"] is not None), default=None)
        n_faults = max((r["n_faults"] for r in mine if way(r) == one), default=0)
        label = "/".join(one)
        by_way[label] = {"faults": n_faults, "best": best}
        if n_faults < MIN_FAULTS:
            problems.append(f"{label}: {n_faults} faults < {MIN_FAULTS}")
        elif best is None:
            problems.append(f"{label}: no check reads it")
        elif best < MIN_DIFFERENCE:
            problems.append(f"{label}: lower limit {best:.3g} < {MIN_DIFFERENCE}")
    lowest = min((w["best"] for w in by_way.values() if w["best"] is not None), default=None)
    notes = [*problems, *([f"not measured: {', '.join(missing)}"] if missing else [])]
    return {"passed": not problems, "lowest": lowest, "reason": "; ".join(notes), "by_way": by_way}


def way(row: Row) -> tuple[str, str, str]:
    """One way of planting: operator, kind, and how the wrong value is drawn."""
    return row["operator"], row["kind"], row["draw"]


def no_power(results: Sequence[Row]) -> list[list[str | None]]:
    """(check, name) pairs for which a check catches nothing here; name null for faults that break no one label.

    A pair is listed when on text faults (label faults where there is no text fault) its largest lower limit of recall
    minus false alarms over the operators is <= 0. Pairs without a limit are unmeasured, not powerless, and not listed.
    Faults of a label say nothing of checks whose fault is not a wrong value (`NOT_OF_VALUE`), nor do faults of a turn
    as such of checks that read a value.
    """
    pairs: dict[tuple[str, str | None], list[Row]] = {}
    for row in results:
        of_value = not row["check"].startswith(NOT_OF_VALUE)
        if of_value == (row["name"] is not None) and row["difference_lower"] is not None:
            pairs.setdefault((row["check"], row["name"]), []).append(row)
    found: list[list[str | None]] = []
    for (check, name), rows in sorted(pairs.items(), key=lambda pair: (pair[0][0], pair[0][1] or "")):
        text = [r for r in rows if r["kind"] == "text"] or [r for r in rows if r["kind"] == "label"] or rows
        if max(r["difference_lower"] for r in text) <= 0:
            found.append([check, name])
    return found
