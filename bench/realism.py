"""`assay realism` on trial: real sessions against real ones, templates, and simulated sets ranked by their realism.

    python bench/realism.py halves --data DATA --splits 40 --out OUT
    python bench/realism.py rank --data DATA --reference sgd --split test --seeds 1 2 3 4 5 --out OUT
        --runs "shipped user model=DIR" "templates=DIR"

`halves`: two random halves of a real set, 40 sessions each, by turn (4 turns a session) and by whole session, n-grams
and sentence vectors, 99 permutations, with RL02 and RL06: how often each p, any p, and any p after Holm is <= 0.05,
beside the largest count that is still compatible with 5 % (binomial, one-sided 99 %); and degenerate speakers against
the turns that they stand for. `--sets` runs some sets only. `rank`: every source against real sessions of one split of
the reference whose services are in none of the splits that the shipped user model was trained on.
DATA holds the sets; they are not part of this repository. Both go on where they were killed. Needs the extra
`embeddings`; vectors are kept in OUT.
"""

import argparse
import resource
from pathlib import Path

import realism_halves
import realism_rank


def main() -> None:
    """Read the command line and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("halves", "rank"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=40, help="halves: splits of each set")
    parser.add_argument("--sets", nargs="*", default=realism_halves.SETS)
    parser.add_argument("--seed", type=int, default=1, help="halves: seed")
    parser.add_argument("--reference", default="sgd")
    parser.add_argument("--split", default="test", help="rank: split of the reference")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--runs", nargs="*", default=[], help="rank: NAME=FOLDER")
    told = parser.parse_args()
    if told.what == "halves":
        for name in told.sets:
            realism_halves.one_set(told.data, name, told.splits, told.seed, told.out / "vectors", told.out)
        realism_halves.table(told.out)
    else:
        runs = dict(r.split("=", 1) for r in told.runs)
        rows = told.out / "rank.jsonl"
        realism_rank.rank(
            told.data, told.reference, told.split, runs, told.seeds, rows, told.out / "rank-vectors.npz"
        )  # fmt: skip
        realism_rank.table(rows)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{used.ru_utime + used.ru_stime:.0f} s of processor time")


if __name__ == "__main__":
    main()
