"""The conditioned regime: the model is told who the user is and what this turn means, and writes freely.

No act line and no slot constraint: an instruction text holds the intent's meaning, and only the safety guards of
simulation.wording look at the words. Append-only like the verbaliser's own prompt. Method: RecLLM's session-level and
turn-level latents as natural language (2305.07961).
"""

from collections.abc import Sequence

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.policy import Move
from assay.simulation.prompt import Header, one_line, render_answer


def intent(blueprint: Blueprint, scenario: Scenario, move: Move) -> str:
    """What a move means, as text: the act's meaning, the goal or the values that it is about."""
    spec = blueprint.user_acts[move.act]
    about = [f"{blueprint.slots[s].words or s.replace('_', ' ')}: {v}" for s, v in move.slots.items()]
    if spec.detail == "goal":
        about.insert(0, blueprint.goals[scenario.goal].words)
    return one_line(f"{spec.means} ({'; '.join(about)})" if about else spec.means)


def conditioned_prompt(
    blueprint: Blueprint, scenario: Scenario, header: Header, spoken: Sequence[tuple[str | None, Move, str | None]]
) -> str:
    """The prompt of one user turn. spoken: (assistant's words before it, move, own words; None for the turn to come).

    Holds the user's own profile, persona, context and goal, the intents up to now and the transcript; no other fact.
    """
    profile = [f"{k.replace('_', ' ')}: {one_line(str(v))}" for k, v in scenario.profile.items()]
    lines = [
        "A customer chats with an assistant. Each note in brackets says what the customer means next.",
        f"The customer is {', '.join(one_line(m) for m in header.manner) or 'plain'} ({'; '.join(profile)}).",
        f"Situation: {', '.join(one_line(s) for s in header.situation) or 'not known'}.",
        f"The customer wants to {one_line(header.goal)}.",
    ]
    if header.partner:
        lines.append(f"The customer has seen what the assistant knows: {'; '.join(map(one_line, header.partner))}.")
    body = "\n".join(lines) + "\n\n"
    for said, move, words in spoken:
        body += "" if said is None else f"assistant: {one_line(said)}\n"
        body += f"[{intent(blueprint, scenario, move)}]\ncustomer:"
        body += "" if words is None else render_answer(words)
    return body
