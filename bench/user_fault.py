"""Fidelity to the brief against a person's reading: agreement, precision and recall per code.

    python bench/user_fault.py tau1_trajectories.jsonl.gz

Forty airline runs (ten tasks drawn by seed, four trials each) were read before the checks' output was seen
(user_fault_labels.json); the rules were tried on the other forty tasks only, by somebody who had read these. Sessions
are the unit; intervals of precision and recall are Clopper-Pearson, which takes sessions as independent: four trials
share a brief, so they are too narrow.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from assay.importing.sessions import import_sessions
from assay.stats.intervals import clopper_pearson
from assay.verification.check import Corpus
from assay.verification.fidelity.fault import user_fault
from assay.verification.fidelity.one import CODES, brief_fidelity


def shown(k: int, n: int) -> str:
    """A share with its interval."""
    low, high = clopper_pearson(k, n)
    return f"{k}/{n} = {k / n:.2f} [{low:.2f}, {high:.2f}]" if n else "0/0"


def main() -> None:
    """Print one line a code, any fault, and the outcomes of all airline runs."""
    book = json.loads((Path(__file__).parent / "user_fault_labels.json").read_text())
    airline = [s for s in import_sessions(sys.argv[1]) if s.split == "airline"]
    held = [s for s in airline if int(s.id.split("/")[2]) in book["tasks"]]
    verdicts = list(brief_fidelity(Corpus(sessions=airline)))
    found: dict[str, set[str]] = defaultdict(set)
    for v in verdicts:
        if v.status == "contradicted":
            found[v.session].add(v.code)
    print(f"n = {len(held)} sessions read, draw seed 20261123; baseline: no session is at fault")
    for code in (*CODES, "any"):
        said = {s.id for s in held if (found[s.id] if code == "any" else code in found[s.id])}
        true = {s for s, codes in book["faults"].items() if code == "any" or code in codes}
        both, agree = len(said & true), len(held) - len(said ^ true)
        print(f"{code}: agreement {shown(agree, len(held))} (baseline {1 - len(true) / len(held):.2f}); "
              f"precision {shown(both, len(said))}; recall {shown(both, len(true))}")  # fmt: skip
        print(f"     wrongly: {sorted(said - true)}; missed: {sorted(true - said)}")
    for name, sessions in (("forty read", held), ("all airline", airline)):
        print(name, json.dumps(user_fault(sessions, verdicts).rows()))


if __name__ == "__main__":
    main()
