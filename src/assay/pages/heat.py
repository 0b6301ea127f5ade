"""The heat map of power: faults down, checks across, the share that is caught as the strength of the colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from assay.pages.words import percent

CELL, ROW, LEFT, TOP = 62, 26, 240, 30
"""Width of a cell, height of a row, room for the faults' names and for the checks' codes, in CSS pixels."""
DARK = 0.78
"""Strength of colour from which on the number in it is light."""
FALSE = 0.02
"""Share of false alarms from which on a cell carries a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way of planting: a row of the map and of the table beside it."""

    name: str
    unit: str
    n: int
    joint: Mapping[str, Any]
    """All checks together."""
    cells: tuple[Mapping[str, Any] | None, ...]
    """One row of power.json's table per check; None where the check does not speak of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """What the map and the tables beside it show."""

    checks: tuple[str, ...]
    faults: tuple[Fault, ...]
    uncaught: tuple[str, ...]
    """Faults that no check catches."""
    not_planted: tuple[str, ...]
    """Faults that nothing here could be planted with."""


def heat(power: Mapping[str, Any] | None) -> Heat | None:
    """The map of a power.json; None where it holds no table (made by an earlier version, or nothing was planted)."""
    table, composite = ((power or {}).get(k) or [] for k in ("table", "composite"))
    if not composite:
        return None
    checks = sorted({str(r["check"]) for r in table})
    by_way = {(way(r), r["check"]): r for r in table}
    faults = tuple(
        Fault(
            name=way(r), unit=str(r["unit"]), n=int(r["n_faults"]), joint=r,
            cells=tuple(by_way.get((way(r), c)) for c in checks),
        )
        for r in composite
    )  # fmt: skip
    return Heat(
        checks=tuple(checks), faults=faults,
        uncaught=tuple(way(r) for r in (power or {}).get("uncaught") or ()),
        not_planted=tuple(way(r) for r in (power or {}).get("not_planted") or ()),
    )  # fmt: skip


def way(row: Mapping[str, Any]) -> str:
    """One way of planting in words."""
    draw = row.get("draw")
    return ", ".join([str(row["operator"]), str(row["kind"]), *([str(draw)] if draw not in (None, "uniform") else [])])


def heat_map(found: Heat) -> Markup:
    """The map as SVG with a title and a description; every number of it stands in the table beside as well."""
    columns = (*found.checks, "any")
    width, height = LEFT + CELL * len(columns), TOP + ROW * len(found.faults)
    title = "Share of planted faults that each check catches"
    best = ", ".join(f"{f.name}: {percent(f.joint['recall'])}" for f in found.faults)
    desc = (
        f"{len(found.faults)} ways of planting faults by {len(found.checks)} checks, recall in per cent. "
        f"By all checks together: {best}."
    )
    start = Markup(
        '<svg class="heat" width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-labelledby="heat-t heat-d">'
        '<title id="heat-t">{}</title><desc id="heat-d">{}</desc>'
    ).format(width, height, width, height, title, desc)
    head = [
        Markup('<text class="code" x="{}" y="{}" text-anchor="middle">{}</text>').format(_middle(i), TOP - 10, c)
        for i, c in enumerate(columns)
    ]
    body = [mark for n, fault in enumerate(found.faults) for mark in _row(fault, TOP + ROW * n)]
    return start + Markup("").join([*head, *body]) + Markup("</svg>")


def _middle(column: int) -> float:
    return LEFT + CELL * (column + 0.5)


def _row(fault: Fault, y: int) -> list[Markup]:
    name = Markup('<text class="way" x="{}" y="{}" text-anchor="end">{}</text>')
    cells: Sequence[Mapping[str, Any] | None] = (*fault.cells, fault.joint)
    return [
        name.format(LEFT - 10, y + ROW / 2 + 4, fault.name),
        *(shape for i, cell in enumerate(cells) for shape in _cell(cell, i, y)),
    ]


def _cell(row: Mapping[str, Any] | None, column: int, y: int) -> list[Markup]:
    """A coloured cell with its number; a hollow square where the clean copies are flagged too."""
    middle, base = _middle(column), y + ROW / 2 + 4
    if row is None:
        return [Markup('<text class="none" x="{}" y="{}" text-anchor="middle">·</text>').format(middle, base)]
    recall, alarm = float(row["recall"]), float(row["false_alarm"])
    shapes = [
        Markup('<rect class="cell" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}"/>').format(
            LEFT + CELL * column + 1, y + 1, CELL - 2, ROW - 2, recall
        ),
        Markup('<text class="{}" x="{}" y="{}" text-anchor="middle">{:.0f}</text>').format(
            "light" if recall >= DARK else "dark", middle, base, 100 * recall
        ),
    ]
    if alarm >= FALSE:
        corner = LEFT + CELL * (column + 1) - 11
        shapes.append(Markup('<rect class="alarm" x="{}" y="{}" width="6" height="6"/>').format(corner, y + 5))
    return shapes
