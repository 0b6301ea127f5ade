"""Whole persona sessions by the model as it is now: the user's lines drawn turn by turn, the partner's as they stand.

The embedded engine holds one slot a session, so that every line is read once; its adapter is the newest weights. Seeds
follow from step, frame, member and turn, so that a resumed run draws what an undisturbed one does.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from assay.learning.base_weights import Base
from assay.learning.gguf_adapter import write_adapter
from assay.learning.persona_frames import END, Frame, Talk, rendered
from assay.learning.rollouts import Drawn, Draws, TorchSampler, _of_answer
from assay.models.hosting import hosted
from assay.models.model import Request, Sampling
from assay.records.base import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How lines are drawn."""

    builder: Any
    temperature: float
    longest: int
    """Tokens of a line."""


class Talker(Protocol):
    """Speaks whole sessions with the model as it is now."""

    def talk(self, model: Any, frames: Sequence[Frame], seed: int) -> list[Talk]:
        """One session a frame; a frame given twice gets different dice."""


def members(frames: Sequence[Frame]) -> list[int]:
    """How often each frame stood in the list before."""
    seen: dict[str, int] = {}
    found = []
    for frame in frames:
        found.append(seen.get(frame.id, 0))
        seen[frame.id] = found[-1] + 1
    return found


def _seed(seed: int, frame: Frame, member: int, turn: int) -> int:
    return int(digest([seed, frame.id, member, turn])[:7], 16)


def _said(frame: Frame, drawn: Sequence[Drawn]) -> Talk:
    tokens = sum(d.tokens for d in drawn)
    doubt = sum(d.doubt * d.tokens for d in drawn) / max(tokens, 1)
    return Talk(frame, tuple(" ".join(d.text.split()) for d in drawn), float(doubt), tokens)


class EngineTalker:
    """The embedded engine with the model's adapter; a model of None speaks with the frozen weights alone."""

    def __init__(self, base: Base, voice: Voice, slots: int = 8) -> None:
        self.base, self.voice, self.slots = base, voice, slots

    def talk(self, model: Any, frames: Sequence[Frame], seed: int) -> list[Talk]:
        """See Talker."""
        heads, kv_heads = self.base.heads
        with tempfile.TemporaryDirectory(prefix="assay-policy-") as folder:
            if model is None:
                return asyncio.run(self._all("embedded-base", frames, seed))
            model.save_pretrained(folder)
            path = Path(folder) / "policy.gguf"
            about = {"assay.base.sha256": self.base.sha256, "assay.base.name": self.base.name}
            write_adapter(Path(folder), path, name="policy", heads=heads, kv_heads=kv_heads, about=about)
            return asyncio.run(self._all(f"embedded:{path}", frames, seed))

    async def _all(self, name: str, frames: Sequence[Frame], seed: int) -> list[Talk]:
        engine = hosted(name, slots=self.slots)
        # no more sessions at once than slots: a slot that is taken over forgets what it has read
        gate = asyncio.Semaphore(self.slots)

        async def one(frame: Frame, member: int) -> Talk:
            async with gate:
                return await self._one(engine, frame, member, seed)

        try:
            found = zip(frames, members(frames), strict=True)
            return list(await asyncio.gather(*(one(f, m) for f, m in found)))
        finally:
            await engine.close()

    async def _one(self, engine: Any, frame: Frame, member: int, seed: int) -> Talk:
        voice, drawn = self.voice, list[Drawn]()
        for turn in range(len(frame.beats)):
            prompt = rendered(voice.builder, frame, [d.text for d in drawn])
            sampling = Sampling(
                temperature=voice.temperature, max_tokens=voice.longest, stop=(END,),
                seed=_seed(seed, frame, member, turn),
            )  # fmt: skip
            answer = await engine.complete(Request(prompt=prompt, sampling=sampling, n_probs=1, purpose="rollout"))
            drawn.append(_of_answer(answer))
        return _said(frame, drawn)


class TorchTalker:
    """`generate` of transformers: any base and device."""

    def __init__(self, tokenizer: Any, voice: Voice) -> None:
        self.sampler, self.voice = TorchSampler(tokenizer), voice

    def talk(self, model: Any, frames: Sequence[Frame], seed: int) -> list[Talk]:
        """See Talker."""
        return [self._one(model, f, m, seed) for f, m in zip(frames, members(frames), strict=True)]

    def _one(self, model: Any, frame: Frame, member: int, seed: int) -> Talk:
        voice, drawn = self.voice, list[Drawn]()
        for turn in range(len(frame.beats)):
            prompt = rendered(voice.builder, frame, [d.text for d in drawn])
            how = Draws(
                n=1, temperature=voice.temperature, longest=voice.longest, stop=END,
                seed=_seed(seed, frame, member, turn),
            )  # fmt: skip
            drawn.append(self.sampler.draw(model, [prompt], how)[0][0])
        return _said(frame, drawn)


def mean_doubt(talks: Sequence[Talk]) -> float:
    """Mean negative log-probability over the drawn tokens of some sessions, nats."""
    tokens = np.array([max(t.tokens, 1) for t in talks], float)
    return float((np.array([t.doubt for t in talks]) * tokens).sum() / tokens.sum())
