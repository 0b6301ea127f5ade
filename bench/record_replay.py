"""Record the run that `assay demo --replay` shows: a demo made here, copied into the package without its ledger.

    python bench/record_replay.py --out DIR

DIR is where the demo runs (or has run). Rerun it after a change of blueprint, verifier, adapter or power measurement.
"""

import argparse
import json
import shutil
from pathlib import Path

import assay
from assay.cli.console import Bars

HOME = Path(__file__).parents[1] / "src" / "assay" / "blueprints" / "replay"
LEFT_OUT = ("ledger.sqlite", "report.html", ".run.lock", ".ledger.lock")
"""The ledger repeats every text; the report is written anew from the rest."""


def main() -> None:
    """Run the demo and copy its files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    summary = assay.demo(given.out, progress=Bars())
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    for path in sorted(Path(given.out).iterdir()):
        if path.is_file() and not path.name.startswith(LEFT_OUT):
            shutil.copyfile(path, HOME / path.name)
    summary.pop("report")
    (HOME / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    size = sum(p.stat().st_size for p in HOME.iterdir())
    print(f"{summary['sessions']} sessions recorded in {HOME}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
