"""A policy fitted from people: held-out log-likelihood per user turn beside uniform, frequencies and hand-written ones.

    python bench/fitted_policy.py --data DATA [--sets sgd,camrest676,persuasionforgood] [--curve] [--json OUT.json]

Five folds by session; SGD by session and service (versions of one service together). Hand-written: the bundled
blueprints, each counted over core acts in 400 of its own simulated sessions (seed 0), with its best floor;
`moved`: the same blueprints after `--like`, fitted on the training folds. `--curve`
draws n of the labelled sessions (three seeds) and holds out within them: how many labelled sessions are needed.
Deterministic.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.heldout import Hand, HeldOut, held_out
from assay.authoring.steps import Corpus
from assay.door.fitting import read_corpus, rivals
from assay.stats.intervals import Interval

SIZES = (25, 50, 100, 200, 400)
SEEDS = (1, 2, 3)


def words(interval: Interval, sign: bool = False) -> str:
    """A point with its limits."""
    form = "+.3f" if sign else ".3f"
    if interval.low is None or interval.high is None:
        return f"{interval.point:{form}}"
    return f"{interval.point:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def table(name: str, found: HeldOut) -> None:
    """One set as rows of a Markdown table."""
    print(
        f"\n{name}: {found.turns} user turns of {found.sessions} sessions, split by {found.split}, {found.acts} acts"
        + (f"; {found.unscored} sessions straddle folds" if found.unscored else "")
    )
    print("| policy | nats per user turn | fitted minus it |\n| --- | --- | --- |")
    for policy, nats in found.nats.items():
        floor = f", {found.floor[policy]:.0%} uniform" if policy in found.floor else ""
        gain = words(found.gain[policy], sign=True) if policy in found.gain else ""
        print(f"| {policy}{floor} | {words(nats)} | {gain} |")
    for policy, nats in found.whole.items():
        gain = words(found.whole_gain[policy], sign=True) if policy in found.whole_gain else ""
        print(f"| whole turn: {policy} | {words(nats)} | {gain} |")
    print("no chance by the hand-written policy alone:", {k: round(v, 3) for k, v in found.impossible.items()})


def curve(name: str, corpus: Corpus, hands: dict[str, Hand]) -> None:
    """Gain by number of labelled sessions, mean over the seeds."""
    print(f"\n{name}: fitted minus frequencies | fitted minus the best hand-written, by labelled sessions (5 folds)")
    for n in SIZES:
        plain, best = [], []
        for seed in SEEDS:
            if n > len(corpus.talks):
                continue
            drawn = np.random.default_rng(seed).choice(len(corpus.talks), n, replace=False)
            talks = [replace(corpus.talks[i], services=frozenset()) for i in sorted(drawn)]
            found = held_out(Corpus(talks=talks), hands)
            plain.append(found.gain["frequencies"].point)
            best.append(min(found.gain[h].point for h in hands))
        if plain:
            spread = f"{min(plain):+.3f} to {max(plain):+.3f}"
            print(f"| {n} | {np.mean(plain):+.3f} ({spread}) | {np.mean(best):+.3f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="camrest676,persuasionforgood,sgd")
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    books = [load_blueprint(name) for name in BUNDLED]
    rows = {}
    for name in asked.sets.split(","):
        began = time.process_time()
        corpus = read_corpus([asked.data / f"{name}.jsonl.gz"])
        hands = {k: v for b in books for k, v in rivals(b, corpus, moved=True).items()}
        found = held_out(corpus, hands)
        rows[name] = found.row()
        table(name, found)
        print(f"{time.process_time() - began:.0f} s of processor time")
        if asked.curve:
            curve(name, corpus, {k: v for k, v in hands.items() if "moved" not in k})
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
