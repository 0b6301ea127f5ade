"""assay power."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import table


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with sessions."),
    power_from: Path | None = typer.Option(None, "--power-from", help="Take power.json measured on >= 300 sessions."),
    text_faults: bool = typer.Option(
        True, "--text-faults/--no-text-faults", help="Also re-word turns with the run's model."
    ),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Plant known faults into copies of a run and measure what each check catches.

    Example: assay power runs/r1. Reads sessions.jsonl, writes power.json.
    """
    from assay.door.running import power

    found = power(directory, power_from=power_from, text_faults=text_faults, progress=Bars(quiet))
    rows = [("label", "gate", "why")] + [
        (name, "passed" if gate["passed"] else "not passed", gate["reason"])
        for name, gate in sorted(found["gates"].items())
    ]
    result(found, as_json, f"power measured on {found['sessions']} sessions\n" + table(rows))
