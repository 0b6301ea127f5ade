"""assay audit."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import run_summary


def command(
    file: list[Path] = typer.Argument(..., metavar="FILE...", help="Session files."),
    out: Path = typer.Option(..., "--out", help="Run folder."),
    format: str | None = typer.Option(None, "--format", help="sessions, openai or tau2; default: guessed."),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, which labels."),
    label: list[str] = typer.Option([], "--label", help="Only this label name; may be given again."),
    checks: str = typer.Option("", "--checks", help="Codes, comma separated; default: all that apply."),
    seed: int = typer.Option(0, "--seed", help="Seed of folds and samples."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Which labels of somebody else's sessions can be trusted.

    Example: assay audit sessions.jsonl.gz --out runs/audit. Reads session files, writes a run folder with a report.
    """
    from assay.door.auditing import audit

    found = audit(
        file, out, labels=label or None, format=format, mapping=map, seed=seed,
        checks=[c for c in checks.split(",") if c] or None, progress=Bars(quiet),
    )  # fmt: skip
    skipped = found["not_checked"]
    more = (
        f"\nnot checked: {', '.join(s['name'] for s in skipped[:8])}{' ...' if len(skipped) > 8 else ''}"
        if skipped
        else ""
    )
    result(found, as_json, run_summary(found, out) + more)
