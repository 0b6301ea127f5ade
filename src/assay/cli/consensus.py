"""assay consensus."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    votes: Path = typer.Argument(..., metavar="VOTES.csv", help="Columns item, annotator, label."),
    out: Path = typer.Option(..., "--out", help="The posterior: CSV item, label, probability."),
    method: str = typer.Option(
        "auto",
        "--method",
        help="auto, majority, dawid-skene; soft-majority for open text; with assay[crowd] glad, mace, one-coin.",
    ),
    gold: Path | None = typer.Option(None, "--gold", help="CSV item, label: scores, and recalibrates auto from 20 on."),
    seed: int = typer.Option(0, "--seed", help="Seed of restarts and folds."),
    as_json: bool = JSON,
) -> None:
    """Labels from many annotators: how likely each is, who copies whom, how many voices there are.

    Example: assay consensus votes.csv --gold gold.csv --out posterior.csv
    """
    from assay.cli.wording import consensus_summary
    from assay.door.consensus import consensus

    found = consensus(votes, out, method=method, gold=gold, seed=seed)
    result(found, as_json, consensus_summary(found, out))
