"""Model calls of a run: looked up in the ledger first, sent once, committed, counted."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from typing import Any

from assay.errors import AssayError
from assay.models.model import Answer, Model, Request, key_of
from assay.runs.ledger import Ledger


class Calls:
    """One model behind one ledger.

    A call whose answer is committed is never sent again. Equal calls in flight are one call. At most `model.slots`
    calls are in flight (`limit` lowers that). Meant for one event loop at a time.
    """

    def __init__(self, ledger: Ledger, model: Model, *, limit: int | None = None) -> None:
        self.ledger, self.model, self.purse = ledger, model, ledger.purse
        self.identity = model.identity()
        self.found: Counter[str] = Counter()
        """Purpose -> calls of this process that were answered from the ledger."""
        self._limit = max(1, min(limit or model.slots, model.slots))
        self._slots: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None
        self._flying: dict[str, asyncio.Task[Answer]] = {}

    async def complete(self, request: Request) -> Answer:
        """The committed answer of a request, sending it when there is none yet; `Answer.key` is its ledger key.

        Raises ProviderFailed when the model fails (the call stays unanswered), StorageFailed when the answer cannot
        be committed, OutOfBudget when the ledger's purse does not hold what the call may cost.
        """
        key = key_of(self.identity, request)
        known = self.ledger.answer(key)
        if known is not None:
            self.found[request.purpose] += 1
            return known
        task = self._flying.get(key)
        if task is None:
            task = asyncio.create_task(self._send(key, request))
            self._flying[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        else:
            self.found[request.purpose] += 1
        # one waiter that is cancelled must not take the call away from the others
        return await asyncio.shield(task)

    def _landed(self, key: str, task: "asyncio.Task[Answer]") -> None:
        self._flying.pop(key, None)
        if not task.cancelled():
            # marks the error as seen: its waiters may all have been cancelled
            task.exception()

    async def _send(self, key: str, request: Request) -> Answer:
        async with self._semaphore():
            with self.purse.reserved(self.identity, request) if self.purse else nullcontext():
                self.ledger.start(key, self.identity, request)
                try:
                    answer = await self.model.complete(request)
                except (AssayError, MemoryError) as error:
                    self.ledger.failed(key, str(error), retries=getattr(error, "retries", 0))
                    raise
                self.ledger.finish(key, answer)
                if self.purse:
                    self.purse.pay(self.identity, request, answer)
        return answer.keyed(key)

    def _semaphore(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if self._slots is None or self._slots[0] is not loop:
            self._slots = (loop, asyncio.Semaphore(self._limit))
        return self._slots[1]

    def usage(self) -> dict[str, Any]:
        """Per purpose what was sent over the life of the run (Ledger.usage), plus `found`: answers of this process
        that came from the ledger without a call."""
        counted: dict[str, dict[str, int]] = self.ledger.usage()
        for purpose, n in sorted(self.found.items()):
            counted.setdefault(purpose, {})["found"] = n
        return {purpose: {"found": 0, **values} for purpose, values in sorted(counted.items())}
