"""The numbers of the report: tiers by label name, the funnel, power, and what no check could read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.pages.reading import READING, Made, Said
from assay.pages.words import REASONS, REMEDIES, reason
from assay.records import Label
from assay.stats.intervals import Interval, cluster_mean

TRUSTED = ("certified", "provisional")
LEVELS = ("goal", "act", "core_act", "slots.", "profile.", "persona", "private.", "context.")
"""Order of label names in every table; others come after the acts."""


def shown_tier(label: Label) -> str:
    """The tier, with `unchecked` for those of suspect whose verdicts are all not_applicable."""
    return "unchecked" if label.tier == "suspect" and label.silent else label.tier


@dataclass(slots=True, kw_only=True)
class Name:
    """All labels of one name."""

    name: str
    level: str
    """turn or session."""
    n: int = 0
    tiers: Counter[str] = field(default_factory=Counter)
    rank: Interval | None = None
    """Mean rank score of the labels that a check could read, or None: an unread label has no rank to average."""
    trusted: Interval | None = None
    """Share of certified and provisional, sessions being the clusters."""
    readers: list[str] | None = None
    """Independent checks that read it; None when verdicts were not made yet."""
    gate: Mapping[str, Any] | None = None
    """Entry of power.json."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Reason codes of labels below provisional."""


def by_name(made: Made, said: Said | None) -> list[Name]:
    """One row per label name, in reading order."""
    rows: dict[str, Name] = {}
    kept: dict[str, tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    ranks: dict[str, tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    for label in made.labels or ():
        row = rows.get(label.name)
        if row is None:
            row = rows[label.name] = Name(name=label.name, level="session" if label.turn is None else "turn")
        tier = shown_tier(label)
        row.n += 1
        row.tiers[tier] += 1
        if tier != "unchecked":
            ranks[label.name][0].append(label.rank_score)
            ranks[label.name][1].append(label.session)
        if label.tier not in TRUSTED:
            row.reasons.update(label.reasons)
        values, sessions = kept[label.name]
        values.append(float(label.tier in TRUSTED))
        sessions.append(label.session)
    gates = (made.power or {}).get("gates") or {}
    for name, row in rows.items():
        row.trusted = cluster_mean(*kept[name])
        row.rank = cluster_mean(*ranks[name]) if name in ranks else None
        row.readers = sorted(said.readers.get(name, ())) if said is not None else None
        row.gate = gates.get(name)
    return sorted(rows.values(), key=lambda r: _order(r.name))


def _order(name: str) -> tuple[int, str]:
    for place, level in enumerate(LEVELS):
        if name == level or (level.endswith(".") and name.startswith(level)) or name.startswith(level + "."):
            return (place if place < 4 else place + 1, name)
    return (4, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the funnel."""

    name: str
    n: int
    kind: str
    """Class of its bar."""
    means: str


def funnel(names: Sequence[Name]) -> tuple[list[Step], list[Step]]:
    """(the way down: all, checked, trusted, certified; what is left beside it: suspect, unchecked, rejected)."""
    tiers: Counter[str] = Counter()
    for row in names:
        tiers.update(row.tiers)
    everything = sum(tiers.values())
    trusted = tiers["certified"] + tiers["provisional"]
    down = [
        Step(name="all labels", n=everything, kind="all", means="every label of the run"),
        Step(
            name="checked", n=everything - tiers["unchecked"], kind="checked", means="at least one check said something"
        ),
        Step(
            name="provisional or better",
            n=trusted,
            kind="provisional",
            means="an independent reader with measured power agrees",
        ),
        Step(name="certified", n=tiers["certified"], kind="certified", means="people's answers bound the error"),
    ]
    aside = [
        Step(
            name="suspect", n=tiers["suspect"], kind="suspect", means="checked, but something is missing or disagrees"
        ),
        Step(
            name="unchecked", n=tiers["unchecked"], kind="unchecked", means="no check could say anything; tier suspect"
        ),
        Step(
            name="rejected",
            n=tiers["rejected"],
            kind="rejected",
            means="a rule fails or two independent checks contradict",
        ),
    ]
    return down, aside


def trusted_share(labels: Iterable[Label]) -> Interval | None:
    """Share of trusted labels with an interval over sessions, or None without labels."""
    rows = [(float(label.tier in TRUSTED), label.session) for label in labels]
    return cluster_mean([v for v, _ in rows], [s for _, s in rows]) if rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One row of the power table."""

    check: str
    name: str
    operator: str
    kind: str
    unit: str
    n: int
    n_originals: int
    independent: bool
    recall: tuple[float, float | None, float | None]
    alarm: tuple[float, float | None, float | None] | None
    lower: float | None
    auroc: float | None
    reads: bool
    """Whether the check reads values; others are listed apart."""


def rates(power: Mapping[str, Any] | None) -> list[tuple[str, list[Rate]]]:
    """(label name, rows) of everything that was measured; rows without a recall are left out."""
    groups: dict[str, list[Rate]] = {}
    for row in (power or {}).get("results") or []:
        if row.get("recall") is None:
            continue
        name = row.get("name") or ""
        kind = str(row.get("kind") or "")
        draw = row.get("draw")
        groups.setdefault(name, []).append(
            Rate(
                check=str(row.get("check") or "?"),
                name=name,
                operator=str(row.get("operator") or "?"),
                kind=f"{kind}, {draw}" if draw not in (None, "uniform") else kind,
                unit=str(row.get("unit") or "label"),
                n=int(row.get("n_faults") or 0),
                n_originals=int(row.get("n_originals") or 0),
                independent=bool(row.get("independent", True)),
                recall=_point(row, "recall"),
                alarm=_point(row, "false_alarm") if row.get("false_alarm") is not None else None,
                lower=row.get("difference_lower"),
                auroc=row.get("auroc"),
                reads=not name or row.get("check") in READING,
            )
        )
    for rows in groups.values():
        rows.sort(key=lambda r: (not r.independent, r.check, r.operator, r.kind))
    return sorted(groups.items(), key=lambda group: (group[0] == "", _order(group[0])))


def _point(row: Mapping[str, Any], name: str) -> tuple[float, float | None, float | None]:
    low, high = row.get(f"{name}_ci") or (None, None)
    return float(row[name]), low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Label names that one reason keeps from being trusted."""

    code: str
    why: str
    needs: str
    names: tuple[str, ...]
    n: int
    detail: tuple[str, ...] = ()


def _unread(code: str, rows: Sequence[Name], said: Said | None) -> Unread:
    held = {r.name: r.reasons[code] or (said.why_not[r.name][code] if said is not None else 0) for r in rows}
    gates = [(r.name, r.gate.get("reason")) for r in rows if code == "no_power" and r.gate]
    return Unread(
        code=code,
        why=reason(code),
        needs=REMEDIES.get(code, ""),
        names=tuple(_brief(rows, held)),
        n=sum(held.values()),
        detail=tuple(f"{name}: {why}" for name, why in gates if why),
    )


def _brief(rows: Sequence[Name], held: Mapping[str, int]) -> list[str]:
    """Names in words: `core_act (3 of 122)` where it is about some labels only, `context.* (11)` for three and more."""
    stems: dict[str, list[Name]] = defaultdict(list)
    for row in rows:
        stems[row.name.split(".", 1)[0]].append(row)
    words = []
    for stem, own in stems.items():
        if len(own) >= 3 and all(held[r.name] >= r.n for r in own):
            words.append(f"{stem}.* ({len(own)})")
        else:
            words += [r.name if held[r.name] >= r.n else f"{r.name} ({held[r.name]:,} of {r.n:,})" for r in own]
    return words


NO_READ = ("no_independent_reader", "unmeasured_power", "no_power", "language", "budget")


def not_checked(names: Sequence[Name], said: Said | None, power: Mapping[str, Any] | None) -> list[Unread]:
    """What was not checked here, grouped by reason, with what it would need."""
    groups: dict[str, list[Name]] = defaultdict(list)
    for row in names:
        for code in row.reasons:
            if code in NO_READ:
                groups[code].append(row)
        for code in (said.why_not.get(row.name) or {}) if said is not None else ():
            if code in ("language", "budget") and row not in groups[code]:
                groups[code].append(row)
    order = sorted(groups, key=list(REASONS).index)
    found = [_unread(code, groups[code], said) for code in order if groups[code]]
    silent = [pair for pair in (power or {}).get("no_power") or [] if pair]
    if silent:
        found.append(
            Unread(
                code="no_power_check",
                why="a check that catches nothing here, so it says nothing here",
                n=0,
                needs="a stronger judge (--judge)",
                names=(),
                detail=tuple(f"{check} on {name or 'whole turns and sessions'}" for check, name in silent),
            )
        )
    missing = (power or {}).get("not_measured") or {}
    if missing:
        found.append(
            Unread(
                code="not_planted",
                why="kinds of faults that could not be planted here",
                n=0,
                needs="a model that words the faults (--model)",
                names=(),
                detail=tuple(f"{name}: {', '.join(kinds)}" for name, kinds in missing.items()),
            )
        )
    return found
