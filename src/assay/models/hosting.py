"""Where models run: in this process, or wherever the engine of the command puts them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from assay.models.model import Model
from assay.models.resolve import resolve

T = TypeVar("T")
R = TypeVar("R")


class Host(Protocol):
    """An engine: gives models a place, and pure functions more cores."""

    def model(self, spec: str, slots: int | None) -> Model:
        """The model of a name, with the identity it has in this process."""
        ...

    def each(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """`work` of every item, in the order of the items."""
        ...


_HOST: ContextVar[Host | None] = ContextVar("assay_host", default=None)


@contextmanager
def hosted_by(host: Host | None) -> Iterator[None]:
    """Everything that is called inside runs on this host; None: in this process."""
    before = _HOST.set(host)
    try:
        yield
    finally:
        _HOST.reset(before)


def hosted(spec: str, *, slots: int | None = None) -> Model:
    """`resolve`, on the host of the command. Raises what resolve raises."""
    host = _HOST.get()
    return resolve(spec, slots=slots) if host is None else host.model(spec, slots)


def each(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`work` of every item in order, on the host of the command; `work` must be pure, it may be done twice."""
    host = _HOST.get()
    return map(work, items) if host is None else host.each(work, items)
