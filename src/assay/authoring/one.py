"""Author one scenario: draw until the constraints hold, then freeze."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assay.authoring.layers import Pools, draw_persona, draw_subtopic, own_pools
from assay.authoring.people import behaviours, derived_line, draw_name
from assay.authoring.priors import banded, draw_all, stream
from assay.authoring.reflections import reflect
from assay.authoring.relevance import relevance_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Values that a row of a covering array holds fixed."""

    values: Mapping[str, str]
    """Full attribute name -> value; persona.* by band."""
    subtopic: str = ""
    """The subtopic; "" where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was drawn above the attributes."""

    subtopic: str
    line: str
    """Persona line of a pool, or "" to derive one."""
    index: int
    arm: Literal["prior", "covering"]


def author_one(
    blueprint: Blueprint, seed: int, index: int, pools: Pools | None = None, target: Target | None = None
) -> Scenario:
    """Scenario `index` of a run.

    A draw that a constraint forbids, or that no subtopic fits, is thrown away and counted (`rejected`); a constraint
    with `repair` sets its values instead and is listed in `repaired`. The result depends on (blueprint, seed, index)
    alone, and on `pools` where a language model added to them. `target` fixes values: a row of a covering array,
    marked `arm: covering`, which is no draw from the prior.

    Raises Unsatisfiable (a BadBlueprint) when MAX_DRAWS draws in a row are forbidden.
    """
    pools = pools if pools is not None else own_pools(blueprint)
    name = f"{'s' if target is None else 'c'}{index:05d}"
    rng, layer_rng = stream(seed, f"author/{name}"), stream(seed, f"layers/{name}")
    broken_by = [0] * len(blueprint.constraints)
    unfit = 0
    for rejected in range(MAX_DRAWS):
        drawn = draw_all(blueprint, rng, target.values if target is not None else {})
        repaired = []
        for number, rule in enumerate(blueprint.constraints):
            if rule.repair is not None and holds(rule.forbid, banded(drawn)):
                drawn |= rule.repair
                repaired.append(rule.why or f"constraints.{number}")
        broken = next((i for i, rule in enumerate(blueprint.constraints) if holds(rule.forbid, banded(drawn))), None)
        if broken is not None:
            broken_by[broken] += 1
            continue
        subtopic = draw_subtopic(pools, drawn, layer_rng) if target is None or not target.subtopic else target.subtopic
        if subtopic is None:
            unfit += 1
            continue
        line = draw_persona(pools, subtopic, drawn, layer_rng)
        layers = Drawn(subtopic=subtopic, line=line, index=index, arm="prior" if target is None else "covering")
        return _scenario(blueprint, seed, name, drawn, layers, rejected, tuple(repaired))
    if unfit and unfit >= max(broken_by, default=0):
        raise BadBlueprint(
            f"no subtopic fits: {unfit} of {MAX_DRAWS} draws had a topic whose subtopics all ask for something else",
            where=f"{blueprint.name}, layers.subtopics",
            now="give each topic a subtopic without `when`, or one for each goal",
        )
    worst = broken_by.index(max(broken_by))
    raise Unsatisfiable(blueprint.name, worst, blueprint.constraints[worst].why)


def _scenario(
    blueprint: Blueprint, seed: int, name: str, drawn: dict[str, str], layers: Drawn, rejected: int,
    repaired: tuple[str, ...],
) -> Scenario:  # fmt: skip
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for full, value in drawn.items():
        if value != "":
            head, _, own = full.partition(".")
            groups[head][own] = value
    goal = blueprint.goals[drawn["goal"]]
    slots = groups["slots"]
    needed = set(goal.tell) | {s for s in blueprint.assistant.flows[drawn["goal"]].need}
    wanted = {k: v for k, v in slots.items() if k in needed}
    facts = {
        party: {
            fact: slots[spec.slot] if spec.slot is not None else drawn[f"facts.{party}.{fact}"]
            for fact, spec in specs.items()
            if (spec.slot in needed and spec.slot in slots if spec.slot else drawn[f"facts.{party}.{fact}"])
        }
        for party, specs in blueprint.facts.items()
    }
    context, persona = groups["context"], {k: float(v) for k, v in groups["persona"].items()}
    return Scenario(
        id=name,
        seed=seed,
        blueprint=blueprint.hash,
        goal=drawn["goal"],
        profile=groups["profile"],
        persona=persona,
        context=context,
        topic=context.get("topic", ""),
        subtopic=layers.subtopic,
        persona_line=layers.line or derived_line(persona),
        behaviours=behaviours(persona),
        name=draw_name(context.get("gender", ""), seed, layers.index),
        arm=layers.arm,
        reflection=reflect(context),
        slots=wanted,
        facts=facts,
        world=groups["world"],
        relevance=relevance_of(blueprint, drawn["goal"], wanted, groups["profile"]),
        rejected=rejected,
        repaired=repaired,
    )
