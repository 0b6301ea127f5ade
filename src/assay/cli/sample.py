"""assay sample."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with labels."),
    n: int = typer.Option(..., "-n", help="Labels for the certificate."),
    out: Path = typer.Option(..., "--out", help="CSV to write."),
    label: list[str] = typer.Option([], "--label", help="Only labels of this name; may be given again."),
    tune: int = typer.Option(0, "--tune", help="Labels on top, to fit trust on."),
    planted: int = typer.Option(0, "--planted", help="Wrong labels mixed in blind, to measure the assessors."),
    claim: list[str] = typer.Option(
        [], "--claim", help="A claim per label name instead of one pooled; may be given again."
    ),
    seed: int | None = typer.Option(None, "--seed", help="Seed of the draw; default: the run's."),
    alpha: float = typer.Option(0.05, "--alpha", help="Largest error that will be claimed."),
    delta: float = typer.Option(0.05, "--delta", help="Risk of a false claim."),
    top: float = typer.Option(1.0, "--top", help="Claim only this share of the labels, best ranks first."),
    outside: float = typer.Option(0.0, "--outside", help="Share of draws outside --top, for an overall error."),
    unit: str = typer.Option("label", "--unit", help="label, or session: -n whole sessions."),
    about: str = typer.Option("run", "--about", help="run, or new_sessions (with --unit session)."),
    early_stop: bool = typer.Option(False, "--early-stop", help="Answers may be looked at after every one."),
    as_json: bool = JSON,
) -> None:
    """Draw labels for people to answer: a random permutation, blind to the labels' own values.

    Example: assay sample runs/r1 -n 150 --label core_act --out sample.csv
    """
    from assay.door.certifying import sample

    found = sample(
        directory,
        n,
        out,
        labels=label,
        tune=tune,
        planted=planted,
        claims=tuple(claim) or ("pooled",),
        seed=seed,
        alpha=alpha,
        delta=delta,
        early_stop=early_stop,
        top=top,
        outside=outside,
        unit=unit,
        about=about,
    )
    words = (
        f"{found['rows']} rows in {out}: answer them as CSV with the columns sample_id,assessor,answer,seconds,\n"
        f"then: assay certify {directory} --answers ANSWERS.csv"
    )
    result(found, as_json, words)
