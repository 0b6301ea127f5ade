"""assay demo."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result, say
from assay.cli.wording import run_summary


def command(
    directory: Path = typer.Argument(Path("assay-demo"), metavar="DIR", help="Folder of the run."),
    replay: bool = typer.Option(False, "--replay", help="Show a recorded run at once, without a model."),
    seed: int = typer.Option(7, "--seed", help="Seed of everything."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """A small run of the bundled blueprint on the embedded model, ending with a report.

    Example: assay demo. Writes a run folder with sessions, labels, power, certificate and report.html.
    """
    from assay.door.demo import demo

    say("20 sessions of the `returns` blueprint, worded by the embedded model; no key, no network.", quiet or replay)
    found = demo(directory, replay=replay, seed=seed, progress=Bars(quiet))
    result(found, as_json, run_summary(found, directory))
