"""assay show."""

from pathlib import Path
from typing import Any

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder."),
    session: str = typer.Argument(..., metavar="SESSION", help="Session id."),
    as_json: bool = JSON,
) -> None:
    """Print one session of a run folder with its labels.

    Example: assay show runs/r1 s00003
    """
    from assay.door.running import show

    found = show(directory, session)
    result(found, as_json, words(found))


def words(found: dict[str, Any]) -> str:
    """The session as text: turns with their labels and tiers, then the labels of the whole session."""
    by_turn: dict[Any, list[dict[str, Any]]] = {}
    for label in found["labels"]:
        by_turn.setdefault(label["turn"], []).append(label)
    lines = [f"{found['session']['id']}  ends: {found['session']['end']}"]
    for i, turn in enumerate(found["session"]["turns"]):
        lines.append(f"{i:>3} {turn['speaker']:<10}{turn['text']}")
        lines += [
            f"      {la['name']} = {la['value']}  [{la['tier']}: {', '.join(la['reasons'])}]"
            for la in by_turn.get(i, [])
        ]
    lines += _came_out(found["session"])
    lines.append("session labels")
    lines += [
        f"      {la['name']} = {la['value']}  [{la['tier']}: {', '.join(la['reasons'])}]"
        for la in by_turn.get(None, [])
    ]
    return "\n".join(lines)


def _came_out(session: dict[str, Any]) -> list[str]:
    """Outcome, sub-goals, world and flags of a session that assay made; nothing for others."""
    outcome = session.get("outcome")
    if outcome is None:
        return []
    marks = [k.replace("_", " ") for k in ("refused", "wrongly_refused", "wrongly_granted") if outcome[k]]
    lines = [f"outcome: {', '.join([outcome['status'], *marks])} (by {outcome['by']})"]
    lines += [f"      {k}: {v}" for k, v in session["sub_goals"].items()]
    if session["world_end"]:
        lines.append(
            "      world at the end: " + ", ".join(f"{k} = {v or 'none'}" for k, v in session["world_end"].items())
        )
    if (picks := outcome["picks"]) is not None:
        named, taken = ", ".join(picks["recommended"]) or "nothing", picks["accepted"] or "nothing"
        lines.append(f"      recommended: {named}; taken: {taken}; regret {picks['regret']} of {picks['best']}")
    lines += [f"      flag at turn {f['turn']}: {f['kind'].replace('_', ' ')}{': ' * bool(f['detail'])}{f['detail']}"
              for f in session["flags"]]  # fmt: skip
    return lines
