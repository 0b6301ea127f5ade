"""assay audit."""

from pathlib import Path

import typer

from assay.cli.audit_words import audit_words
from assay.cli.console import ENGINE, JSON, QUIET, Bars, result, say
from assay.cli.judges import APART, LIMIT, MAX_COST, PRICE, judges_words
from assay.cli.wording import run_summary


def command(
    file: list[Path] = typer.Argument(..., metavar="FILE...", help="Session files."),
    out: Path = typer.Option(..., "--out", help="Run folder."),
    format: str | None = typer.Option(None, "--format", help="sessions, openai or tau2; default: guessed."),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, which labels."),
    label: list[str] = typer.Option([], "--label", help="Only this label name; may be given again."),
    checks: str = typer.Option("", "--checks", help="Codes, comma separated; default: all that apply."),
    seed: int = typer.Option(0, "--seed", help="Seed of folds and samples."),
    judge: list[str] = typer.Option([], "--judge", help="A language model that reads labels; may be given again."),
    limit: int | None = LIMIT,
    max_cost: float | None = MAX_COST,
    price: list[str] = PRICE,
    apart: bool = APART,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only the plan: what can be checked, what not, the cost."),
    engine: str = ENGINE,
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Which labels of somebody else's sessions can be trusted. The plan comes first, on stderr.

    Example: assay audit sessions.jsonl.gz --out runs/audit. Reads session files, writes a run folder with a report.
    Above 5,000 sessions they are streamed and checked in parts. Stopped or killed, the same command goes on.
    """
    from assay.door.auditing import audit
    from assay.door.engines import using

    with using(engine):
        found = audit(
            file, out, labels=label or None, format=format, mapping=map, seed=seed,
            checks=[c for c in checks.split(",") if c] or None, judge=judge, judged_labels=limit, max_cost=max_cost,
            price=price, apart=apart, dry_run=dry_run, told=lambda plan: say(audit_words(plan), quiet),
            progress=Bars(quiet),
        )  # fmt: skip
    if dry_run:
        result(found, as_json, audit_words(found))
        return
    skipped = found["not_checked"]
    more = (
        f"\nnot checked: {', '.join(s['name'] for s in skipped[:8])}{' ...' if len(skipped) > 8 else ''}"
        if skipped
        else ""
    )
    result(found, as_json, "\n\n".join([run_summary(found, out) + more, *judges_words(found)]))
