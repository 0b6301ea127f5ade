"""What can be wrong with a blueprint that is valid: AU01 to AU05 (METHODS 1.3), each a defect of published benchmarks.

AU01  every slot that a label depends on is pinned or declared free
AU02  no cross-field contradictions (age against date of birth)
AU03  every goal has a terminal state that can be reached, refusal included
AU04  no private value in a public text of the world
AU05  a do-nothing session satisfies no goal

The checks read the blueprint alone and are exact about what they say, but AU03 is a necessary condition only: a path
through the reference assistant's flow and the policy table exists, row by row. With `talk` it is also walked: seeded
sessions per goal, with the world allowing the request and refusing it. An end that happens with probability p in such a
session is missed with probability (1 - p)^n, n = 24: under 1 % for p = 0.18. AU04 cannot see paraphrases, and takes a
catalogue's own column for the vocabulary of the slot of that name. AU02 knows ages and genders.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay.authoring.meanings import contradictions, values_of
from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import Attribute, Fact, Flow, Row
from assay.records.scenario import Scenario

WALKS = 24
"""Seeded sessions per goal and per answer of the world when `talk` is given."""
MAX_SCENARIOS = 4000
"""Scenarios drawn at most in search of those."""
PLAIN_WORDS = frozenset(("", "yes", "no", "none", "true", "false", "unknown"))
"""Values that say nothing out of context; AU04 does not look for them."""

Talk = Callable[[Blueprint, Scenario], str]
"""Runs a scenario with templates and the reference assistant; gives the terminal state."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    """AU01 to AU05."""
    field: str
    """Dotted field of the blueprint."""
    message: str
    """What is wrong there."""


def lint(blueprint: Blueprint, talk: Talk | None = None) -> list[Finding]:
    """Everything that AU01 to AU05 find, in that order; empty for a clean blueprint.

    `talk` is passed in by whoever may use the simulator; without it AU03 reads the tables only.
    """
    checks: tuple[tuple[str, Callable[[Blueprint], Iterator[tuple[str, str]]]], ...] = (
        ("AU01", _unpinned),
        ("AU02", contradictions),
        ("AU03", _dead_ends),
        ("AU04", _private_in_public),
        ("AU05", _free_lunch),
    )
    found = [Finding(code, field, message) for code, check in checks for field, message in check(blueprint)]
    if talk is not None and not any(f.code == "AU03" for f in found):
        walked = [Finding("AU03", field, message) for field, message in _walk(blueprint, talk)]
        at = sum(f.code <= "AU03" for f in found)
        found[at:at] = walked
    return found


def _marks(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def _unpinned(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """AU01. Slots are pinned by a goal that tells them or a flow that needs them; words may use pinned ones only."""
    flows = blueprint.assistant.flows
    pinned = {s for name, goal in blueprint.goals.items() for s in (*goal.tell, *flows[name].need)}
    for slot in blueprint.slots:
        if slot in pinned or slot in blueprint.free:
            continue
        users = [a for a, spec in blueprint.user_acts.items() if slot in spec.slots]
        users += [a for a, spec in blueprint.assistant_acts.items() if spec.asks == slot]
        used = f"{', '.join(users)} depends on it" if users else "nothing uses it"
        yield f"slots.{slot}", f"no goal pins it and it is not in `free`; {used}"
    yield from (("free", f"no slot {slot!r}") for slot in blueprint.free if slot not in blueprint.slots)
    yield from _unpinned_words(blueprint)


def _unpinned_words(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    for name, act in blueprint.user_acts.items():
        for text in act.says:
            for mark in sorted(_marks(text) - {*act.slots, "goal"}):
                yield f"user_acts.{name}.says", f"{text!r} says {{{mark}}}, which the act's slots do not pin"
            for slot in sorted(set(act.slots) - _marks(text)):
                yield f"user_acts.{name}.says", f"{text!r} does not say {{{slot}}}, which the label will hold"
    world = {*blueprint.world.fields, *blueprint.slots, *(c for row in blueprint.world.rows for c in row)}
    for name, spec in blueprint.assistant_acts.items():
        for text in spec.says:
            for mark in sorted(_marks(text) - world):
                yield f"assistant_acts.{name}.says", f"{text!r} says {{{mark}}}, which is drawn nowhere"


def _dead_ends(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """AU03 by the tables: what must exist for each goal to be stated, told, accepted, refused and left."""
    for goal, flow in blueprint.assistant.flows.items():
        yield from _no_resolution(blueprint, goal, flow)
        yield from _no_refusal(blueprint, goal, flow)
        if not any(blueprint.user_acts[a].ends for row in _rows(blueprint, goal) for a in row.do):
            yield f"goals.{goal}", "no terminal state: no row of the policy for this goal ends the session"


def _no_resolution(blueprint: Blueprint, goal: str, flow: Flow) -> Iterator[tuple[str, str]]:
    acts = blueprint.assistant_acts
    where = f"assistant.flows.{goal}"
    if acts[flow.done].sets != "resolved":
        yield f"{where}.done", f"resolved cannot be reached: {flow.done} does not set it"
    if flow.test is not None and "yes" not in values_of(blueprint.world.fields[flow.test]):
        yield f"{where}.test", f"resolved cannot be reached: world.fields.{flow.test} is never yes"
    if not _understood(blueprint, goal):
        yield f"{where}.cues", f"the goal's words {blueprint.goals[goal].words!r} are not understood as this goal"
    offered = [a for a in (flow.offer,) if a is not None]
    for act in offered:
        answers = {blueprint.user_acts[a].like for row in _rows(blueprint, goal, act) for a in row.do}
        if "confirm" not in answers:
            yield f"{where}.offer", f"resolved cannot be reached: no row of the policy agrees to {act}"
    for slot in flow.need:
        asking = [name for name, spec in acts.items() if spec.asks == slot]
        telling = [a for ask in asking for row in _rows(blueprint, goal, ask) for a in row.do]
        stated = [a for row in _rows(blueprint, goal) for a in row.do if "heard" not in row.when]
        if not any(slot in blueprint.user_acts[a].slots for a in (*telling, *stated)):
            yield f"goals.{goal}.tell", f"no row of the policy answers {' or '.join(asking)}, so {slot!r} is never told"
        for name, fact in blueprint.facts.get("user", {}).items():
            if fact.slot == slot and not _can_open(blueprint, fact, asking):
                yield f"facts.user.{name}.gate", f"never opens in goal {goal!r}: nothing said there is in `heard`"


def _no_refusal(blueprint: Blueprint, goal: str, flow: Flow) -> Iterator[tuple[str, str]]:
    where = f"assistant.flows.{goal}"
    if flow.deny is None:
        yield f"{where}.deny", "refused cannot be reached: the flow has no act that denies"
        return
    if blueprint.assistant_acts[flow.deny].sets != "refused":
        yield f"{where}.deny", f"refused cannot be reached: {flow.deny} does not set it"
    runs_out = bool(blueprint.world.rows) and flow.offer is not None
    if flow.test is None and not runs_out:
        yield f"{where}.test", "refused cannot be reached: nothing makes the assistant deny"
    if flow.test is not None and set(values_of(blueprint.world.fields[flow.test])) <= {"yes"} and not runs_out:
        yield f"{where}.test", f"refused cannot be reached: world.fields.{flow.test} is always yes"


def _rows(blueprint: Blueprint, goal: str, heard: str | None = None) -> list[Row]:
    """Rows of the policy that can decide for a goal (after an act of the assistant, where given)."""
    return [
        row
        for row in blueprint.policy
        if goal in row.when.get("goal", (goal,)) and (heard is None or heard in row.when.get("heard", (heard,)))
    ]


def _can_open(blueprint: Blueprint, fact: Fact, asking: list[str]) -> bool:
    """Whether a gate is opened by the question for its slot, or by what the assistant says to a refusal."""
    return not fact.gate.heard or bool({*asking, *blueprint.assistant.explain.values()} & set(fact.gate.heard))


def _understood(blueprint: Blueprint, goal: str) -> bool:
    """Whether some wording of the goal hits this flow's cues at least as well as any other's."""
    plain = f" {_plain(blueprint.goals[goal].words)}"
    longest = {
        name: max((len(cue) for cue in flow.cues if f" {cue}" in plain), default=0)
        for name, flow in blueprint.assistant.flows.items()
    }
    return longest[goal] > 0 and longest[goal] == max(longest.values())


def _walk(blueprint: Blueprint, talk: Talk) -> Iterator[tuple[str, str]]:
    """AU03 by walking: seeded sessions per goal, with the world saying yes and no."""
    scenarios: dict[str, list[Scenario]] = {goal: [] for goal in blueprint.goals}
    for index in range(MAX_SCENARIOS):
        if all(len(s) >= WALKS for s in scenarios.values()):
            break
        scenario = author_one(blueprint, 0, index)
        if len(scenarios[scenario.goal]) < WALKS:
            scenarios[scenario.goal].append(scenario)
    for goal, some in scenarios.items():
        test = blueprint.assistant.flows[goal].test
        worlds = sorted(set(values_of(blueprint.world.fields[test])) & {"yes", "no"}) if test else [""]
        ends = {
            talk(blueprint, s.model_copy(update={"world": {**s.world, test: answer}} if test else {}))
            for s in some
            for answer in worlds
        }
        for end in ("resolved", "refused"):
            if end in blueprint.goals[goal].ends and end not in ends:
                seen = ", ".join(sorted(ends)) or "none: the goal was never drawn"
                yield f"goals.{goal}", f"{end} was not reached in {len(some)} sessions (ends seen: {seen})"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w'@.-]*\w", text.lower()))


def _private_in_public(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """AU04. Private values, by every value they can take, against all text that is not theirs."""
    for field, party, name, value in public_values(blueprint):
        yield field, f"holds {value!r}, a private value of {party} ({name})"


def public_values(blueprint: Blueprint) -> Iterator[tuple[str, str, str, str]]:
    """(field, party, fact, value or pattern) of private values that stand in a text anybody may read."""
    public = list(_public_texts(blueprint))
    for party, facts in blueprint.facts.items():
        for name, fact in facts.items():
            attribute = fact.attribute if fact.attribute is not None else blueprint.slots[str(fact.slot)]
            for value, pattern in _private_patterns(attribute):
                for field, column, text in public:
                    if (fact.slot is None or column != fact.slot) and pattern.search(f" {_plain(text)} "):
                        yield field, party, name, value


def _private_patterns(attribute: Attribute) -> Iterator[tuple[str, re.Pattern[str]]]:
    if attribute.pattern is not None:
        shape = re.escape(attribute.pattern.lower()).replace("\\#", r"\d").replace("#", r"\d").replace("@", "[a-z]")
        yield attribute.pattern, re.compile(rf" {shape} ")
    for value in values_of(attribute):
        if _plain(value) not in PLAIN_WORDS:
            yield value, re.compile(f" {re.escape(_plain(value))} ")


def _public_texts(blueprint: Blueprint) -> Iterator[tuple[str, str, str]]:
    """(field, column, text) of everything that anybody may read."""
    yield "assistant.role", "", blueprint.assistant.role
    yield "title", "", blueprint.title
    for i, row in enumerate(blueprint.world.rows):
        yield from ((f"world.rows.{i}.{column}", column, text) for column, text in row.items())
    for name, attribute in blueprint.world.fields.items():
        yield from ((f"world.fields.{name}", name, value) for value in values_of(attribute))
    for name, act in blueprint.assistant_acts.items():
        yield from ((f"assistant_acts.{name}.says", "", text) for text in act.says)
    for name, user_act in blueprint.user_acts.items():
        yield from ((f"user_acts.{name}.says", "", text) for text in user_act.says)
    yield from ((f"goals.{name}.words", "", goal.words) for name, goal in blueprint.goals.items())


def _free_lunch(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """AU05. A user who says nothing hears only how the assistant opens and asks; none of that may achieve anything."""
    for name, goal in blueprint.goals.items():
        if not goal.tell and not goal.learn:
            yield f"goals.{name}", "has no sub-goal, so that saying nothing completes all of them"
    for role in ("open", "ask_goal", "clarify"):
        act = getattr(blueprint.assistant, role)
        spec = blueprint.assistant_acts[act]
        if spec.sets is not None:
            yield f"assistant_acts.{act}.sets", f"a user who says nothing is {spec.sets}"
        if spec.tells is not None:
            yield f"assistant_acts.{act}.tells", f"a user who says nothing learns {spec.tells}"
