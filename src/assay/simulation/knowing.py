"""The ledger of knowledge: who could know which private fact from which turn on, exact and stored (METHODS 5, PT).

It follows from the transcript, the acts that were heard and the record on file; nobody reads minds for it.
"""

import re
from collections.abc import Sequence
from typing import Literal

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Knowledge, Mode, Turn
from assay.simulation.disclosure import gate_turn
from assay.simulation.wording import says

How = Literal["said", "looked_up", "view"]
PARTIES: tuple[Literal["user", "assistant"], ...] = ("user", "assistant")


def knowledge_of(blueprint: Blueprint, scenario: Scenario, turns: Sequence[Turn], mode: Mode) -> tuple[Knowledge, ...]:
    """The ledger of a session: for each private fact, from which turn its partner could know it and how.

    The partner knows a fact from the turn after the owner said it (the value, whole words, in the owner's own text; in
    the controlled regime a guard let no disclosing text without it pass), from the turn after a tool's answer that
    holds it, or from turn 0 where the record on file holds it or views are shared: in mindreaders, and in script,
    where one call wrote both sides.
    """
    out = []
    for owner in PARTIES:
        knower = PARTIES[1 - PARTIES.index(owner)]
        for fact, value in scenario.facts.get(owner, {}).items():
            spec = blueprint.facts.get(owner, {}).get(fact)
            turn, how = _first(scenario, turns, mode, owner, value)
            out.append(
                Knowledge(
                    party=owner, fact=fact, knower=knower, from_turn=turn, how=how,
                    gate_turn=gate_turn(blueprint, owner, fact, turns) if spec is not None else 0,
                    may_never_surface=spec.may_never_surface if spec is not None else False,
                )
            )  # fmt: skip
    return tuple(out)


def _first(
    scenario: Scenario, turns: Sequence[Turn], mode: Mode, owner: str, value: str
) -> tuple[int | None, How | None]:
    """(first turn at which the partner could know a fact, how)."""
    if mode != "agents":
        return 0, "view"
    record = [str(v) for v in scenario.world.values()]
    if owner == "user" and any(r.lower() == value.lower() for r in record):
        return 0, "looked_up"
    for i, t in enumerate(turns):
        # a turn that only calls tools is not heard by anybody
        if t.speaker == owner and not t.tool_calls and says(t.text, value):
            return i + 1, "said"
        if t.speaker == "tool" and owner == "user" and _holds(t.text, value):
            return i + 1, "looked_up"
    return None, None


def _holds(text: str, value: str) -> bool:
    """Whether a tool's answer holds a value, also where JSON stands around it."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None
