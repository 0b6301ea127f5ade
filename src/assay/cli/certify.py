"""assay certify."""

import json
from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with labels."),
    answers: Path | None = typer.Option(None, "--answers", help="CSV: sample_id,assessor,answer,seconds."),
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
    made = certify(directory, answers=answers, alpha=alpha, delta=delta, claims=claim, estimand=estimand, keep=keep)
    lines = [f"certificate: {made.status}"]
    lines += [f"  {c.name}: {'granted' if c.granted else 'refused'}: {c.reason}" for c in made.claims]
    if made.status == "not_requested":
        lines.append(f"  {made.plan.get('sentence', '')}")
    lines += [f"  {a}" for a in made.assumes]
    result(made.row(), as_json, "\n".join(lines))
    if made.status == "refused":
        raise typer.Exit(1)
