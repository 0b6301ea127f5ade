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
    mode: str = typer.Option("agents", "--mode", help="agents; script and mindreaders are control arms."),
    regime: str | None = typer.Option(None, "--regime", help="controlled or conditioned; default: the blueprint's."),
    grow_with: str = typer.Option("", "--grow-with", help="A language model that adds subtopics and personas."),
    covering: bool = typer.Option(False, "--covering", help="A pairwise covering array, not draws from the prior."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Draw every label before any text exists: scenarios.jsonl, frozen and hashed.

    Example: assay author returns --out runs/r1 -n 50 --seed 1
    """
    from assay.door.running import author
    from assay.runs.folder import RunFolder

    count = author(
        blueprint, out, n=n, seed=seed, model=model, assistant=assistant, mode=mode, regime=regime,
        grow_with=grow_with, covering=covering, progress=Bars(quiet),
    )  # fmt: skip
    stage = RunFolder(out).run()["stages"]["author"]
    varied = stage["diversity"]
    pairs = ", ".join(f"{arm} {share:.1%}" for arm, share in varied["pairwise"].items())
    removed = sum(varied["duplicates_removed"].values())
    words = (
        f"{count} scenarios in {out}; {stage['rejected']} draws rejected by constraints "
        f"({stage['rejection_rate']:.1%})\n"
        f"  pairs of values covered: {pairs}; near-duplicates left out: {removed}"
    )
    found = {"scenarios": count, "rejected": stage["rejected"], "rejection_rate": stage["rejection_rate"]}
    result({**found, "diversity": RunFolder(out).json("diversity.json")}, as_json, words)
