"""Charts as inline SVG. They carry no colours of their own: classes take the page's CSS variables.

Every chart is drawn on percentages of its own width, so that it grows and shrinks with its place without distorting
dots or text. Words and numbers stand beside a chart as text; a chart is never the only place of a number.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

HEIGHT = 22
"""Height of one row, in CSS pixels."""


def _percent(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}%"


def _svg(parts: Iterable[Markup], title: str, height: int = HEIGHT, kind: str = "") -> Markup:
    start = Markup('<svg class="chart {}" width="100%" height="{}" role="img" aria-label="{}">')
    return start.format(kind, height, title) + Markup("").join(parts) + Markup("</svg>")


def stacked(parts: Sequence[tuple[str, int]], total: int, title: str, height: int = 10) -> Markup:
    """One bar cut into classes: (class, count); `total` is the full width. Segments are told apart by a gap as well."""
    shapes = [Markup('<rect class="track" x="0" y="0" width="100%" height="{}" rx="2"/>').format(height)]
    at = 0
    for name, number in parts:
        if number > 0 and total > 0:
            shapes.append(
                Markup('<rect class="fill-{}" x="{}" y="0" width="{}" height="{}"/>').format(
                    name, _percent(at / total), _percent(number / total), height
                )
            )
            if at:
                shapes.append(
                    Markup('<rect class="gap" x="{}" y="0" width="1.5" height="{}"/>').format(
                        _percent(at / total), height
                    )
                )
            at += number
    return _svg(shapes, title, height, "stacked")


def bar(
    share: float, title: str, *, limits: tuple[float | None, float | None] = (None, None),
    planned: float | None = None, top: float = 1.0, kind: str = "plain", height: int = 16,
) -> Markup:  # fmt: skip
    """A bar of `share` out of `top`, with an interval whisker and a tick where the plan stands."""
    middle = height / 2
    low, high = limits
    shapes = [
        Markup('<rect class="track" x="0" y="3" width="100%" height="{}" rx="2"/>').format(height - 6),
        Markup('<rect class="fill-{}" x="0" y="3" width="{}" height="{}" rx="2"/>').format(
            kind, _percent(share / top), height - 6
        ),
    ]
    if low is not None and high is not None:
        shapes.append(
            Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                _percent(low / top), _percent(high / top), middle, middle
            )
        )
    if planned is not None:
        at = _percent(planned / top)
        shapes.append(Markup('<line class="planned" x1="{}" x2="{}" y1="0" y2="{}"/>').format(at, at, height))
    return _svg(shapes, title, height, "bar")


def rates(
    recall: tuple[float, float | None, float | None], alarm: tuple[float, float | None, float | None] | None, title: str
) -> Markup:
    """Recall (filled dot) and false alarms (hollow square) with their intervals on one axis from 0 to 1."""
    shapes = [
        Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(HEIGHT / 2),
        *(Markup('<line class="grid" x1="{0}" x2="{0}" y1="4" y2="{1}"/>').format(x, HEIGHT - 4) for x in
          ("0.5", "50%", "99.9%")),
    ]  # fmt: skip
    if alarm is not None:
        shapes += _whisker(alarm, "alarm", 15.0)
        shapes.append(_inside('<rect class="alarm" x="-4" y="11" width="8" height="8"/>', alarm[0]))
    shapes += _whisker(recall, "recall", 8.0)
    shapes.append(_inside('<circle class="recall" cx="0" cy="8" r="4.5"/>', recall[0]))
    return _svg(shapes, title, HEIGHT, "rates")


def _inside(shape: str, at: float) -> Markup:
    """A shape moved to a share of the width; nested svg elements take percentages, transforms do not."""
    return Markup('<svg x="{}" overflow="visible">').format(_percent(at)) + Markup(shape) + Markup("</svg>")


def _whisker(value: tuple[float, float | None, float | None], kind: str, y: float) -> list[Markup]:
    _, low, high = value
    if low is None or high is None:
        return []
    line = Markup('<line class="whisker {}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    return [line.format(kind, _percent(low), _percent(high), y, y)]


def curves(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], title: str, *, low: float, high: float, end: float,
    height: int = 180,
) -> Markup:  # fmt: skip
    """Lines over steps from 0 to `end`, values from `low` to `high`: (class, [(step, value)]), drawn in that order.

    Series of up to 40 points have dots. Values beyond the axis end at its edge.
    """
    wide, tall = (end or 1.0), ((high - low) or 1.0)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return min(max(point[0] / wide, 0.0), 1.0), 1.0 - min(max((point[1] - low) / tall, 0.0), 1.0)

    grid = Markup('<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>')
    shapes = [grid.format(y) for y in ("0.5", "50%", "99.7%")]
    for name, points in lines:
        places = [place(p) for p in points]
        path = " ".join(f"{100 * x:.2f},{100 * y:.2f}" for x, y in places)
        frame = '<svg viewBox="0 0 100 100" width="100%" height="100%" preserveAspectRatio="none">'
        line = '<polyline class="line {}" points="{}" vector-effect="non-scaling-stroke"/></svg>'
        shapes.append(Markup(frame + line).format(name, path))
        dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="3.5"/>')
        if len(points) <= 40:
            shapes += [dot.format(name, _percent(x), _percent(y)) for x, y in places]
    return _svg(shapes, title, height, "curves")


def icon(tier: str) -> Markup:
    """The sign of a tier: its shape differs, not only its colour. The page defines the symbols once."""
    return Markup('<svg class="icon tier-{0}" aria-hidden="true"><use href="#i-{0}"/></svg>').format(escape(tier))
