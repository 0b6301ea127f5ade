"""assay gap."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import gap_summary


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="An agents run, or a new folder with --blueprint."),
    blueprint: str | None = typer.Option(None, "--blueprint", help="For a new folder: a YAML file, or a bundled one."),
    n: int | None = typer.Option(None, "-n", help="Scenarios; default: all of the run (20 in a new folder)."),
    model: str | None = typer.Option(None, "--model", help="Words both arms; default: the run's."),
    seed: int | None = typer.Option(None, "--seed", help="Default: the run's."),
    assistant: str | None = typer.Option(None, "--assistant", help="Default: the run's."),
    regimes: bool = typer.Option(False, "--regimes", help="Also compare the regimes controlled and conditioned."),
    max_failed: float = typer.Option(0.05, "--max-failed", help="Largest share of failed sessions of an arm."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """The same scenarios as agents, as a script and as mindreaders: what knowing too much changes.

    Example: assay gap runs/r1 -n 20. Says which labels survive. Arms are run folders in DIR; writes gap.json and
    gap.html; the same command goes on where it stopped.
    """
    from assay.door.gap import gap

    found = gap(
        directory, blueprint=blueprint, n=n, model=model, seed=seed, assistant=assistant, regimes=regimes,
        max_failed=max_failed, progress=Bars(quiet),
    )  # fmt: skip
    result(found, as_json, gap_summary(found, directory))
