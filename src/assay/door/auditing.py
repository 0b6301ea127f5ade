"""import and audit: somebody else's sessions, read faithfully and checked with what applies to them."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from assay.door.checking import offline_verifier, verifier_version
from assay.door.trusting import certificate_of, labels_stage, report, summary, write_certificate
from assay.errors import BadInput
from assay.importing.guess import guess
from assay.importing.maps import read_map
from assay.importing.openai import openai_rows
from assay.importing.report import ImportReport
from assay.importing.sessions import import_rows
from assay.importing.sessions import import_sessions as read_sessions
from assay.importing.tau import tau_rows
from assay.records.base import digest
from assay.records.session import Session
from assay.records.storage import write_json, write_rows
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.verification.label_errors import auditable
from assay.verification.one import select

FORMATS = ("sessions", "openai", "tau2")
"""Formats that this version reads."""


def import_sessions(
    paths: str | Path | Sequence[str | Path], out: str | Path, *, format: str = "sessions",
    mapping: str | Path | None = None, progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Read session files into a run folder; returns counts in and out, facts by party and warnings.

    Raises BadSessions for a file that is not in the form, naming the line; BadInput for an unknown format.
    """
    if format not in FORMATS:
        raise BadInput(f"format {format!r} is not one this version reads", now=f"one of {', '.join(FORMATS)}")
    files = _files(paths)
    with RunFolder(out, make=True) as folder:
        _, counts = _import(folder, files, mapping, "import", 0, progress, format)
        return counts


def _import(
    folder: RunFolder,
    files: list[Path],
    mapping: str | Path | None,
    command: str,
    seed: int,
    progress: Progress,
    format: str = "sessions",
) -> tuple[list[Session], dict[str, Any]]:
    found = ImportReport()
    rules = _mapping(mapping)
    sessions = []
    for session in _reader(format, files, rules, found):
        sessions.append(session)
        if len(sessions) % 500 == 0:
            progress("import", len(sessions), len(sessions) + 1, "reading")
    config = {"files": [_mark(f) for f in files], "mapping": rules, "seed": seed}
    folder.begin(command, {"files": [str(f) for f in files]}, config)
    write_rows(folder.file("sessions.jsonl"), sessions)
    counts = found.row()
    folder.stage_done("import", **counts)
    progress("import", len(sessions), len(sessions))
    return sessions, counts


def _reader(format: str, files: list[Path], rules: dict[str, Any] | None, found: ImportReport) -> Iterator[Session]:
    """Sessions of the files in their format."""
    rows = {"openai": openai_rows, "tau2": tau_rows}.get(format)
    if rows is None:
        return read_sessions(files, rules, report=found)
    return import_rows(chain.from_iterable(rows(f) for f in files), rules, report=found)


def _files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files of a command. Raises BadInput for one that is not there."""
    files = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    for path in files:
        if not path.is_file():
            what = "a folder, not a session file" if path.is_dir() else "no such file"
            raise BadInput(what, where=str(path), now="name a .jsonl or .jsonl.gz file of sessions")
    return files


def _mark(path: Path) -> list[Any]:
    """Name, size and digest of a file: what a resumed audit must find again."""
    data = path.read_bytes()
    import hashlib

    return [path.name, len(data), hashlib.sha256(data).hexdigest()]


def _mapping(path: str | Path | None) -> dict[str, Any] | None:
    return None if path is None else read_map(Path(path))


def audit(
    file: str | Path | Sequence[str | Path], out: str | Path, *, labels: Sequence[str] | None = None,
    format: str | None = None, mapping: str | Path | None = None, seed: int = 0, checks: Sequence[str] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Which labels of somebody else's sessions can be trusted: import, verify, report. Returns the summary.

    `labels` narrows LB06 to some names; by default every name with 2 to 200 values, each on at least 5 targets, is
    checked, and the others are listed with the reason. Raises BadSessions, BadInput.
    """
    from assay.certification.costs import not_requested
    from assay.verification.label_errors import find_label_errors

    began = time.monotonic()
    files = _files(file)
    if format is None:
        format = guess(files[0]).format
    # of a file that is like nothing known, the reader of sessions says best what is wrong, and in which line
    if format not in (*FORMATS, "unknown"):
        raise BadInput(
            f"{files[0].name} looks like {format!r}, which this version does not read",
            where=str(files[0]),
            now="convert it to the session form (docs/reference/files.md)",
        )
    with RunFolder(out, make=True) as folder:
        sessions, counts = _import(folder, files, mapping, "audit", seed, progress, format)
        names, skipped = auditable(sessions)
        if labels is not None:
            if unknown := set(labels) - set(names):
                detail = "; ".join(f"{n}: {skipped.get(n, 'no such label')}" for n in sorted(unknown))
                raise BadInput(f"these labels cannot be audited: {detail}", now=f"one of {', '.join(names) or 'none'}")
            names = list(labels)
        codes = select(checks)
        verdicts = offline_verifier(None, seed, codes - {"LB06"})(sessions)
        if "LB06" in codes and names:
            verdicts += find_label_errors(sessions, names, seed, partial(progress, "LB06"))
        write_rows(folder.file("verdicts.jsonl"), verdicts)
        folder.stage_done("verify", n=len(verdicts), verifier=verifier_version(), not_checked=skipped)
        power = audit_power(sessions, names, seed, progress)
        if power is not None:
            write_json(folder.file("power.json"), power)
        made = labels_stage(folder, progress)
        certificate = not_requested(made, before=certificate_of(folder))
        write_certificate(folder, certificate)
        path = report(folder.path)
        found = summary(made, verdicts, sessions, time.monotonic() - began)
        found |= {"import": counts, "not_checked": [{"name": k, "reason": v} for k, v in sorted(skipped.items())]}
        return {**found, "certificate": certificate.status, "report": str(path)}


AUDIT_SAMPLE = 400
"""Sessions of the planted sample on which an audit measures power."""


def audit_power(
    sessions: Sequence[Session], names: Sequence[str], seed: int, progress: Progress
) -> dict[str, Any] | None:
    """Power of LB06 and the leak checks, measured by planting into a seeded sample of the audited sessions."""
    from assay.planting.power import Plan as PowerPlan
    from assay.planting.power import measure

    ranked = sorted(sessions, key=lambda s: digest([seed, "audit power", s.id]))[:AUDIT_SAMPLE]
    if len(ranked) < 10:
        return None
    progress("power", 0, 1, f"planting into {len(ranked)} sessions")
    verify = offline_verifier(None, seed, select(None))
    plan = PowerPlan(
        operators=("act_swap", "early_reveal", "omniscient", "repeat", "blank"), rounds=1, confusable=False
    )
    found = measure(
        ranked, verify, seed=seed, rate=0.15, blueprint_hash="", verifier=verifier_version(), model="given", plan=plan
    )
    progress("power", 1, 1)
    return found
