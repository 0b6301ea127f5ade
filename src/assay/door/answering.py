"""Assistants under test, as a run asks for them: made per session, with their own view and nothing else."""

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.door.options import Plan
from assay.errors import AssayError, BadInput
from assay.models.model import Request, Sampling
from assay.models.python import takes_tools
from assay.models.resolve import load_callable
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.runs.calls import Calls
from assay.simulation.assistants import Assistant, ChatAssistant
from assay.simulation.modes import built_in
from assay.simulation.tool_assistant import Message, Said, ToolAssistant
from assay.simulation.tools import desk_of, wire_tools
from assay.simulation.views import AssistantView

REPLYING = Sampling(temperature=0.0, max_tokens=200)
"""How an assistant behind an endpoint is asked."""
SESSIONS = "assist_session"
"""Items of the ledger: under which id a session runs with an assistant that keeps conversations of its own."""


def whole(text: str) -> str:
    """A model's text without half characters (lone surrogates), which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def has_tools(assistant: str, blueprint: Blueprint) -> bool:
    """Whether an assistant is given the blueprint's tools: endpoints, and functions with a parameter `tools`."""
    kind, _, rest = assistant.partition(":")
    if not blueprint.tools:
        return False
    return kind == "openai" or (kind == "python" and takes_tools(load_callable(rest)))


def assistant_with(plan: Plan, blueprint: Blueprint, calls: Calls | None) -> Any:
    """Makes the assistant of one session."""
    kind = {"python": "python", "http": "http"}.get(plan.assistant.partition(":")[0], "endpoint")
    tools = has_tools(plan.assistant, blueprint)
    opening = blueprint.assistant_acts[blueprint.assistant.open].says[0]

    def make(scenario: Scenario, rng: np.random.Generator) -> Assistant:
        if calls is None:
            return built_in(plan.mode)(blueprint, scenario, rng)
        if tools:
            return ToolAssistant(
                ask=_ask(calls, blueprint), desk=desk_of(blueprint, scenario), opening=opening, realised_by=kind,
                language=blueprint.language,
            )  # fmt: skip
        chat = _http_chat if kind == "http" else _chat
        return ChatAssistant(chat=chat(calls, scenario, blueprint, plan), realised_by=kind, language=blueprint.language)

    return make


def _chat(calls: Calls, scenario: Scenario, blueprint: Blueprint, plan: Plan) -> Any:
    """Calls a chat model with the assistant's own view: its role, what it may look up, and the transcript."""
    known = "; ".join(f"{k.replace('_', ' ')}: {v}" for k, v in sorted(scenario.world.items()))
    opening = blueprint.assistant_acts[blueprint.assistant.open].says[0]

    async def chat(view: AssistantView) -> tuple[str, str]:
        if not view.transcript:
            return opening, ""
        system = f"{view.role}\nRecord on file (look-up result): {known}" if known else view.role
        messages = (("system", system), *view.transcript)
        request = Request(messages=messages, sampling=REPLYING, purpose="assist", may_be_empty=True)
        answer = await calls.complete(request)
        return whole(answer.text).strip(), answer.key

    return chat


def _ask(calls: Calls, blueprint: Blueprint) -> Any:
    """Calls a chat model with messages in their wire form, and the blueprint's tools."""
    tools = wire_tools(blueprint)

    async def ask(messages: Sequence[Message], offered: bool) -> Said:
        more = {i: {k: v for k, v in m.items() if k not in ("role", "content")} for i, m in enumerate(messages)}
        request = Request(
            messages=tuple((str(m["role"]), str(m["content"])) for m in messages),
            extras={i: fields for i, fields in more.items() if fields},
            tools=tools if offered else (),
            sampling=REPLYING,
            purpose="assist",
            may_be_empty=True,
        )
        answer = await calls.complete(request)
        return Said(whole(answer.text), answer.tool_calls, answer.key)

    return ask


def _http_chat(calls: Calls, scenario: Scenario, blueprint: Blueprint, plan: Plan) -> Any:
    """Calls an assistant that is described in YAML: it gets the transcript and its own session id, and nothing else."""
    from assay.models.http_assistant import read_spec

    spec = read_spec(plan.assistant.partition(":")[2])
    opening = blueprint.assistant_acts[blueprint.assistant.open].says[0]
    opened: list[str] = []

    async def chat(view: AssistantView) -> tuple[str, str]:
        if not view.transcript:
            return opening, ""
        if spec.keeps_conversations and not opened:
            opened.append(await _open(calls, scenario.id, started=spec.start is not None))
        request = Request(
            messages=view.transcript, session=opened[0] if opened else "", purpose="assist", may_be_empty=True
        )
        answer = await calls.complete(request)
        return whole(answer.text).strip(), answer.key

    return chat


async def _open(calls: Calls, session: str, *, started: bool) -> str:
    """The id under which a conversation runs over there.

    A session that was broken off is begun anew under another id, since the other side remembers the half of it; the id
    of a finished one is kept, so that its calls can be found again.
    """
    from assay.models.http_assistant import START

    ledger = calls.ledger
    kept = ledger.item(SESSIONS, session)
    if kept is not None and ledger.item("simulate", session) is not None:
        return str(kept)
    own = secrets.token_hex(12)
    if started:
        request = Request(messages=((START, ""),), session=own, purpose="assist_start")
        own = (await calls.complete(request)).text.strip()
    ledger.put_item(SESSIONS, session, own)
    return own


async def close_conversation(plan: Plan, calls: Calls | None, session: str) -> None:
    """Tell an assistant that keeps conversations that one is over; a failure of that call loses nothing."""
    if calls is None or not plan.assistant.startswith("http:"):
        return
    from assay.models.http_assistant import STOP, read_spec

    own = calls.ledger.item(SESSIONS, session)
    if own is None or read_spec(plan.assistant.partition(":")[2]).stop is None:
        return
    try:
        await calls.complete(Request(messages=((STOP, ""),), session=str(own), purpose="assist_stop"))
    except BadInput:
        raise
    except AssayError:
        # the ledger has noted it: usage.json counts it as failed
        return
