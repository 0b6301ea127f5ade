"""assay report."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder."),
    text: bool = typer.Option(True, "--text/--no-text", help="Whether transcripts are shown."),
    as_json: bool = JSON,
) -> None:
    """Write report.html: one self-contained page, readable offline.

    Example: assay report runs/r1 --no-text. Reads the run folder, writes report.html.
    """
    from assay.door.trusting import report

    path = report(directory, text=text)
    result({"report": str(path)}, as_json, f"Report: {path}")
