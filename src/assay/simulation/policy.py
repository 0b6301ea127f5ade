"""The user's policy: an explicit probability table over acts, read by a deterministic state machine (METHODS 2.1).

    act_t ~ pi(. | state, profile)
    state = (agenda, facts disclosed, status per sub-goal, patience, last assistant act)

The first row whose condition holds and that has an act left decides; acts that are not possible now (a slot this user
does not have, a closed gate, `once` used up) are taken out of the row and the rest renormalised. The act is a function
of the user's own state and own random stream: nothing of the world or of the assistant's private facts enters.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from assay.errors import BadBlueprint
from assay.records.blueprint import Blueprint
from assay.records.conditions import holds
from assay.records.scenario import Scenario
from assay.simulation.disclosure import slot_open

PATIENCE = {"low": 2, "medium": 3, "high": 5}
"""Profile value of `patience` -> how many fruitless assistant turns this user puts up with."""

BANDS = ("low", "mid", "high")


@dataclass(slots=True)
class UserState:
    """What the user knows of the conversation so far."""

    patience: int
    heard: str | None = None
    heard_ever: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    learnt: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    outcome: str = "open"
    offer: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What the user does in one turn, decided before there are words for it."""

    act: str
    core_act: str
    slots: dict[str, str]


def first_state(scenario: Scenario) -> UserState:
    """State before the first turn."""
    return UserState(patience=PATIENCE.get(str(scenario.profile.get("patience", "medium")), 3))


def conditions_view(blueprint: Blueprint, scenario: Scenario, state: UserState) -> dict[str, object]:
    """The flat view that policy rows are compared with: the user's own draw and state, nothing else."""
    goal = blueprint.goals[scenario.goal]
    view: dict[str, object] = {
        "start": "no" if state.said else "yes",
        "heard": state.heard,
        "patience": "out" if state.patience <= 0 else "left",
        "told": state.told,
        "untold": [s for s in blueprint.slots if s not in state.told],
        "learnt": state.learnt,
        "unlearnt": [x for x in goal.learn if x not in state.learnt],
        "said": state.said,
        "unsaid": [a for a in blueprint.user_acts if a not in state.said],
        "outcome": state.outcome,
        "offer": state.offer,
        "goal": scenario.goal,
    }
    view |= {f"profile.{k}": v for k, v in scenario.profile.items()}
    view |= {f"context.{k}": v for k, v in scenario.context.items()}
    view |= {f"slots.{k}": v for k, v in scenario.slots.items()}
    view |= {f"persona.{k}": BANDS[min(int(v * 3), 2)] for k, v in scenario.persona.items()}
    return view


def possible(blueprint: Blueprint, scenario: Scenario, state: UserState, act: str) -> bool:
    """Whether an act can be done now."""
    spec = blueprint.user_acts[act]
    if spec.once and act in state.said:
        return False
    return all(s in scenario.slots and slot_open(blueprint, s, state.heard_ever) for s in spec.slots)


def act_probabilities(blueprint: Blueprint, scenario: Scenario, state: UserState) -> dict[str, float]:
    """pi(. | state, profile): act -> probability, summing to 1.

    Raises BadBlueprint when no row has an act left.
    """
    view = conditions_view(blueprint, scenario, state)
    for row in blueprint.policy:
        if not holds(row.when, view):
            continue
        left = {act: p for act, p in row.do.items() if p > 0 and possible(blueprint, scenario, state, act)}
        if left:
            total = sum(left.values())
            return {act: p / total for act, p in left.items()}
    raise BadBlueprint(
        f"the policy has no act left after {state.heard!r}",
        where=f"{blueprint.name}, goal {scenario.goal}",
        now="add an act that is always possible to the last row",
    )


def next_move(blueprint: Blueprint, scenario: Scenario, state: UserState, rng: np.random.Generator) -> Move:
    """Draw the user's next act and note it in the state."""
    shares = act_probabilities(blueprint, scenario, state)
    acts = list(shares)
    act = acts[int(rng.choice(len(acts), p=np.array(list(shares.values()))))]
    spec = blueprint.user_acts[act]
    slots = {s: scenario.slots[s] for s in spec.slots}
    speak(blueprint, state, act, slots)
    return Move(act=act, core_act=spec.like, slots=slots)


def speak(blueprint: Blueprint, state: UserState, act: str, slots: Iterable[str]) -> None:
    """Update the state with what the user did and which slots it told."""
    state.said.append(act)
    state.told += [s for s in slots if s not in state.told]
    if asks := blueprint.user_acts[act].asks:
        state.asked.append(asks)


def hear(blueprint: Blueprint, state: UserState, act: str | None, offer: str = "none") -> None:
    """Update the state with what the assistant did; None when its act could not be read.

    An assistant turn that brings nothing (unread, not understood, the same act again unless it now fits, asking for
    what was told, insisting on what was declined, a refusal) costs one unit of patience.
    """
    spec = blueprint.assistant_acts[act] if act is not None else None
    again = act == state.heard and offer != "fits"
    fruitless = spec is None or again or spec.like in ("clarify", "notify_failure")
    if spec is not None and (spec.asks in state.told or act in blueprint.assistant.explain.values()):
        fruitless = True
    if fruitless:
        state.patience -= 1
    state.heard, state.offer = act, offer
    if act is not None and spec is not None:
        state.heard_ever.append(act)
        if spec.tells and spec.tells not in state.learnt:
            state.learnt.append(spec.tells)
        if spec.sets:
            state.outcome = spec.sets


def terminal(blueprint: Blueprint, state: UserState, move: Move | None) -> str | None:
    """The terminal state the machine stands in after a move, or None when it goes on.

    It reads the machine's state alone: never the words, never a label.
    """
    if move is not None and blueprint.user_acts[move.act].ends:
        return "gave_up" if state.outcome == "open" else state.outcome
    return "out_of_time" if len(state.said) >= blueprint.max_user_turns else None


def sub_goals(blueprint: Blueprint, scenario: Scenario, state: UserState) -> dict[str, str]:
    """Status of every sub-goal: complete, attempted or incomplete."""
    goal = blueprint.goals[scenario.goal]
    owned = [s for s in goal.tell if s in scenario.slots]
    status = {f"tell.{s}": "complete" if s in state.told else "incomplete" for s in owned}
    words = {spec.tells: act for act, spec in blueprint.assistant_acts.items() if spec.tells}
    for wanted in goal.learn:
        asked = any(a.replace(" ", "_") == wanted for a in state.asked)
        done = wanted in state.learnt or words[wanted] in state.heard_ever
        status[f"learn.{wanted}"] = "complete" if done else "attempted" if asked else "incomplete"
    return status
