"""The report of a training run: one self-contained HTML page with its curves, figures, data and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from assay.learning.curves import Curves, Points, alarms, smoothed
from assay.learning.model_card import interval, licence_of
from assay.pages import charts, words
from assay.pages.report import UNSAFE, policy
from assay.pages.report import _asset as asset
from assay.records.storage import atomic_write

KINDS = ("first", "second", "third")
"""Classes of the lines of a chart, in order."""
MOST_POINTS = 400
"""Points of a line; a longer one is thinned evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart with the words around it."""

    title: str
    lead: str
    svg: Markup
    top: str
    bottom: str
    end: str
    keys: tuple[tuple[str, str], ...]
    """(class, what the line is)."""


def write_learning_report(directory: Path, summary: Mapping[str, Any], curves: Curves) -> Path:
    """Write `report.html` of a training folder and return its path; while training goes on it shows what there is.

    summary: what `assay learn` knows so far; figures that are not there yet are said to be missing. Raises
    StorageFailed when the file cannot be written.
    """
    style = asset("report.css") + asset("learning.css")
    page = _template().render(
        style=style,
        policy=policy(style, ""),
        summary=summary,
        headline=headline(summary, curves),
        facts=facts(summary, curves),
        charts=drawn(curves),
        alarms=alarms(curves),
        held_out=[(name, found, _cells(found)) for name, found in (summary.get("held_out") or {}).items()],
        words=summary.get("words"),
        shares=_shares(summary.get("words")),
        licence=licence_of(summary),
    )
    path = directory / "report.html"
    atomic_write(path, UNSAFE.sub("\ufffd", page).encode("utf-8"))
    return path


def headline(summary: Mapping[str, Any], curves: Curves) -> str:
    """The result in one sentence: the strictest held-out loss, before and after, and whether it fell."""
    figures = summary.get("held_out") or {}
    if figures:
        name, found = next(iter(figures.items()))
        before, after = found["before"]["point"], found["after"]["point"]
        low, high = found["difference"]["low"], found["difference"]["high"]
        if low is None or high is None:
            return f"Held-out loss {before:.2f} to {after:.2f} on {name}, from too few sessions for an interval"
        sure = "The held-out loss fell" if high < 0 else "The held-out loss rose" if low > 0 else None
        return f"{sure or 'No clear change of the held-out loss'}: {before:.2f} to {after:.2f} on {name}"
    points = next(iter(curves.held_out.values()), [])
    if len(points) < 2:
        return f"Training: {words.count(curves.steps, 'steps')} so far"
    return (
        f"Training: held-out loss {points[0][1]:.2f} to {points[-1][1]:.2f} after {words.count(curves.steps, 'steps')}"
    )


def facts(summary: Mapping[str, Any], curves: Curves) -> list[tuple[str, str]]:
    """Settings and counts under the headline."""
    plan, machine = summary["plan"], summary["machine"]
    until = f"{plan['steps']} steps" if plan["steps"] else f"{plan['minutes']:g} minutes"
    found = [
        ("planned", until),
        ("done", f"{words.count(curves.steps, 'steps')}, {curves.seconds / 60:.1f} minutes"),
        ("tokens", f"{curves.tokens:,} at {curves.speed:.0f}/s"),
        ("rank", str(plan["rank"])),
        ("seed", str(plan["seed"])),
        ("frozen weights", f"{machine['precision']} on {machine['device']}, {machine['threads']} threads"),
    ]
    if curves.starts > 1:
        found.append(("started", f"{curves.starts} times"))
    return found


def drawn(curves: Curves) -> list[Chart]:
    """Charts of training loss, held-out loss and learning rate; those without a point are left out."""
    end = float(max([curves.steps, *(p[-1][0] for p in curves.held_out.values() if p)], default=0))
    found = []
    if curves.loss:
        lines = [("each", curves.loss), ("first", smoothed(curves.loss))]
        keys = (("first", "mean of 20 steps"), ("each", "single steps"))
        lead = "Nats a target token, on varied training texts. Single steps jump: each is a few texts."
        found.append(chart("Training loss", lead, lines, keys, end))
    if any(curves.held_out.values()):
        pairs = list(zip(KINDS, curves.held_out.items(), strict=False))
        lead = "Nats a target token, on sessions never trained on. A rise while the other falls is learning by heart."
        lines = [(kind, points) for kind, (_, points) in pairs]
        found.append(chart("Held-out loss", lead, lines, tuple((kind, name) for kind, (name, _) in pairs), end))
    if curves.rate:
        lead = "Linear warm-up, then a cosine to zero at the end."
        found.append(chart("Learning rate", lead, [("first", curves.rate)], (("first", "learning rate"),), end, 0.0))
    return found


def chart(
    title: str, lead: str, lines: Sequence[tuple[str, Points]], keys: tuple[tuple[str, str], ...], end: float,
    floor: float | None = None,
) -> Chart:  # fmt: skip
    """Lines over steps with their words; `floor` is the lowest value shown, else it follows from the values."""
    values = [v for _, points in lines for _, v in points]
    low, high = (min(values) if floor is None else floor), max(values)
    margin = 0.05 * (high - low) or 0.05
    low, high = (low - margin if floor is None else low), high + (margin if floor is None else 0.0)
    told = "; ".join(f"{name}: {points[0][1]:.4g} to {points[-1][1]:.4g}" for name, points in lines if points)
    svg = charts.curves([(k, _thinned(p)) for k, p in lines], f"{title}. {told}", low=low, high=high, end=end)
    return Chart(
        title=title, lead=lead, svg=svg, top=f"{high:.4g}", bottom=f"{low:.4g}", end=f"step {end:.0f}", keys=keys
    )


def _thinned(points: Points) -> Points:
    if len(points) <= MOST_POINTS:
        return points
    step = len(points) / MOST_POINTS
    return [points[int(i * step)] for i in range(MOST_POINTS)] + points[-1:]


def _cells(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(label, interval(found[label])) for label in ("before", "after", "difference")]


def _shares(found: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if not found:
        return []
    named = (("adapter", "with the adapter"), ("bare", "without it"), ("difference", "difference"))
    return [(told, interval(found[key], percent=True)) for key, told in named]


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    env = Environment(loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    env.filters.update(count=words.count)
    return env.get_template("learning.html.j2")
