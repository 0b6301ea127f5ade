"""plant: known faults into a copy of a session file."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.door.checking import offline_verifier
from assay.door.raw import faulty_lines, raw_lines
from assay.importing.maps import read_map
from assay.importing.sessions import import_sessions
from assay.planting.faults import OPERATORS
from assay.planting.faults import plant as plant_faults
from assay.planting.power import most_confusable
from assay.planting.run import Aids, Run
from assay.planting.truth import write_truth
from assay.records.storage import atomic_write
from assay.verification.one import select


def operators() -> list[tuple[str, str, str]]:
    """(name, kinds, what it does) of every operator."""
    return [(name, ", ".join(spec.kinds), spec.means) for name, spec in sorted(OPERATORS.items())]


def plant(
    file: str | Path | Sequence[str | Path], out: str | Path, truth: str | Path, *, operator: str,
    kind: str | None = None, rate: float = 0.1, label: str | None = None, seed: int = 0, confusable: bool = False,
    mapping: str | Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write a faulty copy of a session file and the exact record of what broke; returns counts.

    Lines of sessions without a fault are the very bytes of the file; in others only the fields that the truth names
    differ. mapping: a map file, as for import.

    Raises BadInput for an operator, kind or label that does not apply, BadSessions for a file that cannot be read.
    """
    paths = [Path(p) for p in ([file] if isinstance(file, str | Path) else file)]
    sessions = list(import_sessions(paths, None if mapping is None else read_map(mapping)))
    aids = None
    if confusable:
        verify = offline_verifier(None, seed, select(None), printed=False)
        aids = Aids(confusable=most_confusable(Run(sessions), verify(sessions)))
    _, planted, report = plant_faults(
        sessions, operator=operator, kind=kind, rate=rate, seed=seed, label=label, aids=aids
    )
    lines = "".join(f"{line}\n" for line in faulty_lines(raw_lines(paths), sessions, planted))
    data = lines.encode("utf-8", "surrogatepass")
    atomic_write(Path(out), gzip.compress(data, mtime=0) if Path(out).suffix == ".gz" else data)
    write_truth(Path(truth), planted)
    return {**report.row(), "out": str(out), "truth": str(truth)}
