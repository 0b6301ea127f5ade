"""A model that is a Python function of yours: messages in, text out."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from assay.errors import AssayError, ProviderFailed
from assay.models.model import Answer, Request

Function = Callable[[list[dict[str, str]]], str | Awaitable[str]]
"""list of {"role", "content"} -> text; plain or async."""


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
        messages = [{"role": r, "content": c} for r, c in request.messages or (("user", request.prompt or ""),)]
        try:
            if inspect.iscoroutinefunction(self._function):
                text = await self._function(messages)
            else:
                text = await asyncio.get_running_loop().run_in_executor(self._pool, self._function, messages)
                if inspect.isawaitable(text):
                    text = await text
        except AssayError:
            raise
        except Exception as error:  # a stranger's code: anything can come out of it
            raise ProviderFailed(
                f"the function raised {type(error).__name__}: {str(error)[:300]}", where=self.name
            ) from error
        if not isinstance(text, str) or not text.strip():
            got = f"{type(text).__name__}" if not isinstance(text, str) else "an empty text"
            raise ProviderFailed(f"the function returned {got}", where=self.name, now="return a non-empty str")
        return Answer(text=text, finish_reason="stop", raw={"text": text})

    async def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
