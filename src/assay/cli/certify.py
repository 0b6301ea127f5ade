"""assay certify."""

import json
from pathlib import Path

import typer

from assay.cli.console import JSON, result
from assay.records.certificate import Claim


def _of(claim: Claim) -> str:
    """A claim's name, and what a pooled one covers."""
    shown = ", ".join(claim.names[:3]) + (", ..." if len(claim.names) > 3 else "")
    return f"{claim.name} ({shown})" if claim.names and claim.names != (claim.name,) else claim.name


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with labels."),
    answers: list[Path] = typer.Option(
        [], "--answers", help="CSV: sample_id,assessor,answer,seconds; may be given again."
    ),
    alpha: float = typer.Option(0.05, "--alpha", help="Largest share of wrong labels."),
    delta: float = typer.Option(0.05, "--delta", help="Risk that the claim is false."),
    claim: list[str] = typer.Option([], "--claim", help="pooled, or a label name; may be given again."),
    estimand: str = typer.Option("expressed", "--estimand", help="expressed or not_contradicted."),
    keep: float = typer.Option(0.0, "--keep", help="Share of the risk kept for later looks."),
    plan: bool = typer.Option(False, "--plan", help="Only say what a certificate would cost."),
    as_json: bool = JSON,
) -> None:
    """Bound the label error with people's answers, or refuse and say what is missing. A refusal exits 1.

    Example: assay certify runs/r1 --answers answers.csv. Reads sample.json, writes certificate.json and labels.jsonl.
    """
    from assay.door.certifying import certify
    from assay.door.certifying import plan as price

    if plan:
        cost = price(directory, alpha=alpha, delta=delta, claims=claim or ("pooled",))
        result(cost, as_json, str(cost.get("sentence") or json.dumps(cost)))
        return
    made = certify(
        directory, answers=answers or None, alpha=alpha, delta=delta, claims=claim, estimand=estimand, keep=keep
    )
    lines = [f"certificate: {made.status}"]
    lines += [f"  {_of(c)}: {'granted' if c.granted else 'refused'}: {c.reason}" for c in made.claims]
    if made.status == "not_requested":
        lines.append(f"  {made.plan.get('sentence', '')}")
    lines += [f"  rests on: {a.removeprefix('assumes ')}" for a in made.assumes]
    if made.status != "not_requested":
        lines.append(f"  next: assay report {directory} writes this into the report")
    result(made.row(), as_json, "\n".join(lines))
    if made.status == "refused":
        raise typer.Exit(1)
