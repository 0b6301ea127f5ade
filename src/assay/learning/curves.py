"""What progress.jsonl says: curves by step, speed, and the alarms that tell learning from learning by heart.

A killed run repeats the steps after its last checkpoint; the later line of a step is the one that counts.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Points = list[tuple[int, float]]
"""(step, value), by step."""

WINDOW = 20
"""Steps that a mean of the training loss is taken over."""
RISE = 0.02
"""Rise of the held-out loss above its lowest point (nats a token) that counts, three measurements running."""
JUMP = 0.5
"""Rise of the mean training loss above its start (nats a token) that counts."""


@dataclass(slots=True)
class Curves:
    """A training run by step."""

    loss: Points = field(default_factory=list)
    """Training loss, nats a target token."""
    rate: Points = field(default_factory=list)
    """Learning rate."""
    held_out: dict[str, Points] = field(default_factory=dict)
    """Group of held-out sessions -> loss, nats a target token."""
    tokens: int = 0
    """Tokens read."""
    seconds: float = 0.0
    """Seconds trained."""
    starts: int = 0
    """Times the run was started."""

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.loss[-1][0] if self.loss else 0

    @property
    def speed(self) -> float:
        """Tokens read a second, 0 before the first step."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    def take(self, line: dict[str, Any]) -> None:
        """Add one line of the log; a line of an earlier step than the last takes back what came after it."""
        step = int(line["step"])
        self.starts += "config" in line
        if "config" in line:
            self._back_to(step)
        if "loss" in line:
            if step <= self.steps:
                self._back_to(step - 1)
            self.loss.append((step, float(line["loss"])))
            self.rate.append((step, float(line["rate"])))
            self.tokens, self.seconds = int(line["tokens"]), float(line["seconds"])
        groups = line.get("groups") or ({"held out": line["held_out"]} if "held_out" in line else {})
        for name, value in groups.items():
            points = self.held_out.setdefault(name, [])
            if not points or points[-1][0] != step:
                points.append((step, float(value)))

    def _back_to(self, step: int) -> None:
        self.loss = [p for p in self.loss if p[0] <= step]
        self.rate = [p for p in self.rate if p[0] <= step]
        self.held_out = {k: [p for p in v if p[0] <= step] for k, v in self.held_out.items()}


def read_curves(path: Path) -> Curves:
    """The curves of a progress.jsonl, empty for a missing file. A last line that a kill cut short is left out."""
    found = Curves()
    if not path.is_file():
        return found
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        found.take(line)
    return found


def log_rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a progress.jsonl in their order, empty for a missing file; one that a kill cut short is left out."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def mend_log(path: Path) -> None:
    """End a line that a kill cut short, so that the next one stands by itself."""
    text = path.read_bytes() if path.is_file() else b""
    if text and not text.endswith(b"\n"):
        with path.open("a", encoding="utf-8") as lines:
            lines.write("\n")


def smoothed(points: Sequence[tuple[int, float]], window: int = WINDOW) -> Points:
    """Mean over the last `window` points at each point: the noise of a few texts a step would hide the course."""
    values = np.array([v for _, v in points], dtype=float)
    if not values.size:
        return []
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, values.size + 1)
    begins = np.maximum(ends - window, 0)
    return [(s, float(m)) for (s, _), m in zip(points, (sums[ends] - sums[begins]) / (ends - begins), strict=True)]


def alarms(curves: Curves) -> list[str]:
    """What looks wrong, in sentences; empty when nothing does.

    Held-out loss well above its lowest point three times running (learning by heart), training loss well above its
    start (the rate is too high), a held-out loss that never fell.
    """
    found = []
    for name, points in curves.held_out.items():
        values = [v for _, v in points]
        best = int(np.argmin(values)) if values else 0
        if len(values) >= 4 and best == 0:
            found.append(f"the held-out loss on {name} never fell below its start ({values[0]:.3f})")
        elif len(values) >= best + 4 and all(v > values[best] + RISE for v in values[-3:]):
            found.append(
                f"the held-out loss on {name} has risen since step {points[best][0]} "
                f"({values[best]:.3f} to {values[-1]:.3f}): train less, or on more sessions"
            )
    values = [v for _, v in curves.loss]
    if len(values) >= 2 * WINDOW:
        first, last = math.fsum(values[:WINDOW]) / WINDOW, math.fsum(values[-WINDOW:]) / WINDOW
        if last > first + JUMP:
            found.append(f"the training loss has risen from {first:.2f} to {last:.2f}: lower the rate")
    return found
