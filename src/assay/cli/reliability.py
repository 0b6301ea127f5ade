"""assay reliability."""

from pathlib import Path

import typer

from assay.cli.console import JSON, Bars, result


def command(
    votes: Path | None = typer.Argument(
        None, metavar="[VOTES.csv | DIR]", help="Columns item, annotator, label; or a run folder, with --judge."
    ),
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
    judge: str | None = typer.Option(None, "--judge", help="Ask this model again about labels of the run folder."),
    limit: int | None = typer.Option(None, "--limit", help="Labels that the judge is asked about; default: 60."),
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
    if judge is not None or (votes is not None and votes.is_dir()):
        if judge is None or votes is None:
            raise BadInput("a run folder and --judge belong together", now="assay reliability DIR --judge MODEL")
        from assay.door.rereading import reread

        again = reread(votes, judge, labels=limit, progress=Bars(as_json))
        result(again, as_json, reliability_summary(again))
        return
    metric = "ordinal" if ordinal else "interval" if interval else "nominal"
    names = [f.strip() for f in facets.split(",") if f.strip()]
    found = reliability(
        votes, matrix=matrix, covariance=covariance, statistic=statistic, metric=metric, facets=names,
        as_published=as_published, seed=seed,
    )  # fmt: skip
    result(found, as_json, reliability_summary(found))
