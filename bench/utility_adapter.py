"""The adapter of one fold of the utility benchmark: trained on two corpora, the third never read.

Same learner and same variation as the shipped adapter (`bench/train_adapter.py`), from fresh weights. The fold without
PersuasionForGood needs no training: the first shipped adapter saw SGD and CamRest676 (split train) and nothing else.
"""

from pathlib import Path
from typing import Any

import numpy as np

from assay.learning import augment, data, sft
from assay.learning.data import HumanSession, TrainingText
from assay.models.adapter import BASE
from assay.models.embedded import WEIGHTS_SHA256
from assay.simulation import prompt
from utility_turns import persuasion_sessions

LONGEST = 400
"""Tokens of a training text."""
MOST_TURNS = 10
"""A session is drawn in proportion to its turns, up to this many."""
MADE_FOR = {BASE: WEIGHTS_SHA256}
BATCH = 3


def sessions_without(folder: Path, held_out: str) -> list[HumanSession]:
    """Training sessions of the two corpora that are not held out: `train` splits, all of PersuasionForGood.

    Raises KeyError for a corpus that is none of the three.
    """
    readers = {
        "sgd": lambda: data.read_sgd(folder / "sgd.jsonl.gz", "train"),
        "camrest676": lambda: data.read_camrest(folder / "camrest676.jsonl.gz", "train"),
        "persuasionforgood": lambda: persuasion_sessions(folder),
    }
    del readers[held_out]
    return [s for read in readers.values() for s in read() if s.turns]


def train(folder: Path, held_out: str, base: Path, out: Path, seconds: float, half: bool, seed: int) -> Path:
    """Train to the deadline and write `out/adapter.gguf`; its path. A killed run goes on from its checkpoint."""
    from assay.learning.gguf_adapter import write_adapter

    sessions = sessions_without(folder, held_out)
    cuts = data.terciles([s for s in sessions if s.goals])
    weight = np.minimum([len(s.turns) for s in sessions], MOST_TURNS).astype(float)
    chance = weight / weight.sum()
    tokenizer = sft.load_base(base)[1]

    def fits(text: str) -> bool:
        return len(text) < 6 * LONGEST and len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= LONGEST

    def draw(rng: np.random.Generator) -> TrainingText | None:
        return augment.draw(prompt, sessions[int(rng.choice(len(sessions), p=chance))], cuts, rng, fits)

    def watch(tokens: Any) -> list[Any]:
        rng = np.random.default_rng(seed)
        drawn = [draw(rng) for _ in range(8)]
        return [sft.encode(tokens, d) for d in drawn if d is not None][:4]

    config = sft.SftConfig(
        base=base, out=out, seconds=seconds, batch=BATCH, half=half, seed=seed, checkpoint_seconds=240.0
    )
    print(f"without {held_out}: {len(sessions)} sessions, {sum(len(s.turns) for s in sessions)} user turns", flush=True)
    folder_of_last = sft.Trainer(config, draw, watch).run(lambda kept: print(kept, flush=True))
    path = out / "adapter.gguf"
    size = write_adapter(folder_of_last, path, name=f"without-{held_out}", about=MADE_FOR)
    print(f"{path}: {size} bytes", flush=True)
    return path
