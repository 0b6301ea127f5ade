"""assay author."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result


def command(
    blueprint: str = typer.Argument(..., metavar="BLUEPRINT", help="A YAML file, or returns, movies, clinic."),
    out: Path = typer.Option(..., "--out", help="Run folder."),
    n: int = typer.Option(..., "-n", help="Scenarios."),
    seed: int = typer.Option(0, "--seed", help="Seed of everything."),
    model: str = typer.Option("embedded", "--model", help="What will word the user."),
    assistant: str = typer.Option("reference", "--assistant", help="The system under test."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Draw every label before any text exists: scenarios.jsonl, frozen and hashed.

    Example: assay author returns --out runs/r1 -n 50 --seed 1
    """
    from assay.door.running import author
    from assay.runs.folder import RunFolder

    count = author(blueprint, out, n=n, seed=seed, model=model, assistant=assistant, progress=Bars(quiet))
    stage = RunFolder(out).run()["stages"]["author"]
    words = (
        f"{count} scenarios in {out}; {stage['rejected']} draws rejected by constraints ({stage['rejection_rate']:.1%})"
    )
    result(
        {"scenarios": count, "rejected": stage["rejected"], "rejection_rate": stage["rejection_rate"]}, as_json, words
    )
