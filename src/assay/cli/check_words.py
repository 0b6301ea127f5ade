"""A check explained for the terminal: the short form of its page."""

import textwrap
from typing import Any

from assay.cli.wording import table

CAN = {"support": "support or contradict", "veto": "contradict only", "note": "neither"}
"""Polarity of a check -> what its verdicts may do."""


def page_of(code: str) -> dict[str, Any]:
    """The record of a check and its measured power, as JSON."""
    from assay.verification.measured import measured
    from assay.verification.pages import PAGES

    return {**PAGES[code]._asdict(), "power": [r._asdict() for r in measured(code)]}


def explained(check: Any) -> str:
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
