"""How audits, and what is done with them afterwards, grow with the number of sessions: time, peak memory, disk.

    python bench/audit_growth.py 1000 10000 100000 [--seed 1] [--checks CO05,BR05,IA01] [--out DIR] [--only-audit]

Sessions are made by the templates of the bundled blueprint and written as somebody else's: labels as given, private
facts, no scenario. Beyond --made (default 20,000) they are copies of those under a new id and with other digits in
text, facts and labels, since making them takes longer than auditing them. Every command is a process of its own; its
peak resident memory and processor seconds are what the kernel reports. `first` is when an audit's first word came.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one

ASSAY = "import sys; from assay.cli import main; main(sys.argv[1:])"
INDEX = """
import sys
from pathlib import Path
from assay.pages.view.book import shelve
for book in shelve([Path(sys.argv[1])]).values():
    book.open()
"""


def made_sessions(path: Path, n: int, seed: int) -> None:
    """Write n template-made sessions as if imported from elsewhere."""
    book = load_blueprint("returns")
    parts = Parts(assistant=lambda s, rng: reference_assistant(book, s, rng), say=None)
    with path.open("w", encoding="utf-8") as out:
        for index in range(n):
            session = asyncio.run(simulate_one(book, author_one(book, seed, index), parts))
            turns = [{"speaker": t.speaker, "text": t.text, "labels": t.labels} for t in session.turns]
            row = {"id": session.id, "source": "templates", "language": "en", "private": session.private,
                   "session_labels": {"goal": session.session_labels["goal"]}, "turns": turns}  # fmt: skip
            out.write(json.dumps(row) + "\n")


def write_sessions(path: Path, n: int, pool: Path) -> int:
    """The first n sessions of the pool, beyond its end again with other ids and digits; returns the bytes written."""
    lines = pool.read_text(encoding="utf-8").splitlines()
    with path.open("w", encoding="utf-8") as out:
        for index in range(n):
            turn, line = index // len(lines), lines[index % len(lines)]
            shift = str.maketrans("0123456789", "0123456789"[turn % 10 :] + "0123456789"[: turn % 10])
            head, rest = line.split('", ', 1)
            out.write(f'{head}-{turn}", {rest.translate(shift) if turn else rest}\n')
    return path.stat().st_size


def measured(code: str, arguments: Sequence[str | Path], work: Path) -> dict[str, float]:
    """One command in a process of its own: exit status, seconds, processor seconds, peak MiB, seconds to its word."""
    began = time.monotonic()
    said = work / "said.txt"
    with said.open("wb") as err:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=err,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        first = 0.0
        # asked without reaping it: what it used is read at the end
        seen = os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
        while not first and os.waitid(*seen) is None and time.monotonic() - began < 30:
            time.sleep(0.02)
            first = time.monotonic() - began if said.stat().st_size else 0.0
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return {"exit": child.returncode, "s": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime,
            "peak": used.ru_maxrss / 1024, "first": first}  # fmt: skip


def disk(folder: Path) -> float:
    """kB that a folder takes."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e3


def told(n: int, name: str, row: dict[str, float], more: str = "") -> None:
    """One line of the table."""
    print(f"| {n:,} | {name} | {row['exit']:.0f} | {row['s']:.1f} | {row['cpu']:.1f} | {1e3 * row['cpu'] / n:.2f} | "
          f"{row['peak']:.0f} | {more} |", flush=True)  # fmt: skip


def one_size(n: int, home: Path, pool: Path, asked: argparse.Namespace) -> None:
    """Audit n sessions, then what people do with the folder."""
    file, out = home / f"sessions_{n}_{asked.seed}.jsonl", home / f"audit_{n}_{asked.seed}{asked.checks or ''}"
    size = file.stat().st_size if file.exists() else write_sessions(file, n, pool)
    checks = ["--checks", asked.checks] if asked.checks else []
    row = measured(ASSAY, ["audit", file, "--out", out, "--seed", str(asked.seed), *checks], home)
    told(
        n,
        "audit",
        row,
        f"file {size / n / 1e3:.2f} kB a session, run {disk(out) / n:.2f} kB, first {row['first']:.1f} s",
    )
    if asked.only_audit:
        return
    commands: list[tuple[str, list[str | Path]]] = [
        ("sample", ["sample", out, "-n", "150", "--out", home / f"asked_{n}.csv"]),
        ("certify", ["certify", out]),
        ("report", ["report", out]),
        ("diff", ["diff", out, out]),
        ("export", ["export", out, "--out", home / f"data_{n}", "--min-tier", "suspect"]),
    ]
    for name, arguments in commands:
        told(n, name, measured(ASSAY, arguments, home))
    row = measured(INDEX, [out], home)
    told(n, "view, index", row, f"index {(out / '.view.sqlite').stat().st_size / n / 1e3:.2f} kB a session"
         if (out / ".view.sqlite").exists() else "")  # fmt: skip


def main() -> None:
    """Print one line a size and command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checks", default=None, help="codes, comma separated; default: all")
    parser.add_argument("--made", type=int, default=20_000, help="sessions that are made anew; more are copies")
    parser.add_argument("--pool", type=Path, default=None, help="sessions made before, instead of making them")
    parser.add_argument("--only-audit", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    home = asked.out or Path(tempfile.mkdtemp(prefix="audit_growth_"))
    home.mkdir(parents=True, exist_ok=True)
    pool = asked.pool or home / f"pool_{asked.seed}.jsonl"
    if not pool.exists():
        made_sessions(pool, min(max(asked.sizes), asked.made), asked.seed)
    print("| sessions | command | exit | s | processor s | ms a session | peak MiB | more |")
    print("|---|---|---|---|---|---|---|---|")
    for n in asked.sizes:
        one_size(n, home, pool, asked)


if __name__ == "__main__":
    main()
