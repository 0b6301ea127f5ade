"""Views by projection: what one party may see at one turn, as an allow-list (METHODS 2.4).

A view is built field by field from what its party is entitled to; nothing is taken out of a larger text. Changing any
other field of the scenario and rendering again gives the same bytes: tests/simulation/test_noninterference.py. In the
modes script and mindreaders that does not hold, by design.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.scenario import Scenario
from assay.records.session import Mode, Regime
from assay.simulation.bounds import heard
from assay.simulation.conditioned import conditioned_prompt
from assay.simulation.mindreaders import assistant_side, user_side
from assay.simulation.policy import BANDS, Move
from assay.simulation.prompt import Act, Exchange, Header, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One user turn as the user's own prompts hold it."""

    assistant: str | None
    """What the assistant said before it; None where the user speaks first."""
    move: Move
    """What the user does."""
    words: str | None = None
    """What the user said; None for the turn that is to be worded now."""


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
    register = {"casual": ("casual",), "formal": ("careful",)}.get(str(scenario.context.get("formality")), ())
    return (*words, *thought_words(scenario, "formality", register))


def thought_words(scenario: Scenario, name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """The short words of the scenario's thought on a context field; never its sentence."""
    return next((t.words for t in scenario.reflection if t.field == name), otherwise)


def user_header(blueprint: Blueprint, scenario: Scenario) -> Header:
    """Own persona, context and goal; no private fact, no world, nothing of the assistant's."""
    fields = ("medium", "location", "emotion", "duration")
    return Header(
        manner=manner(scenario),
        situation=tuple(
            w
            for f in fields
            if scenario.context.get(f)
            for w in thought_words(scenario, f, (str(scenario.context[f]),))
        ),
        goal=blueprint.goals[scenario.goal].words,
    )


def user_prompt(
    blueprint: Blueprint, scenario: Scenario, spoken: Sequence[Spoken], *, mode: Mode = "agents",
    regime: Regime = "controlled",
) -> str:  # fmt: skip
    """The one prompt of a user turn, at run time and when the doctor renders it again.

    spoken: the user's turns so far, the last one without words. Reads the scenario through `user_header` alone (and,
    in the conditioned regime, the user's own profile); in mindreaders mode also what the assistant knows.
    """
    spoken = [replace(s, assistant=heard(s.assistant) if s.assistant is not None else None) for s in spoken]
    header = user_header(blueprint, scenario)
    if mode == "mindreaders":
        header = replace(header, partner=assistant_side(blueprint, scenario))
    if regime == "conditioned":
        turns = [(s.assistant, s.move, s.words) for s in spoken]
        return conditioned_prompt(blueprint, scenario, header, turns)
    return render(
        header,
        [
            Exchange(assistant=s.assistant, acts=(prompt_act(blueprint, scenario, s.move),), customer=s.words)
            for s in spoken
        ],
    )


def prompt_act(blueprint: Blueprint, scenario: Scenario, move: Move) -> Act:
    """A move in the words of the prompt."""
    spec = blueprint.user_acts[move.act]
    slots = {blueprint.slots[s].words or s.replace("_", " "): v for s, v in move.slots.items()}
    if spec.asks:
        slots[spec.asks] = ""
    detail = blueprint.goals[scenario.goal].words if spec.detail == "goal" else ""
    return Act(name=CORE_ACTS[spec.like].words, slots=slots, detail=detail)


def assistant_view(
    blueprint: Blueprint, transcript: tuple[tuple[str, str], ...], scenario: Scenario | None = None
) -> AssistantView:
    """The assistant's role and what was said; its own look-ups are its own business.

    scenario: only in mindreaders mode, where the role also says what the user wants and knows.
    """
    role = blueprint.assistant.role
    if scenario is not None:
        role = f"{role}\nYou know this about the user: {'; '.join(user_side(blueprint, scenario))}"
    return AssistantView(role=role, transcript=transcript)
