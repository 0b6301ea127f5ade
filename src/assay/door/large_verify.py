"""verify of sessions that are checked in parts: imported ones in place, or an earlier audit anew in another folder."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from assay.door.audit_plan import audit_plan
from assay.door.checking import verifier_version
from assay.door.large_audit import Ask, audit_large, keep
from assay.door.large_folder import is_large, no_judges
from assay.door.options import Plan
from assay.records.label import Label
from assay.records.parts import parts_of
from assay.records.session import Session
from assay.records.storage import write_json
from assay.runs.engine import Progress
from assay.runs.folder import RunFolder, check_same
from assay.verification.one import select


def verify_large(
    folder: RunFolder, checks: Sequence[str] | None, judges: Sequence[str], dry_run: bool, progress: Progress
) -> dict[str, Any] | None:
    """What `verify` returns of a run that is checked in parts; None for one that is not.

    Raises BadInput where judges are asked for, RunMismatch where other checks were done.
    """
    if not is_large(folder):
        return None
    if judges:
        raise no_judges(folder)
    stages = folder.run().get("stages", {})
    done = stages.get("verify", {}).get("checks")
    if checks is not None and done is not None:
        check_same({"checks": done}, {"checks": sorted(select(checks))}, folder.path)
    if dry_run:
        n = stages.get("import", {}).get("sessions")
        return {"sessions": n, "checks": done or sorted(select(checks)), "judges": [], "usd": 0.0}
    return check_in_parts(folder, done if checks is None else checks, progress)


def check_in_parts(
    folder: RunFolder, checks: Sequence[str] | None, progress: Progress, *,
    reads: Mapping[str, Label] | None = None, sessions: Iterable[Session] = (),
) -> dict[str, Any]:  # fmt: skip
    """All checks of a folder's sessions in parts, with labels, power and report; goes on after a stop.

    reads: labels as people read them before. sessions: what is checked where the folder has no parts yet.
    """
    from assay.door.auditing import audit_power

    run = folder.run()
    codes, seed = select(checks), int(run.get("config", {}).get("seed", 0))
    names = run.get("asked", {}).get("labels")
    ask = Ask(
        codes=codes, labels=None if names is None else tuple(names), seed=seed,
        power=lambda chosen: audit_power(chosen, checks, seed, progress, vectors=False),
        planned=partial(audit_plan, plan=Plan(n=1, seed=seed, model="given"), codes=codes, asked=names),
        progress=progress, reads=reads or {},
    )  # fmt: skip
    asked = {"checks": sorted(codes), "labels": names, "verifier": verifier_version()}
    write_json(folder.file("run.json"), {**run, "asked": asked})
    if not parts_of(folder.path, "sessions"):
        keep(folder, sessions, progress)
    found = audit_large(folder, (), dict, ask)
    return {"checks": found["checks"], "readings": [], "judges": [], "labels": found["labels"]}
