"""assay doctor."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result
from assay.cli.wording import table
from assay.errors import Refused


def command(
    directory: Path | None = typer.Argument(None, metavar="[DIR]", help="Run folder to check."),
    sample: int = typer.Option(200, "--sample", help="Sessions whose prompts are made again."),
    seed: int = typer.Option(0, "--seed", help="Seed of the sample."),
    as_json: bool = JSON,
) -> None:
    """Check the machine, or the stored prompts and files of a run folder.

    On a run: no prompt, act or reply may depend on anything its party was not to know. Example: assay doctor runs/r1
    """
    from assay.door.doctor import check_machine, check_run

    findings = check_machine() if directory is None else check_run(directory, sample=sample, seed=seed)
    rows = [("state", "what", "detail")] + [(f.state, f.what, f.detail) for f in findings]
    result({"findings": [f._asdict() for f in findings]}, as_json, table(rows))
    if any(f.state == "broken" for f in findings):
        raise Refused("something is broken; see the table")
