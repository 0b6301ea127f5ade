"""`assay audit` and `assay power` on public sets of sessions: what is found in them, and what the checks would notice.

    python bench/power_sets.py --data DATA --limit 200 --record src/assay/verification/measured_power.json

DATA holds one file a set in the session form (SET.jsonl.gz); the sets are not part of this repository. Of each set a
seeded random sample of `--limit` sessions is taken and written beside; then the two commands run on it as anybody would
run them. `--record` writes what `assay checks CODE` and the pages of the reference show. Nothing is tuned here.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import assay
from assay.door.auditing import read_any
from assay.door.battery import sample
from assay.door.checking import verifier_version
from assay.records.storage import atomic_write, write_rows

SETS = {
    "sgd": "sgd", "casino": "casino", "persona": "personachat_convai2", "tau1": "tau1_trajectories",
    "persuasion": "persuasionforgood",
}  # fmt: skip
"""Name in the tables -> file."""
KEPT = (
    "operator", "kind", "draw", "unit", "check", "n_faults", "clusters", "recall", "recall_ci", "false_alarm",
    "false_alarm_ci", "difference_lower", "auroc",
)  # fmt: skip
"""Fields of a row of power.json's table that are looked at."""
SHOWN = ("operator", "kind", "draw", "unit", "check", "n_faults", "recall", "recall_ci", "false_alarm", "auroc")
"""Those that the pages show."""


def measure(name: str, file: Path, limit: int, seed: int, *, full: bool) -> dict[str, Any]:
    """One set: the summary of an audit and the power measured on the same sessions."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder) / f"{name}.jsonl"
        sessions = read_any(file)
        lines = {s.id: s for s in sample(sessions, limit, seed)}
        write_rows(chosen, lines.values())
        began = time.monotonic()
        audit = assay.audit(chosen, Path(folder) / "run", seed=seed)
        middle = time.monotonic()
        # an audit measures label and text faults; systematic and most confusable ones are left to `assay power`
        power = json.loads((Path(folder) / "run" / "power.json").read_text(encoding="utf-8"))
        if full:
            power = assay.power(Path(folder) / "run", seed=seed, limit=limit)
        ended = time.monotonic()
    rest = {k: audit[k] for k in ("labels", "checks", "user_fault")}
    return {
        "sessions": power["sessions"], "of_sessions": len(sessions),
        "audit": {**rest, "tiers": tiers(audit["by_name"])},
        "seconds": [round(middle - began), round(ended - middle)], "battery": power["battery"],
        "gates": {n: g["passed"] for n, g in power["gates"].items() if g["reason"] != "no independent reader"},
        "table": [{k: r[k] for k in KEPT} for r in power["table"]],
        "composite": [{k: r[k] for k in (*KEPT, "best", "caught") if k != "check"} for r in power["composite"]],
        "uncaught": power["uncaught"], "not_planted": power["not_planted"],
    }  # fmt: skip


def tiers(by_name: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Labels by tier over all names."""
    return {t: sum(r[t] for r in by_name.values()) for t in ("provisional", "suspect", "rejected", "unchecked")}


def way(row: Mapping[str, Any]) -> str:
    """One way of planting in words."""
    return ", ".join([row["operator"], row["kind"], *([row["draw"]] if row["draw"] != "uniform" else [])])


def percent(row: Mapping[str, Any]) -> str:
    """`92 (88-97) / 0.4`: recall, its interval, false alarms, in per cent."""
    low, high = row["recall_ci"]
    limits = "" if low is None else f" ({100 * low:.0f}-{100 * high:.0f})"
    return f"{100 * row['recall']:.0f}{limits} / {100 * row['false_alarm']:.1f}"


def show(found: Mapping[str, Mapping[str, Any]]) -> None:
    """The tables, as Markdown."""
    out = sys.stdout.write
    out("| set | sessions | labels | provisional | suspect | rejected | unchecked | at fault | audit, s | power, s |\n")
    out("| --- " * 10 + "|\n")
    for name, held in found.items():
        t, fault = held["audit"]["tiers"], held["audit"]["user_fault"]
        at_fault = sum(v for k, v in fault.items() if k != "none")
        cells = [name, f"{held['sessions']} of {held['of_sessions']}", held["audit"]["labels"], *t.values()]
        out(f"| {' | '.join(map(str, cells))} | {at_fault} of {sum(fault.values())} | ")
        out(" | ".join(map(str, held["seconds"])) + " |\n")
    ways = list(dict.fromkeys(way(r) for held in found.values() for r in held["composite"]))
    out("\n| fault | " + " | ".join(found) + " |\n" + "| --- " * (len(found) + 1) + "|\n")
    for one in ways:
        cells = []
        for held in found.values():
            row = next((r for r in held["composite"] if way(r) == one), None)
            cells.append("" if row is None else f"{percent(row)} {row['best'] or 'none'}, {row['n_faults']}")
        out(f"| {one} | " + " | ".join(cells) + " |\n")
    out("\nrecall of all checks together (95 %) / false alarms on the same places of the originals, best check, n\n\n")
    for name, held in found.items():
        out(f"{name}: no check catches {'; '.join(way(r) for r in held['uncaught']) or '(all are caught)'}\n")
        out(f"{name}: nothing to plant {'; '.join(way(r) for r in held['not_planted']) or '(all)'}\n")
        passed = [n for n, ok in held["gates"].items() if ok]
        out(f"{name}: gates passed {', '.join(passed) or 'none'} of {len(held['gates'])} names with a reader\n")


def record(path: Path, head: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what the pages show, one row of a table a line; sets that were not measured now stay as they were."""
    before = json.loads(path.read_text(encoding="utf-8"))["sets"] if path.is_file() else {}
    sets = []
    for name, held in {**before, **found}.items():
        rows = ",\n".join(json.dumps({k: r[k] for k in SHOWN}) for r in held["table"])
        sizes = f'"sessions": {held["sessions"]}, "of_sessions": {held["of_sessions"]}'
        sets.append(f'"{name}": {{{sizes}, "table": [\n{rows}]}}')
    text = f'{json.dumps(head)[:-1]}, "sets": {{\n' + ",\n".join(sets) + "}}\n"
    json.loads(text)
    atomic_write(path, text.encode("utf-8"))


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="systematic and most confusable faults too")
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for name in given.sets.split(","):
        found[name] = measure(name, given.data / f"{SETS[name]}.jsonl.gz", given.limit, given.seed, full=given.full)
        sys.stderr.write(f"{name}: audit {found[name]['seconds'][0]} s, power {found[name]['seconds'][1]} s\n")
        if given.record is not None:
            more = " --full" if given.full else ""
            command = f"python bench/power_sets.py --data DATA --limit {given.limit} --seed {given.seed}{more}"
            record(given.record, {"schema": 1, "verifier": verifier_version(), "command": command}, found)
    show(found)


if __name__ == "__main__":
    main()
