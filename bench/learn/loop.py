"""Closing the loop: the reader that learned from votes, as an annotator of LB01, against the reader before.

    python bench/learn/loop.py --shared ../shared --run DIR/votes-1 --before WARM.gguf --out DIR [--sessions 150]

Sessions: SGD's test dialogues of services that neither train nor dev has, without those that the training run asked
about (its voted and its gold questions). Human labels of slots; in --flip of those labels whose turn names a second
value, that one is put in its place: both stand in the text, so no search for the words tells. Arms: the offline checks
alone; with the reader before (`asks:`); with the reader after. The same sessions, flips, questions and dice.

Recovery: share of right labels supported, of wrong ones contradicted, area under the curve of the score. Coverage:
`assay sample -n 150`, answered from the human labels before the flips, `assay certify`: the share of the labels that a
granted claim covers, over --draws samples. Intervals: sessions are the clusters. Licence of the data: CC-BY-SA-4.0.
"""

import argparse
import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import ttrl_data

import assay
from assay.door.learning_votes import parts_of_plan
from assay.learning.ttrl_config import load_plan
from assay.records.storage import read
from assay.stats.agreement import auroc
from assay.stats.intervals import cluster_mean

ALPHAS = (0.05, 0.1, 0.15)


def used_by(run: Path, data: Path) -> set[str]:
    """Sessions that a training run asked about."""
    parts = parts_of_plan(load_plan(run / "config.yaml"), [data], False)
    return {q.id.rpartition("/")[0] for q in (*parts.voted, *parts.gold)}


def prepared(data: Path, used: set[str], n: int, flip: float, seed: int, out: Path) -> dict[tuple[str, int, str], Any]:
    """Write the sessions with flips; (session, turn, slot) -> the human value, for all labels."""
    rows = [json.loads(x) for x in (data / "votes.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [r for r in rows if r["id"] not in used and any(t["labels"]["slots"] for t in r["turns"])]
    rng = np.random.default_rng([seed, 31])
    rows = [rows[i] for i in rng.permutation(len(rows))[:n]]
    truth: dict[tuple[str, int, str], Any] = {}
    for row in rows:
        row["language"] = "en"
        for i, turn in enumerate(row["turns"]):
            slots = turn["labels"]["slots"]
            truth |= {(row["id"], i, s): v for s, v in slots.items()}
            told = dict(slots)
            for slot in sorted(told):
                others = sorted({v for v in told.values() if v.casefold() != told[slot].casefold()})
                if others and rng.random() < flip:
                    slots[slot] = others[int(rng.integers(len(others)))]
    out.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return truth


def recovery(folder: Path, truth: dict[tuple[str, int, str], Any]) -> str:
    """Cells on LB01 of the reader."""
    flags: dict[bool, list[tuple[str, str, float]]] = {True: [], False: []}
    labels = {(x.session, x.turn, x.name): x.value for x in read(folder, "labels")}
    for v in read(folder, "verdicts"):
        key = (v.session, v.turn, (v.name or "").removeprefix("slots."))
        if v.code != "LB01" or not v.by.startswith("asks:") or v.status == "not_applicable" or key not in truth:
            continue
        wrong = labels[v.session, v.turn, v.name] != truth[key]
        flags[wrong].append((v.session, v.status, v.score or 0.0))

    def share(wrong: bool, status: str) -> str:
        held = flags[wrong]
        found = cluster_mean([float(s == status) for _, s, _ in held], [x for x, _, _ in held])
        return f"{found.point:.3f} ({found.low:.3f} to {found.high:.3f})" if found.low is not None else "-"

    right, wrong = flags[False], flags[True]
    area = auroc([*(True for _ in wrong), *(False for _ in right)], [-s for _, _, s in (*wrong, *right)])
    return (
        f"{len(right)} | {share(False, 'supported')} | {share(False, 'contradicted')} | {len(wrong)} | "
        f"{share(True, 'contradicted')} | {area:.3f}"
    )


def coverage(folder: Path, truth: dict[tuple[str, int, str], Any], n: int, draws: int, work: Path) -> dict[float, list]:
    """alpha -> share of the labels that a granted claim covers, one per sample."""
    covered: dict[float, list[float]] = {a: [] for a in ALPHAS}
    for k in range(draws):
        for alpha in ALPHAS:
            copy = work / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
            asked, answered = work / "asked.csv", work / "answered.csv"
            assay.sample(copy, n, asked, seed=k, alpha=alpha)
            with asked.open(encoding="utf-8") as rows, answered.open("w", encoding="utf-8") as out:
                writer = csv.writer(out)
                writer.writerow(("sample_id", "assessor", "answer", "seconds"))
                for row in csv.DictReader(rows):
                    key = (row["session"], int(row["turn"] or -1), row["name"].removeprefix("slots."))
                    writer.writerow((row["sample_id"], "human labels", truth[key], 1))
            made = assay.certify(copy, answers=answered, alpha=alpha)
            labels = list(read(copy, "labels"))
            granted = any(c.granted for c in made.claims)
            covered[alpha].append(sum(x.tier == "certified" for x in labels) / len(labels) if granted else 0.0)
    return covered


def main() -> None:
    """Print a row an arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    parser.add_argument("--run", type=Path, required=True, help="folder of `assay learn ttrl`")
    parser.add_argument("--before", type=Path, required=True, help="adapter of the reader before, GGUF")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=150)
    parser.add_argument("--flip", type=float, default=0.3)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--answers", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    out = asked.out.resolve()
    ttrl_data.prepare(asked.shared, out / "data")
    file = out / "sessions.jsonl"
    used = used_by(asked.run, out / "data")
    truth = prepared(out / "data", used, asked.sessions, asked.flip, asked.seed, file)
    print(f"{asked.sessions} sessions (none of the {len(used)} trained on), {len(truth)} labels, seed {asked.seed}")
    print("| arm | right | supported | contradicted | wrong | contradicted | area | "
          + " | ".join(f"certified at {a:.0%}, {asked.answers} answers" for a in ALPHAS) + " |")  # fmt: skip
    print(f"|{'---|' * (7 + len(ALPHAS))}")
    arms = {"offline checks": [], "reader before": [f"asks:embedded:{asked.before.resolve()}"],
            "reader after": [f"asks:embedded:{(asked.run / 'adapter.gguf').resolve()}"]}  # fmt: skip
    for name, judge in arms.items():
        folder = out / name.replace(" ", "-")
        assay.audit(file, out=folder, judge=judge, judged_labels=10**6, seed=asked.seed)
        told = recovery(folder, truth) if judge else "- | - | - | - | - | -"
        found = coverage(folder, truth, asked.answers, asked.draws, out)
        cells = [f"{np.mean(v):.3f} (granted {sum(x > 0 for x in v)} of {len(v)})" for v in found.values()]
        print(f"| {name} | {told} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
