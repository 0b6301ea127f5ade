"""What runs inside the workers of a Ray cluster. Imports no Ray at the top: the driver makes actors of the classes."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import errors
from assay.errors import AssayError
from assay.models.model import Model, PromptTooLong, Request
from assay.models.resolve import resolve

NAMESPACE = "assay"
GATE = "assay-rates-1"
"""Name of the one actor that spaces requests, for all runs of a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A model as an actor is told of it."""

    spec: str
    slots: int | None
    rate: float
    """Requests a second of all actors together; 0: no limit."""
    adapter: bytes = b""
    """Content of `embedded:FILE`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An AssayError on its way back: plain values, which every version can read."""

    kind: str
    what: str
    where: str
    now: str
    retries: int


class Rates:
    """Spaces the requests to each model over all actors: one of these a cluster.

    It only tells when to send: nothing is held, so that nothing is lost with a worker or with this actor itself.
    """

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    async def turn(self, spec: str, rate: float) -> float:
        """Wait until the next request may be sent; returns the seconds waited."""
        now = time.monotonic()
        at = max(now, self._next.get(spec, 0.0))
        self._next[spec] = at + 1.0 / rate
        await asyncio.sleep(at - now)
        return at - now


class HostActor:
    """One model in a worker. Failures that assay knows go back as values; anything else is a bug and is raised."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed
        self._held: Model | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def facts(self) -> Any:
        """`identity` and `slots` of the model, or Failed."""
        try:
            model = self._model()
            return {"identity": model.identity(), "slots": model.slots}
        except AssayError as error:
            return packed(error)

    async def complete(self, request: Request) -> Any:
        """Answer or Failed."""
        try:
            model = self._model()
            if self.placed.rate:
                await self._turn()
            return await model.complete(request)
        except AssayError as error:
            return packed(error)

    async def pid(self) -> int:
        """Process of this actor."""
        import os

        return os.getpid()

    async def _turn(self) -> None:
        import ray

        while True:
            try:
                gate = ray.get_actor(GATE, namespace=NAMESPACE)
                await gate.turn.remote(self.placed.spec, self.placed.rate)
                return
            except (ray.exceptions.RayActorError, ValueError):
                # it starts again on another node
                await asyncio.sleep(0.2)

    def _model(self) -> Model:
        if self._held is None:
            spec = self.placed.spec
            if self.placed.adapter:
                self._folder = tempfile.TemporaryDirectory(prefix="assay-")
                path = Path(self._folder.name) / "adapter.gguf"
                path.write_bytes(self.placed.adapter)
                spec = f"embedded:{path}"
            self._held = resolve(spec, slots=self.placed.slots)
        return self._held


def packed(error: AssayError) -> Failed:
    """An error as values."""
    return Failed(type(error).__name__, error.what, error.where, error.now, getattr(error, "retries", 0))


def revived(row: Any) -> Any:
    """A result as it is; raises the error that a Failed stands for."""
    if not isinstance(row, Failed):
        return row
    kinds = {kind.__name__: kind for kind in (*_kinds(), PromptTooLong)}
    error = kinds.get(row.kind, errors.ProviderFailed)(row.what, where=row.where, now=row.now)
    if row.retries:
        error.retries = row.retries
    raise error


def _kinds() -> Iterator[type[AssayError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, AssayError):
            yield value
