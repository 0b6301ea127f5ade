"""Text faults: a turn re-realised from a wrong latent, by the verbaliser itself (METHODS 9)."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from assay.authoring.priors import draw_attribute
from assay.door.making import WORDING, opened
from assay.models.model import Request, Sampling
from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session
from assay.runs.calls import Calls
from assay.runs.ledger import Ledger
from assay.simulation.one import topics
from assay.simulation.policy import Move
from assay.simulation.prompt import Act, Exchange, Header, render
from assay.simulation.wording import Limits, fill, word


class Rewording:
    """Words one turn as if another act or goal had been drawn; the call a fault operator makes.

    Its prompt holds the header and the current exchange only: the earlier turns would cost ten times the tokens, and
    the fault is in this turn. Candidates must pass the wrong act's own guards, so that the text really is of that act.
    """

    def __init__(self, blueprint: Blueprint, calls: Calls, loop: asyncio.AbstractEventLoop) -> None:
        self.blueprint, self.calls, self.loop = blueprint, calls, loop

    def __call__(self, session: Session, turn: int, labels: Mapping[str, Any]) -> str | None:
        """The turn's words, or None where the wrong labels name no act of the blueprint."""
        act = labels.get("act")
        if act not in self.blueprint.user_acts:
            return None
        return asyncio.run_coroutine_threadsafe(self._word(session, turn, labels), self.loop).result()

    async def _word(self, session: Session, turn: int, labels: Mapping[str, Any]) -> str:
        spec = self.blueprint.user_acts[str(labels["act"])]
        mark = digest([session.id, turn, dict(labels)])
        rng = np.random.default_rng(int(mark[:16], 16))
        goal = str(labels.get("goal", session.session_labels.get("goal", "")))
        words = self.blueprint.goals[goal].words if goal in self.blueprint.goals else ""
        slots = {s: self._value(session, s, labels, rng) for s in spec.slots}
        move = Move(act=str(labels["act"]), core_act=spec.like, slots=slots)
        named = {self.blueprint.slots[s].words or s.replace("_", " "): v for s, v in slots.items()}
        if spec.asks:
            named[spec.asks] = ""
        shown = Act(name=CORE_ACTS[spec.like].words, slots=named, detail=words if spec.detail == "goal" else "")
        before = session.turns[turn - 1].text if turn else None
        prompt = render(Header(goal=words), (Exchange(assistant=before, acts=(shown,)),))

        async def say(text: str, candidate: int) -> tuple[str, str]:
            sampling = Sampling(
                temperature=WORDING.temperature, top_p=WORDING.top_p, max_tokens=WORDING.max_tokens, stop=WORDING.stop,
                seed=int(digest([mark, candidate])[:7], 16),
            )  # fmt: skip
            answer = await self.calls.complete(Request(prompt=text, sampling=sampling, purpose="plant"))
            return answer.text, answer.key

        chosen = fill(spec.says[int(rng.integers(len(spec.says)))], {"goal": words, **slots})
        limits = Limits(topics=topics(self.blueprint))
        return (await word(prompt, move, spec, limits=limits, say=say, fallback=chosen)).text

    def _value(self, session: Session, slot: str, labels: Mapping[str, Any], rng: np.random.Generator) -> str:
        given = labels.get("slots")
        if isinstance(given, dict) and slot in given:
            return str(given[slot])
        for t in session.turns:
            held = t.labels.get("slots")
            if isinstance(held, dict) and slot in held:
                return str(held[slot])
        spec = self.blueprint.slots[slot]
        if spec.when is not None:
            return next(iter(next(iter(spec.when.values()))))
        return draw_attribute(spec, {}, rng)


@contextmanager
def rewording(blueprint: Blueprint, model: str, ledger: Ledger) -> Iterator[Rewording | None]:
    """A Rewording on a loop of its own thread, so that planting stays plain code; None without a model."""
    if model == "template":
        yield None
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    manager = opened(model, ledger)
    calls = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result()
    try:
        yield Rewording(blueprint, calls, loop) if calls is not None else None
    finally:
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
