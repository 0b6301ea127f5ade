"""What `assay power` found, in words for the terminal."""

from typing import Any

from assay.cli.judges import judge_rows, judges_words
from assay.cli.wording import table

UNREAD = "no independent reader"
"""Reason of a gate that no check could open."""


def way(row: dict[str, Any]) -> str:
    """One way of planting in words: `act_swap, text` or `act_swap, label, confusable`."""
    return ", ".join([row["operator"], row["kind"], *([row["draw"]] if row["draw"] != "uniform" else [])])


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


def _limits(value: list[float | None]) -> str:
    low, high = value
    return "-" if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f}"


def power_words(found: dict[str, Any]) -> str:
    """Fault by check, then the faults that no check catches, then the gates."""
    lines = [f"power measured on {found['sessions']} sessions" + (f" ({found['from']})" if found.get("from") else "")]
    if found.get("composite"):
        lines += [_matrix(found), _joint(found)]
    if found.get("uncaught"):
        lines.append(f"No check catches: {'; '.join(way(r) for r in found['uncaught'])}.")
    if found.get("not_planted"):
        lines.append(f"Nothing here to plant into: {'; '.join(way(r) for r in found['not_planted'])}.")
    lines.append(_gates(found["gates"]))
    lines += judges_words(found)
    if "report" in found:
        lines.append(f"Report: {found['report']}")
    return "\n\n".join(lines)


def _gates(gates: dict[str, dict[str, Any]]) -> str:
    """Label names with an independent reader and why their gate is open or not; how many others there are."""
    read = {n: g for n, g in sorted(gates.items()) if g["reason"] != UNREAD}
    rows = [("label", "gate", "why")] + [
        (name, "passed" if gate["passed"] else "not passed", _short(gate["reason"])) for name, gate in read.items()
    ]
    rest = sorted(set(gates) - set(read))
    more = f"{len(rest)} label names have no independent reader here: {_short(', '.join(rest))}" if rest else ""
    return "\n".join([*([table(rows)] if read else []), *([more] if more else [])]) or "no labels"


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 4].rsplit(" ", 1)[0] + " ..."


def _matrix(found: dict[str, Any]) -> str:
    """Recall in per cent by fault and check; after a slash false alarms on the clean copies, where there are any."""
    codes = sorted({r["check"] for r in found["table"]})
    cells = {(way(r), r["check"]): r for r in found["table"]}
    rows = [("recall % (/false alarms %)", "n", *codes)]
    for joint in found["composite"]:
        name = way(joint)
        own = [cells.get((name, code)) for code in codes]
        rows.append((name, str(joint["n_faults"]), *(_cell(c) for c in own)))
    return table(rows)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "."
    alarms = f"/{_percent(row['false_alarm'])}" if row["false_alarm"] >= 0.005 else ""
    return f"{_percent(row['recall'])}{alarms}"


def _joint(found: dict[str, Any]) -> str:
    """All checks together, and the best one with its interval and area."""
    best = {(way(r), r["check"]): r for r in found["table"]}
    rows = [("all checks together", "recall %", "95 %", "false alarms %", "best check", "its recall %", "area")]
    for joint in found["composite"]:
        own = best.get((way(joint), joint["best"] or ""))
        rows.append((
            way(joint), _percent(joint["recall"]), _limits(joint["recall_ci"]), _percent(joint["false_alarm"]),
            joint["best"] or "none",
            "-" if own is None else f"{_percent(own['recall'])} ({_limits(own['recall_ci'])})",
            "-" if own is None or own["auroc"] is None else f"{own['auroc']:.2f}",
        ))  # fmt: skip
    return table(rows)


def plan_words(found: dict[str, Any]) -> str:
    """What would be planted."""
    rows = [("fault", "unit", "eligible", "faults in a copy", "sessions changed")]
    rows += [
        (way(w), w["unit"], str(w["eligible"]), str(w["faults"]), str(w["sessions"])) if w["copies"]
        else (way(w), w["unit"], "none", "-", "-")
        for w in found["ways"]
    ]  # fmt: skip
    parts = [f"{k.replace('_', ' ')}: {', '.join(v) or 'none'}" for k, v in found["battery"].items()]
    return (
        f"{found['sessions']} of {found['of_sessions']} sessions, {found['copies']} faulty copies, about "
        f"{found['seconds']:.0f} s\n{table(rows)}\nchecks by what they read: {'; '.join(parts)}"
        + "".join(f"\n{line}" for line in judge_rows(found.get("judges", [])))
    )
