"""The power measurement that comes with assay for the `returns` blueprint (`power_from` of small runs and the demo).

    python bench/power_returns.py --out DIR [--sessions 300] [--seed 20261125] [--install]

Simulates the sessions on the embedded model, plants every operator (label faults, text faults reworded by the same
model, systematic ones), verifies each copy and writes DIR/power.json; resumable. `--install` copies it into the
package. Rerun it after any change of the blueprint, the verifier, the reader's weights or the adapter: the demo refuses
another's.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import assay
from assay.cli.console import Bars

HOME = Path(__file__).parents[1] / "src" / "assay" / "blueprints" / "returns.power.json"


def main() -> None:
    """Measure, print the gates, install if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--install", action="store_true")
    given = parser.parse_args()
    out, bars = Path(given.out), Bars()
    assay.author("returns", out, n=given.sessions, seed=given.seed, model=given.model, progress=bars)
    assay.simulate(out, progress=bars)
    power = assay.power(out, progress=bars)
    print(f"n = {power['sessions']} sessions, seed {given.seed}, model {power['model']}, verifier {power['verifier']}")
    for row in power["results"]:
        if row["independent"] and row["name"] in ("core_act", "goal", "act"):
            print(
                f"{row['operator']}/{row['kind']}/{row['draw']} {row['name']} {row['check']}: "
                f"recall {row['recall']:.3f}, false alarms {row['false_alarm']:.3f}, "
                f"lower limit {row['difference_lower']}, n = {row['n_faults']} {row['unit']}s"
            )
    for name, gate in power["gates"].items():
        print(f"gate {name}: {'passed' if gate['passed'] else 'not passed'}; {gate['reason']}")
    if given.install:
        if power["sessions"] < 300:
            sys.exit("not installed: fewer than 300 sessions")
        small = {**power, "seed": given.seed}
        HOME.write_text(json.dumps(small, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        shutil.copystat(out / "power.json", HOME)
        print(f"installed as {HOME}")


if __name__ == "__main__":
    main()
