"""assay forget."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Run folder."),
    session: str = typer.Argument(..., metavar="SESSION", help="Session id."),
    as_json: bool = JSON,
) -> None:
    """Erase a session from a run folder: records, prompts, answers, samples, pages. Every file is searched at the end.

    Example: assay forget runs/r1 s00003
    """
    from assay.door.forgetting import forget

    found = forget(directory, session)
    rows = ", ".join(f"{name} {n}" for name, n in found["rows"].items())
    words = (
        f"{session} is forgotten. Erased: {rows}; calls {found['calls']}. "
        f"Searched every file for its {found['texts']} own texts: none is left."
    )
    result(found, as_json, words)
