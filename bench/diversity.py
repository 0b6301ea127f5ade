"""Layered diversity: how varied scenarios and sessions of the bundled blueprints are, beside a published release.

    python bench/diversity.py --out OUT [--n 200] [--sessions 100] [--model embedded] [--seed 1] [--data DATA]

For each blueprint `n` scenarios of the prior, as many of the covering arm, all of them worded by templates, and
`sessions` of them worded by the model. Resumable: the same command goes on where it was stopped. With --data the same
figures are computed on `diasynth.jsonl.gz`, a sample of DiaSynth's release (no text of it is kept or printed).
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.covering import covering
from assay.authoring.diversity import copies, diversity_report, entropy, top_share
from assay.authoring.layers import own_pools
from assay.authoring.names import NAMES
from assay.authoring.near_duplicates import THRESHOLD, find_like, words
from assay.authoring.one import author_one
from assay.authoring.people import BEHAVIOURS
from assay.door.running import author, simulate
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read
from assay.stats.intervals import clopper_pearson

PLANNED = 96
"""Subtopics that the published pipeline plans with its default options: 16 topics of 6 each."""
KNOWN_NAMES = frozenset(name for pool in NAMES.values() for name in pool)


def share(hits: int, n: int) -> str:
    """`0 of 100 (0.0 %, 95 % interval 0.0 to 3.6 %)`."""
    low, high = clopper_pearson(hits, n)
    return f"{hits} of {n} ({hits / n:.1%}, {low:.1%} to {high:.1%})"


def names_said(sessions: Sequence[Session]) -> dict[str, Any]:
    """The first name that most sessions say in the user's turns, among the names that assay knows."""
    said = [
        w for s in sessions for w in {w for t in s.turns if t.speaker == "user" for w in t.text.split()} & KNOWN_NAMES
    ]
    counts = Counter(said)
    name = min(counts, key=lambda k: (-counts[k], k)) if counts else None
    return {"value": name, "count": counts[name] if name else 0, "n": len(sessions)}


def of_blueprint(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """All figures of one blueprint."""
    blueprint = load_blueprint(name)
    prior = [author_one(blueprint, given.seed, i) for i in range(given.n)]
    rows = list(covering(blueprint, given.seed, given.n))
    report = diversity_report(blueprint, prior)
    report["pairwise"] = diversity_report(blueprint, [*prior, *rows])["pairwise"]
    found: dict[str, Any] = {
        "report": report,
        "covering_cells": diversity_report(blueprint, rows)["cells"],
        "rows_for_all": rows_for_all(blueprint, rows, report),
    }
    for kind, model, n in (("template", "template", given.n), ("model", given.model, given.sessions)):
        if n:
            folder = Path(given.out) / f"{name}-{kind}"
            author(name, folder, n=n, seed=given.seed, model=model)
            simulate(folder)
            scenarios: list[Scenario] = list(read(folder, "scenarios"))
            sessions: list[Session] = list(read(folder, "sessions"))
            found[kind] = diversity_report(blueprint, scenarios, sessions)["persona_copied"]
            found[f"{kind}_names"] = names_said(sessions)
    return found


def rows_for_all(blueprint: Any, rows: Sequence[Scenario], report: dict[str, Any]) -> int | None:
    """Rows of the covering array after which every possible pair has occurred, or None."""
    from assay.authoring.diversity import pairs_present
    from assay.authoring.feasible import Space

    space = Space(blueprint, own_pools(blueprint))
    low, high = 1, len(rows)
    if len(pairs_present(space, rows)) < report["pairwise"]["possible"]:
        return None
    while low < high:
        middle = (low + high) // 2
        whole = len(pairs_present(space, rows[:middle])) == report["pairwise"]["possible"]
        low, high = (low, middle) if whole else (middle + 1, high)
    return low


def published(path: Path) -> dict[str, Any]:
    """The same figures on DiaSynth's release, as far as it holds what they need."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        sessions = [json.loads(line) for line in lines]
    found: dict[str, Any] = {}
    for split in sorted({s["split"] for s in sessions}):
        own = [s for s in sessions if s["split"] == split]
        personas = [tuple(s["private"].values()) for s in own]
        copied = sum(copies(p, (t["text"] for t in s["turns"])) for p, s in zip(personas, own, strict=True))
        speakers = [{str(t["labels"].get("name", "")) for t in s["turns"]} for s in own]
        top = top_share([n for names in speakers for n in names if not n.startswith("#")])
        subtopics = [s["session_labels"]["topic"] for s in own]
        lines_said = list(dict.fromkeys(p for pair in personas for p in pair))
        alike = sum(find_like(p, lines_said[:i], THRESHOLD) is not None for i, p in enumerate(lines_said))
        found[split] = {
            "n": len(own),
            "copied": copied,
            "top_name": (top["value"], top["count"]),
            "subtopics": len(set(subtopics)),
            "entropy": entropy(subtopics, PLANNED),
            "personas": (len(lines_said), alike),
            "words": sum(len(words(t["text"])) for s in own for t in s["turns"]),
        }
    return found


def table(found: dict[str, dict[str, Any]], n: int) -> str:
    """The figures as a Markdown table, one column per blueprint."""
    names = list(found)
    out = [f"| figure | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]

    def row(title: str, cell: Any) -> None:
        out.append(f"| {title} | {' | '.join(str(cell(found[name])) for name in names)} |")

    def pair(arm: str) -> Any:
        return lambda f: f"{f['report']['pairwise']['by_arm'][arm]['share']:.1%}"

    row("pairs of values that can occur (cannot)", lambda f: f"{f['report']['pairwise']['possible']:,} "
        f"({f['report']['pairwise']['impossible']})")  # fmt: skip
    row(f"of them present, prior, {n} scenarios", pair("prior"))
    row(f"of them present, covering arm, {n} rows", pair("covering"))
    row("rows of the array until all are present", lambda f: f["rows_for_all"])
    row("most frequent name", lambda f: f"{f['report']['top_name']['share']:.1%}")
    row("different names", lambda f: f["report"]["entropy"]["name"]["values"])
    for cells in found[names[0]]["report"]["cells"]:
        for arm, where in (("prior", lambda f: f["report"]["cells"]), ("covering", lambda f: f["covering_cells"])):
            row(
                f"cells {cells}, {arm}: present / possible (planned)",
                lambda f, c=cells, w=where: (
                    f"{w(f)[c]['present']} / {w(f)[c]['planned'] - w(f)[c]['impossible']} ({w(f)[c]['planned']})"
                ),
            )
    row("near-duplicates in the pools", lambda f: sum(f["report"]["removed"][k] for k in ("subtopics", "personas")))
    row("draws thrown away by constraints", lambda f: f"{f['report']['rejection_rate']:.1%}")
    for kind in ("template", "model"):
        if kind in found[names[0]]:
            row(f"sessions that copy a 4-gram of the persona, {kind}", lambda f, k=kind: share(
                f[k]["sessions"], f[k]["n"]))  # fmt: skip
            row(f"most frequent first name in users' turns, {kind}", lambda f, k=f"{kind}_names": (
                f"{f[k]['count']} of {f[k]['n']}"))  # fmt: skip
    out += [
        "",
        "| entropy, bits (share of the largest) | " + " | ".join(names) + " |",
        f"| --- |{' --- |' * len(names)}",
    ]
    fields = dict.fromkeys(k for f in found.values() for k in f["report"]["entropy"])
    for field in fields:
        row(field, lambda f, k=field: _entropy(f["report"]["entropy"].get(k)))
    return "\n".join(out)


def _entropy(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    return (
        f"{found['bits']:.2f} ({found['share_of_max']:.0%})" if found["share_of_max"] is not None else "0 (one value)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder of the runs")
    parser.add_argument("--n", type=int, default=200, help="scenarios of each blueprint and arm")
    parser.add_argument("--sessions", type=int, default=100, help="sessions of each blueprint worded by the model")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with diasynth.jsonl.gz")
    given = parser.parse_args()
    print(f"seed {given.seed}, {len(BEHAVIOURS)} traits, threshold of near-duplicates {THRESHOLD}\n")
    found = {name: of_blueprint(name, given) for name in BUNDLED}
    print(table(found, given.n))
    if given.sessions:
        copied = [f["model"] for f in found.values()]
        total = share(sum(c["sessions"] for c in copied), sum(c["n"] for c in copied))
        print(f"\nSessions that copy a 4-gram of their persona, {given.model}, all blueprints: {total}")
    if given.data is not None:
        for split, f in published(given.data / "diasynth.jsonl.gz").items():
            top = f["top_name"]
            print(
                f"\n{split}: n = {f['n']}; persona 4-grams copied {share(f['copied'], f['n'])}; "
                f"most frequent name {top[0]}: {share(top[1], f['n']) if top[0] else 'speakers are numbers'}; "
                f"subtopics {f['subtopics']} of {PLANNED} planned, entropy {_entropy(f['entropy'])}; "
                f"personas {f['personas'][0]}, near-duplicates among them {f['personas'][1]}; "
                "context fields, traits and topics: not stored"
            )


if __name__ == "__main__":
    main()
