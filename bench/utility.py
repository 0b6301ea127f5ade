"""Utility (RL05): a core-act classifier trained on sessions made by assay, tested on a real corpus that nobody saw.

    python bench/utility.py train --held-out sgd --base BASE --minutes 10
    python bench/utility.py make --held-out sgd --adapter build/utility/sgd/adapter.gguf
    python bench/utility.py measure --held-out sgd

Three folds: sgd, camrest676, persuasionforgood. The adapter of a fold saw the other two alone, and nothing but the
adapter, the blueprints and the policies makes its sessions: the assistant is the reference one, which declares its own
acts, so that no reader trained on any corpus takes part. `make` keeps sessions in run folders and goes on where it was.
`train` needs the extra `learn`, `make` the extra `embedded`.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np

from utility_arms import Fold, Pools
from utility_turns import CORPORA, LabelledTurn, simulated, turns_of

EXTRA = Path(__file__).parent / "blueprints"
BLUEPRINTS = ("returns", "movies", "clinic", str(EXTRA / "courses.yaml"), str(EXTRA / "shelter.yaml"),
              str(EXTRA / "library.yaml"))  # fmt: skip
"""The three that come with assay, and three of domains that none of the corpora has."""
TESTED = 400
"""Test sessions of a fold, at most."""


def train(args: argparse.Namespace) -> None:
    """Train the adapter of a fold."""
    from utility_adapter import train as train_fold

    train_fold(args.data, args.held_out, args.base, args.out / args.held_out, 60 * args.minutes, args.half, seed=1)


async def _simulate(folder: Any, blueprint: Any, plan: Any) -> int:
    from assay.door.making import simulate_stage
    from assay.runs.ledger import Ledger

    with Ledger(folder.path) as ledger:
        return len(await simulate_stage(folder, blueprint, plan, ledger))


def make(args: argparse.Namespace) -> None:
    """Simulate `--rounds` runs of `--sessions` sessions of every blueprint with the fold's adapter."""
    from assay.door.making import author_stage, open_run
    from assay.door.options import Plan
    from assay.runs.folder import RunFolder

    adapter = args.adapter or args.out / args.held_out / "adapter.gguf"
    for seed in range(1, args.rounds + 1):
        for name in BLUEPRINTS:
            plan = Plan(n=args.sessions, seed=seed, model=f"embedded:{adapter}")
            where = args.out / "runs" / f"{args.held_out}-{Path(name).stem}-{seed}"
            with RunFolder(where, make=True) as folder:
                blueprint = open_run(folder, name, plan, "utility")
                author_stage(folder, blueprint, plan)
                print(where, asyncio.run(_simulate(folder, blueprint, plan)), flush=True)


def pools_of(data: Path, runs: Path, held_out: str) -> Pools:
    """The pools of a fold. Raises ValueError without simulated sessions."""
    folders = sorted(p.parent for p in runs.glob(f"{held_out}-*/sessions.jsonl"))
    if not folders:
        raise ValueError(f"no sessions of {held_out} in {runs}; run `make` first")
    direct: list[LabelledTurn] = []
    for other in CORPORA:
        if other != held_out:
            direct += turns_of(data, other, "train")
            if other == "persuasionforgood":
                direct += turns_of(data, other, "test")
    test = sessions_of(turns_of(data, held_out, "test"), TESTED)
    return Pools(simulated(folders), direct, turns_of(data, held_out, "train"), test)


def sessions_of(turns: list[LabelledTurn], count: int) -> list[LabelledTurn]:
    """The turns of a random `count` of the sessions (all where there are fewer), the same ones every time."""
    names = sorted({t.session for t in turns})
    kept = {names[i] for i in np.random.default_rng(23).permutation(len(names))[:count]}
    return [t for t in turns if t.session in kept]


def measure(args: argparse.Namespace) -> None:
    """Print and store all arms of a fold."""
    report = Fold(pools_of(args.data, args.out / "runs", args.held_out), args.sample).report()
    (args.out / f"{args.held_out}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print("\n".join(tables(args.held_out, report)))


def tables(name: str, report: dict[str, Any]) -> list[str]:
    """The report in Markdown."""
    test, pools = report["test"], report["pools"]
    out = [f"held out: {name}; test {test['turns']} turns of {test['sessions']} sessions, coverage "
           f"{test['coverage']:.3f}; pools {pools}; n = {report['n']}; acts {', '.join(report['acts'])}", "",
           "| arm | n | main act | one of its acts | macro-F1 | ratio | gap closed | ratio, any | gap, any |"
           " minus direct |", "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for arm, row in report["arms"].items():
        main, some = report["against"]["main"].get(arm, {}), report["against"]["any"].get(arm, {})
        cells = [arm, row["n"], row["main"], row["any"], row["macro"], main.get("ratio", ""),
                 main.get("gap closed", ""), some.get("ratio", ""), some.get("gap closed", ""),
                 main.get("minus best direct", "")]  # fmt: skip
        out.append("| " + " | ".join(map(str, cells)) + " |")
    for title in ("per act", "sizes", "mix"):
        rows = report[title]
        heads = list(dict.fromkeys(k for r in rows.values() for k in r))
        out += ["", f"| {title} | " + " | ".join(heads) + " |", "| --- " * (len(heads) + 1) + "|"]
        out += [f"| {key} | " + " | ".join(str(r.get(h, "")) for h in heads) + " |" for key, r in rows.items()]
    return [*out, "", *(f"assay's own check, text alone, {k}: {v}" for k, v in report["text alone"].items())]


def main() -> None:
    """Parse the command line and run one of the three verbs."""
    verbs = {"train": train, "make": make, "measure": measure}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("--held-out", choices=CORPORA, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("build/utility"))
    parser.add_argument("--base", type=Path, default=Path("build/adapter/base"))
    parser.add_argument("--adapter", type=Path, help="the fold's adapter; default OUT/HELD_OUT/adapter.gguf")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--half", action="store_true", help="bf16 frozen weights (only with AVX512-BF16)")
    parser.add_argument("--sessions", type=int, default=20, help="sessions a run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of every blueprint")
    parser.add_argument("--sample", type=int, default=1000, help="turns of the matched arms")
    args = parser.parse_args()
    verbs[args.verb](args)


if __name__ == "__main__":
    main()
