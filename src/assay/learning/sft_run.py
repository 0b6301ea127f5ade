"""One supervised run from a checked plan: draws, held-out sequences, training, figures, the exported adapter.

Torch is imported inside the functions that train, so that configurations can be checked without it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import BadInput
from assay.learning import augment, data, figures
from assay.learning.base_weights import Base, chosen_device, chosen_half, chosen_threads
from assay.learning.data import HumanSession, PromptBuilder, Terciles, TrainingText
from assay.learning.gguf_adapter import write_adapter
from assay.learning.sft_config import SftPlan
from assay.learning.sft_data import Corpus

MOST_TURNS = 10
"""A session is drawn in proportion to its turns, up to this many."""
WATCHED = 6
"""Held-out texts of each kind that are measured at every checkpoint; the figures at the end take `sequences`."""
LONGEST_WATCHED = 220
"""Tokens of a text that is measured at every checkpoint."""
HELD_OUT_SEED = 7
"""Seed of the choice of held-out texts: the same whatever the run's seed, so that runs can be compared."""
ADAPTER = "adapter.gguf"
"""Name of the exported adapter in the run folder."""

Fits = Callable[[str], bool]


@dataclass(slots=True)
class Job:
    """A run that is ready to train."""

    plan: SftPlan
    corpus: Corpus
    base: Base
    out: Path
    builder: PromptBuilder
    cuts: Terciles = field(init=False)
    """Between brief, medium and talkative, of the training sessions."""

    def __post_init__(self) -> None:
        train = self.corpus.train
        self.cuts = data.terciles([s for s in train if s.goals] or train)

    def settings(self) -> Any:
        """The trainer's configuration on this machine. Raises BadInput for cuda without a GPU."""
        from assay.learning.sft import SftConfig

        plan, device = self.plan, chosen_device(self.plan.device)
        return SftConfig(
            base=self.base.folder,
            out=self.out,
            seconds=60.0 * plan.minutes if plan.minutes is not None else float("inf"),
            steps=plan.steps,
            rank=plan.rank,
            peak_rate=plan.rate,
            warm_up=plan.warm_up,
            batch=plan.batch,
            checkpoint_seconds=plan.checkpoint_seconds,
            threads=chosen_threads(plan.threads),
            half=chosen_half(plan.precision, device),
            seed=plan.seed,
            device=device,
            keep=plan.keep,
        )


def fits(tokenizer: Any, longest: int) -> Fits:
    """Whether a text has at most `longest` tokens."""

    def fit(text: str) -> bool:
        return len(text) < 6 * longest and len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= longest

    return fit


def drawer(job: Job, short: Fits) -> Callable[[np.random.Generator], TrainingText | None]:
    """Draws one training text: a session in proportion to its turns, varied where the plan says so."""
    sessions = job.corpus.train
    weight = np.minimum([len(s.turns) for s in sessions], MOST_TURNS).astype(float)
    chance = weight / weight.sum()

    def draw(rng: np.random.Generator) -> TrainingText | None:
        session = sessions[int(rng.choice(len(sessions), p=chance))]
        if job.plan.vary:
            return augment.draw(job.builder, session, job.cuts, rng, short)
        top = {**augment.header(session, job.cuts, rng), "goal": ", ".join(session.goals[:2])}
        return data.sequence(job.builder, session, top, 0, short)

    return draw


def held_out_texts(job: Job, sessions: Sequence[HumanSession], n: int, short: Fits) -> list[TrainingText]:
    """Up to `n` held-out sessions as they are, each once, in a fixed random order."""
    found: list[TrainingText] = []
    for i in np.random.default_rng(HELD_OUT_SEED).permutation(len(sessions)):
        session = sessions[int(i)]
        text = data.sequence(job.builder, session, figures.header_of(session, job.cuts), 0, short)
        if text is not None:
            found.append(text)
        if len(found) == n:
            break
    return found


def encoded(job: Job, tokenizer: Any, n: int, longest: int) -> dict[str, list[Any]]:
    """Group of held-out sessions -> encoded texts with at least one target; groups without any are left out.

    Raises BadInput when no held-out text fits at all.
    """
    from assay.learning.sft import encode

    short, found = fits(tokenizer, longest), {}
    for name, sessions in job.corpus.groups().items():
        items = [encode(tokenizer, t) for t in held_out_texts(job, sessions, n, short)]
        found[name] = [i for i in items if len(i.targets)]
    if not any(found.values()):
        raise BadInput(f"no held-out turn fits in {longest} tokens", where="longest", now="raise `longest`")
    return {name: items for name, items in found.items() if items}


def train(job: Job, told: Callable[[dict[str, Any]], None], after: Callable[[Path], None]) -> Path:
    """Train to the end, or go on from the last checkpoint; the final checkpoint's folder.

    `told` gets every line of the log, `after` every checkpoint's folder. Raises BadInput when no text fits, Refused
    when the loss is not a number.
    """
    from assay.learning.sft import Trainer

    short = fits(tokenizer_of(job), job.plan.longest)
    longest = min(job.plan.longest, LONGEST_WATCHED)
    watched = min(job.plan.sequences, WATCHED)
    trainer = Trainer(job.settings(), drawer(job, short), lambda t: encoded(job, t, watched, longest), told)
    return trainer.run(after)


def tokenizer_of(job: Job) -> Any:
    """The tokenizer of the frozen weights."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(job.base.folder)


def held_out_loss(job: Job, checkpoint: Path) -> dict[str, Any]:
    """Group -> held-out loss before and after with intervals (figures.loss_figures), on the same texts."""
    from assay.learning.sft import load_base, losses_of, with_adapter

    settings = job.settings()
    base, tokenizer = load_base(settings.base, settings.half)
    model = with_adapter(base, settings, checkpoint).to(settings.device)
    found = {}
    for name, items in encoded(job, tokenizer, job.plan.sequences, job.plan.longest).items():
        after = losses_of(model, items)
        with model.disable_adapter():
            before = losses_of(model, items)
        found[name] = figures.loss_figures(before, after)
    return found


def export(job: Job, checkpoint: Path) -> dict[str, Any]:
    """Write the checkpoint's adapter as GGUF into the run folder; its name, sha256 and bytes."""
    heads, kv_heads = job.base.heads
    path = job.out / ADAPTER
    about = {"assay.base.sha256": job.base.sha256, "assay.base.name": job.base.name}
    size = write_adapter(checkpoint, path, name=job.plan.name, heads=heads, kv_heads=kv_heads, about=about)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": ADAPTER, "bytes": size, "sha256": digest, "step": int(checkpoint.name.split("-")[1])}
