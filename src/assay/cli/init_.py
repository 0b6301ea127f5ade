"""assay init."""

from pathlib import Path

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.errors import BadInput


def command(
    files: list[Path] = typer.Argument(
        None, metavar="[FILE]", help="File to write; with --from and --out: further session files."
    ),
    sessions: list[Path] = typer.Option(
        [], "--from", metavar="SESSIONS", help="Labelled sessions to fit the policy from; may be given again."
    ),
    like: str = typer.Option(
        None, "--like", metavar="BLUEPRINT", help="Blueprint to start from: a YAML file, or returns, movies, clinic."
    ),
    out: Path = typer.Option(None, "--out", help="File to write; default blueprint.yaml."),
    acts: Path = typer.Option(None, "--acts", metavar="MAP", help="YAML: the sessions' acts -> core acts."),
    services: str = typer.Option(
        None, "--services", metavar="LABEL", help="Session label by which sessions are held out together."
    ),
    quiet: bool = QUIET,
    as_json: bool = JSON,
) -> None:
    """Write a blueprint to start from, or one whose policy is fitted from people's labelled sessions.

    Example: assay init my-shop.yaml --like returns

    With --from the held-out log-likelihood is printed beside a uniform policy, plain frequencies and a hand-written
    policy: assay init --from sessions.jsonl.gz --like returns --out fitted.yaml
    """
    from assay.door.fitting import init

    named = list(files or [])
    if sessions and out is not None:
        sources = [*sessions, *named]
    elif len(named) + (out is not None) > 1:
        raise BadInput("more than one file to write", now="name one, or --from SESSIONS... --out FILE")
    else:
        sources, out = list(sessions), out or (named[0] if named else Path("blueprint.yaml"))
    made = init(out, like=like, sessions=sources, acts=acts, services=services, progress=Bars(quiet or as_json))
    words = made.pop("words", None) or [f"{out} written; edit it, then: assay lint {out}"]
    result(made, as_json, "\n".join(words))
