"""Beside a transcript: how probable each label was after every turn of the user, and from when on it could be known."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from assay.pages import charts
from assay.records import Verdict

KNOWN = 0.9
"""Probability from which on a label counts as known (METHODS 5)."""
TALL = 64
"""Height of one chart, in CSS pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """One label along one session."""

    name: str
    points: tuple[tuple[int, float], ...]
    """(turn, P(label) once it was said); turn -1: before the user's first."""
    from_turn: int | None
    """First turn from which on it could be known."""

    def known_at(self, turn: int) -> bool:
        """Whether the label could be known once this turn was said."""
        return self.from_turn is not None and turn >= self.from_turn

    @property
    def words(self) -> str:
        """The chart in a sentence; every number of it stands here."""
        said = ", ".join(f"{p:.2f} after turn {turn}" for turn, p in self.points[1:])
        known = "true, but never identifiable" if self.from_turn is None else f"known from turn {self.from_turn} on"
        return f"{self.points[0][1]:.2f} by the prior, {said}: {known}"

    def chart(self, turns: int) -> Markup:
        """P(label) over the turns of a session; the dashed line is where a label counts as known."""
        wide = max(turns, 1)
        level = [(0.0, KNOWN), (float(wide), KNOWN)]
        lines = [("level", level), ("belief", [(turn + 1.0, p) for turn, p in self.points])]
        return charts.curves(lines, f"{self.name}: {self.words}", low=0.0, high=1.0, end=float(wide), height=TALL)


def beliefs_of(verdicts: Sequence[Verdict]) -> tuple[Belief, ...]:
    """The tracks of one session's BE01 and BE02, by label name; empty where there is none."""
    known = {v.name: v.from_turn for v in verdicts if v.code == "BE02"}
    tracks = sorted((v.name, v.trail) for v in verdicts if v.code == "BE01" and v.name is not None and v.trail)
    return tuple(Belief(name=name, points=trail, from_turn=known.get(name)) for name, trail in tracks)
