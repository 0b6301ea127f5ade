"""Scenarios of assay as tasks of Inspect AI: the simulated user talks with the model under test (extra `inspect`).

    inspect eval assay/scenarios -T source=returns -T n=10 --model openai/my-model
    inspect eval assay/scenarios -T source=runs/r1 -T user=template --model openai/my-model

One sample a scenario. The user is the same state machine as in `assay run`; what the model under test sees is its role,
the transcript and, where the blueprint has tools, their answers: never the user's goal or facts. Everything that the
user and the model said, the scenario and how it came out stand in Inspect's log, which `assay import inspect` reads.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    get_model,
)  # fmt: skip
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool, ToolCall, ToolDef, ToolParams

from assay.authoring.blueprints import load_blueprint, parse_blueprint
from assay.authoring.layers import own_pools
from assay.door.answering import whole
from assay.door.layering import drawn, layer_model
from assay.door.making import core_acts_of, followed_plan, say_with
from assay.door.options import Plan
from assay.errors import BadInput
from assay.models.model import Answer, Model, Request
from assay.models.resolve import resolve
from assay.models.wire import request_body
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read
from assay.runs.engine import silent
from assay.runs.folder import RunFolder
from assay.simulation.assistants import Assistant, ChatAssistant, Reply
from assay.simulation.one import Parts, simulate_one
from assay.simulation.tool_assistant import Message, Said, ToolAssistant
from assay.simulation.tools import Desk, desk_of, wire_tools
from assay.simulation.views import AssistantView

SESSION = "assay:session"
"""Key in the store of a sample: the session record that assay made of the conversation."""
ROLE = "role:"
"""A user whose words come from a model role of Inspect: `role:user` with `--model-role user=openai/other`."""


class Source(NamedTuple):
    """What a task is made of."""

    blueprint: Blueprint
    scenarios: tuple[Scenario, ...]
    seed: int
    model: str
    """Words the user where the task names nobody."""


@task
def scenarios(source: str, n: int = 0, seed: int = 0, user: str = "") -> Task:
    """Scenarios of a run folder or a blueprint, each played by assay's simulated user against the model under test.

    source: a run folder with scenarios, a blueprint file, or the name of a bundled blueprint. n: scenarios; 0: all of a
    folder, 10 of a blueprint. seed: of a blueprint's scenarios. user: who finds the user's words: a model name of
    `assay models`, `template`, or `role:NAME` for a model role of Inspect; by default as the folder was made, else the
    embedded model. Of several epochs each is another draw of the user on the same scenarios. Raises BadInput.
    """
    found = source_of(source, n, seed)
    names = sorted({name for s in found.scenarios for name in _sub_goals(found.blueprint, s)})
    return Task(
        dataset=MemoryDataset([_sample(found.blueprint, s) for s in found.scenarios], name=found.blueprint.name),
        solver=assay_user(source, n, seed, user),
        scorer=assay_outcome(names),
        metadata={"assay_blueprint": found.blueprint.name, "assay_blueprint_hash": found.blueprint.hash},
    )


def source_of(source: str, n: int, seed: int) -> Source:
    """Blueprint and scenarios of a run folder or a blueprint. Raises BadInput for what is neither, and n out of range.

    Seed and wording model of a folder are its own.
    """
    if n < 0:
        raise BadInput(f"n must not be negative, and is {n}", now="-T n=10, or 0 for all scenarios of a folder")
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "blueprint.yaml").exists() or not (folder / "scenarios.jsonl").exists():
            raise BadInput(
                "no scenarios here", where=str(folder), now="start with `assay author BLUEPRINT --out DIR -n N`"
            )
        book = parse_blueprint((folder / "blueprint.yaml").read_text("utf-8"), str(folder / "blueprint.yaml"))
        plan = followed_plan(RunFolder(folder))
        made = tuple(read(folder, "scenarios"))
        return Source(book, made[:n] if n else made, plan.seed, plan.model)
    book = load_blueprint(source)
    plan = Plan(n=n or 10, seed=seed).check()
    if layer_model(book, Plan(n=1, model="embedded")):
        raise BadInput(
            "this blueprint's layers are grown by a model", where=source,
            now="author a run folder first (`assay author BLUEPRINT --out DIR`) and give that folder",
        )  # fmt: skip
    return Source(book, tuple(drawn(book, plan, own_pools(book), silent)), seed, "embedded")


def _sample(book: Blueprint, scenario: Scenario) -> Sample:
    """A scenario as a sample: the input is what the model under test has before the user speaks, and no more."""
    return Sample(
        id=scenario.id,
        input=[ChatMessageSystem(content=book.assistant.role), ChatMessageAssistant(content=_opening(book))],
        target="complete",
        metadata={
            "goal": scenario.goal, "persona": dict(scenario.persona), "context": dict(scenario.context),
            "scenario": scenario.row(), "blueprint": book.hash,
        },
    )  # fmt: skip


def _opening(book: Blueprint) -> str:
    return book.assistant_acts[book.assistant.open].says[0]


def _sub_goals(book: Blueprint, scenario: Scenario) -> list[str]:
    goal = book.goals[scenario.goal]
    return ["do", *(f"tell.{s}" for s in goal.tell if s in scenario.slots), *(f"learn.{x}" for x in goal.learn)]


@solver
def assay_user(source: str, n: int = 0, seed: int = 0, user: str = "", under_test: Solver | None = None) -> Solver:
    """The simulated user of each sample's scenario, turn by turn, until it ends the conversation.

    The model under test answers by Inspect's `generate`, so that its configuration, limits, cache and log apply.
    under_test: a solver of yours in its place, given the transcript and the tools of the session; what it writes with
    them counts, but of what it says on the way only the last words are the user's to hear. The other arguments are
    those of `scenarios`, and must be the same. The record of the session goes to the sample's store.
    """
    found = source_of(source, n, seed)
    book, by_id = found.blueprint, {s.id: s for s in found.scenarios}
    voice = _Voice(user or found.model)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        scenario = by_id[str(state.sample_id)]
        tested = _UnderTest(book, scenario, state, generate, under_test)
        async with voice.opened() as model:
            repeat = max(0, state.epoch - 1)
            parts = Parts(
                assistant=lambda _, __: tested.assistant(),
                say=None if model is None else say_with(model, found.seed, repeat),  # type: ignore[arg-type]
                core_acts=core_acts_of,
                repeat=repeat,
            )
            session = await simulate_one(book, scenario, parts)
        said = session.turns[-1]
        if said.speaker == "user":
            tested.state.messages = [*tested.state.messages, ChatMessageUser(content=said.text)]
        tested.state.store.set(SESSION, session.row())
        tested.state.completed = True
        return tested.state

    return solve


@scorer(metrics={"*": [mean(), stderr()]})
def assay_outcome(names: Sequence[str] = ()) -> Scorer:
    """How the session came out, from the world and the transcript: 1 where complete, else 0.

    `goal`: the request as a whole; `sub_goals`: share of the sub-goals that are complete; and each sub-goal by its name
    (`do`, `tell.<slot>`, `learn.<thing>`). A sub-goal that a scenario does not have is NaN, which Inspect leaves out.
    Status, end, faults of the assistant and the share of the user's turns that a template worded are in the metadata.
    """

    async def score(state: TaskState, target: Target) -> Score:
        row = state.store.get(SESSION)
        if row is None:
            return Score(value=math.nan, explanation="no session: the solver was not assay's")
        session = Session.model_validate(row)
        own = session.sub_goals
        value: dict[str, float] = {"goal": float(session.outcome is not None and session.outcome.status == "complete")}
        value["sub_goals"] = sum(s == "complete" for s in own.values()) / len(own) if own else math.nan
        value |= {name: float(own[name] == "complete") if name in own else math.nan for name in names}
        return Score(value=value, answer=_status(session), explanation=_words(session), metadata=_facts(session))

    return score


def _status(session: Session) -> str:
    return session.outcome.status if session.outcome is not None else "unknown"


def _words(session: Session) -> str:
    parts = [f"goal {session.session_labels.get('goal')}: {_status(session)}; the user ended it: {session.end}"]
    parts += [f"{name}: {status}" for name, status in session.sub_goals.items()]
    parts += [f"turn {f.turn}: {f.kind} ({f.detail})" for f in session.flags]
    return "\n".join(parts)


def _facts(session: Session) -> dict[str, Any]:
    own = [t for t in session.turns if t.speaker == "user"]
    return {
        "status": _status(session), "end": session.end, "sub_goals": dict(session.sub_goals),
        "outcome": session.outcome.model_dump(mode="json") if session.outcome is not None else None,
        "flags": [f.model_dump(mode="json") for f in session.flags], "user_turns": len(own),
        "user_turns_by_template": sum(t.realised_by == "template" for t in own),
    }  # fmt: skip


class _Voice:
    """The model that words the user, open while any sample talks."""

    def __init__(self, spec: str) -> None:
        self.spec, self._users = spec, 0
        self._model: Model | None = None
        self._slots: asyncio.Semaphore | None = None
        if spec not in ("template", "reference") and not spec.startswith((ROLE, "embedded")):
            resolve(spec)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["_Asking | None"]:
        """What completes a request; None for templates."""
        if self.spec == "template":
            yield None
            return
        if self.spec.startswith(ROLE):
            yield _Asking(_Role(self.spec.removeprefix(ROLE)), None)
            return
        if self._model is None:
            self._model = resolve(self.spec)
            self._slots = asyncio.Semaphore(max(1, self._model.slots))
        self._users += 1
        try:
            yield _Asking(self._model, self._slots)
        finally:
            self._users -= 1
            if not self._users and self._model is not None:
                model, self._model = self._model, None
                await model.close()


class _Asking:
    """A model as `say_with` asks it, within its slots."""

    def __init__(self, model: Any, slots: asyncio.Semaphore | None) -> None:
        self.model, self._slots = model, slots

    async def complete(self, request: Request) -> Answer:
        """The model's answer. Raises what the model raises."""
        if self._slots is None:
            answer: Answer = await self.model.complete(request)
            return answer
        async with self._slots:
            answer = await self.model.complete(request)
            return answer


class _Role:
    """A model role of Inspect in the place of a model of assay's."""

    def __init__(self, role: str) -> None:
        self.role = role

    async def complete(self, request: Request) -> Answer:
        """One generation; counted in Inspect's log under its role."""
        sampling = request.sampling
        config = GenerateConfig(
            temperature=sampling.temperature, top_p=sampling.top_p, max_tokens=sampling.max_tokens,
            seed=request.seed(), stop_seqs=list(sampling.stop) or None,
        )  # fmt: skip
        body = request_body(self.role, request)
        output = await get_model(role=self.role, required=True).generate(
            [_message(m) for m in body["messages"]], config=config
        )
        return Answer(text=output.completion)


class _UnderTest:
    """The model under test as an assistant of assay: one conversation."""

    def __init__(
        self, book: Blueprint, scenario: Scenario, state: TaskState, generate: Generate, agent: Solver | None
    ) -> None:
        self.book, self.scenario, self.state, self.generate, self.agent = book, scenario, state, generate, agent
        self.desk = desk_of(book, scenario)
        self.tools = _tools(book, self.desk) if book.tools else []

    def assistant(self) -> Assistant:
        """With the blueprint's tools where it has some, as for an endpoint in `assay run`."""
        kind, language = "endpoint", self.book.language
        if self.tools and self.agent is None:
            return ToolAssistant(
                ask=self._ask, desk=self.desk, opening=_opening(self.book), realised_by=kind, language=language
            )
        chat = ChatAssistant(chat=self._chat, realised_by=kind, language=language)
        return _AtDesk(chat, self.desk) if self.tools else chat

    async def _ask(self, messages: Sequence[Message], offered: bool) -> Said:
        """One generation; calls of tools come back to assay, which runs them on the session's own record."""
        self.state.messages = [_message(m) for m in messages]
        self.state.tools = self.tools if offered else []
        self.state = await self.generate(self.state, tool_calls="none")
        said = self.state.output.message
        return Said(whole(said.text), tuple(_wire(c) for c in said.tool_calls or ()), "")

    async def _chat(self, view: AssistantView) -> tuple[str, str]:
        if not view.transcript:
            return _opening(self.book), ""
        known = "; ".join(f"{k.replace('_', ' ')}: {v}" for k, v in sorted(self.scenario.world.items()))
        system = f"{view.role}\nRecord on file (look-up result): {known}" if known and not self.tools else view.role
        messages = [{"role": role, "content": text} for role, text in (("system", system), *view.transcript)]
        self.state.messages = [_message(m) for m in messages]
        self.state.tools = self.tools
        self.state.completed = False
        if self.agent is None:
            self.state = await self.generate(self.state, tool_calls="none")
        else:
            self.state = await self.agent(self.state, self.generate)
        return whole(self.state.output.completion).strip(), ""


class _AtDesk:
    """An agent of the user's own: what it did with the tools shows in the world, not in turns."""

    def __init__(self, chat: Assistant, desk: Desk) -> None:
        self.chat, self.desk = chat, desk

    async def reply(self, view: AssistantView) -> Reply:
        """The agent's words, with the world as it stands then."""
        reply = await self.chat.reply(view)
        desk = self.desk
        return replace(reply, world=dict(desk.state), tool_calls=desk.calls, tool_errors=desk.faults)


def _tools(book: Blueprint, desk: Desk) -> list[Tool]:
    """The blueprint's tools as Inspect's, run on the session's own record."""

    def bound(name: str) -> Any:
        async def execute(**arguments: Any) -> str:
            return json.dumps(desk.call(name, json.dumps(arguments)).answer, ensure_ascii=False)

        return execute

    return [
        ToolDef(
            tool=bound(f["name"]), name=f["name"], description=f["description"],
            parameters=ToolParams.model_validate(f["parameters"]),
        ).as_tool()
        for f in (t["function"] for t in wire_tools(book))
    ]  # fmt: skip


def _message(message: Mapping[str, Any]) -> ChatMessage:
    """A message in its wire form as Inspect's."""
    role, text = message["role"], str(message["content"] or "")
    if role == "system":
        return ChatMessageSystem(content=text)
    if role == "tool":
        return ChatMessageTool(content=text, tool_call_id=message.get("tool_call_id"))
    if role == "assistant":
        calls = [_call(c) for c in message.get("tool_calls") or ()]
        return ChatMessageAssistant(content=text, tool_calls=calls or None)
    return ChatMessageUser(content=text)


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = call["function"]
    return ToolCall(id=call["id"], function=function["name"], arguments=json.loads(function["arguments"]))


def _wire(call: ToolCall) -> dict[str, Any]:
    """A call in its wire form; arguments that Inspect could not read are none, which the tool answers as wrong."""
    arguments = "unreadable" if call.parse_error else json.dumps(call.arguments, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.function, "arguments": arguments}}
