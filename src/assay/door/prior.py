"""The users that a policy can tell apart, and how probable each is before a word is said."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.policy import BANDS

PRIOR_SEED = 902_311
"""Seed of the draws: not a run's, so that the prior does not know the sessions."""
MOST = 6000
"""Users that are told apart at most when attributes are multiplied out; beyond it, those that were drawn."""

GROUPS = ("profile", "context", "persona")


def draw_people(blueprint: Blueprint, keys: Iterable[str], draws: int) -> tuple[list[Scenario], NDArray[np.float64]]:
    """(one user for each combination of what `keys` tells, its log probability), from draws of the prior.

    keys: names that the policy asks for, `profile.x` and so on; goal and slots always count. Constraints hold, because
    the draws are scenarios. An attribute that nothing is drawn with is multiplied in, so that its shares come from all
    draws and not from the few of one combination; the other attributes keep the shares of their combinations.
    """
    asked = sorted(k for k in keys if k.split(".")[0] in GROUPS)
    alone = [k for k in asked if k in _alone(blueprint, asked)]
    scenarios = [author_one(blueprint, PRIOR_SEED, i) for i in range(draws)]
    together = [k for k in asked if k not in alone]
    slots = [k.split(".", 1)[1] for k in keys if k.startswith("slots.")]
    core = _shares(scenarios, [_mark(s, together, slots) for s in scenarios])
    shares = [Counter(_value(s, k) for s in scenarios) for k in alone]
    while alone and len(core) * int(np.prod([len(c) for c in shares])) > MOST:
        together.append(alone.pop())
        shares.pop()
        core = _shares(scenarios, [_mark(s, together, slots) for s in scenarios])
    people, logs = [], []
    for person, share in core:
        for values in product(*(sorted(c) for c in shares)):
            people.append(_with(person, dict(zip(alone, values, strict=True))))
            each = [c[v] / draws for c, v in zip(shares, values, strict=True)]
            logs.append(np.log(share) + np.log(each).sum())
    return people, np.array(logs) - np.logaddexp.reduce(logs)


def _alone(blueprint: Blueprint, asked: Sequence[str]) -> set[str]:
    """Keys that are drawn by themselves: no `given`, no constraint and no subtopic names them or hangs on them."""
    tied: set[str] = set()
    for name, attribute in blueprint.attributes():
        if attribute.given is not None:
            tied |= {name, attribute.given}
    for rule in blueprint.constraints:
        tied |= {*rule.forbid, *(rule.repair or {})}
    for subtopic in blueprint.layers.subtopics.values():
        tied |= set(subtopic.when)
    return {k for k in asked if k not in tied}


def _shares(scenarios: Sequence[Scenario], marks: Sequence[object]) -> list[tuple[Scenario, float]]:
    counts = Counter(marks)
    first = dict(zip(reversed(marks), reversed(scenarios), strict=True))
    return [(first[mark], n / len(scenarios)) for mark, n in counts.items()]


def _mark(scenario: Scenario, keys: Sequence[str], slots: Sequence[str]) -> tuple[object, ...]:
    values = tuple(_value(scenario, k) for k in sorted(keys))
    return (scenario.goal, values, tuple(scenario.slots.get(s) for s in sorted(slots)), tuple(sorted(scenario.slots)))


def _value(scenario: Scenario, key: str) -> str:
    group, name = key.split(".", 1)
    if group == "persona":
        return BANDS[min(int(scenario.persona[name] * 3), 2)] if name in scenario.persona else ""
    return str(getattr(scenario, group).get(name, ""))


def _with(scenario: Scenario, values: dict[str, str]) -> Scenario:
    changed: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        group, name = key.split(".", 1)
        held = changed.setdefault(group, dict(getattr(scenario, group)))
        if value == "":
            held.pop(name, None)
        else:
            held[name] = (BANDS.index(value) + 0.5) / 3 if group == "persona" else value
    return scenario.model_copy(update=changed)
