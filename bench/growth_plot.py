"""Draw what bench/audit_growth.py printed: processor seconds and peak memory against sessions, both axes logarithmic.

    python bench/audit_growth.py 1000 10000 100000 > growth.txt
    python bench/growth_plot.py growth.txt docs/growth.svg

Of several lines about one size and command the last with the most processor time counts: an audit that is asked for
again only says what is there. The dashed line is what doubling with the sessions would be, through the largest size.
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, GAP = 430, 300, 60, 40, 90
COLOURS = {"audit": "#3b5bdb", "sample": "#0b7285", "certify": "#2b8a3e", "report": "#e8590c", "diff": "#862e9c",
           "export": "#a61e4d", "view, index": "#495057"}  # fmt: skip
Points = dict[str, dict[int, tuple[float, float]]]


def points_of(text: str) -> Points:
    """Command -> sessions -> (processor seconds, peak MiB)."""
    found: Points = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) >= 7 and cells[0].replace(",", "").isdigit() and cells[2] == "0":
            n, seconds, peak = int(cells[0].replace(",", "")), float(cells[4]), float(cells[6])
            if seconds >= found.setdefault(cells[1], {}).get(n, (0.0, 0.0))[0]:
                found[cells[1]][n] = seconds, peak
    return found


def panel(found: Points, which: int, x0: int, title: str, limit: float | None) -> list[str]:
    """One diagram: its frame, ticks, lines and names."""
    sizes = sorted({n for held in found.values() for n in held})
    values = [v[which] for held in found.values() for v in held.values()] + ([limit] if limit else [])
    xs = (math.log10(sizes[0]), math.log10(sizes[-1]))
    ys = (math.floor(math.log10(max(min(values), 0.1))), math.ceil(math.log10(max(values))))

    def at(n: float, v: float) -> tuple[float, float]:
        x = x0 + (math.log10(n) - xs[0]) / (xs[1] - xs[0]) * WIDTH
        return x, TOP + HEIGHT - (math.log10(max(v, 10.0 ** ys[0])) - ys[0]) / (ys[1] - ys[0]) * HEIGHT

    out = [f'<text x="{x0}" y="{TOP - 16}" class="t">{title}</text>']
    for n in sizes:
        x, _ = at(n, 10.0 ** ys[0])
        out += [f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP}" y2="{TOP + HEIGHT}" class="g"/>',
                f'<text x="{x:.0f}" y="{TOP + HEIGHT + 18}" class="m">{n:,}</text>']  # fmt: skip
    for k in range(ys[0], ys[1] + 1):
        _, y = at(sizes[0], 10.0**k)
        out += [f'<line x1="{x0}" x2="{x0 + WIDTH}" y1="{y:.0f}" y2="{y:.0f}" class="g"/>',
                f'<text x="{x0 - 8}" y="{y + 4:.0f}" class="e">{10.0**k:g}</text>']  # fmt: skip
    if limit:
        _, y = at(sizes[0], limit)
        out += [f'<line x1="{x0}" x2="{x0 + WIDTH}" y1="{y:.0f}" y2="{y:.0f}" class="l"/>',
                f'<text x="{x0 + WIDTH - 4}" y="{y - 5:.0f}" class="e">1.5 GiB</text>']  # fmt: skip
    names: list[tuple[float, str, str]] = []
    for name, held in found.items():
        path = [at(n, v[which]) for n, v in sorted(held.items())]
        colour = COLOURS.get(name, "#212529")
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in path)
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}')
        names.append((path[-1][1], name, colour))
    if which == 0 and len(found.get("audit", {})) > 1:
        last = max(found["audit"])
        a, b = at(last, found["audit"][last][0]), at(sizes[0], found["audit"][last][0] * sizes[0] / last)
        out.append(f'<line x1="{b[0]:.0f}" y1="{b[1]:.0f}" x2="{a[0]:.0f}" y2="{a[1]:.0f}" class="d"/>')
    before = -99.0
    for y, name, colour in sorted(names):
        before = max(y, before + 13)
        out.append(f'<text x="{x0 + WIDTH + 6}" y="{before + 4:.0f}" style="fill:{colour}" class="n">{name}</text>')
    return out


def drawn(found: Points) -> str:
    """The picture."""
    whole = 2 * (LEFT + WIDTH + GAP)
    style = (
        "text{font:12px sans-serif;fill:#343a40}.t{font-weight:600;font-size:14px}.m{text-anchor:middle}"
        ".e{text-anchor:end}.g{stroke:#dee2e6}.d{stroke:#868e96;stroke-dasharray:5 4}"
        ".l{stroke:#c92a2a;stroke-dasharray:2 3}.n{font-size:11px}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {TOP + HEIGHT + 40}" role="img" '
        f'aria-label="Processor seconds and peak memory of audits and of what follows, by number of sessions">',
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>',
        *panel(found, 0, LEFT, "Processor seconds", None),
        *panel(found, 1, LEFT * 2 + WIDTH + GAP, "Peak memory, MiB", 1536.0),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Read the tables, write the picture."""
    *tables, out = map(Path, arguments)
    Path(out).write_text(drawn(points_of("\n".join(t.read_text(encoding="utf-8") for t in tables))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
