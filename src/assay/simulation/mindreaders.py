"""Mindreaders: agents with the partner's goal and facts in view (2403.05020), a control arm for what privacy costs.

Non-interference deliberately does not hold here; sessions say so (`non_interference: false`).
"""

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.prompt import one_line


def assistant_side(blueprint: Blueprint, scenario: Scenario) -> tuple[str, ...]:
    """What the assistant has: its private facts and its record, as `name: value`. The user sees it in this mode."""
    facts = [
        f"{_words(blueprint, 'assistant', k)}: {v}" for k, v in sorted(scenario.facts.get("assistant", {}).items())
    ]
    record = [f"{k.replace('_', ' ')}: {v}" for k, v in sorted(scenario.world.items())]
    return tuple(one_line(x) for x in (*facts, *record))


def user_side(blueprint: Blueprint, scenario: Scenario) -> tuple[str, ...]:
    """What the user has: the goal, the slots in mind and the private facts. The assistant sees it in this mode."""
    slots = [f"{blueprint.slots[k].words or k.replace('_', ' ')}: {v}" for k, v in scenario.slots.items()]
    own = scenario.facts.get("user", {})
    bound = {k for k, f in blueprint.facts.get("user", {}).items() if f.slot in scenario.slots}
    facts = [f"{_words(blueprint, 'user', k)}: {v}" for k, v in sorted(own.items()) if k not in bound]
    return tuple(one_line(x) for x in (f"goal: {blueprint.goals[scenario.goal].words}", *slots, *facts))


def _words(blueprint: Blueprint, party: str, fact: str) -> str:
    spec = blueprint.facts.get(party, {}).get(fact)  # type: ignore[call-overload]
    return spec.words if spec is not None else fact.replace("_", " ")
