"""Who a user is: what each Big Five band does in a chat, a persona line where no pool has one, and a display name.

The lines say what such a person does in a written conversation, not what they are like: an adjective gives a reader
nothing to look for, and a model something to copy.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from assay.authoring.meanings import GENDERS
from assay.authoring.names import NAMES
from assay.authoring.priors import band, stream
from assay.records.blueprint_parts import TRAITS

BEHAVIOURS: dict[str, dict[str, str]] = {
    "openness": {
        "low": "Sticks to what they came for and lets suggestions pass without comment.",
        "mid": "Hears a suggestion out once, then comes back to their own plan.",
        "high": "Asks what else could be done and takes up ideas that were not theirs.",
    },
    "conscientiousness": {
        "low": "Types off the cuff and has to look things up only after being asked.",
        "mid": "Has the main details at hand and fetches the rest when needed.",
        "high": "Gives details exactly and in order, and makes sure they arrived.",
    },
    "extraversion": {
        "low": "Sends one short line at a time and adds nothing unasked.",
        "mid": "Answers in a sentence or two and leaves it at that.",
        "high": "Keeps talking, with small remarks around every answer.",
    },
    "agreeableness": {
        "low": "Says bluntly what does not suit them and does not soften a no.",
        "mid": "Stays civil, and turns things down when they do not suit.",
        "high": "Says please and thanks, and goes along where that is possible.",
    },
    "neuroticism": {
        "low": "Takes bad news without fuss and moves on to the next step.",
        "mid": "Shows some worry when things go wrong, then settles.",
        "high": "Worries aloud, wants to be reassured and takes a refusal hard.",
    },
}
"""Trait -> band -> what somebody in that band does in a chat."""


def behaviours(persona: Mapping[str, float]) -> dict[str, str]:
    """Trait -> behavioural line of the band of its value, for traits in [0, 1]."""
    return {trait: BEHAVIOURS[trait][band(persona[trait])] for trait in TRAITS if trait in persona}


def derived_line(persona: Mapping[str, float]) -> str:
    """A persona line from the two traits farthest from the middle, the farther first."""
    far = sorted((t for t in TRAITS if t in persona), key=lambda t: (-abs(persona[t] - 0.5), TRAITS.index(t)))[:2]
    return " ".join(BEHAVIOURS[t][band(persona[t])] for t in far)


def gender_pool(gender: str) -> str:
    """Which pool of names a gender value draws from: f, m, or n (also for values that are not understood)."""
    return GENDERS.get(gender.strip().lower(), "n")


@lru_cache(maxsize=32)
def _order(seed: int, pool: str) -> tuple[int, ...]:
    return tuple(int(i) for i in stream(seed, f"names/{pool}").permutation(len(NAMES[pool])))


def draw_name(gender: str, seed: int, index: int) -> str:
    """Display name of session `index`: the pool in a seeded order, one after the other.

    Depends on (gender, seed, index) alone. In n sessions a name occurs at most ceil(n / size of its pool) times, so
    with pools of 120 and more no name can reach 5 % of 20 sessions or more.
    """
    pool = gender_pool(gender)
    order = _order(seed, pool)
    return NAMES[pool][order[index % len(order)]]


def weighted(weights: list[float], rng: np.random.Generator) -> int:
    """Index drawn with probability proportional to a weight; weights are positive."""
    at, total = rng.random() * sum(weights), 0.0
    for i, weight in enumerate(weights):
        total += weight
        if at < total:
            return i
    return len(weights) - 1
