"""assay simulate."""

from pathlib import Path

import typer

from assay.cli.console import ENGINE, JSON, QUIET, Bars, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with scenarios."),
    engine: str = ENGINE,
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Let the scenarios of a run folder talk, each party in its own view.

    Example: assay simulate runs/r1. Reads scenarios.jsonl, writes sessions.jsonl.
    """
    from assay.door.engines import using
    from assay.door.running import simulate
    from assay.runs.folder import RunFolder

    with using(engine):
        count = simulate(directory, progress=Bars(quiet))
    stage = RunFolder(directory).run()["stages"]["simulate"]
    share = stage["fallback_share"]
    ends = ", ".join(f"{k} {v}" for k, v in stage["ends"].items())
    words = (
        f"{count} sessions; ended: {ends}; "
        f"{0 if share is None else share:.1%} of {stage['user_turns']} user turns fell back to a template"
    )
    result({"sessions": count, **stage}, as_json, words)
