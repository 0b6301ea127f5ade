"""Answers of the model that is being trained: by the embedded engine with its newest adapter, or by torch.

The engine writes faster than `generate` of transformers on a processor and is what will run the adapter later; it knows
one base only. Seeds follow from step, prompt and draw, so that a resumed run draws what an undisturbed one does.
"""

import asyncio
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from assay.learning.base_weights import Base
from assay.learning.gguf_adapter import write_adapter
from assay.models.hosting import hosted
from assay.models.model import Request, Sampling
from assay.records.base import digest


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer."""

    text: str
    doubt: float
    """Mean negative log-probability a token as it was drawn, nats."""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How answers are drawn."""

    n: int
    """Answers a prompt."""
    temperature: float
    longest: int
    """Tokens of an answer."""
    stop: str
    """Ends it."""
    seed: int


class Sampler(Protocol):
    """Draws answers from the model as it is now."""

    def draw(self, model: Any, prompts: Sequence[str], how: Draws) -> list[list[Drawn]]:
        """(prompts, n) answers."""


class EngineSampler:
    """The embedded engine; `model` is written to an adapter file first."""

    def __init__(self, base: Base, slots: int = 4) -> None:
        self.base, self.slots = base, slots

    def draw(self, model: Any, prompts: Sequence[str], how: Draws) -> list[list[Drawn]]:
        """(prompts, n) answers; prompts one after the other, so that the draws of one share its prefix."""
        heads, kv_heads = self.base.heads
        with tempfile.TemporaryDirectory(prefix="assay-policy-") as folder:
            model.save_pretrained(folder)
            # the name tells engines apart: one is kept per adapter file
            path = Path(folder) / "policy.gguf"
            about = {"assay.base.sha256": self.base.sha256, "assay.base.name": self.base.name}
            write_adapter(Path(folder), path, name="policy", heads=heads, kv_heads=kv_heads, about=about)
            return asyncio.run(self._all(f"embedded:{path}", prompts, how))

    async def _all(self, name: str, prompts: Sequence[str], how: Draws) -> list[list[Drawn]]:
        engine = hosted(name, slots=self.slots)
        try:
            return [await self._one(engine, prompt, how) for prompt in prompts]
        finally:
            await engine.close()

    async def _one(self, engine: Any, prompt: str, how: Draws) -> list[Drawn]:
        def request(i: int) -> Request:
            seed = int(digest([how.seed, prompt, i])[:7], 16)
            sampling = Sampling(temperature=how.temperature, max_tokens=how.longest, stop=(how.stop,), seed=seed)
            return Request(prompt=prompt, sampling=sampling, n_probs=1, purpose="rollout")

        first = await engine.complete(request(0))
        rest = await asyncio.gather(*(engine.complete(request(i)) for i in range(1, how.n)))
        return [_of_answer(a) for a in (first, *rest)]


def _of_answer(answer: Any) -> Drawn:
    content = ((answer.raw["choices"][0].get("logprobs") or {}).get("content")) or []
    drawn = [p for entry in content if math.isfinite(p := float(entry["logprob"]))]
    return Drawn(answer.text, -float(np.mean(drawn)) if drawn else 0.0, max(1, len(drawn)))


class TorchSampler:
    """`generate` of transformers: any base and device."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def draw(self, model: Any, prompts: Sequence[str], how: Draws) -> list[list[Drawn]]:
        """(prompts, n) answers."""
        import torch

        was = model.training
        model.eval()
        state = torch.random.get_rng_state()
        torch.manual_seed(how.seed)
        try:
            with torch.no_grad():
                return [self._one(model, prompt, how) for prompt in prompts]
        finally:
            torch.random.set_rng_state(state)
            model.train(was)

    def _one(self, model: Any, prompt: str, how: Draws) -> list[Drawn]:
        import torch

        ids = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"].to(model.device)
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=how.temperature, top_k=0,
            max_new_tokens=how.longest, num_return_sequences=how.n, return_dict_in_generate=True, output_logits=True,
            pad_token_id=self.tokenizer.pad_token_id or 0, stop_strings=[how.stop], tokenizer=self.tokenizer,
        )  # fmt: skip
        rows = out.sequences[:, ids.shape[1] :]
        scores = torch.stack(out.logits, 1).float().log_softmax(-1)
        chosen = scores.gather(-1, rows[..., None])[..., 0]
        return [self._drawn(row, p, how) for row, p in zip(rows, chosen, strict=True)]

    def _drawn(self, row: Any, logprobs: Any, how: Draws) -> Drawn:
        text = str(self.tokenizer.decode(row, skip_special_tokens=True))
        kept = text.split(how.stop)[0]
        tokens = max(1, len(self.tokenizer(kept, add_special_tokens=False)["input_ids"]))
        return Drawn(kept, -float(logprobs[:tokens].mean()), tokens)
