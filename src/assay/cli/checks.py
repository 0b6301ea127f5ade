"""assay checks."""

import typer

from assay.cli.check_words import CAN, explained, page_of
from assay.cli.console import JSON, result
from assay.cli.wording import table
from assay.errors import BadInput


def command(
    code: str = typer.Argument("", metavar="[CODE]", help="One check."),
    as_json: bool = JSON,
) -> None:
    """List the checks, or explain one: what it asks, how, its measured power, and when it misleads.

    Example: assay checks LB01
    """
    from assay.verification.check import CHECKS, RUN_LEVEL

    chosen = [c for c in (*CHECKS, *RUN_LEVEL) if not code or c.code == code.upper()]
    if not chosen:
        raise BadInput(f"no check {code!r}", now=f"one of {', '.join(c.code for c in (*CHECKS, *RUN_LEVEL))}")
    if code:
        result({"checks": [chosen[0]._asdict()], "page": page_of(chosen[0].code)}, as_json, explained(chosen[0]))
        return
    rows = [("code", "unit", "label names", "can", "question")]
    rows += [(c.code, c.unit, c.names, CAN[c.polarity], c.question) for c in chosen]
    result({"checks": [c._asdict() for c in chosen]}, as_json, table(rows))
