"""Non-interference of a stored run (METHODS 2.4): what a party may not know left no trace in its prompts or choices.

Held fixed: the transcript before a turn, the disclosures so far and the party's own act choices. Changed, one at a time
and all at once: every other field of the scenario. Each prompt is made again from the stored records by the code that
made it, and must come out byte for byte as it is stored; each choice of an act is drawn again from its stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from assay.door.answering import assistant_with
from assay.door.options import Plan
from assay.door.sync import run_sync
from assay.errors import AssayError, BadInput
from assay.models.model import Answer, Request, key_of
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.runs.ledger import Ledger
from assay.simulation.one import fit, streams
from assay.simulation.policy import Move, first_state, hear, next_move
from assay.simulation.views import Spoken, assistant_view, user_prompt
from assay.simulation.wording import template

STRANGE = "zz-changed-value"
"""What a field is changed to."""
EXPLAINED = 20_000
"""Most stored calls that are looked through for prompts that no turn explains."""


@dataclass(slots=True)
class Checked:
    """What was made again, and what came out otherwise."""

    user_prompts: int = 0
    """Stored prompts of user turns."""
    assistant_prompts: int = 0
    """Stored prompts of an assistant behind a model."""
    replies: int = 0
    """Turns of the built-in assistant, answered again."""
    choices: int = 0
    """Acts of the user, drawn again."""
    renderings: int = 0
    """Times that any of these was made again under a changed scenario."""
    failures: list[str] = field(default_factory=list)
    """`session turn n: what was changed`."""
    unexplained: int | None = None
    """Stored wording prompts that belong to no turn; None where not looked for."""


def check_sessions(
    blueprint: Blueprint, scenarios: Mapping[str, Scenario], sessions: Sequence[Session], ledger: Ledger, plan: Plan,
    *, whole: bool,
) -> Checked:  # fmt: skip
    """Make every stored prompt of these sessions again, with every field changed that its party may not know.

    whole: `sessions` are all of the run and none failed; then every wording prompt in the ledger must belong to a turn
    (the prompts of turns that fell back to a template are found that way). Sessions in script and mindreaders mode are
    not for this check.
    """
    out = Checked()
    explained: set[str] = set()
    for session in sessions:
        scenario = scenarios[str(session.scenario)]
        _user_prompts(blueprint, scenario, session, ledger, out, explained)
        _choices(blueprint, scenario, session, plan.repeat, out)
        _assistant(blueprint, scenario, session, ledger, plan, out)
    keys = ledger.keys() if whole else []
    if whole and len(keys) <= EXPLAINED:
        calls = (ledger.call(key) for key in keys)
        stored = [c["request"].get("prompt") for c in calls if c["purpose"] == "word"]
        out.unexplained = sum(prompt not in explained for prompt in stored)
    return out


def spoken_until(session: Session, turn: int) -> list[Spoken]:
    """The user's turns up to `turn`, as the user's prompts hold them; the last one without its words."""
    out, heard = [], None
    for i, t in enumerate(session.turns[: turn + 1]):
        if t.speaker == "assistant" and "act" in t.extra:
            heard = t.text
        elif t.speaker == "user":
            out.append(Spoken(assistant=heard, move=_move(session, i), words=t.text if i < turn else None))
            heard = None
    return out


def _move(session: Session, turn: int) -> Move:
    labels = session.turns[turn].labels
    slots = {k: str(v) for k, v in (labels.get("slots") or {}).items()}
    return Move(act=str(labels["act"]), core_act=str(labels["core_act"]), slots=slots)


def _user_prompts(
    blueprint: Blueprint, scenario: Scenario, session: Session, ledger: Ledger, out: Checked, explained: set[str]
) -> None:
    regime = session.regime or "controlled"
    for i, t in enumerate(session.turns):
        if t.speaker != "user":
            continue
        spoken = spoken_until(session, i)
        try:
            now = user_prompt(blueprint, scenario, spoken, regime=regime)
        except KeyError as error:
            out.failures.append(f"{session.id} turn {i}: names {error}, which the blueprint does not have")
            continue
        explained.add(now)
        key = session.prompts.get(str(i))
        if key is None:
            continue
        out.user_prompts += 1
        stored = _stored(ledger, key)
        if now != stored:
            why = "its call is not in the ledger" if stored is None else "not the stored prompt"
            out.failures.append(f"{session.id} turn {i}: {why}")
            continue
        for what, changed in changes_for_user(blueprint, scenario, session, i):
            out.renderings += 1
            if user_prompt(blueprint, changed, spoken, regime=regime) != stored:
                out.failures.append(f"{session.id} turn {i}: {what}")


def _stored(ledger: Ledger, key: str) -> str | None:
    try:
        prompt = ledger.call(key)["request"].get("prompt")
    except BadInput:
        return None
    return None if prompt is None else str(prompt)


def changes_for_user(
    blueprint: Blueprint, scenario: Scenario, session: Session, turn: int
) -> Iterator[tuple[str, Scenario]]:
    """(what, scenario) with each field changed that the user's words of a turn may not use; then all at once.

    Not entitled: the world, the assistant's facts, the user's own facts and slots that were not said yet, and how the
    scenario was drawn.
    """
    said = {s for t in session.turns[: turn + 1] for s in (t.labels.get("slots") or {})}
    bound = {k: f.slot for k, f in blueprint.facts.get("user", {}).items()}
    own = scenario.facts.get("user", {})
    shut = [k for k in own if bound.get(k) not in said]
    hidden = [k for k in scenario.slots if k not in said]
    theirs = scenario.facts.get("assistant", {})
    for k in scenario.world:
        yield f"world.{k}", scenario.model_copy(update={"world": {**scenario.world, k: STRANGE}})
    for k in theirs:
        yield f"facts.assistant.{k}", _facts(scenario, assistant={**theirs, k: STRANGE})
    for k in shut:
        yield f"facts.user.{k}", _facts(scenario, user={**own, k: STRANGE})
    for k in hidden:
        yield f"slots.{k}", scenario.model_copy(update={"slots": {**scenario.slots, k: STRANGE}})
    changed = _facts(scenario, user={**own, **dict.fromkeys(shut, STRANGE)}, assistant=dict.fromkeys(theirs, STRANGE))
    drawn = {"seed": scenario.seed + 1, "rejected": scenario.rejected + 7, "repaired": ("x",), "blueprint": "0" * 64}
    world, slots = dict.fromkeys(scenario.world, STRANGE), {**scenario.slots, **dict.fromkeys(hidden, STRANGE)}
    yield "everything it may not know", changed.model_copy(update={"world": world, "slots": slots, **drawn})


def _facts(scenario: Scenario, **parties: dict[str, str]) -> Scenario:
    return scenario.model_copy(update={"facts": {**scenario.facts, **parties}})


def changes_for_assistant(blueprint: Blueprint, scenario: Scenario) -> Iterator[tuple[str, Scenario]]:
    """(what, scenario) with each part of the user's side changed; then all of it. Keys on file stay: a shop knows its
    own order numbers."""
    on_file = {k: v for k, v in scenario.slots.items() if blueprint.slots[k].pattern is not None}
    other = next((g for g in blueprint.goals if g != scenario.goal), scenario.goal)
    own: dict[str, Any] = {
        "goal": other,
        "profile": dict.fromkeys(scenario.profile, STRANGE),
        "persona": dict.fromkeys(scenario.persona, 0.5),
        "context": dict.fromkeys(scenario.context, STRANGE),
        "slots": {**dict.fromkeys(scenario.slots, STRANGE), **on_file},
        "facts": {**scenario.facts, "user": dict.fromkeys(scenario.facts.get("user", {}), STRANGE)},
    }
    for what, value in own.items():
        yield what, scenario.model_copy(update={what: value})
    yield "the user's whole side", scenario.model_copy(update=own)


def _choices(blueprint: Blueprint, scenario: Scenario, session: Session, repeat: int, out: Checked) -> None:
    """Draw the acts again from own view and own stream, as it was and with the assistant's side changed."""
    theirs = {
        "world": dict.fromkeys(scenario.world, STRANGE),
        "facts": {**scenario.facts, "assistant": dict.fromkeys(scenario.facts.get("assistant", {}), STRANGE)},
    }
    out.choices += sum(t.speaker == "user" for t in session.turns)
    for what, other in (("", scenario), ("the assistant's side", scenario.model_copy(update=theirs))):
        out.renderings += bool(what)
        turn = _first_other_move(blueprint, scenario, other, session, repeat)
        if turn is not None:
            out.failures.append(f"{session.id} turn {turn}: another act is drawn{', changed: ' * bool(what)}{what}")
            return


def _first_other_move(
    blueprint: Blueprint, scenario: Scenario, other: Scenario, session: Session, repeat: int
) -> int | None:
    """First turn whose act or values are not the ones that its stream gives; None when all are."""
    rng, _ = streams(scenario, repeat)
    state = first_state(other)
    for i, t in enumerate(session.turns):
        if t.speaker == "assistant" and "act" in t.extra:
            act = t.extra["act"] if t.extra["act"] in blueprint.assistant_acts else None
            hear(blueprint, state, act, fit(blueprint, other, t.text, state.offer))
        elif t.speaker == "user":
            try:
                move = next_move(blueprint, other, state, rng)
                # the fallback's words are drawn from the same stream
                template(blueprint, other, move, rng)
            except AssayError:
                return i
            if move != _move(session, i):
                return i
    return None


class _Replayed:
    """Calls that are answered from the ledger alone: a request that is not stored is a prompt that moved."""

    def __init__(self, ledger: Ledger, identity: Mapping[str, Any]) -> None:
        self.ledger, self.identity = ledger, identity

    async def complete(self, request: Request) -> Answer:
        key = key_of(self.identity, request)
        answer = self.ledger.answer(key)
        if answer is None:
            raise BadInput("a prompt that was never sent")
        return answer.keyed(key)


def _assistant(
    blueprint: Blueprint, scenario: Scenario, session: Session, ledger: Ledger, plan: Plan, out: Checked
) -> None:
    """Let the assistant answer the stored transcript again, as it was and with the user's side changed."""
    keys = [session.prompts[str(i)] for i, t in enumerate(session.turns)
            if t.speaker == "assistant" and str(i) in session.prompts]  # fmt: skip
    out.assistant_prompts += len(keys)
    out.replies += sum(t.realised_by == "reference" for t in session.turns)
    if not keys and plan.assistant != "reference":
        return
    try:
        calls = _Replayed(ledger, ledger.call(keys[0])["model"]) if keys else None
    except BadInput:
        out.failures.append(f"{session.id}: the assistant's calls are not in the ledger")
        return
    for what, other in (("as it was", scenario), *changes_for_assistant(blueprint, scenario)):
        out.renderings += what != "as it was"
        turn = run_sync(_first_other_reply(blueprint, scenario, other, session, calls, plan))
        if turn is not None:
            out.failures.append(f"{session.id} turn {turn}: the assistant answers otherwise, {what}")
            return


async def _first_other_reply(
    blueprint: Blueprint, scenario: Scenario, other: Scenario, session: Session, calls: _Replayed | None, plan: Plan
) -> int | None:
    """First turn at which the assistant asks or says something else than is stored; None when it never does."""
    _, rng = streams(scenario, plan.repeat)
    made = assistant_with(plan, blueprint, cast(Any, calls))(other, rng)
    told: list[tuple[str, str]] = []
    for i, t in enumerate(session.turns):
        if t.speaker == "assistant" and "act" in t.extra:
            try:
                reply = await made.reply(assistant_view(blueprint, tuple(told)))
            except AssayError:
                return i
            if (reply.text, reply.key) != (t.text, session.prompts.get(str(i), "")):
                return i
        if t.speaker == "user" or "act" in t.extra:
            # calls of tools and their answers are the assistant's own business: it makes them again
            told.append((t.speaker, t.text))
    return None
