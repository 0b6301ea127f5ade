"""Who believes that who believes what: tracked from who witnessed which event, without a model.

The rule is that of common witness: a chain of people (what a thinks that b thinks ...) holds the last value of a fact
among the events that all of them witnessed together. A claim is heard, not seen: it moves a listener only if that one
trusts the speaker, what the speaker thinks that a listener holds, and never the speaker. Exact for events whose
witnesses know of each other; a reader of minds that is right by luck is not right over all chains.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Event(NamedTuple):
    """Something that happened to a fact, and who was there."""

    step: int
    """Place in the story."""
    fact: str
    """What it is about, e.g. an object."""
    value: str
    """What held from then on, e.g. its place; for a claim, what was claimed."""
    witnesses: frozenset[str]
    """Who saw or heard it, and knew so of each other."""
    speaker: str | None = None
    """Who claimed it; null where it really happened."""


Trust = Callable[[str, str, Event], bool]
"""(listener, speaker, claim) -> whether the listener takes the claim for true."""


def nobody_trusted(listener: str, speaker: str, claim: Event) -> bool:
    """Claims change no belief."""
    return False


def believed(events: Sequence[Event], chain: Sequence[str], fact: str, trust: Trust = nobody_trusted) -> str | None:
    """What the chain believes of a fact at the end; the empty chain holds the truth. None where it knows of nothing.

    chain: from the outside in: ("ann", "bob") is what ann thinks that bob thinks. Events in the order of `step`.

    *Guarantee*: exact, given the witnesses and the trust; a chain's belief is that of the same chain with any name
    doubled where no claim is made, and never rests on an event that one of its members missed
    (tests/verification/test_minds.py).
    """
    held: str | None = None
    for event in sorted(heeded(events, chain, trust), key=lambda e: e.step):
        if event.fact == fact:
            held = event.value
    return held


def _taken(claim: Event, chain: Sequence[str], trust: Trust) -> bool:
    """Whether a claim moves a chain's belief: a listener's own by trust, and what its speaker thinks a listener holds.

    What anybody else makes of somebody's trust is not guessed.
    """
    if claim.speaker is None or not chain or chain[-1] == claim.speaker:
        return False
    if len(chain) == 1:
        return trust(chain[0], claim.speaker, claim)
    return len(chain) == 2 and chain[0] == claim.speaker


def heeded(events: Sequence[Event], chain: Sequence[str], trust: Trust = nobody_trusted) -> list[Event]:
    """The events that bear on what a chain believes: what it witnessed, and the claims that it takes."""
    seen = [e for e in events if e.witnesses.issuperset(chain)]
    return [e for e in seen if e.speaker is None or _taken(e, chain, trust)]
