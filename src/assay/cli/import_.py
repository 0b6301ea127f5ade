"""assay import."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result, say
from assay.errors import BadInput


def command(
    format: str = typer.Argument("", metavar="FORMAT", help="sessions, openai, tau2, sdialog, inspect, hf or csv."),
    file: list[Path] = typer.Argument(None, metavar="FILE...", help="Files to read; for hf also folders and names."),
    out: Path | None = typer.Option(None, "--out", help="Run folder."),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, which labels, which columns."),
    guess: Path | None = typer.Option(None, "--guess", metavar="FILE", help="Only say what a file is and why."),
    redact: bool = typer.Option(
        False, "--redact", help="Replace e-mail addresses, phone and card numbers and IBANs by pseudonyms."
    ),
    names: Path | None = typer.Option(None, "--names", help="With --redact: names to replace too, one a line."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """Read somebody else's sessions into a run folder, with their private facts on the right party.

    Example: assay import sessions chats.jsonl.gz --out runs/chats
    """
    from assay.door.auditing import import_sessions
    from assay.importing.guess import guess as guess_format

    if guess is not None:
        kind, why = guess_format(guess)
        result({"format": kind, "why": why}, as_json, f"{kind}: {why}")
        return
    if not format or not file or out is None:
        raise BadInput("assay import needs a format, a file and --out", now=_meant(format, out))
    found = import_sessions(file, out, format=format, mapping=map, redact=redact, names=names, progress=Bars(quiet))
    for warning in found["warnings"]:
        say(f"warning: {warning}", quiet)
    facts = ", ".join(f"{k} {v}" for k, v in found["facts_by_party"].items()) or "none"
    words = (
        f"{found['sessions']} sessions, {found['turns']} turns, {found['labels']} labels, private facts: {facts}; "
        f"in = out: {found['balanced']}"
    )
    if "redacted" in found:
        took = ", ".join(f"{k} {v['replaced']} ({v['different']} different)" for k, v in found["redacted"].items())
        words += f"\nredacted: {took or 'nothing found'}"
    result(found, as_json, words)


def _meant(first: str, out: Path | None) -> str:
    """The command that was meant, where a file stands in the format's place."""
    from assay.importing.guess import guess

    if not first or not Path(first).exists():
        return "assay import sessions FILE --out DIR"
    kind, why = guess(first)
    known = "csv --map MAP.yaml" if kind == "unknown" else kind
    return f"assay import {known} {first} --out {out or 'DIR'}; what it is taken for: {kind}, {why}"
