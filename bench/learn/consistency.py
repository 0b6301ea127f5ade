"""Consistency RL beside its baselines and controls: `assay learn consistency` on assay's own personas.

    python bench/learn/consistency.py --out DIR                       # everything
    python bench/learn/consistency.py --out DIR --arm sft-1 --arm rl-1 # some arms
    python bench/learn/consistency.py --out DIR --table               # the table of what is there
    python bench/learn/consistency.py --out DIR --people ../shared    # personas of PersonaChat instead

All arms go on from the user model that comes with assay and speak the same held-out sessions with the same dice. Base:
the frozen weights alone. SFT: lines that the reward's judge accepts; KTO: accepted and rejected ones; RL: GRPO on whole
sessions. Controls: random and inverted reward; speakers that say nothing of their own are in every arm's summary. The
judge of the figures is not the judge of the reward. Every arm is a run folder: a killed one is gone on with. Needs the
extra `learn`. Differences are paired by session, intervals clustered by persona.
"""

import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
COMMON: dict[str, Any] = {
    "base": "embedded", "start": "shipped", "personas": 64, "watched": 40, "sessions": 1, "facts": 4, "turns": 4,
    "tokens": 16, "longest": 220, "threads": 1, "checkpoint_steps": 10,
}  # fmt: skip
RL = {"method": "rl", "steps": 20, "group": 8, "rate": 5e-4, "look_steps": 20, "stop_on_alarm": False, "frozen": False}
LINES = {"batch": 8, "sampled": 96, "rate": 3e-4}
SFT = {"method": "sft", "steps": 20, "look_steps": 20, **LINES}
ARMS: dict[str, dict[str, Any]] = {
    "sft-1": SFT | {"seed": 1},
    "rl-1": RL | {"seed": 1},
    "kto-1": {"method": "kto", "steps": 20, "look_steps": 20, **LINES, "frozen": False, "seed": 1},
    "random-1": RL | {"seed": 1, "reward": "random", "steps": 5, "look_steps": 5},
    "inverted-1": RL | {"seed": 1, "reward": "inverted", "steps": 5, "look_steps": 5},
    **{
        f"sft-{s}": {"method": "sft", "steps": 20, "look_steps": 20, **LINES, "frozen": False, "seed": s}
        for s in (2, 3)
    },
    **{f"rl-{s}": RL | {"seed": s} for s in (2, 3)},
    **{f"long-{s}": RL | {"seed": s, "steps": 60, "beta": 0.03} for s in (1, 2, 3)},
}
FIGURES = ("inconsistent", "wrong_of_answers", "answered", "coverage", "degenerate", "act")


def people(shared: Path, out: Path) -> dict[str, Any]:
    """PersonaChat's sessions in two files whose personas share no fact; the fields of a plan that name them."""
    with gzip.open(shared / "data" / "personachat_convai2.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(x) for x in lines]
    parts: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    known: dict[bool, set[str]] = {False: set(), True: set()}
    for i, row in enumerate(rows):
        facts = {f.casefold() for f in row["private"]["persona_user"]}
        late = i % 3 == 2
        if not facts & known[not late]:
            known[late] |= facts
            parts[late].append({
                "id": row["id"], "licence": "CC-BY-4.0", "private": {"user": {"persona": sorted(facts)}},
                "turns": row["turns"][:1],
            })  # fmt: skip
    for late, name in ((False, "people-train.jsonl"), (True, "people-held-out.jsonl")):
        (out / name).write_text("".join(json.dumps(r) + "\n" for r in parts[late]), encoding="utf-8")
    return {"train": [{"file": "people-train.jsonl"}], "held_out": [{"file": "people-held-out.jsonl"}], "longest": 320}


def run(name: str, out: Path, more: dict[str, Any]) -> None:
    """Run one arm by the command line, as a user would; go on where it was killed."""
    config = out / f"{name}.yaml"
    config.write_text(yaml.safe_dump({"name": name, **COMMON, **ARMS[name], **more}, sort_keys=False), encoding="utf-8")
    call = [sys.executable, "-c", "from assay.cli import main; main()", "learn", "consistency", str(config), "-q"]
    with (out / f"{name}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run([*call, "--out", str(out / name)], stdout=log, stderr=log)
    print(f"{name}: exit {done.returncode}, {out / name}", flush=True)


def shown(found: dict[str, Any] | None) -> str:
    """A figure with its interval."""
    if found is None:
        return "not read"
    return f"{found['point']:.3f}" + ("" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})")


def rows_of(name: str, out: Path, first: bool) -> list[str]:
    """Lines of the table that an arm gives; none where it has not ended."""
    path = out / name / "summary.json"
    if not path.is_file():
        return []
    s = json.loads(path.read_text(encoding="utf-8"))
    m, found = s["measured"], []
    if first:
        for told, part in (("frozen weights", m["frozen"]), ("start: shipped user model", m["before"])):
            found.append((told, "0", part))
        found += [(told, "-", part) for told, part in m["scripted"].items()]
    found.append((name, str(s["training"]["steps"]), m["after"]))
    found.append((f"{name} less start", "", m["difference"]))
    return [f"| {told} | {n} | {' | '.join(shown(part.get(f)) for f in FIGURES)} |" for told, n, part in found]


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", choices=list(ARMS))
    parser.add_argument("--people", type=Path, help="the folder that holds data/personachat_convai2.jsonl.gz")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if not given.table:
        more = people(given.people, out) if given.people else {}
        for name in given.arm or ARMS:
            if not (out / name / "summary.json").is_file():
                run(name, out, more)
    print(f"| arm | steps | {' | '.join(FIGURES)} |\n|{'---|' * (len(FIGURES) + 2)}")
    first = True
    for name in ARMS:
        lines = rows_of(name, out, first)
        first = first and not lines
        print("\n".join(lines), end="\n" if lines else "")


if __name__ == "__main__":
    main()
