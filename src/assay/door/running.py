"""run: all stages in one folder; each one is skipped when it is done and refused when the configuration changed."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.door.checking import power_stage, verify_stage
from assay.door.judging import check_budget, judged_plan, planned
from assay.door.making import (
    asked,
    author_stage,
    blueprint_of,
    followed_plan,
    open_run,
    plan_of,
    simulate_stage,
)  # fmt: skip
from assay.door.options import Plan
from assay.door.prices import ROLES, money_of, note_budget, price_table, purse_of, spent
from assay.door.rewording import rewording
from assay.door.sync import run_sync
from assay.door.trusting import certificate_of, labels_stage, report, statuses, summary, write_certificate
from assay.errors import BadInput
from assay.records.session import Session
from assay.records.storage import read, write_json
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.runs.purse import Prices
from assay.verification.check import Corpus
from assay.verification.one import select


def author(
    blueprint: str | Path, out: str | Path, *, n: int, seed: int = 0, progress: Progress = silent, **more: Any
) -> int:
    """Draw `n` scenarios into a run folder; returns how many. `more` are fields of the plan (model, assistant, ...)."""
    plan = Plan(n=n, seed=seed, **more)
    asked(blueprint, plan)
    with RunFolder(out, make=True) as folder:
        return len(author_stage(folder, open_run(folder, blueprint, plan, "author"), plan, progress))


def simulate(directory: str | Path, *, progress: Progress = silent) -> int:
    """Let the scenarios of a run folder talk; returns how many sessions there are."""
    with RunFolder(directory) as folder:
        plan, blueprint = followed_plan(folder), blueprint_of(folder)
        with Ledger(folder.path) as ledger, counted(folder, ledger):
            return len(run_sync(simulate_stage(folder, blueprint, plan, ledger, progress)))


def verify(
    directory: str | Path, *, checks: list[str] | None = None, judge: Sequence[str] = (),
    judged_labels: int | None = None, max_cost: float | None = None, price: Sequence[str] = (), apart: bool = False,
    dry_run: bool = False, out: str | Path | None = None, progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Check the labels of a run folder, made by assay or imported.

    With `out`, a run that was checked before is checked anew into that folder and stays as it is to the byte.

    judge: language models that read `judged_labels` labels each, for at most `max_cost` USD at `price` (each
    `NAME=PROMPT/GENERATED`, USD per million tokens); one call reads all labels of a session, or with
    `apart` one. Returns `checks` (verdicts by check and status), `readings` (per judge what it was asked and what
    that took) and `judges` (what planted labels say of each judge). With dry_run nothing is asked or written; returns
    what would be. Labels and report that are there already are made anew. Raises BadInput, RunMismatch where the folder
    was verified otherwise, ProviderFailed.
    """
    from assay.certification.costs import not_requested
    from assay.door.large_verify import verify_large

    if out is not None and not dry_run:
        from assay.door.versions import recheck

        how = {"judge": judge, "judged_labels": judged_labels, "max_cost": max_cost, "price": price, "apart": apart}
        return recheck(directory, out, checks=checks, progress=progress, **how)
    with RunFolder(directory) as folder:
        large = verify_large(folder, checks, judge, dry_run, progress)
        if large is not None:
            return large
        own = plan_of(folder) if judge else followed_plan(folder, judges=True)
        plan = judged_plan(own, judge, judged_labels, max_cost, price, apart=apart)
        blueprint = blueprint_of(folder) if folder.has("blueprint.yaml") else None
        if dry_run:
            sessions: list[Session] = list(read(folder.path, "sessions"))
            return planned(Corpus(sessions=sessions, seed=plan.seed, blueprint=blueprint), plan, select(checks))
        before = folder.run().get("stages", {}).get("verify")
        with Ledger(folder.path) as ledger, counted(folder, ledger, plan.price):
            verdicts = run_sync(verify_stage(folder, blueprint, plan, ledger, checks=checks, progress=progress))
        stage = folder.run()["stages"]["verify"]
        if folder.has("labels.jsonl") and stage != before:
            write_certificate(folder, not_requested(labels_stage(folder, progress), before=certificate_of(folder)))
            report(folder.path)
        judges = folder.json("judges.json")["judges"] if folder.has("judges.json") else []
        return {"checks": statuses(verdicts), "readings": stage.get("readings") or [], "judges": judges}


def own_power(
    directory: str | Path,
    *,
    power_from: str | Path | None = None,
    text_faults: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The power that a run folder's tiers read: measured once, on its own sessions or borrowed; returns power.json."""
    with RunFolder(directory) as folder:
        plan = plan_of(folder)
        blueprint = blueprint_of(folder) if folder.has("blueprint.yaml") else None
        origin = Path(power_from) if power_from is not None else None
        if blueprint is None or not text_faults or origin is not None:
            return power_stage(folder, blueprint, plan, power_from=origin, progress=progress)
        plan = followed_plan(folder)
        with (
            Ledger(folder.path) as ledger,
            counted(folder, ledger),
            rewording(blueprint, plan.model, ledger) as reword,
        ):
            return power_stage(folder, blueprint, plan, progress=progress, reword=reword)


def write_usage(folder: RunFolder, ledger: Ledger, price: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """usage.json: exactly what was sent over the life of the run, from the ledger, and what it cost.

    price: as given to this command; those that the folder was told before hold as well.
    """
    by_purpose = ledger.usage()
    _, by_role = spent(ledger, Prices(price_table(note_budget(folder, None, price))))

    def total(field: str) -> int:
        return sum(row[field] for row in by_purpose.values())

    prompt, cached = total("prompt_tokens"), total("cached_tokens")
    usage = {
        "calls": {k: total(k) for k in ("sent", "answered", "repeated", "failed", "retries", "uncounted")},
        "tokens": {
            "prompt": prompt, "prompt_cached": cached, "prompt_uncached": prompt - cached,
            "generated": total("completion_tokens"),
        },
        "by_purpose": by_purpose,
        "readings": folder.run().get("stages", {}).get("verify", {}).get("readings") or [],
        "by_role": by_role,
        "money": money_of(by_role),
        **more,
    }  # fmt: skip
    write_json(folder.file("usage.json"), usage)
    return usage


@contextmanager
def counted(folder: RunFolder, ledger: Ledger, price: Sequence[str] = ()) -> Iterator[None]:
    """Write usage.json whatever happens on the way: calls of a command that fails were sent all the same."""
    try:
        yield
    finally:
        write_usage(folder, ledger, price)


def judges_share(plan: Plan, ledger: Ledger) -> Plan:
    """The plan with the money that the user's words and the assistant left for the judges."""
    if plan.max_cost is None:
        return plan
    used, _ = spent(ledger, Prices(price_table(plan.price)), frozenset(ROLES.values()) - {"power"})
    return replace(plan, max_cost=max(0.0, plan.max_cost - used))


def run(
    blueprint: str | Path, out: str | Path, plan: Plan, *, progress: Progress = silent,
    power_from: str | Path | None = None, command: str = "run", usage_plan: dict[str, int] | None = None,
    checks: Sequence[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Blueprint to report in one folder. Killed at any moment, the same call goes on where it stopped.

    Returns the summary of INTERFACE.md. Raises what the stages raise: BadBlueprint, ProviderFailed, Refused,
    RunMismatch.
    """
    from assay.certification.costs import not_requested

    began = time.monotonic()
    asked(blueprint, plan)
    check_budget(plan, whole=True)
    with RunFolder(out, make=True) as folder:
        book = open_run(folder, blueprint, plan, command)
        author_stage(folder, book, plan, progress)
        with Ledger(folder.path) as ledger:
            ledger.purse = purse_of(ledger, plan.max_cost, plan.price)
            with counted(folder, ledger):
                run_sync(simulate_stage(folder, book, plan, ledger, progress))
                rest = judges_share(plan, ledger)
                verdicts = run_sync(verify_stage(folder, book, rest, ledger, checks=checks, progress=progress))
                origin = Path(power_from) if power_from is not None else None
                _power_in_run(folder, book, plan, ledger, origin, progress)
            usage = write_usage(folder, ledger, plan=usage_plan)
        sessions: list[Session] = list(read(folder.path, "sessions"))
        labels = labels_stage(folder, progress)
        certificate = not_requested(labels, before=certificate_of(folder))
        write_certificate(folder, certificate)
        path = report(folder.path)
        found = summary(labels, verdicts, sessions, time.monotonic() - began)
        folder.stage_done("report", path=path.name)
        failed = len(folder.run().get("failed_sessions", ()))
        return {**found, "failed": failed, "certificate": certificate.status, "usage": usage, "report": str(path)}


def _power_in_run(
    folder: RunFolder, book: Any, plan: Plan, ledger: Ledger, origin: Path | None, progress: Progress
) -> None:
    """Text faults need the verbaliser; a run that borrows its power or is too small to measure it does without."""
    from assay.door.checking import OWN_POWER_SESSIONS

    if origin is not None or plan.n < OWN_POWER_SESSIONS or folder.is_done("power"):
        power_stage(folder, book, plan, power_from=origin, progress=progress)
        return
    with rewording(book, plan.model, ledger) as reword:
        power_stage(folder, book, plan, progress=progress, reword=reword)


def show(directory: str | Path, session: str) -> dict[str, Any]:
    """One session of a run folder with its labels and verdicts. Raises BadInput for an id that is not there."""
    folder = Path(directory)
    found = next((s for s in read(folder, "sessions") if s.id == session), None)
    if found is None:
        raise BadInput(
            f"no session {session!r}", where=str(folder), now="`assay status DIR` says what the folder holds"
        )
    out: dict[str, Any] = {"session": found.row(), "labels": [], "verdicts": []}
    for table in ("labels", "verdicts"):
        if RunFolder(folder).has(f"{table}.jsonl"):
            out[table] = [r.row() for r in read(folder, table) if r.session == session]
    by = {v["by"] for v in out["verdicts"]}
    held = json.loads((folder / "judges.json").read_text("utf-8")) if (folder / "judges.json").exists() else {}
    out["judges"] = [row for row in held.get("judges", ()) if row["judge"] in by]
    return out
