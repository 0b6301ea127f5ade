"""The page of a gap: arms, measures, survival, disclosure and regimes, self-contained and readable offline."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.pages.report import UNSAFE, policy
from assay.records.storage import atomic_write

STYLE = """
:root{color-scheme:light dark;--line:#8884;--mark:#b3261e}
body{font:15px/1.5 system-ui,sans-serif;margin:0;padding:1.5rem}
main{max-width:72rem;margin:0 auto}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
font-variant-numeric:tabular-nums}
.note{color:color-mix(in srgb,currentColor 70%,transparent);max-width:60rem}
.differs{font-weight:700}
@media (prefers-color-scheme:dark){:root{--mark:#f2b8b5}}
"""


def write_gap_page(directory: str | Path, found: Mapping[str, Any]) -> Path:
    """Write `gap.html` of a gap (the content of gap.json) into its folder and return its path.

    Raises StorageFailed when it cannot be written.
    """
    path = Path(directory) / "gap.html"
    columns = [a for a in found["arms"] if any(m["arms"].get(a) for m in found["measures"])]
    page = _template().render(
        found=found, columns=columns, style=STYLE, policy=policy(STYLE, ""), cell=cell, signed=signed, share=share,
        number=number, points=points,
    )  # fmt: skip
    atomic_write(path, UNSAFE.sub("\ufffd", page).encode("utf-8"))
    return path


def _template() -> Any:
    from jinja2 import Environment

    text = (files("assay.pages") / "templates" / "gap.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True).from_string(text)


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share in per cent, or a dash."""
    return "-" if value is None else f"{100 * value:.0f} %"


def points(value: float | None) -> str:
    """A difference of shares in points with its sign."""
    return "no limit" if value is None else f"{100 * value:+.1f} points"


def cell(found: Mapping[str, Any] | None) -> str:
    """A mean with its interval and n."""
    if found is None:
        return "-"
    return f"{number(found['value'])} ({_limits(found)}; n = {found['n']})"


def signed(found: Mapping[str, Any]) -> str:
    """A difference with its interval."""
    return f"{found['value']:+.3g} ({_limits(found)})"


def _limits(found: Mapping[str, Any]) -> str:
    if found["low"] is None or found["high"] is None:
        return "no interval below 10"
    return f"{number(found['low'])} to {number(found['high'])}"
