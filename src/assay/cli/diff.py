"""assay diff."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory_a: Path = typer.Argument(..., metavar="DIR_A", help="Run folder."),
    directory_b: Path = typer.Argument(..., metavar="DIR_B", help="The same run, checked otherwise."),
    limit: int = typer.Option(20, "--limit", min=0, help="Labels printed; --json gives all."),
    as_json: bool = JSON,
) -> None:
    """Which labels moved between two versions of a run, and why.

    Example: assay diff runs/r1 runs/r1-rechecked
    """
    from assay.cli.wording import diff_summary
    from assay.door.versions import diff

    found = diff(directory_a, directory_b)
    result(found, as_json, diff_summary(found, limit))
