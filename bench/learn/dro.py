"""Learning from what people said next, at length: arms and seeds of `assay learn dro` on SGD.

    python bench/learn/dro.py --shared ../shared --start runs/user --out DIR          # everything
    python bench/learn/dro.py --shared ../shared --start runs/user --out DIR --arm both-1
    python bench/learn/dro.py --out DIR --table

`--start` is the folder of a finished `assay learn sft sft-user-cpu`: all arms go on from its newest adapter. 32 turns
of SGD's train and dev dialogues are trained on, 32 turns of test dialogues of services that neither has are looked
at. The score is the log-probability a token of what the person really said, behind the model's own thoughts. The
reference arm is `uniform`: equal weights, no filter; an arm's speed is how many thoughts (those of the filter count)
and how many seconds it took to that arm's last score, between two looks on a straight line. Intervals are over held-
out turns (2,000 draws, percentile). Needs the extra `learn`; licence of the data: CC-BY-SA-4.0.
"""

import argparse
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
KINDS: dict[str, dict[str, Any]] = {
    "uniform": {"weights": "uniform", "drop": 0.0}, "both": {"weights": "spread", "drop": 0.5},
    "weights": {"weights": "spread", "drop": 0.0}, "filter": {"weights": "uniform", "drop": 0.5},
    "noclip": {"weights": "spread", "drop": 0.0, "clip": None},
    "random": {"weights": "spread", "drop": 0.0, "reward": "random"},
}  # fmt: skip
ARMS = [f"{kind}-{seed}" for seed in (1, 2, 3) for kind in KINDS if seed == 1 or kind in ("uniform", "both")]


def plan_of(arm: str, start: Path) -> dict[str, Any]:
    """The configuration of an arm."""
    kind, seed = arm.rsplit("-", 1)
    return {
        "name": f"thinker-{arm}", "base": "embedded", "start": str(start),
        "data": [{"file": "sgd.jsonl.gz", "reader": "sgd", "train": ["train", "dev"], "held_out": ["test"],
                  "services": "keep_new"}],
        "most": 32, "held_out": 32, "steps": 40, "prompts": 2, "rollouts": 16, "trained": 4, "thought": 24,
        "longest": 160, "clip": 4.0, "reward": "reference", "filter_steps": 100, "look_steps": 10,
        "checkpoint_steps": 10, "rate": 1e-4, "threads": 1, "seed": int(seed), **KINDS[kind],
    }  # fmt: skip


def run(arm: str, out: Path, shared: Path, start: Path) -> None:
    """Run one arm by the command line, as a user would; go on where it was killed."""
    config = out / f"{arm}.yaml"
    config.write_text(yaml.safe_dump(plan_of(arm, start), sort_keys=False), encoding="utf-8")
    call = [sys.executable, "-c", "from assay.cli import main; main()", "learn", "dro", str(config)]
    with (out / f"{arm}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run([*call, "--data", str(shared / "data"), "--out", str(out / arm)], stdout=log, stderr=log)
    print(f"{arm}: exit {done.returncode}, {out / arm}", flush=True)


def looks(arm: str, out: Path) -> list[dict[str, Any]]:
    """The looks of an arm, in order; of a step looked at twice the last."""
    path = out / arm / "progress.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    return list({r["step"]: r for r in rows if r["stage"] == "look"}.values())


def reached(found: list[dict[str, Any]], score: float, of: str) -> float | None:
    """How many thoughts or seconds until a score, on a straight line between looks; None where it was not reached."""
    for a, b in pairwise(found):
        if b["score"] >= score:
            share = 0.0 if a["score"] >= score else (score - a["score"]) / (b["score"] - a["score"])
            return float(a[of] + share * (b[of] - a[of]))
    return None


def gain(found: list[dict[str, Any]], rng: np.random.Generator) -> str:
    """Last score less the first, over held-out turns."""
    d = np.array(found[-1]["scores"]) - np.array(found[0]["scores"])
    low, high = np.quantile(d[rng.integers(0, len(d), (2000, len(d)))].mean(1), [0.025, 0.975])
    return f"{d.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def table(out: Path) -> None:
    """Print what is there."""
    rng = np.random.default_rng(0)
    print("| arm | steps | score before | after | gain | without a thought, before and after | tokens of a thought | "
          "thoughts drawn | seconds | thoughts to the end of `uniform` | seconds to it |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for arm in ARMS:
        found = looks(arm, out)
        if len(found) < 2:
            continue
        first, last, target = found[0], found[-1], looks("uniform-" + arm.rsplit("-", 1)[1], out)
        to = [reached(found, target[-1]["score"], of) if target else None for of in ("drawn", "seconds")]
        cells = ["not reached" if t is None else f"{t:.0f} ({target[-1][of] / t:.2f} times fewer)" if t else "at once"
                 for t, of in zip(to, ("drawn", "seconds"), strict=True)]  # fmt: skip
        print(
            f"| {arm} | {last['step']} | {first['score']:.3f} | {last['score']:.3f} | {gain(found, rng)} | "
            f"{first['no_thought']:.3f}, {last['no_thought']:.3f} | {first['tokens']:.1f}, {last['tokens']:.1f} | "
            f"{last['drawn']} | {last['seconds']:.0f} | {cells[0]} | {cells[1]} |"
        )


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=HERE.parents[2] / "shared")
    parser.add_argument("--start", type=Path, help="folder of a finished sft run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", choices=ARMS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    out = given.out.resolve()
    if not given.table:
        if given.start is None:
            parser.error("--start is needed to train")
        out.mkdir(parents=True, exist_ok=True)
        for arm in given.arm or ARMS:
            if not (out / arm / "summary.json").is_file():
                run(arm, out, given.shared.resolve(), given.start.resolve())
    table(out)


if __name__ == "__main__":
    main()
