"""assay init."""

import sys
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
    ask: bool = typer.Option(False, "--ask", help="Ask a few questions, and write a blueprint from the answers."),
    yes: bool = typer.Option(False, "--yes", help="With --ask: take every default, ask nothing."),
    propose: list[Path] = typer.Option(
        [], "--propose", metavar="SESSIONS", help="Propose goals, and what is told, from sessions; may be given again."
    ),
    quiet: bool = QUIET,
    as_json: bool = JSON,
) -> None:
    """Write a blueprint to start from, or one whose policy is fitted from people's labelled sessions.

    Example: assay init my-shop.yaml --like returns

    With --from the held-out log-likelihood is printed beside a uniform policy, plain frequencies and a hand-written
    policy: assay init --from sessions.jsonl.gz --like returns --out fitted.yaml
    """
    if ask or propose or yes:
        if sessions or like or acts or services or (ask and propose) or (yes and not ask):
            raise BadInput("--ask and --propose stand alone; --yes goes with --ask", now="assay init FILE --ask --yes")
        _sketch(_target(list(files or []), out), list(propose), yes, as_json)
        return
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


def _target(files: list[Path], out: Path | None) -> Path:
    if len(files) + (out is not None) > 1:
        raise BadInput("more than one file to write", now="name one")
    return out or (files[0] if files else Path("blueprint.yaml"))


def _sketch(out: Path, propose: list[Path], yes: bool, as_json: bool) -> None:
    """A blueprint from questions or from sessions."""
    from assay.door.sketching import init_by_questions, init_by_sessions

    if propose:
        made = init_by_sessions(out, propose)
    elif not yes and not sys.stdin.isatty():
        raise BadInput("there is no terminal to ask on", now="give --yes for the defaults, or --propose SESSIONS")
    else:
        made = init_by_questions(
            out, (lambda _, d: d) if yes else lambda q, d: str(typer.prompt(q, default=d, err=True))
        )
    words = [
        f"{out} written: {', '.join(made['goals'])}; asked for: {', '.join(made['asked'])}.",
        f"Every line is a proposal. Edit it, then: assay lint {out}",
    ]
    result(made, as_json, "\n".join(words))
