"""What an operator is, and how the value that a fault puts in is drawn."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from assay.planting.run import Aids, Draft, Edit, Group, Place, Run
from assay.planting.truth import Kind
from assay.records.label import key_of

Scope = Literal["label", "turn", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One place where a fault can be planted."""

    session: int
    """Position of the session in the run."""
    turn: int | None
    """Turn, or null for a session label or a whole session."""
    name: str | None = None
    """Label or fact that would break."""
    place: Place | None = None
    """Where the label stands."""
    detail: Any = None
    """What the operator needs beside."""


@dataclass(slots=True, kw_only=True)
class Job:
    """One operator at work on one run."""

    run: Run
    """The sessions."""
    kind: Kind
    """Kind of fault."""
    names: Collection[str] | None
    """Label names asked for; null: all that the operator breaks."""
    aids: Aids
    """What the door handed in."""
    given: dict[Any, Any] = field(default_factory=dict)
    """Values fixed for the whole run: by group (systematic) or by place (shuffle)."""
    pools: dict[Group, tuple[list[str], dict[str, Any]]] = field(default_factory=dict)
    """Group -> sorted keys and their raw values, filled as asked for."""

    def pool(self, group: Group) -> tuple[list[str], dict[str, Any]]:
        """Distribution keys (sorted) and raw values that labels of a group may take."""
        if group not in self.pools:
            raws = dict(self.run.raws.get(group, {}))
            extra = [v for v in self.aids.pools.get(group[0], ()) if group[0] != "act" or self.core(v) is not None]
            for value in extra:
                raws.setdefault(key_of(value), value)
            self.pools[group] = (sorted(raws), raws)
        return self.pools[group]

    def core(self, act: Any) -> str | None:
        """The core act of a fine act; null where neither the run nor the door says."""
        return self.aids.core_of.get(act, self.run.core_of.get(act)) if isinstance(act, str) else None

    def wrong(self, place: Place, rng: np.random.Generator, *, not_in: str = "") -> Any | None:
        """Another raw value for a label: fixed, most confusable, or uniform over the pool; null where there is none.

        Values that stand in the text `not_in` are passed over: there the label would not be wrong.
        """
        group, own = self.run.group(place), key_of(place.value)
        keys, raws = self.pool(group)
        if self.kind == "systematic":
            value = self.given.get((group, own))
        elif place.key in self.given:
            value = self.given[place.key]
        elif self.aids.confusable is not None:
            value = self.aids.confusable.get((place.name, own))
            value = None if value is None else raws.get(key_of(value), value)
        else:
            others = [k for k in keys if k != own and not (not_in and says(not_in, k))]
            value = raws[others[int(rng.integers(len(others)))]] if others else None
        return None if value is None or key_of(flat(value)) == own else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One way to break a session."""

    name: str
    """Name on the command line."""
    means: str
    """One line."""
    breaks: str
    """The labels it breaks, in words."""
    kinds: tuple[Kind, ...]
    """Kinds it exists as; the first is the default."""
    scope: Scope
    """Unit of its recall: label (session, turn, name), turn, or session."""
    units: Callable[[Job], list[Unit]]
    """Eligible units of a run, in order."""
    make: Callable[[Job, Draft, Unit, np.random.Generator], list[Edit] | None]
    """Plant into a draft; null where nothing would change."""
    prepare: Callable[[Job, list[Unit], np.random.Generator], None] | None = None
    """Fix values that hang together over the run."""
    counts_as: str | None = None
    """Label name under which its recall is reported; null: that of the label, or none for faults of a turn as such."""
    model: tuple[Kind, ...] = ()
    """Kinds that can't be made without `reword`."""


def flat(value: Any) -> Any:
    """A raw value as labels are compared: a list is a set."""
    return sorted({key_of(v) for v in value}) if isinstance(value, list | tuple) else value


def pattern(value: str) -> re.Pattern[str]:
    """A value as whole words, in any case."""
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)


def says(text: str, value: str) -> bool:
    """Whether a value stands in a text verbatim, in any case."""
    return bool(value) and value.casefold() in text.casefold() and pattern(value).search(text) is not None
