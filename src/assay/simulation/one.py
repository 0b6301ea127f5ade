"""Simulate one session turn by turn: the state machine decides, the language model only finds the words."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.outcome import Flag
from assay.records.scenario import Scenario
from assay.records.session import Disclosure, Mode, Regime, Session, Turn
from assay.simulation.assistants import Assistant, Reply, values_of
from assay.simulation.disclosure import closed_values
from assay.simulation.knowing import knowledge_of
from assay.simulation.outcome import Ended, outcome_of
from assay.simulation.policy import BANDS, Move, UserState, first_state, hear, next_move, terminal
from assay.simulation.reading import CoreActReader, read_act
from assay.simulation.views import Spoken, assistant_view, user_prompt
from assay.simulation.wording import Limits, Say, normal, says, stem, template, word


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a session needs besides its scenario; passed in, so that this step stays pure."""

    assistant: Callable[[Scenario, np.random.Generator], Assistant]
    """Makes the assistant of one session."""
    say: Callable[[Scenario], Say] | None
    """Makes the verbaliser of one session; None words by templates."""
    core_acts: CoreActReader | None = None
    """Reader of assistants' core acts."""
    mode: Mode = "agents"
    """Who sees what (METHODS 2.5)."""
    regime: Regime = "controlled"
    """Whether acts bind the words or only tell the model what is meant."""
    repeat: int = 0
    """Number of the draw: another one takes other acts and words on the same scenarios."""
    write: Callable[[Scenario], Any] | None = None
    """Makes the writer of one whole session (simulation.script.Write) in script mode; None writes by templates."""


@dataclass(slots=True)
class Talk:
    """A session in the making."""

    turns: list[Turn] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    disclosed: list[Disclosure] = field(default_factory=list)
    say: Say | None = None
    """The session's verbaliser; None words by templates."""
    flags: list[Flag] = field(default_factory=list)
    reply: Reply | None = None
    """The assistant's last reply: its state of the world and its count of calls are the session's."""

    def transcript(self) -> tuple[tuple[str, str], ...]:
        """(speaker, text) of every turn that both parties see: of the assistant's, those with an act, read or not."""
        return tuple((t.speaker, t.text) for t in self.turns if t.speaker == "user" or "act" in t.extra)


def streams(scenario: Scenario, repeat: int = 0) -> tuple[np.random.Generator, np.random.Generator]:
    """(the user's stream, the assistant's stream): two, so that neither party's draws move the other's."""

    def one(party: str) -> np.random.Generator:
        again = f"/{repeat}" if repeat else ""
        return np.random.default_rng([scenario.seed, int(digest(f"simulate/{party}/{scenario.id}{again}")[:16], 16)])

    return one("user"), one("assistant")


async def simulate_one(blueprint: Blueprint, scenario: Scenario, parts: Parts) -> Session:
    """One session turn by turn; it ends in a terminal state of the machine.

    In `agents` mode each party sees its own view only; in `mindreaders` also the other's goal and facts. Deterministic
    given (blueprint, scenario, the model's answers). Raises what the model raises.
    """
    user_rng, assistant_rng = streams(scenario, parts.repeat)
    assistant = parts.assistant(scenario, assistant_rng)
    talk = Talk(say=parts.say(scenario) if parts.say is not None else None)
    state = first_state(scenario)
    end = None
    while end is None:
        await _assistant_turn(blueprint, scenario, state, talk, assistant, parts)
        move = next_move(blueprint, scenario, state, user_rng)
        fallback = template(blueprint, scenario, move, user_rng)
        await _user_turn(blueprint, scenario, state, talk, move, parts, fallback)
        end = terminal(blueprint, state, move)
    return finished(blueprint, scenario, state, talk, end, parts)


async def _assistant_turn(
    blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, assistant: Assistant, parts: Parts
) -> None:
    shared = scenario if parts.mode == "mindreaders" else None
    reply = await assistant.reply(assistant_view(blueprint, talk.transcript(), shared))
    previous = talk.turns[-1].text if talk.turns else None
    act = reply.act if reply.act is not None else read_act(blueprint, reply.text, previous, parts.core_acts)
    for step in reply.steps:
        if step.key:
            talk.prompts[str(len(talk.turns))] = step.key
        talk.turns.append(step.turn)
    talk.reply = reply
    talk.flags += [Flag(turn=len(talk.turns), kind=kind, detail=detail) for kind, detail in reply.faults]
    act = None if reply.faults else act
    hear(blueprint, state, act, fit(blueprint, scenario, reply.text, state.offer))
    # The assistant is the system under test: its acts are readings, not labels of the user.
    extra: dict[str, Any] = {"act": act or None, **({"full_text": reply.full} if reply.full else {})}
    if state.offer != "none":
        extra["offer"] = state.offer
    if reply.key:
        talk.prompts[str(len(talk.turns))] = reply.key
    talk.turns.append(Turn(speaker="assistant", text=reply.text, realised_by=reply.realised_by, extra=extra))


def fit(blueprint: Blueprint, scenario: Scenario, text: str, before: str) -> str:
    """Whether the row that an assistant names fits what the user has in mind: fits, misfits, none.

    The catalogue is public (people know films); what is compared with it is the user's own.
    """
    title = blueprint.world.title
    if title is None:
        return "none"
    row = next((r for r in blueprint.world.rows if says(text, r[title])), None)
    if row is None:
        return before
    wishes = {s: v for s, v in scenario.slots.items() if s in row}
    return "fits" if all(normal(row[s]) == normal(v) for s, v in wishes.items()) else "misfits"


async def _user_turn(
    blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, move: Move, parts: Parts, fallback: str
) -> None:
    now = Spoken(assistant=talk.turns[-1].text if talk.turns else None, move=move)
    worded = await word(
        user_prompt(blueprint, scenario, (*talk.spoken, now), mode=parts.mode, regime=parts.regime),
        move,
        blueprint.user_acts[move.act],
        limits=_limits(blueprint, scenario, state, talk, move, parts.regime),
        say=talk.say,
        fallback=fallback,
    )
    turn = len(talk.turns)
    if worded.key:
        talk.prompts[str(turn)] = worded.key
    disclose(blueprint, talk.disclosed, move, turn)
    talk.spoken.append(replace(now, words=worded.text))
    extra: dict[str, Any] = {"guards_failed": list(worded.failed)} if worded.failed else {}
    if blueprint.user_acts[move.act].detail == "goal":
        extra["states_goal"] = scenario.goal
    talk.turns.append(
        Turn(speaker="user", text=worded.text, labels=labels_of(move), realised_by=worded.realised_by, extra=extra)
    )


def disclose(blueprint: Blueprint, disclosed: list[Disclosure], move: Move, turn: int) -> None:
    """Note the user's private facts that a move lets out for the first time."""
    known = {d.fact for d in disclosed}
    for name, fact in blueprint.facts.get("user", {}).items():
        if fact.slot in move.slots and name not in known:
            disclosed.append(Disclosure(turn=turn, party="user", fact=name))


def labels_of(move: Move) -> dict[str, Any]:
    """The turn-level latents of a move, as labels."""
    return {"act": move.act, "core_act": move.core_act, **({"slots": dict(move.slots)} if move.slots else {})}


def _limits(
    blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, move: Move, regime: Regime
) -> Limits:
    own = [t for t in talk.turns if t.speaker == "user"]
    again = move.core_act == "state_goal" and any(t.labels["core_act"] == "state_goal" for t in own)
    cues = (*blueprint.assistant.flows[scenario.goal].cues, blueprint.goals[scenario.goal].words)
    return Limits(
        closed=closed_values(blueprint, scenario, state.heard_ever),
        earlier=[t.text for t in own],
        topics=topics(blueprint),
        firm=cues if again else (),
        free=regime == "conditioned",
    )


def topics(blueprint: Blueprint) -> frozenset[str]:
    """Content words of all goals, one-word cues and slot values: what this domain is about, whichever the goal."""
    held = _TOPICS.get(blueprint.hash)
    if held is None:
        held = _TOPICS[blueprint.hash] = _topics(blueprint)
    return held


_TOPICS: dict[str, frozenset[str]] = {}
"""By hash of the blueprint: they are asked for at every turn."""


def _topics(blueprint: Blueprint) -> frozenset[str]:
    phrases = [goal.words for goal in blueprint.goals.values()]
    phrases += [cue for flow in blueprint.assistant.flows.values() for cue in flow.cues if " " not in cue]
    phrases += [v for slot in blueprint.slots.values() for v in values_of(slot) if len(v.split()) <= 3]
    return frozenset(stem(w) for phrase in phrases for w in phrase.split() if len(w) > 3)


def finished(blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, end: str, parts: Parts) -> Session:
    """The record of a session that has ended."""
    bands = {trait: BANDS[min(int(v * 3), 2)] for trait, v in scenario.persona.items()}
    flags = [*talk.flags, *_never_ends(state, talk, end)]
    reply = talk.reply
    world = dict(reply.world) if reply is not None and reply.world is not None else {}
    outcome, sub_goals = outcome_of(
        blueprint,
        scenario,
        Ended(
            turns=talk.turns,
            flags=flags,
            world=world or None,
            tool_calls=reply.tool_calls if reply is not None else 0,
            tool_errors=reply.tool_errors if reply is not None else 0,
        ),
    )
    return Session(
        id=scenario.id,
        turns=tuple(talk.turns),
        source=f"assay blueprint {blueprint.name}",
        language=blueprint.language,
        session_labels={
            "goal": scenario.goal,
            "profile": dict(scenario.profile),
            "persona": {**bands, **({"line": scenario.persona_line} if scenario.persona_line else {})},
            "context": dict(scenario.context),
            **{k: v for k in ("topic", "subtopic", "name") if (v := getattr(scenario, k))},
            **({"world_end": world} if world else {}),
        },
        private={party: dict(facts) for party, facts in scenario.facts.items() if facts},
        scenario=scenario.id,
        scenario_hash=scenario.hash,
        mode=parts.mode,
        regime=parts.regime,
        non_interference=parts.mode == "agents",
        end=end,
        disclosures=tuple(talk.disclosed),
        knowledge=knowledge_of(blueprint, scenario, talk.turns, parts.mode),
        sub_goals=sub_goals,
        outcome=outcome,
        flags=tuple(flags),
        world_end=world,
        prompts=talk.prompts,
        extra={"arm": scenario.arm} if scenario.arm != "prior" else {},
    )


def _never_ends(state: UserState, talk: Talk, end: str) -> list[Flag]:
    """The flag of an assistant with which time or patience runs out without any outcome; not of the built-in one."""
    spoke = talk.reply is not None and talk.reply.realised_by != "reference"
    if state.outcome != "open" or not spoke or (end != "out_of_time" and state.patience > 0):
        return []
    last = max(i for i, t in enumerate(talk.turns) if t.speaker == "assistant")
    out = "time" if end == "out_of_time" else "patience"
    return [
        Flag(turn=last, kind="never_ends", detail=f"no outcome in {len(state.said)} user turns, then {out} ran out")
    ]
