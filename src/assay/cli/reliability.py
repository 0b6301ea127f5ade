"""assay reliability."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    votes: Path | None = typer.Argument(None, metavar="[VOTES.csv]", help="Columns item, annotator, label."),
    matrix: Path | None = typer.Option(None, "--matrix", help="Items as rows, raters or repeats as columns."),
    covariance: Path | None = typer.Option(None, "--covariance", help="Covariance of the raters: omega, alpha."),
    statistic: str | None = typer.Option(
        None, "--statistic", help="krippendorff (for votes), fleiss, omega (for a matrix), alpha."
    ),
    ordinal: bool = typer.Option(False, "--ordinal", help="Values are numbers whose order counts."),
    interval: bool = typer.Option(False, "--interval", help="Values are numbers with equal steps."),
    facets: str = typer.Option(
        "", "--facets", help="Columns that were varied, e.g. prompt,order,seed: what each does."
    ),
    as_published: bool = typer.Option(
        False, "--as-published", help="Omega as published for judges, beside its shuffled twin. Not to be used."
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="Seed of resamples and permutations."),
    as_json: bool = JSON,
) -> None:
    """How far raters, or repeated draws of one, agree on the same items; beside what chance gives.

    Example: assay reliability votes.csv --statistic krippendorff
    """
    from assay.cli.wording import reliability_summary
    from assay.door.reliability import reliability
    from assay.errors import BadInput

    if ordinal and interval:
        raise BadInput("--ordinal and --interval", now="choose one")
    metric = "ordinal" if ordinal else "interval" if interval else "nominal"
    names = [f.strip() for f in facets.split(",") if f.strip()]
    found = reliability(
        votes, matrix=matrix, covariance=covariance, statistic=statistic, metric=metric, facets=names,
        as_published=as_published, seed=seed,
    )  # fmt: skip
    result(found, as_json, reliability_summary(found))
