"""assay compare."""

from pathlib import Path
from typing import Any

import typer

from assay.cli.console import JSON, result

ROWS = (
    "complete", "refused_rightly", "refused_wrongly", "granted_wrongly", "flagged", "hit_at_1", "hit_at_3", "accepted",
    "regret", "turns_to_acceptance", "user_turns", "user_words", "assistant_words", "tool_errors",
)  # fmt: skip
"""Measures of the table, in order; all are in the JSON."""


def command(
    directory_a: Path = typer.Argument(..., metavar="DIR_A", help="Run folder."),
    directory_b: Path = typer.Argument(..., metavar="DIR_B", help="Run folder over the same scenarios."),
    as_json: bool = JSON,
) -> None:
    """Compare two assistants on the same scenarios: paired differences per goal and outcome.

    Example: assay compare runs/reference runs/mine
    """
    from assay.door.comparing import compare

    found = compare(directory_a, directory_b)
    result(found, as_json, words(found))


def words(found: dict[str, Any]) -> str:
    """The comparison as text: what was paired, then the table over all sessions and over the trusted ones."""
    lines = [f"{side.upper()}  {about['directory']}  ({about['assistant']})" for side, about in
             (("a", found["a"]), ("b", found["b"]))]  # fmt: skip
    gone = [f"{about['missing']} sessions missing in {side.upper()}" for side, about in
            (("a", found["a"]), ("b", found["b"])) if about["missing"]]  # fmt: skip
    lines.append(f"{found['pairs']} of {found['scenarios']} scenarios paired{''.join(f', {g}' for g in gone)}")
    more = {k: v for k, v in found["differs"].items() if k != "assistant"}
    if more:
        lines.append("also different: " + ", ".join(f"{k} ({x} / {y})" for k, (x, y) in more.items()))
    for name, title in (("all", "all sessions"), ("trusted", "sessions whose goal label is trusted in both")):
        table = found[name]
        if not table["pairs"]:
            lines += ["", f"{title}: none ({table['reason']})"]
            continue
        lines += ["", f"{title}, n = {table['pairs']}", _row("", "A", "B", "B - A", "95 %", "p")]
        lines += [_measure(m, table["overall"][m]) for m in ROWS if m in table["overall"]]
        lines += ["", "complete, by goal (p by Holm)"]
        lines += [_measure(f"{g} (n = {m['complete']['n']})", m["complete"]) for g, m in table["by_goal"].items()]
    return "\n".join(lines)


def _measure(name: str, value: dict[str, Any]) -> str:
    ci = f"{value['ci'][0]:+.3f} to {value['ci'][1]:+.3f}" if value["ci"] else "under 10 pairs"
    p = value.get("p_holm", value.get("p"))
    return _row(
        name.replace("_", " "), f"{value['a']:.3f}", f"{value['b']:.3f}", f"{value['difference']:+.3f}", ci,
        "" if p is None else f"{p:.2g}",
    )  # fmt: skip


def _row(name: str, a: str, b: str, difference: str, ci: str, p: str) -> str:
    return f"{name:<28}{a:>9}{b:>9}{difference:>9}  {ci:<18}{p:>8}".rstrip()
