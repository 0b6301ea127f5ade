"""Label versions: an old run checked anew in another folder, and what moved between two folders."""

import fcntl
import hashlib
import heapq
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.door.checking import power_stage, verifier_version
from assay.door.large_folder import is_large, no_judges, paired
from assay.door.making import blueprint_of, plan_of
from assay.door.trusting import certificate_of, labels_stage, report, write_certificate
from assay.errors import BadInput, RunMismatch
from assay.records.label import Label
from assay.records.parts import parts_of
from assay.records.storage import read, write_json, write_rows
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.verification.one import select

KEPT = (
    "blueprint.yaml", "scenarios.jsonl", "sessions.jsonl", "sessions", "survival.json", "ledger.sqlite",
    "ledger.sqlite-wal",
)  # fmt: skip
"""Files of a run that say what was made and answered, and not what was thought of it."""
MADE = ("author", "simulate", "import", "label")
"""Stages that a recheck takes as they are."""
NEAR = 1e-9
"""Smallest change of a score that counts."""
MOST_MOVED = 100_000
"""Most moved labels that a difference lists."""


def recheck(
    directory: str | Path, out: str | Path, *, checks: list[str] | None = None, progress: Progress = silent,
    **judges: Any,
) -> dict[str, Any]:  # fmt: skip
    """Check an old run again with the checks of today, into another folder; the old one stays as it is to the byte.

    Nothing is simulated: scenarios, sessions and the answers of models are copied, verdicts, power and labels are made
    anew. Values that people read stand on; a certificate does not, since the scores it was granted on have changed:
    ask for fresh answers. judges: as of `verify`. Returns what `verify` returns, and `out`, `labels` and how many of
    them `moved` (null where the old run has no labels). Raises BadInput for a folder that is no run or an `out` inside
    it, RunMismatch when another process works on it or `out` holds something else.
    """
    from assay.certification.costs import not_requested
    from assay.door.running import verify

    source, target = Path(directory), Path(out)
    select(checks)
    _apart(source, target)
    if is_large(RunFolder(source)):
        return _recheck_large(source, target, checks, bool(judges.get("judge")), progress)
    with _held(source):
        with RunFolder(target, make=True) as folder:
            _copy(source, folder, _mark(source))
        found = verify(target, checks=checks, progress=progress, **judges)
        with RunFolder(target) as folder:
            _power(source, folder, progress)
            labels = _keep_reads(source, folder, labels_stage(folder, progress))
            write_certificate(folder, not_requested(labels, before=certificate_of(folder)))
            report(folder.path)
        moved = diff(source, target)["moved_in_all"] if RunFolder(source).has("labels.jsonl") else None
    return {**found, "out": str(target), "labels": len(labels), "moved": moved}


def _recheck_large(
    source: Path, target: Path, checks: list[str] | None, judged: bool, progress: Progress
) -> dict[str, Any]:  # fmt: skip
    """`recheck` of a run whose sessions are checked in parts, in the same parts."""
    from assay.door.large_verify import check_in_parts

    if judged:
        raise no_judges(RunFolder(source))
    with _held(source):
        with RunFolder(target, make=True) as folder:
            begun = bool(folder.run())
            _copy(source, folder, _mark(source))
            old = RunFolder(source)
            if not begun and old.has("power.json") and old.json("power.json").get("verifier") == verifier_version():
                write_json(folder.file("power.json"), old.json("power.json"))
            reads = {x.id: x for x in read(source, "labels") if x.read is not None} if old.has("labels.jsonl") else {}
            found = check_in_parts(folder, checks, progress, reads=reads, sessions=read(source, "sessions"))
        moved = diff(source, target)["moved_in_all"] if old.has("labels.jsonl") else None
    return {**found, "out": str(target), "moved": moved}


def _apart(source: Path, target: Path) -> None:
    """Raises BadInput unless `source` is a run folder and `target` lies outside it."""
    if not (source / "run.json").is_file():
        raise BadInput("not a run folder: no run.json", where=str(source), now="name a folder that assay made")
    here, there = source.resolve(), target.resolve()
    if there == here or here in there.parents:
        raise BadInput(
            f"--out {target} lies inside the run that is rechecked", where=str(source), now="choose a folder beside it"
        )


@contextmanager
def _held(source: Path) -> Iterator[None]:
    """Hold a run's lock without writing to the folder. Raises RunMismatch when another process works on it."""
    path = source / ".run.lock"
    lock = os.open(path, os.O_RDONLY) if path.exists() else None
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise RunMismatch(
            "another process works on this run folder", where=str(source), now="wait until it ends"
        ) from error
    finally:
        if lock is not None:
            os.close(lock)


def _mark(source: Path) -> str:
    """sha256 of what a recheck starts from."""
    found = hashlib.sha256()
    for name in ("blueprint.yaml", "sessions.jsonl"):
        path = source / name
        found.update(name.encode() + (path.read_bytes() if path.is_file() else b""))
    for path in parts_of(source, "sessions"):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def _copy(source: Path, folder: RunFolder, mark: str) -> None:
    """What was made, and a run.json that says from where; a target that was begun before goes on."""
    held = folder.run()
    if held:
        if held.get("rechecks", {}).get("digest") != mark:
            raise RunMismatch("this folder holds another run", where=str(folder.path), now="choose another --out")
        return
    if any(p.name not in (".run.lock", ".ledger.lock") for p in folder.path.iterdir() if p.name not in KEPT):
        raise BadInput("the folder is not empty", where=str(folder.path), now="choose another --out")
    for name in KEPT:
        if (source / name).exists():
            if (source / name).is_dir():
                shutil.copytree(source / name, folder.file(name), dirs_exist_ok=True)
            else:
                shutil.copyfile(source / name, folder.file(name))
    old = RunFolder(source)
    run = old.run()
    stages = {k: v for k, v in run.get("stages", {}).items() if k in MADE}
    was = run.get("stages", {}).get("verify", {})
    about = {"run": source.resolve().name, "digest": mark, "verifier": was.get("verifier"), "checks": was.get("checks")}
    write_json(folder.file("run.json"), {**run, "stages": stages, "rechecks": about})


def _power(source: Path, folder: RunFolder, progress: Progress) -> None:
    """The old measurement where the verifier is still the same, else a new one where power was measured at all."""
    if folder.is_done("power") or folder.has("power.json") or not (source / "power.json").is_file():
        return
    old = RunFolder(source).json("power.json")
    if old.get("verifier") == verifier_version():
        write_json(folder.file("power.json"), old)
        if "power" in RunFolder(source).run().get("stages", {}):
            folder.stage_done("power", n=len(old["results"]), borrowed=old.get("from"))
        return
    plan = plan_of(folder)
    if folder.has("blueprint.yaml"):
        power_stage(folder, blueprint_of(folder), plan, progress=progress)
        return
    from assay.door.auditing import audit_power

    found = audit_power(list(read(folder.path, "sessions")), None, plan.seed, progress)
    if found is not None:
        write_json(folder.file("power.json"), found)


def _keep_reads(source: Path, folder: RunFolder, labels: list[Label]) -> list[Label]:
    """What people read stands on where the label's value is the same; labels as they are now in the folder."""
    if not (source / "labels.jsonl").exists():
        return labels
    reads = {x.id: x for x in read(source, "labels") if x.read is not None}
    kept = [
        x.model_copy(update={"read": reads[x.id].read}) if x.id in reads and reads[x.id].value == x.value else x
        for x in labels
    ]
    write_rows(folder.file("labels.jsonl"), kept)
    return kept


def diff(directory_a: str | Path, directory_b: str | Path) -> dict[str, Any]:
    """Which labels moved between two run folders, and why: tier, trust, rank, values, verdicts, reasons.

    Labels are paired by (session, turn, name). `moved` lists those whose tier, trust, rank score or one of their values
    (value, realised, read, suggested) or verdicts differ, the largest move first: tier, then trust, then rank. `why`
    names the checks whose word changed; with none, what else did. Of more than MOST_MOVED the largest moves are listed;
    all are counted (`moved_in_all`, `tiers`, `by_check`). Raises BadInput where a folder holds no labels.
    """
    tiers: dict[str, Counter[str]] = {}
    codes, paired_as = Counter[str](), Counter[str]()

    def rows() -> Iterator[dict[str, Any]]:
        for a, b in paired(_there(directory_a), _there(directory_b)):
            paired_as["only_b" if a is None else "only_a" if b is None else "labels"] += 1
            row = None if a is None or b is None else move(a, b)
            if row is None:
                continue
            paired_as["moved"] += 1
            codes.update(list(row["verdicts"]))
            if "tier" in row["changed"]:
                tiers.setdefault(row["name"], Counter())[" -> ".join(row["changed"]["tier"])] += 1
            yield row

    moved = heapq.nsmallest(MOST_MOVED, rows(), key=_size)
    return {
        "a": _about(directory_a), "b": _about(directory_b), "labels": paired_as["labels"],
        "only_a": paired_as["only_a"], "only_b": paired_as["only_b"],
        "tiers": {name: dict(sorted(counts.items())) for name, counts in sorted(tiers.items())},
        "by_check": dict(sorted(codes.items())), "moved_in_all": paired_as["moved"], "moved": moved,
    }  # fmt: skip


def _there(directory: str | Path) -> Path:
    folder = Path(directory)
    if not folder.is_dir():
        raise BadInput("no such run folder", where=str(folder), now="name two folders that assay made")
    return folder


def _about(directory: str | Path) -> dict[str, Any]:
    run = RunFolder(directory).run()
    made = run.get("stages", {}).get("verify", {})
    return {
        "directory": str(directory), "version": run.get("config", {}).get("version"), "verifier": made.get("verifier"),
        "checks": made.get("checks"), "rechecks": run.get("rechecks", {}).get("run"),
    }  # fmt: skip


COMPARED = ("tier", "trust", "trust_basis", "rank_score", "value", "authored", "realised", "read", "suggested")
"""Fields of a label that can move."""


def move(a: Label, b: Label) -> dict[str, Any] | None:
    """How one label moved, or None."""
    changed: dict[str, list[Any]] = {}
    for name in COMPARED:
        old, new = getattr(a, name), getattr(b, name)
        numbers = isinstance(old, float) and isinstance(new, float)
        if abs(old - new) > NEAR if numbers else old != new:
            changed[name] = [old, new]
    codes = sorted(a.verdicts.keys() | b.verdicts.keys())
    verdicts = {c: [a.verdicts.get(c), b.verdicts.get(c)] for c in codes if a.verdicts.get(c) != b.verdicts.get(c)}
    if not changed and not verdicts and a.reasons == b.reasons:
        return None
    gone, new = sorted(set(a.reasons) - set(b.reasons)), sorted(set(b.reasons) - set(a.reasons))
    return {
        "id": b.id, "session": b.session, "turn": b.turn, "name": b.name, "changed": changed, "verdicts": verdicts,
        "reasons": {"gone": gone, "new": new}, "why": _why(changed, verdicts, gone, new),
    }  # fmt: skip


def _why(
    changed: Mapping[str, Any], verdicts: Mapping[str, Sequence[Any]], gone: Sequence[str], new: Sequence[str]
) -> str:
    """One line: the checks that speak otherwise now, else what changed without them."""
    parts = [f"{code}: {_said(old)} -> {_said(now)}" for code, (old, now) in verdicts.items()]
    caps = [r for r in (*gone, *new) if r not in verdicts]
    if caps:
        parts.append("; ".join(f"{'no longer' if r in gone else 'now'} {r}" for r in caps))
    if not parts and "value" in changed:
        parts.append("the label itself was changed")
    if not parts and "read" in changed:
        parts.append("people read it")
    return ", ".join(parts) or "the same verdicts weigh otherwise: scores or measured power changed"


def _said(status: str | None) -> str:
    return "no verdict" if status is None else status.replace("_", " ")


TIERS = ("rejected", "suspect", "provisional", "certified")


def _size(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Sort key: the largest move first."""
    changed = row["changed"]
    tier = changed.get("tier")
    steps = abs(TIERS.index(tier[0]) - TIERS.index(tier[1])) if tier else 0
    trust = changed.get("trust")
    by_trust = abs((trust[0] or 0.0) - (trust[1] or 0.0)) if trust else 0.0
    rank = changed.get("rank_score")
    by_rank = abs(rank[0] - rank[1]) if rank else 0.0
    turn = -1 if row["turn"] is None else row["turn"]
    return (-steps, -by_trust, -by_rank, row["session"], turn, row["name"])
