"""assay run."""

from pathlib import Path
from typing import Any, cast

import typer

from assay.cli.console import ENGINE, JSON, QUIET, Bars, result
from assay.cli.judges import PRICE, RUN_COST, judge_rows
from assay.cli.wording import run_summary


def command(
    blueprint: str = typer.Argument(..., metavar="BLUEPRINT", help="A YAML file, or returns, movies, clinic."),
    out: Path = typer.Option(..., "--out", help="Run folder."),
    n: int = typer.Option(..., "-n", help="Sessions."),
    seed: int = typer.Option(0, "--seed", help="Seed of everything."),
    model: str = typer.Option(
        "embedded", "--model", help="Words the user: embedded, template, openai:NAME[@URL], python:M:F."
    ),
    assistant: str = typer.Option(
        "reference", "--assistant", help="The system under test: reference, openai:NAME[@URL], python:M:F, http:FILE."
    ),
    mode: str = typer.Option("agents", "--mode", help="agents; script and mindreaders are control arms."),
    regime: str | None = typer.Option(None, "--regime", help="controlled or conditioned; default: the blueprint's."),
    grow_with: str = typer.Option("", "--grow-with", help="A language model that adds subtopics and personas."),
    covering: bool = typer.Option(False, "--covering", help="A pairwise covering array, not draws from the prior."),
    judge: list[str] = typer.Option([], "--judge", help="A language model that reads labels; may be given again."),
    limit: int = typer.Option(0, "--limit", help="Labels that each judge reads, a seeded random subset."),
    checks: str = typer.Option("", "--checks", help="Codes, comma separated; default: all."),
    max_cost: float | None = RUN_COST,
    price: list[str] = PRICE,
    power_from: Path | None = typer.Option(None, "--power-from", help="power.json measured on >= 300 sessions."),
    max_failed: float = typer.Option(0.05, "--max-failed", help="Largest share of failed sessions."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what the run will ask of its models."),
    engine: str = ENGINE,
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Blueprint to report: all stages in one folder. Killed or stopped, the same command goes on.

    Example: assay run returns --out runs/returns -n 100 --seed 1. Reads the blueprint, writes a run folder.
    """
    from assay.door.engines import using
    from assay.door.options import Plan
    from assay.door.running import run

    plan = Plan(
        n=n,
        seed=seed,
        model=model,
        assistant=assistant,
        mode=cast(Any, mode),
        regime=cast(Any, regime),
        grow_with=grow_with,
        covering=covering,
        judge=tuple(judge),
        judged_labels=limit,
        max_failed=max_failed,
        max_cost=max_cost,
        price=tuple(price),
    )
    codes = [c for c in checks.split(",") if c] or None
    if dry_run:
        from assay.door.pricing import dry_run as forecast

        cost = forecast(blueprint, plan, codes)
        lines = [f"  {k.replace('_', ' ')}: {v}" for k, v in cost.items() if k != "judges"]
        result(cost, as_json, "\n".join([*lines, *judge_rows(cost["judges"])]))
        return
    with using(engine):
        found = run(blueprint, out, plan, progress=Bars(quiet), power_from=power_from, checks=codes)
    result(found, as_json, run_summary(found, out))
