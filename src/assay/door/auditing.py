"""import and audit: somebody else's sessions, read faithfully and checked with what applies to them."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from assay.door.audit_plan import Told, audit_plan
from assay.door.checking import (
    READ_OUT_OF_FOLD,
    instead,
    judge_all,
    label_embedder,
    offline_verifier,
    verifier_version,
)
from assay.door.judging import Reading, judged_plan
from assay.door.large_audit import MOST_AT_ONCE, SHOWN, Ask, audit_large
from assay.door.large_folder import SAMPLE
from assay.door.options import Plan
from assay.door.running import write_usage
from assay.door.sync import run_sync
from assay.door.trusting import certificate_of, labels_stage, report, summary, write_certificate
from assay.errors import BadInput
from assay.importing.formats import FORMATS, is_format, reader_of
from assay.importing.guess import guess
from assay.importing.maps import read_map
from assay.importing.redact import Redactor, read_names
from assay.importing.report import ImportReport
from assay.importing.sessions import import_rows
from assay.importing.sessions import import_sessions as read_sessions
from assay.importing.tau import results_file
from assay.records.parts import parts_of, write_stream
from assay.records.session import Session
from assay.records.storage import read as read_table
from assay.records.storage import write_json, write_rows
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.verification.account import account_for
from assay.verification.check import Corpus
from assay.verification.label_errors import auditable
from assay.verification.one import select


def import_sessions(
    paths: str | Path | Sequence[str | Path], out: str | Path, *, format: str = "sessions",
    mapping: str | Path | None = None, redact: bool = False, names: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Read session files into a run folder; returns counts in and out, facts by party and warnings.

    redact: replace e-mail addresses, phone and card numbers, IBANs and the names of a file (`names`, one a line) by
    pseudonyms before anything is written; `redacted` of the result counts them. Raises BadSessions for a file that is
    not in the form, naming the line; BadInput for an unknown format.
    """
    if not is_format(format):
        raise BadInput(f"format {format!r} is not one this version reads", now=f"one of {', '.join(FORMATS)}")
    if names is not None and not redact:
        raise BadInput("names to redact without redact", now="give --redact too")
    files = _files(paths, format)
    redactor = Redactor(read_names(names) if names is not None else ()) if redact else None
    with RunFolder(out, make=True) as folder:
        return _import(folder, files, mapping, progress, format, redactor)


def _import(
    folder: RunFolder,
    files: list[Path],
    mapping: str | Path | None,
    progress: Progress,
    format: str,
    redactor: Redactor | None,
) -> dict[str, Any]:
    """Read files into a run folder as a stream: at most WHOLE_FILE sessions are held."""
    found, rules = ImportReport(), _mapping(mapping)
    stream = iter(_reader(format, files, rules, found))
    redacted = stream if redactor is None else map(redactor.session, stream)
    # the configuration of a redacted import holds what was found, which is known at the end
    n = write_stream(folder.path, "sessions", redacted, lambda n: progress("import", n, n + 1, "reading"))
    config = {"files": [_mark(f) for f in files], "mapping": rules, "seed": 0}
    if redactor is not None:
        config["redacted"] = redactor.row()
    folder.begin("import", {"files": [str(f) for f in files]}, config)
    counts = found.row() | ({} if redactor is None else {"redacted": redactor.row()})
    folder.stage_done("import", **counts)
    progress("import", n, n)
    return counts


def read_any(
    paths: str | Path | Sequence[str | Path], mapping: str | Path | None = None, format: str | None = None
) -> list[Session]:
    """Sessions of files in any form that this version reads. Raises BadInput, BadSessions."""
    files = _files(paths, format)
    return list(_reader(_format(files[0], format), files, _mapping(mapping), ImportReport()))


def _format(file: Path, asked: str | None) -> str:
    """The format asked for, or guessed. Raises BadInput for one that this version does not read."""
    format = guess(file).format if asked is None else asked
    # of a file that is like nothing known, the reader of sessions says best what is wrong, and in which line
    if format != "unknown" and not is_format(format):
        raise BadInput(
            f"{file.name} looks like {format!r}, which this version does not read",
            where=str(file),
            now="convert it to the session form (docs/reference/files.md)",
        )
    return format


def _reader(format: str, files: list[Path], rules: dict[str, Any] | None, found: ImportReport) -> Iterator[Session]:
    """Sessions of the files in their format."""
    rows = reader_of(format)
    if rows is None:
        return read_sessions(files, rules, report=found)
    return import_rows(chain.from_iterable(rows(f, rules) for f in files), rules, report=found)


def _files(paths: str | Path | Sequence[str | Path], format: str | None) -> list[Path]:
    """The files of a command; for `hf` also folders and names. Raises BadInput for one that is not there."""
    files = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    for path in files:
        folder = format == "hf" or (format == "tau2" and results_file(path).is_file())
        if path.is_file() or folder or (format is None and path.is_dir() and not (path / "run.json").exists()):
            continue
        what = "a folder, not a session file" if path.is_dir() else "no such file"
        raise BadInput(what, where=str(path), now="name a .jsonl or .jsonl.gz file of sessions")
    return files


def _mark(path: Path) -> list[Any]:
    """Name, size and digest of a file (of a folder: of all its files): what a resumed audit must find again.

    Files whose names begin with a dot are no data: a look with `assay view` leaves its index there.
    """
    import hashlib

    digest, size = hashlib.sha256(), 0
    for file in sorted(_shown(path)) if path.is_dir() else [path]:
        if not file.exists():
            return [str(path), 0, ""]
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
                size += len(block)
    return [path.name, size, digest.hexdigest()]


def _shown(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _mapping(path: str | Path | None) -> dict[str, Any] | None:
    return None if path is None else read_map(Path(path))


def audit(
    file: str | Path | Sequence[str | Path], out: str | Path, *, labels: Sequence[str] | None = None,
    format: str | None = None, mapping: str | Path | None = None, seed: int = 0, checks: Sequence[str] | None = None,
    judge: Sequence[str] = (), judged_labels: int | None = None, max_cost: float | None = None,
    price: Sequence[str] = (), apart: bool = False, dry_run: bool = False, told: Told | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Which labels of somebody else's sessions can be trusted: import, verify, report. Returns the summary.

    `labels` narrows LB06 to some names; by default every name with 2 to 200 values, each on at least 5 targets, is
    checked, and the others are listed with the reason. judge, judged_labels, max_cost, price, apart: language
    models that read labels too, as for `verify`. told: is given the plan before anything is checked (what the sessions
    have, what cannot be checked and why, what judges would be asked and cost, how long it takes); with dry_run that is
    returned, and nothing is asked or written. Above 5,000 sessions they are streamed, and checked in parts
    (door.large_audit). The same call goes on after a stop. Raises BadSessions, BadInput, ProviderFailed.
    """
    files = _files(file, format)
    format = _format(files[0], format)
    plan = judged_plan(Plan(n=1, seed=seed, model="given"), judge, judged_labels, max_cost, price, apart=apart)
    codes, found = select(checks), ImportReport()
    stream = _reader(format, files, _mapping(mapping), found)
    planning = partial(audit_plan, plan=plan, codes=codes, asked=labels)
    if dry_run:
        head = list(islice(stream, MOST_AT_ONCE))
        return planning(head, len(head) + sum(1 for _ in stream))
    with RunFolder(out, make=True) as folder:
        config = {"files": [_mark(f) for f in files], "mapping": _mapping(mapping), "seed": seed}
        large = folder.is_done("audit") or (folder.is_done("import") and bool(parts_of(folder.path, "sessions")))
        head = [] if large else list(islice(_counting(stream, progress), MOST_AT_ONCE + 1))
        large = large or len(head) > MOST_AT_ONCE
        if large and plan.judge:
            home = folder.file(SAMPLE)
            now = f"leave --judge out here; then `assay verify {home} --judge ...` reads a random sample of {SHOWN}"
            raise BadInput(f"judges read audits of up to {MOST_AT_ONCE:,} sessions", where="--judge", now=now)
        folder.begin("audit", {"files": [str(f) for f in files]}, config)
        _anew(folder, {"checks": sorted(codes), "labels": None if labels is None else sorted(labels)})

        def planned_and_told(sessions: Sequence[Session], total: int) -> dict[str, Any]:
            made = planning(sessions, total)
            if told is not None:
                told(made)
            return made

        if large:
            ask = Ask(
                codes=codes, labels=None if labels is None else tuple(labels), seed=seed,
                power=lambda chosen: audit_power(chosen, checks, seed, progress, vectors=False),
                planned=planned_and_told, progress=progress,
            )  # fmt: skip
            return audit_large(folder, chain(head, stream), found.row, ask)
        how = Small(plan=plan, codes=codes, checks=checks, labels=labels, told=planned_and_told, progress=progress)
        return _audit_small(folder, head, found, how)


def _anew(folder: RunFolder, asked: dict[str, Any]) -> None:
    """Forget what an audit of the same files made for other checks or labels."""
    run = folder.run()
    before, version = run.get("asked"), verifier_version()
    if before == {**asked, "verifier": version}:
        return
    stages = {k: v for k, v in run.get("stages", {}).items() if k == "import" and before is not None}
    shutil.rmtree(folder.file("verdicts"), ignore_errors=True)
    write_json(folder.file("run.json"), {**run, "asked": {**asked, "verifier": version}, "stages": stages})


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """What is asked of an audit whose sessions are all held."""

    plan: Plan
    codes: frozenset[str]
    checks: Sequence[str] | None
    labels: Sequence[str] | None
    told: Callable[[Sequence[Session], int], dict[str, Any]]
    progress: Progress


def _audit_small(folder: RunFolder, sessions: list[Session], read: ImportReport, how: Small) -> dict[str, Any]:
    """Audit sessions that are all held, as one corpus. Stages that are done with the same judges are kept."""
    from assay.certification.costs import not_requested
    from assay.verification.label_errors import find_label_errors

    began = time.monotonic()
    codes, seed, progress, plan = how.codes, how.plan.seed, how.progress, how.plan
    names, skipped = auditable(sessions)
    if how.labels is not None:
        if unknown := set(how.labels) - set(names):
            detail = "; ".join(f"{n}: {skipped.get(n, 'no such label')}" for n in sorted(unknown))
            raise BadInput(f"these labels cannot be audited: {detail}", now=f"one of {', '.join(names) or 'none'}")
        names = list(how.labels)
    counts = read.row()
    write_rows(folder.file("sessions.jsonl"), sessions)
    folder.stage_done("import", **counts)
    progress("import", len(sessions), len(sessions))
    planned_ = how.told(sessions, len(sessions))
    # without a judge nothing of a finished stage could come out otherwise
    kept = folder.is_done("verify") and folder.has("verdicts.jsonl") and not plan.judge
    readings: list[Reading] = []
    if kept and not folder.run()["stages"]["verify"].get("readings"):
        verdicts = list(read_table(folder.path, "verdicts"))
    else:
        verdicts = offline_verifier(None, seed, codes - {"LB06"})(sessions)
        if "LB06" in codes and names:
            told, embedder = partial(progress, "LB06"), label_embedder(sessions)
            verdicts += find_label_errors(sessions, names, seed, told, embedder, codes & READ_OUT_OF_FOLD)
        readings = _judged(folder, Corpus(sessions=sessions, seed=seed), plan, codes, progress)
        verdicts = instead(verdicts, [v for r in readings for v in r.verdicts])
        verdicts = account_for(verdicts, sessions, codes, judged=bool(readings))
        write_rows(folder.file("verdicts.jsonl"), verdicts)
    read_by = [r.usage for r in readings]
    folder.stage_done(
        "verify", n=len(verdicts), checks=sorted(codes), verifier=verifier_version(), not_checked=skipped,
        readings=read_by,
    )  # fmt: skip
    if not (folder.is_done("power") and folder.has("power.json")):
        power = audit_power(sessions, how.checks, seed, progress)
        if power is not None:
            write_json(folder.file("power.json"), power)
            folder.stage_done("power", n=len(power["results"]))
    made = labels_stage(folder, progress)
    certificate = not_requested(made, before=certificate_of(folder))
    write_certificate(folder, certificate)
    path = report(folder.path)
    found = summary(made, verdicts, sessions, time.monotonic() - began)
    found |= {"import": counts, "not_checked": [{"name": k, "reason": v} for k, v in sorted(skipped.items())]}
    judges = [t for r in readings for t in r.trials]
    return {**found, "plan": planned_, "readings": read_by, "judges": judges, "certificate": certificate.status,
            "report": str(path)}  # fmt: skip


def _counting(stream: Iterator[Session], progress: Progress) -> Iterator[Session]:
    """The stream, with progress now and then."""
    for n, session in enumerate(stream, 1):
        if n % 500 == 0:
            progress("import", n, n + 1, "reading")
        yield session


def _judged(
    folder: RunFolder, corpus: Corpus, plan: Plan, codes: frozenset[str], progress: Progress
) -> list[Reading]:  # fmt: skip
    """What the judges that were named say of imported sessions; no ledger where none was named."""
    if not plan.judge:
        return []
    with Ledger(folder.path) as ledger:
        readings = run_sync(judge_all(folder, corpus, plan, codes, ledger, progress))
        write_usage(folder, ledger, plan.price)
    return list(readings)


def audit_power(
    sessions: Sequence[Session], checks: Sequence[str] | None, seed: int, progress: Progress, *, vectors: bool = True
) -> dict[str, Any] | None:
    """Power of the checks that speak here, measured by planting into a seeded sample; None below 10 sessions.

    vectors: whether label errors are read by sentence vectors too, as for the verdicts that this power is of.
    Systematic and most confusable swaps, each a pass more over the label errors, are left to `assay power`.
    """
    from assay.door.powering import Subject, Trial, tried

    trial = Trial(checks=checks, seed=seed, kinds=("label", "text"), confusable=False)
    return tried(Subject(sessions=sessions, vectors=vectors), trial, progress) if len(sessions) >= 10 else None
