"""assay verify."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import table


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with sessions."),
    checks: str = typer.Option("", "--checks", help="Codes, comma separated; default: all."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Check the labels of a run folder with evidence that did not make them.

    Example: assay verify runs/r1 --checks LB01,IA01. Reads sessions.jsonl, writes verdicts.jsonl.
    """
    from assay.door.running import verify

    found = verify(directory, checks=[c for c in checks.split(",") if c] or None, progress=Bars(quiet))
    rows = [("check", "verdicts")] + [
        (code, ", ".join(f"{k} {v}" for k, v in sorted(counts.items()))) for code, counts in found.items()
    ]
    result({"checks": found}, as_json, table(rows))
