"""The layers of a scenario: topic, then a subtopic that fits the draw, then a persona that fits both (METHODS 1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assay.authoring.near_duplicates import Removed, find_like
from assay.authoring.people import weighted
from assay.authoring.priors import CONTEXT_POOLS, band, banded
from assay.records.base import canonical
from assay.records.blueprint import Blueprint
from assay.records.conditions import Condition, holds
from assay.records.layers import Layers, Persona, Subtopic, topics_of


@dataclass(frozen=True, kw_only=True)
class Pools:
    """Subtopics and personas that scenarios are drawn from, near-duplicates removed."""

    topics: tuple[str, ...]
    """Every topic that can be drawn."""
    subtopics: Mapping[str, Subtopic]
    """Subtopic -> where it belongs and who is in it."""
    removed: tuple[Removed, ...] = ()
    """Near-duplicates that were left out, by blueprint and by model."""
    grown: Mapping[str, int] = field(default_factory=dict)
    """What a model added: calls, malformed, unusable, subtopics, personas; empty without one."""
    dropped: tuple[str, ...] = ()
    """Cells that should have grown and did not, in words."""


def pools_of(layers: Layers, topics: tuple[str, ...] = ()) -> Pools:
    """The blueprint's own pools without their near-duplicates: the first of two alike stays."""
    return added(Pools(topics=topics, subtopics={}), layers.subtopics, "blueprint")


def added(pools: Pools, more: Mapping[str, Subtopic], origin: str) -> Pools:
    """Pools with subtopics added to them, near-duplicates (ROUGE-L >= 0.5) left out and listed.

    Two subtopics are compared where they share a topic, two personas where they share a subtopic. A subtopic that is
    already there gets the new one's personas.
    """
    kept, removed = dict(pools.subtopics), list(pools.removed)
    for name, subtopic in more.items():
        if name not in kept:
            rivals = [k for k, s in kept.items() if set(s.topic) & set(subtopic.topic)]
            if (alike := find_like(name, rivals)) is not None:
                where = ", ".join(subtopic.topic)
                removed.append(_removed("subtopic", where, name, alike, origin))
                continue
        own = list(kept[name].personas) if name in kept else []
        for persona in subtopic.personas:
            if (alike := find_like(persona.text, [p.text for p in own])) is not None:
                removed.append(_removed("persona", name, persona.text, alike, origin))
            else:
                own.append(persona)
        base = kept.get(name, subtopic)
        kept[name] = base.model_copy(update={"personas": tuple(own)})
    return Pools(topics=pools.topics, subtopics=kept, removed=tuple(removed), grown=pools.grown, dropped=pools.dropped)


def _removed(kind: str, where: str, text: str, alike: tuple[str, float], origin: str) -> Removed:
    return Removed(kind=kind, where=where, text=text, like=alike[0], rouge_l=round(alike[1], 6), origin=origin)


_KEPT: dict[str, Pools] = {}
_MOST_KEPT = 16


def own_pools(blueprint: Blueprint) -> Pools:
    """Pools of a blueprint without any model, worked out once per blueprint."""
    key = blueprint.hash
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[key] = pools_of(blueprint.layers, topics_of(blueprint) or CONTEXT_POOLS["topic"])
    return _KEPT[key]


def fits(when: Condition, drawn: Mapping[str, str]) -> bool:
    """Whether a draw (persona values by band) satisfies a condition."""
    return not when or holds(when, dict(drawn))


def fitting(pools: Pools, drawn: Mapping[str, str]) -> list[str]:
    """Subtopics that fit a banded draw: those of its topic whose condition holds."""
    topic = drawn["context.topic"]
    return [name for name, s in pools.subtopics.items() if topic in s.topic and fits(s.when, drawn)]


def draw_subtopic(pools: Pools, drawn: Mapping[str, str], rng: np.random.Generator) -> str | None:
    """A subtopic that fits a draw; "" where there are none at all, None where none fits this draw."""
    if not pools.subtopics:
        return ""
    options = fitting(pools, banded(dict(drawn)))
    if not options:
        return None
    return options[weighted([pools.subtopics[o].weight for o in options], rng)]


def persona_fits(persona: Persona, drawn: Mapping[str, str]) -> bool:
    """Whether a persona line fits a banded draw: its condition, and its Big Five values by band."""
    return fits(persona.when, drawn) and all(
        drawn.get(f"persona.{trait}") == band(value) for trait, value in persona.big_five.items()
    )


def draw_persona(pools: Pools, subtopic: str, drawn: Mapping[str, str], rng: np.random.Generator) -> str:
    """A persona line of a subtopic's pool that fits a draw; "" where none does."""
    spec = pools.subtopics.get(subtopic)
    view = banded(dict(drawn))
    options = [p for p in spec.personas if persona_fits(p, view)] if spec is not None else []
    return options[weighted([p.weight for p in options], rng)].text if options else ""


def pools_row(pools: Pools) -> dict[str, object]:
    """Pools as a JSON object, for `layers.json` of a run folder."""
    return {
        "topics": list(pools.topics),
        "subtopics": {k: s.row() for k, s in pools.subtopics.items()},
        "removed": [
            {"kind": r.kind, "where": r.where, "text": r.text, "like": r.like, "rouge_l": r.rouge_l, "origin": r.origin}
            for r in pools.removed
        ],
        "grown": dict(pools.grown),
        "dropped": list(pools.dropped),
    }


def pools_from(row: Mapping[str, object]) -> Pools:
    """Pools of a `layers.json`."""
    subtopics, removed, grown = row["subtopics"], row["removed"], row["grown"]
    assert isinstance(subtopics, dict)
    assert isinstance(removed, list)
    assert isinstance(grown, dict)
    return Pools(
        topics=tuple(str(t) for t in row["topics"]),  # type: ignore[attr-defined]
        subtopics={str(k): Subtopic.model_validate_json(canonical(s)) for k, s in subtopics.items()},
        removed=tuple(Removed(**r) for r in removed),
        grown={str(k): int(v) for k, v in grown.items()},
        dropped=tuple(str(d) for d in row["dropped"]),  # type: ignore[attr-defined]
    )
