"""Learning from votes at length: arms and seeds of `assay learn ttrl` on questions about sessions nobody answered.

    python bench/learn/ttrl.py --shared ../shared --out DIR                    # everything
    python bench/learn/ttrl.py --shared ../shared --out DIR --arm votes-1      # one arm
    python bench/learn/ttrl.py --out DIR --table                               # the table of what is there

A reader is taught on SGD's train and dev dialogues (`warm`, once for all arms). All arms go on from it, on the same
64 questions a seed about dialogues of services that neither part has. Baselines of the same run: the reader before, its
first majority vote (the training signal itself), random, flipped and gold rewards. `long` trains on past the alarms.
Every arm is a run folder: a killed one is gone on with. Needs the extra `learn`; licence of the data: CC-BY-SA-4.0.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ttrl_data
import yaml

HERE = Path(__file__).resolve().parent
STEPS = 60
ARMS: dict[str, dict[str, Any]] = {
    **{f"votes-{seed}": {"seed": seed} for seed in (1, 2, 3)},
    **{f"random-{seed}": {"seed": seed, "reward": "random"} for seed in (1, 2, 3)},
    "flipped-1": {"seed": 1, "reward": "flipped", "steps": STEPS // 4, "stop_on_alarm": False},
    **{f"gold-{seed}": {"seed": seed, "reward": "gold"} for seed in (1, 2, 3)},
    "long-1": {"seed": 1, "steps": 4 * STEPS, "stop_on_alarm": False, "rate": 2e-4},
    "long-alarmed-1": {"seed": 1, "steps": 4 * STEPS, "rate": 2e-4},
}
FILES = [{"file": f"{name}.jsonl", "speaker": who} for name in ("warm", "votes") for who in ("user", "assistant")]


def plan_of(name: str, out: Path) -> dict[str, Any]:
    """The configuration of an arm, or of the reader that all go on from."""
    common = {
        "name": f"reader-{name}", "base": "embedded", "data": FILES[2:], "most": 64, "prompts": 2, "trained": 4,
        "longest": 120, "answer": 14, "threads": 1, "look_steps": 15, "checkpoint_steps": 15,
    }  # fmt: skip
    if name == "warm":
        return common | {"warm": FILES[:2], "warm_steps": 120, "steps": 0, "seed": 1}
    return common | {"start": str(out / "warm"), "rate": 5e-5, "steps": STEPS} | ARMS[name]


def run(name: str, out: Path) -> None:
    """Run one arm by the command line, as a user would; go on where it was killed."""
    config = out / f"{name}.yaml"
    config.write_text(yaml.safe_dump(plan_of(name, out), sort_keys=False), encoding="utf-8")
    call = [sys.executable, "-c", "from assay.cli import main; main()", "learn", "ttrl", str(config)]
    with (out / f"{name}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run([*call, "--data", str(out / "data"), "--out", str(out / name)], stdout=log, stderr=log)
    print(f"{name}: exit {done.returncode}, {out / name}", flush=True)


def row(name: str, out: Path) -> str | None:
    """One line of the table; None where the arm has not ended."""
    path = out / name / "summary.json"
    if not path.is_file():
        return None
    s = json.loads(path.read_text(encoding="utf-8"))
    if "after" not in s:
        return f"| {name} | refused: {s['outlook']['refused']} | | | | | | |"
    gain, over, t = s["gain"], s["over_first_vote"], s["training"]
    fates = " / ".join(str(s["fates"][k]) for k in ("kept", "learned", "corrupted", "never"))
    return (
        f"| {name} | {t['steps']} | {s['before']['right']:.3f} | {s['before']['voted_right']:.3f} | "
        f"{s['after']['right']:.3f} | {gain['point']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f}) | "
        f"{over['point']:+.3f} ({over['low']:+.3f} to {over['high']:+.3f}) | {fates} | "
        f"{t['drawing_share']:.2f} | {t['stopped'] or 'ran to its end'} |"
    )


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=HERE.parents[2] / "shared")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", choices=list(ARMS))
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    out = given.out.resolve()
    if not given.table:
        print(ttrl_data.prepare(given.shared, out / "data"), flush=True)
        for name in ["warm", *(given.arm or ARMS)]:
            if row(name, out) is None:
                run(name, out)
    print("| arm | steps | right before | first vote | right after | gain | over the first vote | "
          "kept / learned / corrupted / never | drawing share | ended by |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(r for name in ARMS if (r := row(name, out)) is not None))


if __name__ == "__main__":
    main()
