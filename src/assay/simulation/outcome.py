"""How a session came out: a status per sub-goal and one for the goal (METHODS 2.1), from the world and the transcript.

A function of what is stored: blueprint, scenario, turns with the acts that were read, and the state of the world at the
end. Where the assistant had tools, doing the request is read from what they wrote, and telling something from whether
the words hold the record's own value; else from the acts alone. A do-nothing session satisfies no sub-goal: what the
user says counts as told only once an assistant's act shows that it was taken in.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assay.records.blueprint import Blueprint
from assay.records.outcome import Flag, Outcome, Picks, Status
from assay.records.scenario import Scenario
from assay.records.session import Turn
from assay.simulation.wording import normal, says

MARK = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A session that is over."""

    turns: Sequence[Turn]
    """All turns."""
    flags: Sequence[Flag] = ()
    """What the assistant did that it should not have done."""
    world: Mapping[str, str] | None = None
    """Fields that tools write, at the end; None where the assistant had no tools."""
    tool_calls: int = 0
    """Calls of tools."""
    tool_errors: int = 0
    """Of these, the faulty ones."""

    def acts(self) -> list[tuple[int, str]]:
        """(turn, act) of every assistant turn whose act could be read."""
        return [
            (i, str(t.extra["act"]))
            for i, t in enumerate(self.turns)
            if t.speaker == "assistant" and t.extra.get("act")
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How the request itself came out."""

    status: Status
    by_world: bool
    refused: bool = False
    wrongly_refused: bool = False
    wrongly_granted: bool = False


def outcome_of(blueprint: Blueprint, scenario: Scenario, ended: Ended) -> tuple[Outcome, dict[str, str]]:
    """(outcome, status per sub-goal: `do`, `tell.x`, `learn.x`) of a session."""
    done = _done(blueprint, scenario, ended)
    sub: dict[str, str] = {"do": done.status}
    sub |= {f"tell.{s}": _told(blueprint, ended, s) for s in blueprint.goals[scenario.goal].tell if s in scenario.slots}
    sub |= {f"learn.{x}": _learnt(blueprint, scenario, ended, x) for x in blueprint.goals[scenario.goal].learn}
    open_question = not done.refused and any(k.startswith("learn.") and v == "attempted" for k, v in sub.items())
    status: Status = done.status
    if status == "complete" and (open_question or ended.flags):
        status = "attempted"
    good = status == "complete"
    words = {who: sum(len(t.text.split()) for t in ended.turns if t.speaker == who) for who in ("user", "assistant")}
    outcome = Outcome(
        status=status,
        refused=done.refused and good,
        wrongly_refused=done.wrongly_refused,
        wrongly_granted=done.wrongly_granted,
        by="world" if done.by_world else "machine",
        user_turns=sum(t.speaker == "user" for t in ended.turns),
        user_words=words["user"],
        assistant_words=words["assistant"],
        tool_calls=ended.tool_calls,
        tool_errors=ended.tool_errors,
        picks=picks_of(blueprint, scenario, ended),
    )
    return outcome, sub


def must_refuse(blueprint: Blueprint, scenario: Scenario) -> bool:
    """Whether the record does not allow the request: its test says no, or no row of the catalogue fits all wishes."""
    flow = blueprint.assistant.flows[scenario.goal]
    if flow.test is not None:
        return str(scenario.world.get(flow.test)) != "yes"
    if flow.offer is None or flow.deny is None or blueprint.world.title is None or not blueprint.world.rows:
        return False
    return not fitting(blueprint, scenario)


def fitting(blueprint: Blueprint, scenario: Scenario) -> list[str]:
    """Titles of the rows that fit all wishes of the user."""
    rows, title = blueprint.world.rows, blueprint.world.title
    wishes = {s: normal(v) for s, v in scenario.slots.items() if any(s in row for row in rows)}
    return [r[title] for r in rows if title and all(normal(r.get(s, "")) == v for s, v in wishes.items())]


def _fitting_was_named(blueprint: Blueprint, scenario: Scenario, ended: Ended) -> bool:
    if blueprint.assistant.flows[scenario.goal].test is not None:
        return False
    texts = [t.text for t in ended.turns if t.speaker == "assistant" and "act" in t.extra]
    return any(says(text, title) for title in fitting(blueprint, scenario) for text in texts)


def _done(blueprint: Blueprint, scenario: Scenario, ended: Ended) -> Done:
    heard = [blueprint.assistant_acts[act] for _, act in ended.acts() if act in blueprint.assistant_acts]
    said_no = any(spec.sets == "refused" for spec in heard)
    last = next((spec.sets for spec in reversed(heard) if spec.sets), None)
    options = blueprint.goals[scenario.goal].effect
    by_world = ended.world is not None and bool(options)
    world = ended.world or {}
    main = any(_holds(option, world) for option in options[:1]) if by_world else last == "resolved" and not said_no
    done = any(_holds(option, world) for option in options) if by_world else last == "resolved"
    stated = any(t.speaker == "user" and t.labels.get("core_act") == "state_goal" for t in ended.turns)
    rest = Done(status="attempted" if stated or said_no else "incomplete", by_world=by_world)
    if not must_refuse(blueprint, scenario):
        # turning down what was offered and fits makes a later no right
        wrongly = said_no and not _fitting_was_named(blueprint, scenario, ended)
        return replace(rest, status="complete") if done else replace(rest, wrongly_refused=wrongly)
    # a film that fits in part is a fair offer where nothing fits in full: taking it is no wrong grant
    if main and blueprint.assistant.flows[scenario.goal].test is None:
        return replace(rest, status="complete")
    if main:
        return replace(rest, wrongly_granted=True)
    # a refusal for another request's reason is none
    right = blueprint.assistant.flows[scenario.goal].deny in {act for _, act in ended.acts()}
    return replace(rest, status="complete", refused=True) if right else rest


def _holds(option: Mapping[str, str], world: Mapping[str, str]) -> bool:
    return all(world.get(k) not in (None, "") if v == "any" else world.get(k) == v for k, v in option.items())


def _told(blueprint: Blueprint, ended: Ended, slot: str) -> Status:
    """complete: said, and taken in by a later act that neither asks for it again nor understood nothing."""
    first = next(
        (i for i, t in enumerate(ended.turns) if t.speaker == "user" and slot in (t.labels.get("slots") or {})), None
    )
    if first is None:
        return "incomplete"
    later = [blueprint.assistant_acts[act] for i, act in ended.acts() if i > first and act in blueprint.assistant_acts]
    return "complete" if any(a.like != "clarify" and a.asks != slot for a in later) else "attempted"


def _learnt(blueprint: Blueprint, scenario: Scenario, ended: Ended, wanted: str) -> Status:
    """complete: told by an act for it, or after the question, in words with the record's value where there is one."""
    telling = {name: spec for name, spec in blueprint.assistant_acts.items() if spec.tells == wanted}
    fields = {f for spec in telling.values() for text in spec.says for f in MARK.findall(text)}
    values = [str(scenario.world[f]) for f in sorted(fields) if f in scenario.world]
    asking = {name for name, spec in blueprint.user_acts.items() if (spec.asks or "").replace(" ", "_") == wanted}
    flagged = {f.turn for f in ended.flags}
    asked = False
    for i, turn in enumerate(ended.turns):
        if turn.speaker == "user":
            asked = asked or turn.labels.get("act") in asking
        elif turn.speaker == "assistant" and i not in flagged:
            told = turn.extra.get("act") in telling or (asked and bool(values))
            if told and all(says(turn.text, v) for v in values):
                return "complete"
    return "attempted" if asked else "incomplete"


def picks_of(blueprint: Blueprint, scenario: Scenario, ended: Ended) -> Picks | None:
    """Recommendations in order, and the one that was taken: the last title named before a user's `confirm`.

    None where nothing is graded, or where the goal asks for no recommendation.
    """
    flow = blueprint.assistant.flows[scenario.goal]
    graded = scenario.relevance
    if not graded or flow.offer is None or not max(graded.values()):
        return None
    shown: list[str] = []
    accepted, taken_at, user_turns = None, None, 0
    offer: str | None = None
    flagged = {f.turn for f in ended.flags}
    for i, turn in enumerate(ended.turns):
        if turn.speaker == "assistant" and "act" in turn.extra:
            named = [title for title in graded if says(turn.text, title)] if i not in flagged else []
            named.sort(key=lambda title: normal(turn.text).find(normal(title)))
            shown += [title for title in named if title not in shown]
            offer = named[-1] if named else offer
        elif turn.speaker == "user":
            user_turns += 1
            if turn.labels.get("core_act") == "confirm" and offer is not None and accepted is None:
                accepted, taken_at = offer, user_turns
    best = max(graded.values())
    return Picks(
        recommended=tuple(shown),
        best=best,
        hit_at_1=any(graded[t] == best for t in shown[:1]),
        hit_at_3=any(graded[t] == best for t in shown[:3]),
        accepted=accepted,
        regret=best - (graded[accepted] if accepted is not None else 0),
        turns_to_acceptance=taken_at,
    )
