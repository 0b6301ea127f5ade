"""The prior: how one scenario is drawn, attribute by attribute, in the order of their conditions."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import CONTEXT_FIELDS, TRAITS, Attribute

DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"

CONTEXT_POOLS: dict[str, tuple[str, ...]] = {
    "age": ("teenager", "young adult", "middle-aged", "older adult"),
    "gender": ("woman", "man", "non-binary person"),
    "familiarity": ("first contact", "contacted before", "regular"),
    "emotion": ("calm", "annoyed", "worried", "cheerful", "tired"),
    "formality": ("casual", "neutral", "formal"),
    "duration": ("in a hurry", "some minutes", "plenty of time"),
    "medium": ("web chat", "phone app", "text message"),
    "topic": ("general",),
    "location": ("at home", "at work", "on the train", "in a cafe"),
    "stance": ("agrees easily", "undecided", "sceptical"),
    "disfluency": ("none", "some", "much"),
}
"""Built-in uniform pools of the eleven context fields (DiaSynth); a blueprint may replace any of them."""

BANDS = ("low", "mid", "high")
"""Bands of a Big Five value: below 1/3, below 2/3, above."""


def band(value: float) -> str:
    """Band of a value in [0, 1]."""
    return BANDS[min(int(value * 3), 2)]


def stream(seed: int, unit: str) -> np.random.Generator:
    """The random stream of one unit: spawned from (run seed, unit id), so that order does not matter."""
    return np.random.default_rng([seed, int(digest(unit)[:16], 16)])


def draw_attribute(attribute: Attribute, drawn: dict[str, str], rng: np.random.Generator) -> str:
    """One value of an attribute, given what has been drawn so far."""
    if attribute.values is not None:
        return choose(attribute.values, rng)
    if attribute.pattern is not None:
        swap = {"#": DIGITS, "@": LETTERS}
        return "".join(swap[c][rng.integers(len(swap[c]))] if c in swap else c for c in attribute.pattern)
    if attribute.range is not None:
        low, high = attribute.range.min, attribute.range.max
        if attribute.range.integer:
            return str(int(rng.integers(int(low), int(high) + 1)))
        return f"{rng.uniform(low, high):.3g}"
    assert attribute.when is not None
    assert attribute.given is not None
    value = drawn[attribute.given]
    if attribute.given.startswith("persona."):
        value = band(float(value))
    shares = attribute.when.get(value) or attribute.when.get("else")
    return choose(shares, rng) if shares else ""


def choose(shares: dict[str, float], rng: np.random.Generator) -> str:
    """One key of a distribution."""
    total, at = 0.0, rng.random() * sum(shares.values())
    for value, share in shares.items():
        total += share
        if at < total:
            return value
    return value


def every_attribute(blueprint: Blueprint) -> dict[str, Attribute]:
    """Every drawn attribute by full name: the blueprint's own, then the built-in pools of the other context fields."""
    held = _ATTRIBUTES.get(blueprint.hash)
    if held is None:
        held = _ATTRIBUTES[blueprint.hash] = _every_attribute(blueprint)
    return dict(held)


_ATTRIBUTES: dict[str, dict[str, Attribute]] = {}
"""By hash of the blueprint: every scenario draws them all."""


def _every_attribute(blueprint: Blueprint) -> dict[str, Attribute]:
    attributes = dict(blueprint.attributes())
    for name in CONTEXT_FIELDS:
        shares = blueprint.layers.topics if name == "topic" and blueprint.layers.topics else None
        attributes.setdefault(f"context.{name}", Attribute(values=shares or _uniform(CONTEXT_POOLS[name])))
    return attributes


def draw_all(
    blueprint: Blueprint, rng: np.random.Generator, fixed: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """One flat draw: goal, persona.*, then every attribute after the one it depends on.

    Constraints are not looked at here. Persona values are drawn uniformly on [0, 1] and kept as text with three
    decimals; `persona_band.x` is not stored, it follows. `fixed` sets values instead of drawing them (persona.* by
    band); that they can be drawn is up to the caller.
    """
    weights = {name: goal.weight for name, goal in blueprint.goals.items()}
    drawn = {"goal": fixed["goal"] if "goal" in fixed else choose(weights, rng)}
    for trait in TRAITS:
        low, width = 0.0, 1.0
        if (own := fixed.get(f"persona.{trait}")) is not None:
            low, width = BANDS.index(own) / 3, 1 / 3
        drawn[f"persona.{trait}"] = _inside(low + width * rng.random(), own)
    attributes = every_attribute(blueprint)
    waiting = list(attributes)
    while waiting:
        for name in waiting:
            given = attributes[name].given
            if given is None or given in drawn:
                drawn[name] = fixed[name] if name in fixed else draw_attribute(attributes[name], drawn, rng)
                waiting.remove(name)
                break
    return drawn


def _inside(value: float, own: str | None) -> str:
    """Three decimals that stay in the band they were drawn for."""
    text = f"{value:.3f}"
    if own is None or band(float(text)) == own:
        return text
    return {"low": "0.333", "mid": "0.334" if value < 0.5 else "0.666", "high": "0.667"}[own]


def _uniform(values: tuple[str, ...]) -> dict[str, float]:
    return {value: 1 / len(values) for value in values}


def banded(drawn: dict[str, str]) -> dict[str, str]:
    """The draw as conditions see it: persona values by band."""
    return {k: band(float(v)) if k.startswith("persona.") else v for k, v in drawn.items()}
