"""Assay's own personas for consistency training: attributes with values that are known, and questions for each.

No data set is needed. Training and held-out personas share no value of any attribute, so that nothing can be learned by
heart. The value of an attribute is a word that a reader can look for (door: the judge of the evaluation does).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.learning.persona_frames import Beat, Frame, Persona, Trait, closed

HELD_OUT_EVERY = 3
"""Every third value of an attribute belongs to held-out personas alone."""
GREETING = "Hi, nice to meet you."


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that is true of a person."""

    name: str
    told: str
    """With `{}` for the value."""
    fact: str
    asks: tuple[str, str]
    """The question, and the same asked again later."""
    values: tuple[str, ...]
    claims: str
    """Pattern of an answer, lower case, whose group is any value, also one that is not listed."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ATTRIBUTES = (
    Attribute(
        "home", "lives in {}", "I live in {}.", ("Where do you live?", "Which town did you say you live in?"),
        _words("Leeds Oslo Denver Boston Dublin Madrid Toronto Berlin Sydney Chicago Lisbon Seattle Vienna Bath Lima"),
        r"\b(?:live|living|based|reside|home is) (?:in|at|near) (?:the |a |an )?(\w+)",
    ),
    Attribute(
        "job", "works as a {}", "I work as a {}.", ("What do you do for a living?", "What was your job again?"),
        _words("nurse baker tailor plumber farmer lawyer pilot barber painter dentist waiter porter")
        + _words("florist chemist actor"),
        r"\b(?:work as|job is|am|'m|being) (?:a|an|the) (\w+)",
    ),
    Attribute(
        "pet", "has a pet {}", "I have a pet {}.", ("Do you have any pets?", "What kind of pet was it?"),
        _words("cat rabbit dog parrot hamster snake goldfish tortoise lizard pony ferret turtle duck goat mouse"),
        r"\b(?:have|own|got|keep) (?:a|an|one|two|my) (?:pet )?(\w+)",
    ),
    Attribute(
        "age", "is {} years old", "I am {} years old.", ("How old are you?", "Sorry, what age are you?"),
        _words("23 31 45 27 62 38 54 29 41 67 36 48 59 33 71"),
        r"\b(\d{1,3})\b",
    ),
    Attribute(
        "food", "likes {} best", "My favorite food is {}.",
        ("What is your favorite food?", "And what was it that you like to eat most?"),
        _words("pizza sushi curry pasta tacos soup burgers salad ramen steak pancakes dumplings cheese lasagna chili"),
        r"\b(?:favou?rite (?:food )?(?:is|are)|like|love|enjoy|prefer|eat) (?:to eat |eating |a |an |the |some )?(\w+)",
    ),
    Attribute(
        "sport", "plays {}", "I play {}.", ("Do you play any sport?", "Which sport was it that you play?"),
        _words("tennis hockey soccer golf rugby chess cricket badminton basketball squash baseball darts polo bowling"),
        r"\b(?:play|playing|like|love|enjoy|do|into) (?:to play |playing |a |the |some )?(\w+)",
    ),
    Attribute(
        "drink", "drinks {} in the morning", "I drink {} in the morning.",
        ("What do you drink in the morning?", "What did you say you drink in the morning?"),
        _words("coffee tea milk juice cocoa water lemonade cola smoothies beer cider soda wine espresso kefir"),
        r"\b(?:drink|drinking|have|like|love|prefer) (?:a |an |the |some |my |to drink )?(?:cup of |glass of )?(\w+)",
    ),
    Attribute(
        "children", "has {} children", "I have {} children.",
        ("How many children do you have?", "How many kids was it?"),
        _words("two three four five six seven eight nine ten eleven twelve"),
        r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|no|a|\d+) (?:\w+ )?(?:child|kid|son|daughter)",
    ),
    Attribute(
        "car", "drives a {} car", "I drive a {} car.", ("What color is your car?", "What color was your car again?"),
        _words("red blue green black white yellow silver orange purple brown pink golden gray beige turquoise"),
        r"\b(?:car is|drive|it is|it's|is|own|have) (?:a |an |the )?(\w+)",
    ),
    Attribute(
        "month", "was born in {}", "I was born in {}.",
        ("In which month were you born?", "Which month was your birthday in?"),
        _words("March June October January August December February May September April July November"),
        r"\b(january|february|march|april|may|june|july|august|september|october|november|december)\b",
    ),
)  # fmt: skip
"""What is true of assay's own people."""
BY_NAME = {a.name: a for a in ATTRIBUTES}


def values_of(attribute: Attribute, held_out: bool) -> list[str]:
    """Values of one of the two parts."""
    return [v for i, v in enumerate(attribute.values) if (i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1) == held_out]


def people(count: int, facts: int, rng: np.random.Generator, *, held_out: bool) -> list[Persona]:
    """`count` different personas of `facts` attributes each, from the values of one part."""
    found: dict[tuple[str, ...], Persona] = {}
    kind = "held-out" if held_out else "train"
    while len(found) < count:
        chosen = [ATTRIBUTES[i] for i in rng.permutation(len(ATTRIBUTES))[:facts]]
        traits = []
        for a in chosen:
            values = values_of(a, held_out)
            value = values[int(rng.integers(len(values)))]
            traits.append(Trait(a.told.format(value), a.fact.format(value), a.name, value))
        key = tuple(sorted(t.fact for t in traits))
        found.setdefault(key, Persona(f"{kind}-{len(found)}", tuple(traits)))
    return list(found.values())


def interview(persona: Persona, number: int, rng: np.random.Generator, turns: int) -> Frame:
    """A session in which the partner asks for traits, then for the first of them again, then says goodbye.

    With four turns: two traits, the first again, a closing. With fewer, the last ones are left out.
    """
    order = [int(i) for i in rng.permutation(len(persona.traits))[: max(1, turns - 2)]]
    asks: list[tuple[int, int]] = [*((i, 0) for i in order), (order[0], 1)]
    beats = []
    for place, (i, again) in enumerate(asks[:turns]):
        question = BY_NAME[persona.traits[i].name].asks[again]
        beats.append(Beat(f"{GREETING} {question}" if place == 0 else question, "inform", i))
    return Frame(f"{persona.id}/{number}", persona, tuple(closed(beats, rng, turns)))


def is_own(personas: Sequence[Persona]) -> bool:
    """Whether all traits are attributes of this page."""
    return all(t.name in BY_NAME for p in personas for t in p.traits)
