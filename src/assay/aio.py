"""The verbs of the door as coroutines: each runs in a thread of its own, so that the caller's event loop goes on."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import assay


def __getattr__(name: str) -> Callable[..., Awaitable[Any]]:
    if name not in assay._VERBS:
        raise AttributeError(f"assay.aio has no verb {name!r}; it has {', '.join(assay._VERBS)}")
    verb = getattr(assay, name)

    @functools.wraps(verb)
    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(verb, *args, **kwargs)

    return asynchronous
