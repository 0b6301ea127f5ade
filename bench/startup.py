"""Start-up and installation: import and help, size of the wheel, what a plain install brings, and the replayed demo.

    python bench/startup.py [--rounds 9] [--no-install]

Times are of fresh processes, by the clock and by the processor (user + system: what counts on a shared machine), with
the bare interpreter of the same rounds beside them. The wheel is built from this tree, installed into an empty virtual
environment, and runs `assay demo --replay` there.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
CASES = {
    "bare interpreter": "pass",
    "import assay": "import assay",
    "assay --help": "import sys; sys.argv = ['assay', '--help']; from assay.cli import main; main()",
}


def timed(code: str) -> tuple[float, float]:
    """(wall, processor) seconds of a fresh interpreter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starts(rounds: int) -> None:
    """Print the median and the least of each case, in turns."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, code in CASES.items():
            found[name].append(timed(code))
    print(f"{rounds} rounds, load {os.getloadavg()[0]:.1f}")
    for name, pairs in found.items():
        wall, cpu = zip(*pairs, strict=True)
        print(f"{name}: wall median {statistics.median(wall):.3f} s, least {min(wall):.3f} s; "
              f"processor median {statistics.median(cpu):.3f} s, least {min(cpu):.3f} s", flush=True)  # fmt: skip


def install() -> None:
    """Build, install, count, run."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(HOME)], check=True)
        wheel = next(where.glob("*.whl"))
        print(f"wheel: {wheel.stat().st_size / 1e6:.2f} MB", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(where / "env")], check=True)
        python = str(where / "env" / "bin" / "python")
        bare = size(where / "env")
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run([python, "-m", "pip", "install", "-q", str(wheel)], check=True, env=clean)
        listed = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True,
                                check=True, env=clean).stdout.split()  # fmt: skip
        names = [line for line in listed if not line.startswith(("pip==", "setuptools=="))]
        print(f"plain install: {len(names)} distributions, {(size(where / 'env') - bare) / 1e6:.0f} MB", flush=True)
        began = time.monotonic()
        command = [str(where / "env" / "bin" / "assay"), "demo", str(where / "demo"), "--replay", "-q"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=clean, check=False)
        print(f"assay demo --replay: exit {done.returncode} in {time.monotonic() - began:.1f} s; "
              f"report.html {'written' if (where / 'demo' / 'report.html').exists() else 'missing'}")  # fmt: skip
        if done.returncode:
            print(done.stderr[-500:])


def size(folder: Path) -> int:
    """Bytes of all files below, byte code left out."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-install", action="store_true")
    given = parser.parse_args()
    starts(given.rounds)
    if not given.no_install:
        install()
