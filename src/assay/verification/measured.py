"""The power that was measured of each check on public sets of sessions, as shipped; made by bench/power_sets.py."""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

NAME = "measured_power.json"


class Measured(NamedTuple):
    """How one check fared against one kind of fault on one set."""

    set: str
    """Name of the set of sessions."""
    sessions: int
    """Sessions into which faults were planted."""
    operator: str
    kind: str
    draw: str
    unit: str
    """label, turn or session."""
    n: int
    """Faults, and the same number of untouched units."""
    recall: float
    recall_ci: tuple[float, float] | None
    """95 %, sessions as clusters."""
    false_alarm: float
    """Share of the same units of the originals that is flagged."""
    auroc: float | None

    @property
    def way(self) -> str:
        """Operator, kind and, where it is not uniform, draw."""
        return ", ".join([self.operator, self.kind, *([self.draw] if self.draw != "uniform" else [])])

    @property
    def words(self) -> str:
        """`92 % (88 to 97; false alarms 0.4 %; n = 120)`."""
        limits = (
            "no interval" if self.recall_ci is None else "{:.0f} to {:.0f}".format(*(100 * x for x in self.recall_ci))
        )
        return f"{100 * self.recall:.0f} % ({limits}; false alarms {100 * self.false_alarm:.1f} %; n = {self.n})"


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """The shipped file: `verifier`, `command`, `sets`; empty where none is shipped."""
    path = files("assay.verification") / NAME
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def measured(code: str) -> list[Measured]:
    """What was measured of a check: by way of planting, then by set, as in the file."""
    rows = [
        Measured(
            set=name, sessions=held["sessions"], operator=r["operator"], kind=r["kind"], draw=r["draw"], unit=r["unit"],
            n=r["n_faults"], recall=r["recall"], false_alarm=r["false_alarm"], auroc=r["auroc"],
            recall_ci=tuple(r["recall_ci"]) if None not in r["recall_ci"] else None,
        )
        for name, held in content().get("sets", {}).items()
        for r in held["table"]
        if r["check"] == code
    ]  # fmt: skip
    return sorted(rows, key=lambda r: r.way)
