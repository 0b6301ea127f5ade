"""The checks on trial: run once on the originals, and on a faulty copy where something can have changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.planting.matching import Check, Said
from assay.planting.operator import Operator
from assay.planting.run import Draft, Run
from assay.records import Session, Verdict

Verify = Callable[[Sequence[Session]], list[Verdict]]
"""All checks over a whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Checks by what their word on a session hangs on, so that a copy costs no more than what changed in it."""

    whole: Verify
    """Checks whose word on a session depends on the others: run on every copy as a whole."""
    local: Verify
    """Checks whose word depends on that session alone: run once on the originals, then on changed sessions only."""
    on_labels: Verify
    """Costly checks of given labels: run on whole copies in which a label is broken, and on no others."""
    labels_codes: frozenset[str] = frozenset()
    """Codes of `on_labels`."""
    originals: Sequence[Verdict] | None = None
    """What all of them say of the originals, where it is known already."""


class Checks:
    """A battery at work: verdicts on the originals once, and on copies where something can have changed."""

    def __init__(self, battery: Battery | Verify, run: Run) -> None:
        self.battery = battery if isinstance(battery, Battery) else None
        self.verify = battery if not isinstance(battery, Battery) else battery.whole
        self.run = run
        self.verdicts = self._of_originals()
        self.before = Said(self.verdicts)
        labels = self.battery.labels_codes if self.battery is not None else frozenset()
        self.last: list[Verdict] = []
        """Verdicts on the copy that was read last."""
        self.costly: frozenset[Check] = frozenset(c for c in self.before.checks() if c[0] in labels)

    def _of_originals(self) -> list[Verdict]:
        if self.battery is None:
            return self.verify(self.run.sessions)
        if self.battery.originals is not None:
            return list(self.battery.originals)
        parts = (self.battery.whole, self.battery.local, self.battery.on_labels)
        return [v for part in parts for v in part(self.run.sessions)]

    def after(self, drafts: Mapping[int, Draft], spec: Operator) -> tuple[Said, list[Check]]:
        """Words on a faulty copy, and the checks that were asked."""
        copy = [drafts[n].build() if n in drafts else s for n, s in enumerate(self.run.sessions)]
        found, left_out = self.verify(copy), self.costly
        if self.battery is not None:
            found = [*found, *self.battery.local([copy[n] for n in sorted(drafts)])]
            if spec.scope == "label":
                found, left_out = [*found, *self.battery.on_labels(copy)], frozenset()
        self.last = found
        after = Said(found)
        return after, [c for c in sorted({*self.before.checks(), *after.checks()}) if c not in left_out]
