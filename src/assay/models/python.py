"""A model that is a Python function of yours: messages in, text out."""

import asyncio
import functools
import inspect
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from assay.errors import AssayError, ProviderFailed
from assay.models.model import Answer, Request

Function = Callable[..., Any]
"""list of {"role", "content"} -> text; plain or async. With a parameter `tools` it is given the tools as well, and may
return a message {"content", "tool_calls"} instead of a text."""
RETURN = "return a non-empty str, or {'content': ..., 'tool_calls': [...]}"


def takes_tools(function: Function) -> bool:
    """Whether a function has a parameter `tools`."""
    try:
        return "tools" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _stopped(call: Callable[[], Any]) -> Any:
    """Call it; a StopIteration, which no future can hold (who waits for it waits for ever), comes out as another."""
    try:
        return call()
    except StopIteration as error:
        raise RuntimeError(f"StopIteration: {error}") from error


class PythonModel:
    """`python:module:callable`. Plain functions run in threads, `slots` at a time."""

    def __init__(self, name: str, function: Function, *, slots: int | None = None) -> None:
        self.name, self.slots = name, slots or 4
        self._function = function
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="python-model")

    def identity(self) -> dict[str, Any]:
        """The name and a digest of the function's source, where there is one."""
        try:
            source = inspect.getsource(self._function)
        except (OSError, TypeError):
            source = ""
        return {"model": self.name, "source": sha256(source.encode()).hexdigest() if source else None}

    async def complete(self, request: Request) -> Answer:
        """Call the function. Raises ProviderFailed when it raises, or returns no text."""
        asked = request.messages or (("user", request.prompt or ""),)
        messages = [{"role": r, "content": c, **request.extras.get(i, {})} for i, (r, c) in enumerate(asked)]
        call = functools.partial(self._function, messages)
        if request.tools:
            call = functools.partial(call, tools=[dict(tool) for tool in request.tools])
        try:
            if inspect.iscoroutinefunction(self._function):
                said = await call()
            else:
                said = await asyncio.get_running_loop().run_in_executor(self._pool, _stopped, call)
                if inspect.isawaitable(said):
                    said = await said
        except AssayError:
            raise
        except Exception as error:  # a stranger's code: anything can come out of it
            raise ProviderFailed(
                f"the function raised {type(error).__name__}: {str(error)[:300]}", where=self.name
            ) from error
        return self._answer(said, request)

    def _answer(self, said: object, request: Request) -> Answer:
        """The answer in a text, or in a message of the chat form with `content` and `tool_calls`."""
        text = said.get("content") or "" if isinstance(said, dict) else said
        if not isinstance(text, str):
            raise ProviderFailed(f"the function returned {type(text).__name__}", where=self.name, now=RETURN)
        calls = said.get("tool_calls") if isinstance(said, dict) else None
        try:
            # what is kept must be JSON: a stranger's objects are not
            raw: dict[str, Any] = json.loads(
                json.dumps({"choices": [{"message": {"tool_calls": calls}}]} if calls else {})
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise ProviderFailed(f"tool_calls are no JSON: {error}", where=self.name, now=RETURN) from error
        answer = Answer(text=text, finish_reason="stop", raw={"text": text, **raw})
        if not text.strip() and not answer.tool_calls and not request.may_be_empty:
            raise ProviderFailed("the function returned an empty text", where=self.name, now=RETURN)
        return answer

    async def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
