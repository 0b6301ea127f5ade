"""assay label."""

import json
from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import run_summary


def command(
    file: list[Path] = typer.Argument(..., metavar="FILE...", help="Session files."),
    schema: Path = typer.Option(..., "--schema", help="YAML: label names, values, one-line meanings, examples."),
    out: Path = typer.Option(..., "--out", help="Folder."),
    annotator: list[str] = typer.Option(
        [],
        "--annotator",
        help="nearest, human-turns, trained:FILE[,FILE], votes:FILE.csv or python:module:callable; may be given again.",
    ),
    judge: list[str] = typer.Option([], "--judge", help="A language model that votes; may be given again."),
    gold: Path | None = typer.Option(None, "--gold", help="CSV of known values: session,turn,name,label."),
    learn_from: Path | None = typer.Option(
        None, "--learn-from", help="Folder of an earlier `assay label`: learn from its answered tune labels."
    ),
    limit: int = typer.Option(0, "--limit", help="Targets a label that each judge reads; default 200."),
    draws: int = typer.Option(3, "--draws", help="Orders of the options in which a judge reads each target."),
    method: str = typer.Option("auto", "--method", help="Consensus of the votes, as in `assay consensus`."),
    seed: int = typer.Option(0, "--seed", help="Seed of subsets and orders."),
    max_cost: float | None = typer.Option(None, "--max-cost", help="USD that judges may spend."),
    price: list[str] = typer.Option([], "--price", help="NAME=PROMPT/GENERATED in USD per million tokens."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what judges would be asked."),
    format: str | None = typer.Option(None, "--format", help="sessions, openai or tau2; default: guessed."),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, which labels."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Let annotators vote, blind, on sessions without labels: distributions, ranks, tiers; then sample and certify.

    Example: assay label sessions.jsonl --schema labels.yaml --out runs/labelled. The same command goes on after a stop.
    """
    from assay.door.labelling import label

    found = label(
        file, schema, out, annotators=annotator, judges=judge, gold=gold, learn_from=learn_from, limit=limit,
        draws=draws, method=method, seed=seed, max_cost=max_cost, price=price, dry_run=dry_run, format=format,
        mapping=map, progress=Bars(quiet),
    )  # fmt: skip
    if dry_run:
        result(found, as_json, json.dumps(found, indent=2))
        return
    told = [f"{name}: {', '.join(row['annotators'])}" for name, row in found["annotators"].items()]
    told += [
        f"{name}: {who} is not heard: asked again it names other values as often as chance would "
        f"(kappa {about['self_agreement']['kappa']:.2f}, {about['self_agreement']['targets']} labels)"
        for name, row in found["annotators"].items()
        for who, about in row["annotators"].items()
        if about.get("heard") is False
    ]
    told += [
        f"{name}: the best {row['plan_top']['share']:.0%} look safe on gold ({row['plan_top']['wrong']} of "
        f"{row['plan_top']['of']} wrong): assay sample {out} --top {row['plan_top']['share']:g} ..."
        for name, row in found["annotators"].items()
        if row["plan_top"]
    ]
    next_ = f"next: assay sample {out} -n 150 --out sample.csv, then assay review {out}"
    result(found, as_json, "\n".join([run_summary(found, out), *told, next_]))
