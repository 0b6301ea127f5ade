"""assay export."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with labels."),
    out: Path = typer.Option(..., "--out", help="Folder of the dataset."),
    format: str = typer.Option(
        "jsonl", "--format", help="jsonl, parquet, openai, inspect, kto, dpo, crowdkit or labelstudio."
    ),
    tier: list[str] = typer.Option([], "--tier", help="Tiers to keep; default: certified and provisional."),
    min_tier: str | None = typer.Option(None, "--min-tier", help="Keep this tier and the better ones."),
    as_json: bool = JSON,
) -> None:
    """Write the trusted labels as a dataset with a card.

    Example: assay export runs/r1 --out data/r1 --format parquet. Reads labels.jsonl and sessions.jsonl.
    """
    from assay.door.exporting import export

    found = export(directory, out, format=format, tiers=tuple(tier), min_tier=min_tier)
    words = "\n".join(f"{k}: {v}" for k, v in found.items())
    result(found, as_json, words)
