"""plant: known faults into a copy of a session file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.door.checking import offline_verifier
from assay.importing.sessions import import_sessions
from assay.planting.faults import OPERATORS
from assay.planting.faults import plant as plant_faults
from assay.planting.power import most_confusable
from assay.planting.run import Aids, Run
from assay.planting.truth import write_truth
from assay.records.storage import write_rows
from assay.verification.one import select


def operators() -> list[tuple[str, str, str]]:
    """(name, kinds, what it does) of every operator."""
    return [(name, ", ".join(spec.kinds), spec.means) for name, spec in sorted(OPERATORS.items())]


def plant(
    file: str | Path | Sequence[str | Path], out: str | Path, truth: str | Path, *, operator: str,
    kind: str | None = None, rate: float = 0.1, label: str | None = None, seed: int = 0, confusable: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write a faulty copy of a session file and the exact record of what broke; returns counts.

    Raises BadInput for an operator, kind or label that does not apply, BadSessions for a file that cannot be read.
    """
    sessions = list(import_sessions(file))
    aids = None
    if confusable:
        verify = offline_verifier(None, seed, select(None), printed=False)
        aids = Aids(confusable=most_confusable(Run(sessions), verify(sessions)))
    faulty, planted, report = plant_faults(
        sessions, operator=operator, kind=kind, rate=rate, seed=seed, label=label, aids=aids
    )
    write_rows(Path(out), faulty)
    write_truth(Path(truth), planted)
    return {**report.row(), "out": str(out), "truth": str(truth)}
