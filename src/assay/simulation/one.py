"""Simulate one session: the state machine decides, the language model only finds the words."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Disclosure, Session, Turn
from assay.simulation.assistants import Assistant, values_of
from assay.simulation.disclosure import closed_values
from assay.simulation.policy import BANDS, Move, UserState, first_state, hear, next_move, sub_goals, terminal
from assay.simulation.prompt import Exchange, render
from assay.simulation.reading import CoreActReader, read_act
from assay.simulation.views import UserView, assistant_view, prompt_act, user_header
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


@dataclass(slots=True)
class Talk:
    """A session in the making."""

    turns: list[Turn] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    disclosed: list[Disclosure] = field(default_factory=list)

    def transcript(self) -> tuple[tuple[str, str], ...]:
        """(speaker, text) of every turn so far."""
        return tuple((t.speaker, t.text) for t in self.turns)


def streams(scenario: Scenario) -> tuple[np.random.Generator, np.random.Generator]:
    """(the user's stream, the assistant's stream): two, so that neither party's draws move the other's."""

    def one(party: str) -> np.random.Generator:
        return np.random.default_rng([scenario.seed, int(digest(f"simulate/{party}/{scenario.id}")[:16], 16)])

    return one("user"), one("assistant")


async def simulate_one(blueprint: Blueprint, scenario: Scenario, parts: Parts) -> Session:
    """One session in `agents` mode: each party sees its own view only; it ends in a terminal state of the machine.

    Deterministic given (blueprint, scenario, the model's answers). Raises what the model raises.
    """
    user_rng, assistant_rng = streams(scenario)
    assistant = parts.assistant(scenario, assistant_rng)
    say = parts.say(scenario) if parts.say is not None else None
    state, talk = first_state(scenario), Talk()
    end = None
    while end is None:
        await _assistant_turn(blueprint, scenario, state, talk, assistant, parts.core_acts)
        move = next_move(blueprint, scenario, state, user_rng)
        await _user_turn(blueprint, scenario, state, talk, move, say, user_rng)
        end = terminal(blueprint, state, move)
    return _session(blueprint, scenario, state, talk, end)


async def _assistant_turn(
    blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, assistant: Assistant,
    core: CoreActReader | None,
) -> None:  # fmt: skip
    reply = await assistant.reply(assistant_view(blueprint, talk.transcript()))
    previous = talk.turns[-1].text if talk.turns else None
    act = reply.act if reply.act is not None else read_act(blueprint, reply.text, previous, core)
    hear(blueprint, state, act, _fit(blueprint, scenario, reply.text, state.offer))
    # The assistant is the system under test: its acts are readings, not labels of the user.
    extra = {"act": act} if act else {"act": None}
    if reply.key:
        talk.prompts[str(len(talk.turns))] = reply.key
    talk.turns.append(Turn(speaker="assistant", text=reply.text, realised_by=reply.realised_by, extra=extra))


def _fit(blueprint: Blueprint, scenario: Scenario, text: str, before: str) -> str:
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
    blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, move: Move, say: Say | None,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    now = Exchange(assistant=talk.turns[-1].text if talk.turns else None, acts=(prompt_act(blueprint, scenario, move),))
    view = UserView(header=user_header(blueprint, scenario), exchanges=(*talk.exchanges, now))
    worded = await word(
        render(view.header, view.exchanges),
        move,
        blueprint.user_acts[move.act],
        limits=_limits(blueprint, scenario, state, talk, move),
        say=say,
        fallback=template(blueprint, scenario, move, rng),
    )
    turn = len(talk.turns)
    if worded.key:
        talk.prompts[str(turn)] = worded.key
    known = {d.fact for d in talk.disclosed}
    for name, fact in blueprint.facts.get("user", {}).items():
        if fact.slot in move.slots and name not in known:
            talk.disclosed.append(Disclosure(turn=turn, party="user", fact=name))
    talk.exchanges.append(Exchange(assistant=now.assistant, acts=now.acts, customer=worded.text))
    labels = {"act": move.act, "core_act": move.core_act, **({"slots": dict(move.slots)} if move.slots else {})}
    extra = {"guards_failed": list(worded.failed)} if worded.failed else {}
    talk.turns.append(
        Turn(speaker="user", text=worded.text, labels=labels, realised_by=worded.realised_by, extra=extra)
    )


def _limits(blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, move: Move) -> Limits:
    own = [t for t in talk.turns if t.speaker == "user"]
    again = move.core_act == "state_goal" and any(t.labels["core_act"] == "state_goal" for t in own)
    cues = (*blueprint.assistant.flows[scenario.goal].cues, blueprint.goals[scenario.goal].words)
    return Limits(
        closed=closed_values(blueprint, scenario, state.heard_ever),
        earlier=[t.text for t in own],
        topics=topics(blueprint),
        firm=cues if again else (),
    )


def topics(blueprint: Blueprint) -> frozenset[str]:
    """Content words of all goals, one-word cues and slot values: what this domain is about, whichever the goal."""
    phrases = [goal.words for goal in blueprint.goals.values()]
    phrases += [cue for flow in blueprint.assistant.flows.values() for cue in flow.cues if " " not in cue]
    phrases += [v for slot in blueprint.slots.values() for v in values_of(slot) if len(v.split()) <= 3]
    return frozenset(stem(w) for phrase in phrases for w in phrase.split() if len(w) > 3)


def _session(blueprint: Blueprint, scenario: Scenario, state: UserState, talk: Talk, end: str) -> Session:
    bands = {trait: BANDS[min(int(v * 3), 2)] for trait, v in scenario.persona.items()}
    return Session(
        id=scenario.id,
        turns=tuple(talk.turns),
        source=f"assay blueprint {blueprint.name}",
        language=blueprint.language,
        session_labels={
            "goal": scenario.goal,
            "profile": dict(scenario.profile),
            "persona": bands,
            "context": dict(scenario.context),
        },
        private={party: dict(facts) for party, facts in scenario.facts.items() if facts},
        scenario=scenario.id,
        scenario_hash=scenario.hash,
        mode="agents",
        end=end,
        disclosures=tuple(talk.disclosed),
        sub_goals=sub_goals(blueprint, scenario, state),
        prompts=talk.prompts,
    )
