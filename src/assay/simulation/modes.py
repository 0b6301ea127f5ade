"""The three information structures on one scenario: agents, script, mindreaders (METHODS 2.5).

agents: one call per party per turn, own view only. script: one call writes the whole session from both sides' latents.
mindreaders: agents with the partner's goal and facts in view. Same scenarios, same streams, paired by scenario id.
"""

from collections.abc import Callable

import numpy as np

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation.assistants import Assistant, ReferenceAssistant, reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.script import script_one

MODES = ("agents", "script", "mindreaders")
"""Information structures, in the order in which they are compared."""

REGIMES = ("controlled", "conditioned")
"""How the user's words are made, in the order in which they are compared."""


async def simulate_any(blueprint: Blueprint, scenario: Scenario, parts: Parts) -> Session:
    """One session in the mode that `parts` names.

    Deterministic given (blueprint, scenario, the models' answers). Raises what the models raise.
    """
    if parts.mode == "script":
        return await script_one(blueprint, scenario, parts)
    return await simulate_one(blueprint, scenario, parts)


def omniscient_assistant(blueprint: Blueprint, scenario: Scenario, rng: np.random.Generator) -> ReferenceAssistant:
    """The reference assistant that knows the user's goal and slots from the start, so it asks for none of them."""
    assistant = reference_assistant(blueprint, scenario, rng)
    assistant.goal = scenario.goal
    assistant.slots = dict(scenario.slots)
    return assistant


def built_in(mode: str) -> Callable[[Blueprint, Scenario, np.random.Generator], Assistant]:
    """The built-in assistant of a mode."""
    return omniscient_assistant if mode == "mindreaders" else reference_assistant
