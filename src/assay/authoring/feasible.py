"""Which values of a blueprint can occur together: an exact search over what is tied, for pairwise covering.

Factors are the goal, the eleven context fields, the bands of the Big Five and the subtopic. Two factors that no chain
of `given`, constraint or subtopic condition ties together are free of each other: all their pairs can occur. For tied
ones an assignment of everything they are tied to is searched for, value by value, depth first. The search is exact
(it finds an assignment or proves that there is none) up to MOST_STEPS steps; beyond them a pair is `undecided` and
counted apart, never called impossible. Values of patterns and ranges are not looked into: a constraint that names one
is taken as not violated, as is one with `repair`, whose draws are mended instead of thrown away.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from assay.authoring.layers import Pools, fits
from assay.authoring.meanings import values_of
from assay.authoring.priors import BANDS, every_attribute
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import CONTEXT_FIELDS, TRAITS, Attribute

SUBTOPIC = "subtopic"
MOST_STEPS = 20_000
"""Values tried for one question."""

Pair = tuple[tuple[str, str], tuple[str, str]]
"""((factor, value), (factor, value)), in the order of the factors."""


class TooManySteps(Exception):
    """The search was cut off."""


class Space:
    """What can occur together under a blueprint and its pools."""

    def __init__(self, blueprint: Blueprint, pools: Pools) -> None:
        self.blueprint, self.pools = blueprint, pools
        self.attributes: dict[str, Attribute] = every_attribute(blueprint)
        self.rules = [rule.forbid for rule in blueprint.constraints if rule.repair is None]
        self._groups = self._tied()
        self._answers: dict[tuple[tuple[str, str], ...], bool | None] = {}
        names = ["goal", *(f"context.{f}" for f in CONTEXT_FIELDS), *(f"persona.{t}" for t in TRAITS)]
        if pools.subtopics:
            names.append(SUBTOPIC)
        self.factors: dict[str, tuple[str, ...]] = {}
        for name in names:
            values = tuple(v for v in self.domain(name) if self.possible({name: v}) is not False)
            if values:
                self.factors[name] = values

    def domain(self, name: str) -> tuple[str, ...]:
        """Every value of a variable, constraints aside; empty for patterns and ranges."""
        if name == "goal":
            return tuple(self.blueprint.goals)
        if name == SUBTOPIC:
            return tuple(self.pools.subtopics)
        if name.startswith("persona."):
            return BANDS
        return tuple(values_of(self.attributes[name])) if name in self.attributes else ()

    def _parent(self, name: str) -> str | None:
        return self.attributes[name].given if name in self.attributes else None

    def _tied(self) -> dict[str, frozenset[str]]:
        """Variable -> everything it is tied to, itself included."""
        links: list[set[str]] = [set(rule) for rule in self.rules]
        if self.pools.subtopics:
            named = {key for s in self.pools.subtopics.values() for key in s.when}
            links.append({SUBTOPIC, "context.topic", *named})
        core = set().union(*links) if links else set()
        core |= {f"context.{f}" for f in CONTEXT_FIELDS}
        for name in list(core):
            while (parent := self._parent(name)) is not None:
                links.append({name, parent})
                name = parent
        groups: dict[str, set[str]] = {}
        for link in links:
            merged = set(link)
            for name in link:
                merged |= groups.get(name, set())
            for name in merged:
                groups[name] = merged
        return {name: frozenset(group) for name, group in groups.items()}

    def group(self, name: str) -> frozenset[str]:
        """Variables that a factor is tied to, itself included."""
        return self._groups.get(name, frozenset((name,)))

    def possible(self, given: Mapping[str, str]) -> bool | None:
        """Whether these values can occur in one scenario; None where the search was cut off."""
        key = tuple(sorted(given.items()))
        if key not in self._answers:
            try:
                self._answers[key] = self.assignment(given) is not None
            except TooManySteps:
                self._answers[key] = None
        return self._answers[key]

    def assignment(self, given: Mapping[str, str], rng: np.random.Generator | None = None) -> dict[str, str] | None:
        """Values for everything the given ones are tied to, or None where there are none.

        With `rng` values are tried in a random order by their share, without it in the order they are written.
        Raises TooManySteps beyond MOST_STEPS.
        """
        todo = self._order(set().union(*(self.group(name) for name in given)), given)
        limits = self._limits(given)
        found = dict(given) if all(self._allowed(n, v, limits) for n, v in given.items()) else None
        if found is None:
            return None
        steps = [MOST_STEPS]
        rules = [r for r in self.rules if any(k in todo or k in given for k in r)]
        return found if self._search(todo, 0, found, (dict(given), limits, rules, rng, steps)) else None

    def _order(self, wanted: Iterable[str], given: Mapping[str, str]) -> list[str]:
        """Parents before children; what leads to a given value first."""
        order: list[str] = []

        def add(name: str) -> None:
            parent = self._parent(name)
            if parent is not None and parent not in order:
                add(parent)
            if name not in order:
                order.append(name)

        for name in [*given, *sorted(set(wanted) - {SUBTOPIC})]:
            if name != SUBTOPIC:
                add(name)
        return [*order, SUBTOPIC] if SUBTOPIC in given or SUBTOPIC in wanted else order

    def _limits(self, given: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """What a given subtopic allows of the variables it names."""
        subtopic = self.pools.subtopics.get(given.get(SUBTOPIC, ""))
        return {} if subtopic is None else {"context.topic": subtopic.topic, **subtopic.when}

    @staticmethod
    def _allowed(name: str, value: str, limits: Mapping[str, tuple[str, ...]]) -> bool:
        return name not in limits or value in limits[name]

    def _shares(self, name: str, found: Mapping[str, str]) -> dict[str, float]:
        """Values a variable can take, given its parent's."""
        if name == "goal":
            return {k: g.weight for k, g in self.blueprint.goals.items()}
        if name == SUBTOPIC:
            topic = found.get("context.topic", "")
            return {
                k: s.weight for k, s in self.pools.subtopics.items() if topic in s.topic and fits(s.when, dict(found))
            }
        attribute = self.attributes.get(name)
        if attribute is None:
            return dict.fromkeys(BANDS, 1.0)
        if attribute.when is not None and attribute.given is not None:
            table = attribute.when.get(found[attribute.given]) or attribute.when.get("else") or {"": 1.0}
        else:
            table = attribute.values or {}
        return {v: p for v, p in table.items() if p > 0}

    def _search(self, todo: list[str], at: int, found: dict[str, str], way: tuple[object, ...]) -> bool:
        given, limits, rules, rng, steps = way
        assert isinstance(given, dict)
        assert isinstance(limits, dict)
        assert isinstance(rules, list)
        assert isinstance(steps, list)
        if at == len(todo):
            return True
        name = todo[at]
        shares = self._shares(name, found)
        if not shares and name not in given:
            # a pattern or a range: nothing is known of its value
            return name != SUBTOPIC and self._search(todo, at + 1, found, way)
        values = list(shares)
        if isinstance(rng, np.random.Generator) and len(values) > 1:
            weights = np.array([shares[v] for v in values])
            values = [values[i] for i in np.argsort(rng.exponential(size=len(values)) / weights)]
        for value in [v for v in values if name not in given or v == given[name]]:
            steps[0] -= 1
            if steps[0] < 0:
                raise TooManySteps
            if not self._allowed(name, value, limits):
                continue
            before = found.get(name)
            found[name] = value
            broken = any(name in r and all(found.get(k) in v for k, v in r.items()) for r in rules)
            if not broken and self._search(todo, at + 1, found, way):
                return True
            if before is None:
                del found[name]
            else:
                found[name] = before
        return False

    def pairs(self) -> tuple[set[Pair], int, int]:
        """(pairs of factor values that can occur, number of impossible ones, number of undecided ones)."""
        names = list(self.factors)
        able: set[Pair] = set()
        impossible = undecided = 0
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                tied = other in self.group(one)
                for a in self.factors[one]:
                    for b in self.factors[other]:
                        answer = self.possible({one: a, other: b}) if tied else True
                        if answer:
                            able.add(((one, a), (other, b)))
                        impossible += answer is False
                        undecided += answer is None
        return able, impossible, undecided
