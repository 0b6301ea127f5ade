"""assay learn."""

import sys
from pathlib import Path
from typing import Any

import typer

from assay.cli.console import JSON, QUIET, Bars, result


class TrainingBars:
    """Live progress: a bar with loss, held-out loss and speed on a terminal, a line now and then elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self.plain, self.quiet, self.live = Bars(quiet), quiet, sys.stderr.isatty() and not quiet
        self.bars: Any = None
        self.tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Draw the state of a stage."""
        if not self.live:
            self.plain(stage, done, total, note)
            return
        if self.bars is None:
            self.bars = self._start()
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=total, note=note)
        self.bars.update(self.tasks[stage], completed=done, total=total, note=note)

    def _start(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<8}"), BarColumn(bar_width=24), TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False),
        )  # fmt: skip
        bars = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
        bars.start()
        return bars

    def stop(self) -> None:
        """Leave the last state on the screen."""
        if self.bars is not None:
            self.bars.stop()


def command(
    method: str = typer.Argument(
        ..., metavar="METHOD", help="sft (words), consistency (one person), ttrl (a reader, by votes), dro (next acts)."
    ),
    config: str = typer.Argument(..., metavar="CONFIG", help="A YAML file, or METHOD-smoke, METHOD-cpu, sft-user-cpu."),
    out: Path = typer.Option(..., "--out", help="Folder of the run; the same command goes on in it."),
    data: Path | None = typer.Option(None, "--data", help="Folder where the data files are looked for first."),
    smoke: bool = typer.Option(False, "--smoke", help="A few steps only, two minutes at most: does it all work?"),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be trained on; train nothing."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Train by a method and a configuration; killed at any moment, the same command goes on.

    Its adapter words users at once (--model embedded:runs/user/adapter.gguf). Needs pip install 'assay[learn]'.

    Example: assay learn sft sft-user-cpu --data sets --out runs/user
    """
    from assay.cli.wording import learn_summary
    from assay.door.learning import learn

    bars = TrainingBars(quiet)
    try:
        found = learn(method, config, out, data=data, smoke=smoke, dry_run=dry_run, progress=bars)
    finally:
        bars.stop()
    result(found, as_json, learn_summary(found))
