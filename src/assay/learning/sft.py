"""Supervised training of a LoRA adapter, by the wall clock or by steps.

Whole sessions are sequences; only the user's words are targets, and the vocabulary head is computed there alone. The
schedule decays to zero at the deadline (or at the last step); a killed run resumes from its last checkpoint with the
seconds or steps it has left. By steps and in fp32 on one processor the weights of a killed run are those of an
undisturbed one, byte for byte. Imports torch, transformers and peft: only learning verbs may import this module.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay.errors import BadInput, Refused
from assay.learning.data import TrainingText

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Layers that get an adapter."""

Draw = Callable[[np.random.Generator], TrainingText | None]
"""One random training sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftConfig:
    """What a training run is told."""

    base: Path
    """Folder of the base model in Hugging Face form, fp32."""
    out: Path
    """Folder for checkpoints, the log and the final adapter."""
    seconds: float
    """Training time in seconds of the wall clock, over all resumptions."""
    rank: int = 8
    peak_rate: float = 1e-3
    """Highest learning rate, after the warm-up."""
    warm_up: int = 15
    """Steps of warm-up."""
    batch: int = 4
    """Sequences a step."""
    checkpoint_seconds: float = 300.0
    """Seconds between checkpoints."""
    threads: int = 2
    half: bool = False
    """Frozen weights in bf16 (the adapter stays in fp32): four times faster with AVX512-BF16, far slower without."""
    seed: int = 1
    steps: int | None = None
    """Steps to train; None trains by the clock, for `seconds`."""
    device: str = "cpu"
    """Where the model lives: cpu or cuda."""
    keep: int | None = None
    """Newest checkpoints that stay on disk; None keeps all."""


MOST_DRAWS = 2000
"""Draws in a row that give no text, after which there is none to be had."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of a sequence, shape (length,), and the positions of its target tokens, shape (targets,)."""

    ids: torch.Tensor
    targets: torch.Tensor


def encode(tokenizer: Any, sequence: TrainingText) -> Encoded:
    """Tokens of a sequence; a token is a target when it begins inside one of the spans."""
    coded = tokenizer(sequence.text, return_offsets_mapping=True, add_special_tokens=False)
    inside = [
        i
        for i, (start, end) in enumerate(coded["offset_mapping"])
        if i and any(a <= start and end <= b and end > start for a, b in sequence.spans)
    ]
    return Encoded(torch.tensor(coded["input_ids"]), torch.tensor(inside, dtype=torch.long))


def token_losses(model: Any, item: Encoded) -> torch.Tensor:
    """Cross entropy (nats) of each target token of one sequence, shape (targets,)."""
    causal = model.get_base_model() if isinstance(model, PeftModel) else model
    ids, targets = item.ids.to(causal.device), item.targets.to(causal.device)
    hidden = causal.model(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    logits = causal.lm_head(hidden[targets - 1]).float()
    return torch.nn.functional.cross_entropy(logits, ids[targets], reduction="none")


def target_loss(model: Any, item: Encoded) -> torch.Tensor:
    """Summed cross entropy (nats) of the target tokens of one sequence."""
    return token_losses(model, item).sum()


def mean_loss(model: Any, items: Sequence[Encoded]) -> float:
    """Mean cross entropy (nats a target token) over sequences. Raises ValueError without target tokens."""
    count = sum(len(i.targets) for i in items)
    if not count:
        raise ValueError("mean_loss needs at least one target token")
    model.eval()
    with torch.no_grad():
        total = sum(float(target_loss(model, i)) for i in items)
    model.train()
    return total / count


def losses_of(model: Any, items: Sequence[Encoded]) -> list[list[float]]:
    """Cross entropy (nats) of every target token of every sequence: one list a sequence, in its order."""
    model.eval()
    with torch.no_grad():
        found = [[float(x) for x in token_losses(model, item)] for item in items]
    model.train()
    return found


def load_base(base: Path, half: bool = False) -> tuple[Any, Any]:
    """Model (fp32, or bf16 for `half`) and tokenizer of a folder. Raises OSError when it holds none.

    Plain attention: on a processor and at this length it is a third faster than the fused one.
    """
    kind = torch.bfloat16 if half else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, dtype=kind, attn_implementation="eager")
    return model, AutoTokenizer.from_pretrained(base)


def with_adapter(model: Any, config: SftConfig, checkpoint: Path | None) -> Any:
    """The model with a fresh adapter, or with the one of a checkpoint."""
    if checkpoint is not None:
        return PeftModel.from_pretrained(model, checkpoint, is_trainable=True)
    lora = LoraConfig(r=config.rank, lora_alpha=2 * config.rank, target_modules=list(LINEAR), task_type="CAUSAL_LM")
    return get_peft_model(model, lora)


def latest_checkpoint(out: Path) -> Path | None:
    """The newest complete checkpoint of a run, or None."""
    found = sorted(out.glob("checkpoint-*/state.json"), key=lambda p: int(p.parent.name.split("-")[1]))
    return found[-1].parent if found else None


def rate(config: SftConfig, step: int, elapsed: float) -> float:
    """Learning rate: linear warm-up by steps times a cosine to zero by the clock, or by steps where they are given."""
    passed = elapsed / config.seconds if config.steps is None else step / config.steps
    left = min(max(passed, 0.0), 1.0)
    return config.peak_rate * min(1.0, (step + 1) / config.warm_up) * 0.5 * (1.0 + math.cos(math.pi * left))


Watched = Sequence[Encoded] | Mapping[str, Sequence[Encoded]]
"""Held-out sequences, in one group or in several by name."""
Told = Callable[[dict[str, Any]], None]
"""Told every line of progress.jsonl as it is written."""


class Trainer:
    """One run: draws, steps, checkpoints, logs."""

    def __init__(
        self, config: SftConfig, draw: Draw, watch: Callable[[Any], Watched], told: Told | None = None
    ) -> None:
        """`watch` makes the held-out sequences from the tokenizer; they are never trained on."""
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.draw, self.told = config, draw, told
        config.out.mkdir(parents=True, exist_ok=True)
        self._mend_log()
        base, self.tokenizer = load_base(config.base, config.half)
        found = latest_checkpoint(config.out)
        self.model = with_adapter(base, config, found).to(config.device)
        watched = watch(self.tokenizer)
        self.groups = dict(watched) if isinstance(watched, Mapping) else {"held out": watched}
        weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(weights, lr=config.peak_rate, weight_decay=0.0)
        self.weights, self.step, self.spent, self.tokens, self.seen = weights, 0, 0.0, 0, 0
        if found is not None:
            self._resume(found)

    def _resume(self, found: Path) -> None:
        state = json.loads((found / "state.json").read_text())
        self.step, self.spent = state["step"], state["seconds"]
        self.tokens, self.seen = state["tokens"], state["target_tokens"]
        held = torch.load(found / "optimizer.pt", map_location=self.config.device, weights_only=True)
        self.optimizer.load_state_dict(held)

    def _mend_log(self) -> None:
        """End a line that a kill cut short, so that the next one stands by itself."""
        path = self.config.out / "progress.jsonl"
        text = path.read_bytes() if path.is_file() else b""
        if text and not text.endswith(b"\n"):
            with path.open("a") as lines:
                lines.write("\n")

    def log(self, **entry: Any) -> None:
        """One line of progress.jsonl."""
        line = {"step": self.step, "seconds": round(self.spent, 1), **entry}
        with (self.config.out / "progress.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        if self.told is not None:
            self.told(line)

    def measure(self) -> dict[str, Any]:
        """Mean held-out loss of the first group, and of every group by name (nats a target token)."""
        means = {name: round(mean_loss(self.model, items), 5) for name, items in self.groups.items()}
        return {"held_out": next(iter(means.values())), "groups": means}

    def _batch(self, rng: np.random.Generator) -> list[Encoded]:
        batch: list[Encoded] = []
        empty = 0
        while len(batch) < self.config.batch:
            drawn = self.draw(rng)
            item = None if drawn is None else encode(self.tokenizer, drawn)
            if item is not None and len(item.targets):
                batch.append(item)
                empty = 0
                continue
            empty += 1
            if empty >= MOST_DRAWS:
                raise BadInput(
                    f"{MOST_DRAWS} draws in a row gave no training text",
                    now="raise `longest`, or look whether the acts of the data are mapped",
                )
        return batch

    def one_step(self) -> float:
        """Draw a batch, step once; the mean loss (nats a target token). The dice depend on (seed, step) alone.

        Raises Refused when the loss is not a number, BadInput when no training text can be drawn.
        """
        batch = self._batch(np.random.default_rng([self.config.seed, self.step]))
        count = sum(len(i.targets) for i in batch)
        total = 0.0
        for item in batch:
            loss = target_loss(self.model, item) / count
            loss.backward()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise Refused(
                f"the loss is not a number at step {self.step}",
                where=str(self.config.out),
                now="lower `rate` and start again in another --out",
            )
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.config, self.step, self.spent)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += sum(len(i.ids) for i in batch)
        self.seen += count
        return total

    def checkpoint(self) -> Path:
        """Write adapter, optimizer and counters; `state.json` comes last, in one move, and marks it complete."""
        folder = self.config.out / f"checkpoint-{self.step}"
        self.model.save_pretrained(folder)
        torch.save(self.optimizer.state_dict(), folder / "optimizer.pt")
        state = {"step": self.step, "seconds": self.spent, "tokens": self.tokens, "target_tokens": self.seen}
        part = folder / "state.json.part"
        part.write_text(json.dumps(state))
        os.replace(part, folder / "state.json")
        self._forget(folder)
        return folder

    def _forget(self, newest: Path) -> None:
        """Remove checkpoints beyond those to keep, the marker first, so that none is ever half there."""
        if self.config.keep is None:
            return
        others = [p for p in self.config.out.glob("checkpoint-*") if p != newest and p.is_dir()]
        others.sort(key=lambda p: int(p.name.split("-")[1]))
        for folder in others[: max(0, len(others) + 1 - max(1, self.config.keep))]:
            (folder / "state.json").unlink(missing_ok=True)
            shutil.rmtree(folder)

    def over(self) -> bool:
        """Whether the deadline has passed, or the last step is done."""
        if self.config.steps is not None:
            return self.step >= self.config.steps
        return self.spent >= self.config.seconds

    def run(self, after: Callable[[Path], None]) -> Path:
        """Train to the deadline; `after` is called with every checkpoint. The last checkpoint's folder."""
        self.model.train()
        told = {k: str(v) for k, v in asdict(self.config).items()}
        self.log(config=told, **self.measure())
        last, kept = time.monotonic(), self.spent
        while not self.over():
            loss = self.one_step()
            now = time.monotonic()
            self.spent, last = self.spent + now - last, now
            now_rate = float(f"{rate(self.config, self.step, self.spent):.6g}")
            self.log(loss=round(loss, 4), rate=now_rate, tokens=self.tokens)
            if self.spent - kept >= self.config.checkpoint_seconds and not self.over():
                kept = self.spent
                after(self.checkpoint())
                self.log(**self.measure())
                now = time.monotonic()
                self.spent, last = self.spent + now - last, now
        folder = self.checkpoint()
        self.log(**self.measure(), final=str(folder))
        return folder
