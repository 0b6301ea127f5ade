"""Running many: units with bounded concurrency, results kept as they finish, failures counted and never lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from assay.errors import AssayError, OutOfBudget, OutOfMemory, StorageFailed

U = TypeVar("U")


class Progress(Protocol):
    """Told how far a stage is; drawn by the command line, ignored by the library."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units of a stage are finished."""
        ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """The progress of a library call: none."""


@dataclass(slots=True)
class Outcome(Generic[U]):
    """What came of a batch."""

    done: int = 0
    """Units finished in this call."""
    kept: int = 0
    """Units that were finished before and were not run again."""
    failed: dict[str, AssayError] = field(default_factory=dict)
    """Unit id -> why it failed."""
    seconds: float = 0.0
    """Wall time."""


async def run_units(
    units: Sequence[tuple[str, U]],
    work: Callable[[U], Awaitable[None]],
    *,
    slots: int,
    stage: str,
    progress: Progress = silent,
    finished: frozenset[str] = frozenset(),
) -> Outcome[U]:
    """Run `work` on every unit that is not in `finished`, at most `slots` at a time, in order of the units.

    An AssayError of a unit, or its want of memory, is kept under its id and the others go on. Raises StorageFailed and
    OutOfBudget once the units in flight have ended: with a full disk no unit can be kept, without money none can be
    made. Any other exception is a bug and stops the batch.
    """
    starved: list[StorageFailed | OutOfBudget] = []
    outcome: Outcome[U] = Outcome(kept=sum(name in finished for name, _ in units))
    started = time.monotonic()
    waiting = iter([(name, unit) for name, unit in units if name not in finished])
    total = len(units)
    progress(stage, outcome.kept, total, "kept from before" if outcome.kept else "")

    async def worker() -> None:
        for name, unit in waiting:
            if starved:
                return
            try:
                await work(unit)
                outcome.done += 1
            except (StorageFailed, OutOfBudget) as error:
                starved.append(error)
                return
            except AssayError as error:
                outcome.failed[name] = error
            except MemoryError:
                # what this unit held is free again once it is dropped: the next may fit
                outcome.failed[name] = OutOfMemory(
                    "there is not enough memory for this unit",
                    where=name,
                    now="give the process more memory, then run the same command again: finished units are kept",
                )
            note = f"{len(outcome.failed)} failed" if outcome.failed else ""
            progress(stage, outcome.kept + outcome.done + len(outcome.failed), total, note)

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, slots)):
            group.create_task(worker())
    if starved:
        raise starved[0]
    outcome.seconds = time.monotonic() - started
    return outcome
