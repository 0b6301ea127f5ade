"""The numbers of RL07: what one session shows, and how two arms differ on the same scenarios (METHODS 8)."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.simulation.wording import says
from assay.stats.intervals import Interval, clopper_pearson, cluster_mean

CLARIFY = re.compile(
    r"\b(sorry,? (i )?(did not|didn't|don't|do not)|"
    r"(did not|didn't|don't|do not) (quite )?(understand|follow|get that)|"
    r"not sure (what|which|i)|what do you mean|(could|can) you (repeat|clarify|rephrase|say that again)|pardon|"
    r"you mean|to be clear)\b",
    re.I,
)
"""Words that ask for, or offer, a clarification; a rule anybody can check by hand, the same for both parties."""
ACKNOWLEDGE = re.compile(
    r"^\W*(ok|okay|i see|all ?right|alright|got it|understood|right|sure|great|perfect|thanks|thank you|good|fine|"
    r"sounds good|makes sense|of course|certainly|noted)\b",
    re.I,
)
"""Openings that show having heard what was said."""
RARE = 5
"""Below this many differences that depart from the usual one, limits are also the exact binomial ones."""
MARGIN = 0.05
"""A name survives when the lower limit of its paired difference is above minus this."""
LEAST_PAIRS = 59
"""Pairs from which on a name can survive even when nothing differs: 1 - 0.05 ** (1 / 59) is 5 points."""


class Measure(NamedTuple):
    """One figure of a session."""

    name: str
    title: str
    unit: str
    """share, or a count."""
    of: Callable[[Blueprint, Scenario, Session], float | None]
    """The figure; None where a session has nothing to measure."""


def completed(blueprint: Blueprint, scenario: Scenario, session: Session) -> float:
    """1 when the goal was reached: resolved, or refused where the record says that refusing was right."""
    test = blueprint.assistant.flows[scenario.goal].test
    refusal_right = test is not None and scenario.world.get(test) != "yes"
    return float(session.end == "resolved" or (session.end == "refused" and refusal_right))


def sayable(blueprint: Blueprint, scenario: Scenario) -> dict[str, str]:
    """The user's private facts that this goal calls for and that may be said: fact -> value."""
    tell = blueprint.goals[scenario.goal].tell
    specs = blueprint.facts.get("user", {})
    called_for = {k for k, f in specs.items() if not f.may_never_surface and (f.slot is None or f.slot in tell)}
    return {name: value for name, value in scenario.facts.get("user", {}).items() if name in called_for}


def first_mention(session: Session, value: str) -> int | None:
    """First turn of either party in whose text a value stands word for word; None when it never does."""
    heard = ((i, t) for i, t in enumerate(session.turns) if t.speaker != "tool" and not t.tool_calls)
    return next((i for i, t in heard if says(t.text, value)), None)


def position(blueprint: Blueprint, scenario: Scenario, session: Session) -> float | None:
    """Mean first-mention position of the sayable facts, as a share of turns in [0, 1]; never mentioned counts as 1."""
    found = [first_mention(session, v) for v in sayable(blueprint, scenario).values()]
    length = max(len(session.turns), 1)
    return sum(1.0 if i is None else i / length for i in found) / len(found) if found else None


def mentioned(blueprint: Blueprint, scenario: Scenario, session: Session) -> float | None:
    """Share of the sayable facts that are said word for word at all."""
    found = [first_mention(session, v) for v in sayable(blueprint, scenario).values()]
    return sum(i is not None for i in found) / len(found) if found else None


def surfaced(blueprint: Blueprint, scenario: Scenario, session: Session) -> float | None:
    """1 when a fact that may never surface, of either party, stands in the text."""
    values = [
        value
        for party, facts in scenario.facts.items()
        for name, value in facts.items()
        if (spec := blueprint.facts.get(party, {}).get(name)) is not None and spec.may_never_surface  # type: ignore[call-overload]
    ]
    return float(any(first_mention(session, v) is not None for v in values)) if values else None


def words_per_turn(blueprint: Blueprint, scenario: Scenario, session: Session) -> float | None:
    """Words per user turn."""
    own = [len(t.text.split()) for t in session.turns if t.speaker == "user"]
    return sum(own) / len(own) if own else None


def _rate(pattern: re.Pattern[str]) -> Callable[[Blueprint, Scenario, Session], float | None]:
    def of(blueprint: Blueprint, scenario: Scenario, session: Session) -> float | None:
        texts = [t.text for t in session.turns if t.speaker in ("user", "assistant")]
        return sum(bool(pattern.search(t)) for t in texts) / len(texts) if texts else None

    return of


MEASURES: tuple[Measure, ...] = (
    Measure("goal_completion", "goal reached", "share of sessions", completed),
    Measure("first_mention", "first mention of private facts", "share of turns, 1 = never", position),
    Measure("facts_mentioned", "private facts said at all", "share of facts", mentioned),
    Measure("never_surface_said", "said what may never surface", "share of sessions", surfaced),
    Measure("words_per_user_turn", "words per user turn", "words", words_per_turn),
    Measure("clarification", "clarification", "share of turns", _rate(CLARIFY)),
    Measure("acknowledgement", "acknowledgement", "share of turns", _rate(ACKNOWLEDGE)),
)
"""What the arms are compared on."""


def paired(differences: Sequence[float], *, lower_only: bool = False, bounded: bool = True) -> Interval:
    """Mean of paired differences, one per scenario, with 95 % limits (`lower_only`: a one-sided 95 % lower limit).

    t on n - 1 degrees of freedom. Where fewer than 5 differences of a bounded measure depart from the usual one (mostly
    0) the t interval reads as certainty; then the limits also hold the exact binomial ones on the shares of scenarios
    that depart either way, each taken at the largest departure there can be. Below 10 pairs there are none. Raises
    NotEnoughData without differences.

    *Guarantee*: scenarios are independent draws, differences in [-1, 1] where `bounded`; the lower limit misses with
    probability about 5 % (lower_only) or 2.5 %. Measured by tests/laws/test_gap_laws.py.
    """
    n = len(differences)
    found = cluster_mean(differences, range(n), 0.90 if lower_only else 0.95, proportion=False)
    if found.low is None or found.high is None or not bounded:
        return found
    usual = Counter(differences).most_common(1)[0][0]
    below, above = sum(d < usual for d in differences), sum(d > usual for d in differences)
    if below + above >= RARE:
        return found
    confidence = 0.95 if lower_only else 0.975
    low = min(found.low, usual - clopper_pearson(below, n, confidence, "upper")[1] * (1 + usual))
    high = max(found.high, usual + clopper_pearson(above, n, confidence, "upper")[1] * (1 - usual))
    return Interval(
        point=found.point, low=max(low, -1.0), high=min(high, 1.0), n=n, clusters=found.clusters, flag=found.flag
    )


Readings = Mapping[tuple[str, str], Counter[str]]
"""(session, label name) -> how often each value was read blind from its text."""


def readings(verdicts: Iterable[Verdict]) -> Readings:
    """What the blind readers (LB01) read, whatever the labels say."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for v in verdicts:
        if v.code == "LB01" and v.name is not None and v.read is not None:
            found[v.session, v.name][v.read] += 1
    return found


def agreement(a: Counter[str], b: Counter[str]) -> float:
    """Dice overlap of two sessions' readings of a name, in [0, 1]; 1 when neither has any."""
    total = sum(a.values()) + sum(b.values())
    return 2 * sum((a & b).values()) / total if total else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Whether a label name survives a mode."""

    name: str
    mode: str
    agreement: float
    """Mean agreement of the mode's sessions with the second agents draw."""
    noise: float
    """Mean agreement of the first agents draw with the second: as alike as agents are to themselves."""
    difference: Interval
    """Paired difference of the two, one-sided 95 % lower limit."""

    @property
    def survives(self) -> bool:
        """Whether the lower limit is above -5 points."""
        return self.difference.low is not None and self.difference.low > -MARGIN

    def row(self) -> dict[str, Any]:
        """As it stands in gap.json."""
        reason = None if self.survives else "not shown: too few pairs for so small a margin"
        if not self.survives and self.difference.point < -MARGIN:
            reason = "agrees less than agents among themselves"
        elif not self.survives and self.difference.n < LEAST_PAIRS:
            reason = f"not shown: at least {LEAST_PAIRS} pairs are needed even when nothing differs"
        return {
            "name": self.name, "mode": self.mode, "agreement": self.agreement, "noise": self.noise,
            "difference": self.difference.point, "lower": self.difference.low, "n": self.difference.n,
            "survives": self.survives, "reason": reason,
        }  # fmt: skip


def survival(mode: str, ids: Sequence[str], read: Mapping[str, Readings]) -> list[Survival]:
    """Every name that a blind reader reads, for one mode. read: arm (agents, agents-2, mode) -> readings.

    Both agreements are with the second agents draw: the mode shares its random streams with the first one, so comparing
    it with that would count shared luck as survival.
    """
    names = sorted({name for arm in read.values() for _, name in arm})
    empty: Counter[str] = Counter()
    out = []
    for name in names:
        rows = [tuple(read[arm].get((i, name), empty) for arm in (mode, "agents", "agents-2")) for i in ids]
        rows = [row for row in rows if any(row)]
        if not rows:
            continue
        own = [agreement(x, b) for x, _, b in rows]
        base = [agreement(a, b) for _, a, b in rows]
        difference = paired([x - y for x, y in zip(own, base, strict=True)], lower_only=True)
        out.append(
            Survival(
                name=name, mode=mode, agreement=sum(own) / len(own), noise=sum(base) / len(base), difference=difference
            )
        )
    return out
