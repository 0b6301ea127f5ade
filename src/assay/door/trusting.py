"""certify, sample, report, export: what may be said about the labels, and to whom."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.certification.trust import assemble
from assay.door.large_folder import SAMPLE, finished, is_large, label_steps, labels_of_run
from assay.errors import BadInput
from assay.records.certificate import Certificate
from assay.records.label import Label, labels_of
from assay.records.session import Session
from assay.records.storage import read, write_json, write_rows
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.verification.fidelity.fault import user_fault

OF_SAMPLE = ("certificate.json", "power.json")
"""Files of a run that the report on its sample shows."""


def labels_stage(folder: RunFolder, progress: Progress = silent) -> list[Label]:
    """labels.jsonl from sessions, verdicts and measured power; kept as it is once people's answers went into it."""
    finished(folder)
    if is_large(folder):
        return labels_of_run(folder)
    before = certificate_of(folder)
    if before is not None and before.looks and folder.has("labels.jsonl"):
        return list(read(folder.path, "labels"))
    if folder.run().get("command") == "label" and folder.has("labels.jsonl"):
        # what annotators named stands in labels.jsonl alone: the sessions carry no labels
        return list(read(folder.path, "labels"))
    sessions: list[Session] = list(read(folder.path, "sessions"))
    verdicts: list[Verdict] = list(read(folder.path, "verdicts"))
    power = folder.json("power.json") if folder.has("power.json") else None
    givens = [g for s in sessions for g in labels_of(s)]
    progress("labels", 0, len(givens))
    labels = assemble(givens, verdicts, power, {s.id: s.mode for s in sessions}, survivors(folder))
    write_rows(folder.file("labels.jsonl"), labels)
    progress("labels", len(givens), len(givens))
    return labels


def survivors(folder: RunFolder) -> frozenset[str]:
    """Label names that `assay gap` measured to survive the mode of this folder's sessions; none without survival.json.

    Raises BadInput for a file of another form.
    """
    if not folder.has("survival.json"):
        return frozenset()
    try:
        return frozenset(name for name, row in folder.json("survival.json")["names"].items() if row["survives"] is True)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"survival.json is not of this version's form ({type(error).__name__}: {error})",
            where=str(folder.path),
            now="measure it again: assay gap",
        ) from error


def certificate_of(folder: RunFolder) -> Certificate | None:
    """The run's last certificate, if there is one."""
    return Certificate.model_validate(folder.json("certificate.json")) if folder.has("certificate.json") else None


def write_certificate(folder: RunFolder, certificate: Certificate) -> None:
    """certificate.json."""
    write_json(folder.file("certificate.json"), certificate.row())


def summary(
    labels: Sequence[Label], verdicts: Sequence[Verdict], sessions: Sequence[Session], seconds: float
) -> dict[str, Any]:
    """The JSON summary of audit and run (INTERFACE.md)."""
    by_name: dict[str, dict[str, Any]] = {}
    for label in labels:
        row = by_name.setdefault(
            label.name,
            {
                "n": 0,
                "certified": 0,
                "provisional": 0,
                "suspect": 0,
                "rejected": 0,
                "unchecked": 0,
                "trusted": 0,
                "mean_rank": 0.0,
            },
        )
        row["n"] += 1
        row[label.tier] += 1
        row["unchecked"] += label.tier == "suspect" and label.silent
        row["trusted"] += label.tier in ("certified", "provisional")
        row["mean_rank"] += label.rank_score
    for row in by_name.values():
        row["mean_rank"] = float(f"{row['mean_rank'] / row['n']:.6g}")
    return {
        "sessions": len({label.session for label in labels}),
        "labels": len(labels),
        "by_name": dict(sorted(by_name.items())),
        "checks": statuses(verdicts),
        **user_fault(sessions, verdicts).rows(),
        "not_checked": [],
        "seconds": round(seconds, 2),
    }


def statuses(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Verdicts by code and status."""
    checks: dict[str, dict[str, int]] = {}
    for v in verdicts:
        counts = checks.setdefault(v.code, {})
        counts[v.status] = counts.get(v.status, 0) + 1
    return dict(sorted(checks.items()))


def report(directory: str | Path, *, text: bool = True) -> Path:
    """Write report.html of a run folder and return its path. `text=False` leaves every transcript out."""
    from assay.pages.report import write_report

    folder = RunFolder(directory)
    if not folder.has(f"{SAMPLE}/run.json"):
        finished(folder)
        return write_report(folder.path, text=text)
    # of more sessions than are held at once, the page is about their seeded random sample
    sample = RunFolder(folder.file(SAMPLE))
    if any(folder.has(n) and folder.json(n) != (sample.json(n) if sample.has(n) else None) for n in OF_SAMPLE):
        _renew(folder, sample)
    target = folder.file("report.html")
    write_report(sample.path, text=text).replace(target)
    return target


def _renew(folder: RunFolder, sample: RunFolder) -> None:
    """Bring what people's answers changed in a large run into the sample that its report shows."""
    own: dict[str, Label] = {x.id: x for x in read(sample.path, "labels")}
    for step in label_steps(folder.path):
        for x in step:
            if x.id in own:
                told: dict[str, Any] = {"read": x.read, "trust": x.trust, "trust_basis": x.trust_basis}
                # judges may have read the sample alone: what they said stands, but for what a certificate covers
                certified = {"tier": x.tier, "reasons": x.reasons} if x.tier == "certified" else {}
                own[x.id] = own[x.id].model_copy(update=told | certified)
    write_rows(sample.file("labels.jsonl"), own.values())
    for name in OF_SAMPLE:
        if folder.has(name):
            write_json(sample.file(name), folder.json(name))
