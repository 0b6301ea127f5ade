"""A model whose answers are a plain function of the request: for tests of everything that calls a model."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from assay.errors import ProviderFailed
from assay.models.model import Answer, Request
from assay.records.base import digest

WORDS = ("yes", "no", "thanks", "please", "order", "refund", "kettle", "today", "maybe", "help")
"""Vocabulary of the default script."""


def babble(request: Request) -> str:
    """Three to six words drawn by the digest of the request: the same request, the same words."""
    drawn = bytes.fromhex(digest(request.content()))
    return " ".join(WORDS[b % len(WORDS)] for b in drawn[1 : 4 + drawn[0] % 4])


def echo(request: Request) -> str:
    """The last line of the prompt, or the last message."""
    return (request.prompt or request.messages[-1][1]).strip().splitlines()[-1]


class ScriptedModel:
    """A deterministic model.

    `script` maps a request to its text; `faults` are served to the first calls, in order, before any answer:
    "fail" raises ProviderFailed, "empty" answers with no text, "stall" waits `delay` seconds more. `delay` is the
    time of every call in seconds. `seen` lists the requests that reached the model.
    """

    def __init__(
        self,
        script: Callable[[Request], str] = babble,
        *,
        faults: Sequence[str] = (),
        delay: float = 0.0,
        slots: int = 8,
        version: str = "1",
    ) -> None:
        self.name = "scripted"
        self.slots = slots
        self.seen: list[Request] = []
        self._script, self._faults, self._delay, self._version = script, list(faults), delay, version

    def identity(self) -> dict[str, Any]:
        """The script's name and version."""
        return {"model": "scripted", "script": self._script.__name__, "version": self._version}

    async def complete(self, request: Request) -> Answer:
        """The script's text, or the next fault. Raises ProviderFailed for "fail"."""
        self.seen.append(request)
        fault = self._faults.pop(0) if self._faults else ""
        await asyncio.sleep(self._delay * (11 if fault == "stall" else 1))
        if fault == "fail":
            raise ProviderFailed("the scripted model failed as asked", where="scripted")
        text = "" if fault == "empty" else self._script(request)
        words = len(text.split())
        return Answer(
            text=text,
            finish_reason="stop",
            prompt_tokens=len((request.prompt or " ".join(m[1] for m in request.messages)).split()),
            cached_tokens=0,
            completion_tokens=words,
            top_logprobs={" " + text.split()[0]: -0.1} if request.n_probs and words else None,
            raw={"text": text},
        )

    async def close(self) -> None:
        """Nothing is held."""
