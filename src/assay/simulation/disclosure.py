"""Disclosure gates: which private facts a party may let out at this point. The gate decides; the words cannot."""

from collections.abc import Collection, Sequence

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Turn


def gate_open(blueprint: Blueprint, party: str, fact: str, heard: Collection[str]) -> bool:
    """Whether a fact of a party may be said, given every assistant act heard so far."""
    spec = blueprint.facts[party][fact]  # type: ignore[index]
    if spec.may_never_surface:
        return False
    return not spec.gate.heard or any(act in heard for act in spec.gate.heard)


def slot_open(blueprint: Blueprint, slot: str, heard: Collection[str]) -> bool:
    """Whether the user may say a slot: free unless a private fact of the user is bound to it."""
    bound = [name for name, fact in blueprint.facts.get("user", {}).items() if fact.slot == slot]
    return all(gate_open(blueprint, "user", name, heard) for name in bound)


def closed_values(blueprint: Blueprint, scenario: Scenario, heard: Collection[str]) -> dict[str, str]:
    """The user's facts that may not be said now, with their values."""
    return {
        name: value
        for name, value in scenario.facts.get("user", {}).items()
        if not gate_open(blueprint, "user", name, heard)
    }


def gate_turn(blueprint: Blueprint, party: str, fact: str, turns: Sequence[Turn]) -> int | None:
    """First turn at which a party may say a fact, counted from 0; None when its gate stays shut.

    A gate opens with the turn after the assistant act that it waits for; without a condition it is open from turn 0.
    """
    if gate_open(blueprint, party, fact, ()):
        return 0
    heard: list[str] = []
    for i, turn in enumerate(turns):
        if turn.speaker == "assistant" and turn.extra.get("act"):
            heard.append(str(turn.extra["act"]))
            if gate_open(blueprint, party, fact, heard):
                return i + 1
    return None
