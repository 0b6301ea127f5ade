"""assay review."""

import sys
from pathlib import Path
from typing import Any

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder with a sample, or folder of assay realism."),
    sample: Path | None = typer.Option(None, "--sample", help="The sample's CSV; default: the copy in DIR."),
    pairs: bool = typer.Option(False, "--pairs", help="Ask real-or-simulated pairs even where there is a sample."),
    answers: Path | None = typer.Option(
        None, "--answers", help="CSV of answers; default: answers.csv (pairs: judgements.csv) in DIR."
    ),
    port: int = typer.Option(0, "--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one."),
    browser: bool = typer.Option(False, "--open", help="Open the page in the browser."),
    as_json: bool = JSON,
) -> None:
    """Answer a sample, or real-or-simulated pairs, on a page of this machine. Ctrl-C ends it; every click is kept.

    Example: assay review runs/r1. Reads sample.csv, writes answers.csv.
    """
    from assay.door.reviewing import review

    def ready(url: str, path: Path) -> None:
        sys.stderr.write(f"Review page: {url}\nAnswers: {path}, saved after every click. Ctrl-C ends.\n")
        sys.stderr.flush()
        if browser:
            import webbrowser

            webbrowser.open(url)

    found = review(directory, sample=sample, pairs=pairs, answers=answers, port=port, ready=ready)
    result(found, as_json, _words(directory, found))


def _words(directory: Path, found: dict[str, Any]) -> str:
    """Who answered how much, and what comes next."""
    lines = [f"{p['name']}: {p['answered']} of {found['questions']}" for p in found["people"]] or ["no answers yet"]
    if found["disagreements"]:
        lines.append(f"disagreements: {found['disagreements']}, settled {found['settled']}")
    if alpha := found["agreement"]["alpha"]:
        lines.append(f"Krippendorff's alpha {alpha:.2f} on {found['agreement']['shared']} shared answers")
    if found.get("RL03"):
        r = found["RL03"]
        between = "" if r["ci"] is None else f" ({r['ci'][0]:.2f} to {r['ci'][1]:.2f})"
        lines.append(f"the simulated one was found in {r['share']:.2f}{between} of {r['n']} pairs; 0.50 is chance")
    elif found["people"]:
        lines.append(f"next: assay certify {directory} --answers {found['answers']}")
    return "\n".join(lines)
