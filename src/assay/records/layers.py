"""Layers of a scenario above its slots: topic, subtopic, persona, and what they do to a conversation (METHODS 1.2)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from assay.records.base import Record
from assay.records.blueprint_parts import TRAITS, Part, Shares
from assay.records.conditions import DRAW_PREFIXES, Condition, check_condition

if TYPE_CHECKING:
    from assay.records.blueprint import Blueprint

OPEN_PREFIXES = tuple(p for p in DRAW_PREFIXES if not p.startswith("world"))
"""What a subtopic or persona may depend on: the user's own draw, not the world."""


def _known_traits(values: dict[str, float]) -> dict[str, float]:
    for trait, value in values.items():
        if trait not in TRAITS:
            raise ValueError(f"{trait!r} is not a Big Five trait; one of {', '.join(TRAITS)}")
        if not 0 <= value <= 1:
            raise ValueError(f"{trait} is {value:g}, outside [0, 1]")
    return values


class Persona(Part):
    """Who the user is, in one line."""

    text: str = Field(min_length=3)
    """The line, e.g. "Repairs bicycles for the neighbours."."""
    weight: float = Field(default=1.0, gt=0)
    """Share among the lines that fit; normalised."""
    when: Condition = Field(default_factory=dict)
    """Only for draws like this (goal, profile.X, context.X, persona.X, slots.X); empty: any."""
    big_five: Annotated[dict[str, float], AfterValidator(_known_traits)] = Field(default_factory=dict)
    """Typical Big Five values in [0, 1]; the line is drawn only for people in the same bands."""


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [{"text": item} if isinstance(item, str) else item for item in value]
    return value


class Subtopic(Part):
    """A situation within one or more topics."""

    topic: Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])]
    """Topic or topics that it belongs to."""
    weight: float = Field(default=1.0, gt=0)
    """Share among the subtopics that fit; normalised."""
    when: Condition = Field(default_factory=dict)
    """Only for draws like this (goal, profile.X, context.X, persona.X, slots.X); empty: any."""
    personas: Annotated[tuple[Persona, ...], BeforeValidator(_lines, json_schema_input_type=list[str | Persona])] = ()
    """Who is in this situation; empty or none that fits: derived from the Big Five."""


class Grow(Part):
    """How many subtopics and personas a language model adds."""

    subtopics: int = Field(default=0, ge=0, le=50)
    """For each topic and goal."""
    personas: int = Field(default=0, ge=0, le=50)
    """For each subtopic."""


class Layers(Part):
    """Topics, subtopics and personas that scenarios are spread over."""

    topics: Shares | None = None
    """Topic -> probability; left out where `context.topic` is drawn already."""
    subtopics: dict[str, Subtopic] = Field(default_factory=dict)
    """Subtopic -> where it belongs and who is in it."""
    grow: Grow = Field(default_factory=Grow)
    """What a language model adds (--grow-with MODEL)."""
    reflect: Literal["rules", "model"] = "rules"
    """Who thinks over the context fields before any words exist: fixed rules, or the language model that grows."""
    covering: bool = False
    """Whether scenarios are a pairwise covering array instead of draws from the prior."""


class Thought(Record):
    """What one drawn context value means for the conversation: thought before any words, kept apart from them."""

    field: str
    """Context field."""
    value: str
    """The value that was drawn."""
    consequence: str
    """One sentence."""
    words: tuple[str, ...] = ()
    """Short words for the verbaliser's header, from a fixed vocabulary."""


def topics_of(blueprint: "Blueprint") -> tuple[str, ...]:
    """Every topic that can be drawn; empty where the blueprint names none."""
    drawn = blueprint.context.get("topic")
    if drawn is not None:
        tables = [drawn.values or {}, *(drawn.when or {}).values()]
        return tuple(dict.fromkeys(v for table in tables for v, p in table.items() if p > 0))
    return tuple(v for v, p in (blueprint.layers.topics or {}).items() if p > 0)


def layer_problems(blueprint: "Blueprint") -> Iterator[tuple[str, str]]:
    """(dotted field, message) of everything in `layers` that names what is not there or leaves a topic empty."""
    layers = blueprint.layers
    if layers.topics is not None and "topic" in blueprint.context:
        yield "layers.topics", "context.topic is drawn already; say it once and leave this out"
    topics = topics_of(blueprint)
    if layers.subtopics and not topics:
        yield "layers.subtopics", "there is no topic they could belong to; give layers.topics or context.topic"
        return
    seen: dict[str, str] = {}
    for name, subtopic in layers.subtopics.items():
        plain = " ".join(name.lower().split())
        if plain in seen:
            yield f"layers.subtopics.{name}", f"is the same subtopic as {seen[plain]!r}"
        seen[plain] = name
        yield from _subtopic_problems(blueprint, name, subtopic, topics)
    filled = {t for s in layers.subtopics.values() for t in s.topic}
    if (layers.subtopics or layers.topics is not None) and not layers.grow.subtopics:
        for topic in topics:
            if topic not in filled:
                yield "layers.subtopics", f"topic {topic!r} has no subtopics; add one, or let a model (layers.grow)"


def _subtopic_problems(
    blueprint: "Blueprint", name: str, subtopic: Subtopic, topics: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    where = f"layers.subtopics.{name}"
    if not subtopic.topic:
        yield f"{where}.topic", "names no topic"
    for topic in subtopic.topic:
        if topic not in topics:
            yield f"{where}.topic", f"no topic {topic!r}; one of {', '.join(topics)}"
    conditions = [(f"{where}.when", subtopic.when)]
    lines: set[str] = set()
    for i, persona in enumerate(subtopic.personas):
        conditions.append((f"{where}.personas.{i}.when", persona.when))
        if persona.text.lower() in lines:
            yield f"{where}.personas.{i}", f"{persona.text!r} is listed twice"
        lines.add(persona.text.lower())
    for at, condition in conditions:
        for key, message in check_condition(condition, blueprint):
            yield f"{at}.{key}", message
        for key in condition:
            if not key.startswith(OPEN_PREFIXES):
                yield (
                    f"{at}.{key}",
                    "not part of the user's own draw; use goal, profile.X, context.X, persona.X, slots.X",
                )
