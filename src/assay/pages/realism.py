"""The page of a realism comparison: the verdict, the discriminators, cues with examples, distributions side by side."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.pages import charts
from assay.pages.report import UNSAFE, policy
from assay.pages.report import _asset as asset
from assay.records.storage import atomic_write

STYLE = """
.sides{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:14px}
.sides .card{margin:0}
.two{display:grid;grid-template-columns:minmax(0,8.5em) minmax(0,1fr) 3.4em;gap:0 10px}
.two{align-items:center;font-size:.88rem}
.two .value{grid-row:span 2}
.two svg{display:block}
.fill-sim{fill:var(--accent)}.fill-real{fill:var(--bar)}
.swatch{display:inline-block;width:12px;height:12px;border-radius:2px;vertical-align:-1px;margin-right:.4em}
.swatch.sim{background:var(--accent)}.swatch.real{background:var(--bar)}
.says{font-weight:600}.says.different{color:var(--rejected)}.says.alike{color:var(--certified)}
.scroll{overflow-x:auto}
.eg{color:var(--muted);overflow-wrap:anywhere}
"""
MOST_VALUES = 8
"""Values of a distribution that are drawn, the most frequent ones."""


def write_realism_page(directory: str | Path, found: Mapping[str, Any]) -> Path:
    """Write `realism.html` of a comparison (the content of realism.json) into a folder and return its path.

    The page loads nothing; what sessions say is escaped. Raises StorageFailed when it cannot be written.
    """
    path = Path(directory) / "realism.html"
    style = asset("report.css") + STYLE
    page = _template().render(
        found=found, style=style, policy=policy(style, ""), units=("session", "turn"), bar=charts.bar, area=area,
        limits=limits, rate=rate, values=values, cues=_by_side(found["cues"]), diverse=_diverse(found["RL04"]),
        unattainable=unattainable,
    )  # fmt: skip
    atomic_write(path, UNSAFE.sub("\ufffd", page).encode("utf-8"))
    return path


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    text = (files("assay.pages") / "templates" / "realism.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(text)


def area(value: float | None) -> str:
    """An area under the curve, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def limits(value: list[float] | None) -> str:
    """An interval, or nothing."""
    return "" if value is None else f"{value[0]:.2f} to {value[1]:.2f}"


def rate(value: float, unit: str) -> str:
    """A share in per cent, or a mean."""
    return f"{100 * value:.1f} %" if unit == "share of turns" else f"{value:.2f}"


def unattainable(found: Mapping[str, Any], unit: str) -> bool:
    """Whether no p of a discriminator could have been small enough after Holm."""
    return any(t["group"] == f"RL01 {unit}" and t["unattainable"] for t in found["holm"]["tests"])


def values(distribution: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """(value, simulated share, real share), the most frequent ones first."""
    sides = distribution["simulated"], distribution["real"]
    names = sorted(sides[1], key=lambda v: (-(sides[0][v] + sides[1][v]), v))
    return [(v, sides[0][v], sides[1][v]) for v in names[:MOST_VALUES]]


def _by_side(cues: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Cues under the heading of the side that has more of them."""
    return [(side, [c for c in cues if c["more_in"] == side]) for side in ("simulated", "real")]


def _diverse(found: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(what, simulated, real, range of real halves) of duplicates, distinct n-grams and names."""
    rows = []
    titles = {
        "duplicate_turns": "turns of 4 words or more that another turn repeats word for word",
        "distinct_1": "different words per word", "distinct_2": "different word pairs per word pair",
    }  # fmt: skip
    for name, title in titles.items():
        row = found[name]
        if "reason" in row:
            rows.append((title, row["reason"], "", ""))
            continue
        low, high = row["real_range"]
        rows.append((title, f"{row['simulated']:.3f}", f"{row['real']:.3f}", f"{low:.3f} to {high:.3f}"))
    cells = []
    for side in ("simulated", "real"):
        row = found["names"][side]
        if not row["sessions_with_a_name"]:
            cells.append("no name found")
        else:
            cells.append(f"{row['most_common']}, {100 * row['share']:.0f} % of {row['sessions_with_a_name']}")
    rows.append(("most common name, of the sessions that have one", cells[0], cells[1], ""))
    return rows
