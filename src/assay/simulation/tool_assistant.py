"""An assistant under test that calls the blueprint's tools before it answers (the OpenAI `tools` wire form)."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.records.session import Turn
from assay.simulation.assistants import Reply, Step, examined
from assay.simulation.tools import Desk
from assay.simulation.views import AssistantView

ROUNDS = 4
"""Rounds of calls in one turn; after that it is asked for words, without tools, and the turn is flagged."""
CALLS = 8
"""Calls of one round that are run; the others are dropped."""
LONGEST = 4000
"""Characters of a call's arguments; longer ones are an error and are not sent back."""
BY_TOOLS = "Look things up and carry things out with the tools, and say only what they answered."
"""Line after the role of an assistant that has tools; the record itself is then not in its prompt."""

Message = Mapping[str, Any]
"""A message of the chat in its wire form: role, content, and tool_calls or tool_call_id."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the model: words, or calls."""

    text: str
    calls: tuple[Mapping[str, Any], ...]
    key: str


Ask = Callable[[Sequence[Message], bool], Awaitable[Said]]
"""(messages, whether tools are offered) -> what it said."""


@dataclass(slots=True)
class ToolAssistant:
    """One conversation with an assistant that has tools; the desk and the calls so far are this session's own."""

    ask: Ask
    desk: Desk
    opening: str
    """What it opens with."""
    realised_by: str
    language: str = "en"
    worked: dict[int, list[Message]] = field(default_factory=dict)
    """Length of the transcript -> the calls and their answers that came then."""

    async def reply(self, view: AssistantView) -> Reply:
        """Let it call tools for at most ROUNDS rounds, then take its words."""
        if not view.transcript:
            return Reply(text=self.opening, realised_by=self.realised_by, world=dict(self.desk.state))
        steps: list[Step] = []
        said = await self.ask(self._messages(view), True)
        rounds = 0
        while said.calls and rounds < ROUNDS:
            rounds += 1
            steps += self._run(view, said)
            said = await self.ask(self._messages(view), rounds < ROUNDS)
        rest = Reply(
            text="",
            key=said.key,
            realised_by=self.realised_by,
            faults=(("tool_loop", f"{ROUNDS} rounds of calls"),) if rounds == ROUNDS else (),
            steps=tuple(steps),
            world=dict(self.desk.state),
            tool_calls=self.desk.calls,
            tool_errors=self.desk.faults,
        )
        return examined(said.text.strip(), view, self.language, rest)

    def _messages(self, view: AssistantView) -> list[Message]:
        """Role, transcript, and its own calls where they came; nothing else."""
        messages: list[Message] = [{"role": "system", "content": f"{view.role}\n{BY_TOOLS}"}]
        for i, (speaker, text) in enumerate(view.transcript):
            messages += [*self.worked.get(i, ()), {"role": speaker, "content": text}]
        return [*messages, *self.worked.get(len(view.transcript), ())]

    def _run(self, view: AssistantView, said: Said) -> list[Step]:
        at = self.worked.setdefault(len(view.transcript), [])
        calls = [_call(c, f"call_{self.desk.calls + i}") for i, c in enumerate(said.calls[:CALLS])]
        sent = [{**c, "function": {**c["function"], "arguments": _sendable(c["function"]["arguments"])}} for c in calls]
        at.append({"role": "assistant", "content": said.text, "tool_calls": sent})
        asked = Turn(speaker="assistant", text=said.text, tool_calls=calls, realised_by=self.realised_by)
        steps = [Step(asked, said.key)]
        for call in calls:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            done = self.desk.call(name, arguments if len(arguments) <= LONGEST else "too long")
            text = json.dumps(done.answer, ensure_ascii=False)
            at.append({"role": "tool", "tool_call_id": call["id"], "content": text})
            extra = {"fault": True} if done.fault else {}
            steps.append(Step(Turn(speaker="tool", text=text, tool_call_id=call["id"], name=name[:200], extra=extra)))
        return steps


def _call(raw: Mapping[str, Any], number: str) -> dict[str, Any]:
    """A call in the wire form, whatever the model made of it."""
    function = raw.get("function")
    function = function if isinstance(function, Mapping) else {}
    arguments = function.get("arguments", "{}")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    named = {"name": str(function.get("name", "")), "arguments": text}
    return {"id": str(raw.get("id") or number), "type": "function", "function": named}


def _sendable(arguments: str) -> str:
    """Arguments as they are sent back: some servers refuse a history whose arguments are no JSON object."""
    try:
        fine = len(arguments) <= LONGEST and isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        fine = False
    return arguments if fine else "{}"
