"""Train the user adapter on real human turns, export it, measure it and write its card.

    python bench/train_adapter.py prepare --weights WEIGHTS.gguf --base DIR
    python bench/train_adapter.py train --data ../shared/data --base DIR --out DIR --minutes 75 --start ADAPTER-1
    python bench/train_adapter.py export --out DIR
    python bench/train_adapter.py measure --data ../shared/data --base DIR --out DIR --weights WEIGHTS.gguf

Needs the extra `learn`. Training stops by the clock, so its weights are not the same bytes on another machine; the
dice (seed, step) are. A killed run goes on from its last checkpoint. `OMP_WAIT_POLICY=PASSIVE` on a shared machine.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assay.learning import augment, data, sft
from assay.learning.data import HumanSession, TrainingText
from assay.learning.gguf_adapter import write_adapter
from assay.models.adapter import BASE
from assay.models.embedded import WEIGHTS_SHA256
from assay.simulation import prompt

ADAPTER = Path(__file__).parents[1] / "src" / "assay" / "models" / "weights" / "user-adapter-2.gguf"
NAME, MADE_FOR = ADAPTER.stem, {BASE: WEIGHTS_SHA256}
"""What the file's head says: by the second the engine refuses the adapter of another base."""
LONGEST = 400
"""Tokens of a training text."""
MOST_TURNS = 10
"""A session is drawn in proportion to its turns, up to this many."""
HELD_OUT, PROMPTS, SEED = 40, 60, 7


def trained_on(folder: Path) -> list[HumanSession]:
    """SGD `train` and `dev`, CamRest `train`, and the single turns of PersuasionForGood."""
    sets = load(folder, "train", "train") + data.read_sgd(folder / "sgd.jsonl.gz", "dev")
    return [s for s in sets if s.turns] + data.read_persuasion(folder / "persuasionforgood.jsonl.gz")


def load(folder: Path, sgd: str, camrest: str) -> list[HumanSession]:
    """Sessions of one split of each set, those without a single act left out."""
    found = data.read_sgd(folder / "sgd.jsonl.gz", sgd) + data.read_camrest(folder / "camrest676.jsonl.gz", camrest)
    return [s for s in found if s.turns]


def unseen(folder: Path, train: list[HumanSession]) -> list[HumanSession]:
    """Sessions of the test splits: SGD's only where every service is new, and CamRest's."""
    known = {name for s in train for name in s.services if name != "camrest"}
    return [s for s in load(folder, "test", "test") if not known & set(s.services)]


def watched_of(folder: Path, train: list[HumanSession]) -> list[HumanSession]:
    """Other sessions of known services (SGD `test`, CamRest `validation`): watched, never a result."""
    known = {name for s in train for name in s.services}
    return [s for s in load(folder, "test", "validation") if known >= set(s.services)]


def fits(tokenizer: Any, longest: int) -> Callable[[str], bool]:
    """Whether a text has at most that many tokens."""
    return lambda text: (
        len(text) < 6 * longest and len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= longest
    )


def held_out(tokenizer: Any, sessions: list[HumanSession], cuts: data.Terciles, n: int, longest: int) -> list[Any]:
    """Encoded sequences of unseen sessions, unvaried."""
    found: list[Any] = []
    for k in range(n):
        session = sessions[int(np.random.default_rng([SEED, k]).integers(len(sessions)))]
        top = {"manner": data.manner(session, cuts), "situation": (), "goal": ", ".join(session.goals[:2])}
        text = data.sequence(prompt, session, top, 0, fits(tokenizer, longest))
        if text is not None:
            found.append(sft.encode(tokenizer, text))
    return found


def prepare(args: argparse.Namespace) -> None:
    """Write the engine's own quantised weights as a dense fp32 folder, so that training sees what will run."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"gguf_file": args.weights.name}
    model = AutoModelForCausalLM.from_pretrained(args.weights.parent, dtype=torch.float32, **where)
    dense = AutoModelForCausalLM.from_config(model.config)
    dense.load_state_dict({k: v.float() for k, v in model.state_dict().items()}, strict=False)
    dense.save_pretrained(args.base)
    AutoTokenizer.from_pretrained(args.weights.parent, **where).save_pretrained(args.base)


def train(args: argparse.Namespace) -> None:
    """Train to the deadline, exporting every checkpoint."""
    sessions = trained_on(args.data)
    cuts = data.terciles([s for s in sessions if s.goals])
    watched = watched_of(args.data, sessions)
    config = sft.SftConfig(
        base=args.base,
        out=args.out,
        seconds=60 * args.minutes,
        batch=3,
        peak_rate=args.rate,
        half=args.half,
        seed=args.seed,
    )
    weight = np.minimum([len(s.turns) for s in sessions], MOST_TURNS).astype(float)
    chance = weight / weight.sum()
    tokenizer = sft.load_base(args.base)[1]
    short = fits(tokenizer, LONGEST)

    def draw(rng: np.random.Generator) -> TrainingText | None:
        return augment.draw(prompt, sessions[int(rng.choice(len(sessions), p=chance))], cuts, rng, short)

    if args.start and sft.latest_checkpoint(args.out) is None:
        begin(args.start, args.out / "checkpoint-0")
    trainer = sft.Trainer(config, draw, lambda t: held_out(t, watched, cuts, 5, 220))
    print(f"{len(sessions)} sessions, {sum(len(s.turns) for s in sessions)} user turns, seed {args.seed}")

    def keep(folder: Path) -> None:
        print(f"{folder}: {write_adapter(folder, ADAPTER, name=NAME, about=MADE_FOR)} bytes")

    print(trainer.run(keep))
    export(args)


def begin(start: Path, into: Path) -> None:
    """Start from the weights of another run: its adapter and optimizer, the counters at nought."""
    shutil.copytree(start, into)
    (into / "state.json").write_text(json.dumps({"step": 0, "seconds": 0.0, "tokens": 0, "target_tokens": 0}))


def export(args: argparse.Namespace) -> None:
    """Write the newest checkpoint as the shipped adapter. Exits when there is none."""
    found = sft.latest_checkpoint(args.out)
    if found is None:
        raise SystemExit(f"no checkpoint in {args.out}; run `train` first")
    print(f"{ADAPTER}: {write_adapter(found, ADAPTER, name=NAME, about=MADE_FOR)} bytes from {found.name}")


def measure(args: argparse.Namespace) -> None:
    """Print and store the numbers of the card in `measured.json`."""
    from adapter_eval import Talker, held_out_cases, outcome, shop_cases, speak

    sessions = trained_on(args.data)
    cuts = data.terciles([s for s in sessions if s.goals])
    rest = unseen(args.data, sessions)
    camrest = [s for s in rest if s.services == ("camrest",)]
    sgd = [s for s in rest if s.services != ("camrest",)]
    print(f"held out: {len(sgd)} SGD sessions of unseen services, {len(camrest)} CamRest sessions; seed {SEED}")
    result: dict[str, Any] = {"held_out_loss": losses(args, sgd + camrest, cuts)}
    print(result["held_out_loss"], flush=True)
    sets = {
        "SGD test, unseen services": held_out_cases(sgd, cuts, PROMPTS * 2 // 3, SEED),
        "CamRest test": held_out_cases(camrest, cuts, PROMPTS // 3, SEED),
        "electronics shop, hand-written": shop_cases(),
    }
    talker = Talker(args.weights, args.adapter)
    for name, cases in sets.items():
        for label, scale in (("adapter", 1.0), ("bare model", 0.0)):
            said = speak(talker, cases, scale)
            got = outcome(cases, said)
            row = {"prompts": len(cases), "single": str(got.single), "best": str(got.best), "acts": str(got.acts)}
            result[f"{name} / {label}"] = {**row, "said": [[c.text, t] for c, t in zip(cases, said, strict=True)]}
            print(name, label, row, flush=True)
    (args.out / "measured.json").write_text(json.dumps(result, indent=1))


def losses(args: argparse.Namespace, sessions: list[HumanSession], cuts: data.Terciles) -> dict[str, Any]:
    """Held-out loss (nats a target token) before and after, on the same sequences."""
    model, tokenizer = sft.load_base(args.base, args.half)
    items = held_out(tokenizer, sessions, cuts, HELD_OUT, LONGEST)
    found = sft.latest_checkpoint(args.out)
    before = sft.mean_loss(model, items)
    config = sft.SftConfig(base=args.base, out=args.out, seconds=1.0)
    after = sft.mean_loss(sft.with_adapter(model, config, found), items)
    tokens = sum(len(i.targets) for i in items)
    return {"sequences": len(items), "target_tokens": tokens, "before": round(before, 3), "after": round(after, 3)}


def main() -> None:
    """Parse the command line and run one of the four verbs."""
    verbs = {"prepare": prepare, "train": train, "export": export, "measure": measure}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--base", type=Path, default=Path("build/adapter/base"))
    parser.add_argument("--out", type=Path, default=Path("build/adapter/run"))
    parser.add_argument("--weights", type=Path, help="the engine's GGUF file")
    parser.add_argument("--adapter", type=Path, default=ADAPTER)
    parser.add_argument("--minutes", type=float, default=42.0)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="checkpoint of an earlier run to start from")
    parser.add_argument("--half", action="store_true", help="bf16 frozen weights (only with AVX512-BF16)")
    args = parser.parse_args()
    verbs[args.verb](args)


if __name__ == "__main__":
    main()
