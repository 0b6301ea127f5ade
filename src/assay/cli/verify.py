"""assay verify."""

from pathlib import Path

import typer

from assay.cli.console import ENGINE, JSON, QUIET, Bars, result
from assay.cli.judges import APART, LIMIT, MAX_COST, PRICE, judges_words, plan_words
from assay.cli.wording import table


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with sessions."),
    checks: str = typer.Option("", "--checks", help="Codes, comma separated; default: all."),
    judge: list[str] = typer.Option([], "--judge", help="A language model that reads labels; may be given again."),
    limit: int | None = LIMIT,
    max_cost: float | None = MAX_COST,
    price: list[str] = PRICE,
    apart: bool = APART,
    out: Path | None = typer.Option(
        None, "--out", help="Check an old run anew into this folder; DIR stays as it is, nothing is simulated."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what the judges would be asked, and the cost."),
    engine: str = ENGINE,
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Check the labels of a run folder with evidence that did not make them.

    Example: assay verify runs/r1 --judge embedded-base --limit 50. Reads sessions.jsonl, writes verdicts.jsonl.
    """
    from assay.door.engines import using
    from assay.door.running import verify

    with using(engine):
        found = verify(
            directory, checks=[c for c in checks.split(",") if c] or None, judge=judge, judged_labels=limit,
            max_cost=max_cost, price=price, apart=apart, dry_run=dry_run, out=out, progress=Bars(quiet),
        )  # fmt: skip
    if dry_run:
        result(found, as_json, plan_words(found))
        return
    rows = [("check", "verdicts")] + [
        (code, ", ".join(f"{k} {v}" for k, v in sorted(counts.items()))) for code, counts in found["checks"].items()
    ]
    again = [f"{found['moved']} of {found['labels']} labels moved: assay diff {directory} {out}"] if out else []
    result(found, as_json, "\n\n".join([table(rows), *judges_words(found), *again]))
