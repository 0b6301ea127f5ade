"""assay checks."""

import textwrap
from typing import Any

import typer

from assay.cli.console import JSON, result
from assay.cli.wording import table
from assay.errors import BadInput

CAN = {"support": "support or contradict", "veto": "contradict only", "note": "neither"}


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
        result({"checks": [chosen[0]._asdict()], "page": _page(chosen[0].code)}, as_json, _explained(chosen[0]))
        return
    rows = [("code", "unit", "label names", "can", "question")]
    rows += [(c.code, c.unit, c.names, CAN[c.polarity], c.question) for c in chosen]
    result({"checks": [c._asdict() for c in chosen]}, as_json, table(rows))


def _page(code: str) -> dict[str, Any]:
    """The record of a check and its measured power, as JSON."""
    from assay.verification.measured import measured
    from assay.verification.pages import PAGES

    return {**PAGES[code]._asdict(), "power": [r._asdict() for r in measured(code)]}


def _explained(check: Any) -> str:
    """The short form of a check's page."""
    from assay.verification.pages import PAGES

    page = PAGES[check.code]
    head = f"{check.code}, {page.title}: {check.question}"
    facts = [("about", check.unit), ("label names", check.names or "none"), ("it can", CAN[check.polarity])]
    lines = [head, table(facts), "How it is computed", *_wrapped(page.computed)]
    lines += ["Power measured", *_power(check.code)]
    lines += ["When it misleads", *(line for m in page.misleads for line in _wrapped(m, "- "))]
    return "\n".join([*lines, f"More: docs/reference/checks/{check.code}.md"])


def _wrapped(text: str, mark: str = "") -> list[str]:
    return textwrap.wrap(
        text, 100, initial_indent=f"  {mark}", subsequent_indent="  " + " " * len(mark), break_on_hyphens=False
    )


def _power(code: str) -> list[str]:
    """Faults that are the check's business, one line per set; the others are on its page."""
    from assay.verification.measured import measured
    from assay.verification.pages import PAGES

    own = [r for r in measured(code) if r.operator in PAGES[code].catches]
    if own:
        return [table([("fault", "set", "recall (95 %; on clean copies)"), *((r.way, r.set, r.words) for r in own)])]
    if PAGES[code].catches:
        return ["  not measured: the shipped measurements hold no session on which it speaks of its faults"]
    return ["  no planted fault is its business"]
