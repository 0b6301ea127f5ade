"""Author one scenario: draw until the constraints hold, then freeze."""

from assay.authoring.priors import banded, draw_all, stream
from assay.errors import BadBlueprint
from assay.records.blueprint import Blueprint
from assay.records.conditions import holds
from assay.records.scenario import Scenario

MAX_DRAWS = 1000
"""Draws after which the constraints are called unsatisfiable."""


class Unsatisfiable(BadBlueprint):
    """Constraints that every draw breaks; `constraint` is the position of the one that most draws broke."""

    def __init__(self, blueprint: str, constraint: int, why: str) -> None:
        self.constraint = constraint
        super().__init__(
            f"the constraints cannot be satisfied: {MAX_DRAWS} draws in a row were forbidden",
            where=f"{blueprint}, mostly constraints.{constraint}" + (f" ({why})" if why else ""),
            now="loosen that constraint or change the probabilities of what it names",
        )


def author_one(blueprint: Blueprint, seed: int, index: int) -> Scenario:
    """Scenario `index` of a run.

    A draw that a constraint forbids is thrown away and counted (`rejected`); a constraint with `repair` sets its values
    instead and is listed in `repaired`. The result depends on (blueprint, seed, index) alone.

    Raises Unsatisfiable (a BadBlueprint) when MAX_DRAWS draws in a row are forbidden.
    """
    name = f"s{index:05d}"
    rng = stream(seed, f"author/{name}")
    broken_by = [0] * len(blueprint.constraints)
    for rejected in range(MAX_DRAWS):
        drawn = draw_all(blueprint, rng)
        repaired = []
        for number, rule in enumerate(blueprint.constraints):
            if rule.repair is not None and holds(rule.forbid, banded(drawn)):
                drawn |= rule.repair
                repaired.append(rule.why or f"constraints.{number}")
        broken = next((i for i, rule in enumerate(blueprint.constraints) if holds(rule.forbid, banded(drawn))), None)
        if broken is None:
            return _scenario(blueprint, seed, name, drawn, rejected, tuple(repaired))
        broken_by[broken] += 1
    worst = broken_by.index(max(broken_by))
    raise Unsatisfiable(blueprint.name, worst, blueprint.constraints[worst].why)


def _scenario(
    blueprint: Blueprint, seed: int, name: str, drawn: dict[str, str], rejected: int, repaired: tuple[str, ...]
) -> Scenario:
    def group(prefix: str) -> dict[str, str]:
        return {k.removeprefix(prefix): v for k, v in drawn.items() if k.startswith(prefix) and v != ""}

    goal = blueprint.goals[drawn["goal"]]
    slots = group("slots.")
    needed = set(goal.tell) | {s for s in blueprint.assistant.flows[drawn["goal"]].need}
    facts = {
        party: {
            fact: slots[spec.slot] if spec.slot is not None else drawn[f"facts.{party}.{fact}"]
            for fact, spec in specs.items()
            if (spec.slot in needed and spec.slot in slots if spec.slot else drawn[f"facts.{party}.{fact}"])
        }
        for party, specs in blueprint.facts.items()
    }
    return Scenario(
        id=name,
        seed=seed,
        blueprint=blueprint.hash,
        goal=drawn["goal"],
        profile=group("profile."),
        persona={k: float(v) for k, v in group("persona.").items()},
        context=group("context."),
        slots={k: v for k, v in slots.items() if k in needed},
        facts=facts,
        world=group("world."),
        rejected=rejected,
        repaired=repaired,
    )
