"""Views by projection: what one party may see at one turn, as an allow-list (METHODS 2.4).

A view is built field by field from what its party is entitled to; nothing is taken out of a larger text. Changing any
other field of the scenario and rendering again gives the same bytes: tests/simulation/test_noninterference.py.
"""

from dataclasses import dataclass

from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.scenario import Scenario
from assay.simulation.policy import BANDS, Move
from assay.simulation.prompt import Act, Exchange, Header


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """All that the words of a user turn are made from."""

    header: Header
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantView:
    """All that an assistant sees: its role and the transcript."""

    role: str
    transcript: tuple[tuple[str, str], ...]


def manner(scenario: Scenario) -> tuple[str, ...]:
    """How this person talks, from their own persona and context (words the adapter was trained on)."""
    bands = {trait: BANDS[min(int(v * 3), 2)] for trait, v in scenario.persona.items()}
    words = [{"low": "brief", "mid": "medium", "high": "talkative"}[bands.get("extraversion", "mid")]]
    words += {"low": ["plain"], "mid": [], "high": ["polite"]}[bands.get("agreeableness", "mid")]
    words += {"casual": ["casual"], "formal": ["careful"]}.get(str(scenario.context.get("formality")), [])
    return tuple(words)


def user_header(blueprint: Blueprint, scenario: Scenario) -> Header:
    """Own persona, context and goal; no private fact, no world, nothing of the assistant's."""
    fields = ("medium", "location", "emotion", "duration")
    return Header(
        manner=manner(scenario),
        situation=tuple(str(scenario.context[f]) for f in fields if scenario.context.get(f)),
        goal=blueprint.goals[scenario.goal].words,
    )


def prompt_act(blueprint: Blueprint, scenario: Scenario, move: Move) -> Act:
    """A move in the words of the prompt."""
    spec = blueprint.user_acts[move.act]
    slots = {blueprint.slots[s].words or s.replace("_", " "): v for s, v in move.slots.items()}
    if spec.asks:
        slots[spec.asks] = ""
    detail = blueprint.goals[scenario.goal].words if spec.detail == "goal" else ""
    return Act(name=CORE_ACTS[spec.like].words, slots=slots, detail=detail)


def assistant_view(blueprint: Blueprint, transcript: tuple[tuple[str, str], ...]) -> AssistantView:
    """The assistant's role and what was said; its own look-ups are its own business."""
    return AssistantView(role=blueprint.assistant.role, transcript=transcript)
