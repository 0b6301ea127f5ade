"""Persona sessions before anybody has spoken: who the user is, what the partner says, what the user does about it.

The partner is fixed: its lines and the user's acts are drawn before the session, the user's words alone are the
model's. The prompt is the one of a run (`assay.simulation.prompt`, passed in as the builder): facts of the persona
stand in the line `situation`, so that an adapter trained here words users of `assay run` at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import BadInput

END = "\n"
"""Ends a user's line."""
SMALL_TALK = (
    "Hi, nice to meet you. Tell me a little about yourself.",
    "What do you do for a living?",
    "What do you like to do in your free time?",
    "Do you have any family or pets?",
    "What kind of food or music do you like?",
    "What is something you are looking forward to?",
)
"""What the partner asks people whose facts are plain sentences, in any order after the first."""
CLOSINGS = (
    ("Thank you, that is all I wanted to know. Goodbye!", "bye"),
    ("I wrote all of that down for you.", "thank"),
)
"""(partner's last line, core act of the user's answer)."""
SHOWN = 5
"""Rows that a refusal names."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One fact about a person."""

    told: str
    """As the prompt tells it, e.g. `lives in Leeds`."""
    fact: str
    """As the person would say it, e.g. `I live in Leeds.`: what judges compare with."""
    name: str = ""
    """Attribute of assay's own personas; empty for facts that are plain sentences."""
    value: str = ""
    """Its value."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who a user is."""

    id: str
    traits: tuple[Trait, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """Facts as the prompt tells them."""
        return tuple(t.told for t in self.traits)

    @property
    def facts(self) -> tuple[str, ...]:
        """Facts as the person would say them."""
        return tuple(t.fact for t in self.traits)


@dataclass(frozen=True, slots=True)
class Beat:
    """What the partner says, and what the user does about it."""

    assistant: str
    act: str
    """Core act in words."""
    about: int | None = None
    """Number of the trait that is asked for."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One session before the user has spoken."""

    id: str
    persona: Persona
    beats: tuple[Beat, ...]

    @property
    def asked(self) -> tuple[int, ...]:
        """Traits that the partner asks for, each once, in order."""
        return tuple(dict.fromkeys(b.about for b in self.beats if b.about is not None))


@dataclass(frozen=True, slots=True)
class Talk:
    """A frame with the user's lines."""

    frame: Frame
    lines: tuple[str, ...]
    doubt: float = 0.0
    """Mean negative log-probability of the user's tokens as they were drawn, nats."""
    tokens: int = 0
    """The user's tokens."""


def rendered(builder: Any, frame: Frame, lines: Sequence[str]) -> str:
    """The prompt of the line after `lines`, or the whole text where all lines are there. Append-only in `lines`."""
    said: list[str | None] = [*lines, None]
    done = [
        builder.Exchange(assistant=beat.assistant, acts=(builder.Act(name=beat.act),), customer=said[i])
        for i, beat in enumerate(frame.beats[: len(lines) + 1])
    ]
    return str(builder.render(builder.Header(situation=frame.persona.told), done))


def pieces(builder: Any, talk: Talk) -> tuple[str, list[tuple[str, bool]]]:
    """(prompt, [(text, whether the user said it)]): together the whole session, the user's lines apart."""
    prompt = rendered(builder, talk.frame, ())
    at, found = prompt, []
    for i, line in enumerate(talk.lines):
        answer = str(builder.render_answer(line))
        found.append((answer, True))
        at += answer
        if i + 1 < len(talk.lines):
            following = rendered(builder, talk.frame, talk.lines[: i + 1])
            found.append((following[len(at) :], False))
            at = following
    return prompt, found


def small_talk(persona: Persona, number: int, rng: Any, turns: int) -> Frame:
    """A session of questions that fit anybody; the last turn of four closes it."""
    order = [0, *(1 + rng.permutation(len(SMALL_TALK) - 1))]
    beats = [Beat(SMALL_TALK[i], "inform") for i in order[: turns - 1 if turns > 2 else turns]]
    return Frame(f"{persona.id}/{number}", persona, tuple(closed(beats, rng, turns)))


def closed(beats: list[Beat], rng: Any, turns: int) -> list[Beat]:
    """The beats with a last one that the user answers by another act."""
    if len(beats) < turns:
        said, act = CLOSINGS[int(rng.integers(len(CLOSINGS)))]
        beats = [*beats, Beat(said, act)]
    return beats


def without_leak(train: Sequence[Persona], held_out: Sequence[Persona]) -> None:
    """Raises BadInput, with the rows, where a fact of a held-out persona is trained on."""
    known = {fact.casefold(): p.id for p in train for fact in p.facts}
    leaks = [(p.id, known[f.casefold()], f) for p in held_out for f in p.facts if f.casefold() in known]
    if leaks:
        rows = "; ".join(f"{a} and {b}: {fact!r}" for a, b, fact in leaks[:SHOWN])
        more = f"; and {len(leaks) - SHOWN} more" if len(leaks) > SHOWN else ""
        raise BadInput(
            f"{len(leaks)} facts of held-out personas are trained on", where=rows + more,
            now="take those personas out of one of the two parts",
        )  # fmt: skip
