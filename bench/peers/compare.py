"""assay beside its peers on one stub with zero think time: 6-turn sessions, same concurrency, paired rounds.

    python bench/peers/compare.py --envs DIR [--sessions 60] [--slots 16] [--rounds 3] [--only assay,openevals]

DIR holds one virtual environment a peer (DIR/openevals, DIR/deepeval, DIR/sdialog), each made by `python -m venv` and
`pip install NAME`; assay runs in this interpreter. Every number is of a process of its own. Since sessions of assay end
when the goal is met, rates are of *12 calls*: calls that the stub counted / 12 / seconds. `cpu` is the processor time
of the peer's own process: on a machine that others use too it says more than the clock does.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PORT = 8099
PEERS = ("assay", "openevals", "deepeval", "sdialog")
KEEPS = {"assay": "ledger, labels, resume", "openevals": "no (returned)", "deepeval": "no (returned)",
         "sdialog": "no (returned)"}  # fmt: skip


def calls() -> int:
    """Completions that the stub has sent."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/count", timeout=5) as answer:
        return int(json.load(answer)["calls"])


def version(python: str, name: str) -> str:
    """Version of a peer in its environment."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "source tree"


def one(name: str, python: str, n: int, slots: int, seed: int) -> dict[str, float] | str:
    """Rates of one process, or why there are none."""
    address = f"http://127.0.0.1:{PORT}/v1"
    env = {**os.environ, "OPENAI_BASE_URL": address, "OPENAI_API_KEY": "none", "SEED": str(seed),
           "DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "LANGSMITH_TRACING": "false"}  # fmt: skip
    if name != "assay":
        env.pop("PYTHONPATH", None)
    before = calls()
    with tempfile.TemporaryDirectory() as out:
        command = [python, str(HERE / f"drive_{name}.py"), str(n), str(slots), f"{out}/run"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=out, timeout=240, check=False)
        except subprocess.TimeoutExpired:
            return "longer than 240 s"
    line = re.search(r"RESULT (\d+) ([\d.]+) ([\d.]+)", done.stdout)
    if line is None:
        return (done.stderr.strip().splitlines() or ["no result"])[-1][:160]
    wall, cpu = float(line[2]), float(line[3])
    sent = calls() - before
    return {"sessions": int(line[1]), "calls": sent, "wall": wall, "cpu": cpu,
            "rate": sent / 12 / wall, "per_cpu": sent / 12 / cpu}  # fmt: skip


def peak(python: str, name: str, n: int, slots: int) -> float:
    """Largest resident memory of the process, MB."""
    code = (
        "import resource,subprocess,sys;"
        "subprocess.run(sys.argv[1:],capture_output=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    env = {**os.environ, "OPENAI_BASE_URL": f"http://127.0.0.1:{PORT}/v1", "OPENAI_API_KEY": "none",
           "DEEPEVAL_TELEMETRY_OPT_OUT": "YES"}  # fmt: skip
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", code, python, str(HERE / f"drive_{name}.py"), str(n), str(slots), f"{out}/run"]
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=out, check=False)
    return float(done.stdout.strip() or 0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--envs", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PEERS))
    given = parser.parse_args()
    stub = subprocess.Popen([sys.executable, str(HERE / "stub.py"), "--port", str(PORT)])
    for _ in range(300):
        try:
            calls()
            break
        except OSError:
            time.sleep(0.1)
    rows: dict[str, list[dict[str, float]]] = {}
    pythons = {
        p: sys.executable if p == "assay" else str(given.envs / p / "bin" / "python") for p in given.only.split(",")
    }
    load = os.getloadavg()[0]
    print(f"n = {given.sessions}, {given.slots} at a time, {given.rounds} paired rounds, load {load:.1f}", flush=True)
    try:
        for number in range(given.rounds):
            for name, python in pythons.items():
                found = one(name, python, given.sessions, given.slots, number + 1)
                if isinstance(found, str):
                    print(f"{name}: round {number}: no result: {found}", flush=True)
                    continue
                rows.setdefault(name, []).append(found)
                print(f"{name}: round {number}: " + ", ".join(f"{k} {v:.4g}" for k, v in found.items()), flush=True)
        print("| tool | version | 12-call sessions/s (median) | per processor second | peak MB | keeps its results |")
        print("|---|---|---|---|---|---|")
        for name, found in rows.items():
            memory = peak(pythons[name], name, given.sessions, given.slots)
            print(
                f"| {name} | {version(pythons[name], name)} | {statistics.median(r['rate'] for r in found):.1f} | "
                f"{statistics.median(r['per_cpu'] for r in found):.1f} | {memory:.0f} | {KEEPS[name]} |"
            )
    finally:
        stub.terminate()
        stub.wait()


if __name__ == "__main__":
    main()
