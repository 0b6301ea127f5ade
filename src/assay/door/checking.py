"""verify and power: sessions get verdicts, and the verifiers are put on trial themselves."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.door.believing import follower
from assay.door.judging import JUDGED, Reading, asked_for, judges_of, read_with
from assay.door.making import core_reader, power_mark
from assay.door.options import Plan
from assay.errors import BadInput, RunMismatch
from assay.importing.core_acts import acts_map_of
from assay.models.embeddings import Embedder, available, bundled
from assay.records.blueprint import Blueprint
from assay.records.session import Session
from assay.records.storage import read, write_json, write_rows
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder, check_same
from assay.runs.ledger import Ledger
from assay.verification.account import account_for
from assay.verification.beliefs.verdicts import CODES as BELIEFS
from assay.verification.check import VERIFIER, Corpus
from assay.verification.label_errors import find_label_errors
from assay.verification.label_features import embeddable
from assay.verification.minds.states import NO_LEDGER, NO_MODEL
from assay.verification.one import in_order, select, verify_corpus

UNASKED = (NO_MODEL, NO_LEDGER)
"""Reasons of the verdicts that stand in for a language model's."""
READ_OUT_OF_FOLD = frozenset({"LB01", "LB05", "LB06"})
"""What the out-of-fold readers of given labels say; only LB06 is evidence."""
OWN_POWER_SESSIONS = 300
"""Sessions from which on a run measures its own power (METHODS 9)."""


def verifier_version() -> str:
    """Version of the verifiers, reader weights included: measured power belongs to one of these."""
    return f"{VERIFIER}-{core_reader().digest[:12]}"


def offline_verifier(
    blueprint: Blueprint | None, seed: int, codes: frozenset[str], *, printed: bool = True, vectors: bool = True
) -> Callable[[Sequence[Session]], list[Verdict]]:
    """The checks that need no language model, as one function of sessions.

    `printed=False` leaves out the in-house classifiers, which never count: power has no use for them. `vectors=False`
    reads label errors by words only.
    """

    def verify(sessions: Sequence[Session]) -> list[Verdict]:
        beliefs = follower(blueprint, sessions) if printed and codes & BELIEFS else None
        corpus = Corpus(
            sessions=sessions, seed=seed, blueprint=blueprint, core_reader=core_reader(), beliefs=beliefs,
            acts_of=acts_map_of,
        )  # fmt: skip
        found = verify_corpus(corpus, codes, printed=printed)
        foreign = [s for s in sessions if not s.authored]
        if foreign and "LB06" in codes:
            read = codes & READ_OUT_OF_FOLD if printed else frozenset({"LB06"})
            found += find_label_errors(foreign, None, seed, None, label_embedder(foreign) if vectors else None, read)
        return in_order(found)

    return verify


def label_embedder(sessions: Sequence[Session]) -> Embedder | None:
    """Sentence embeddings for LB06; None where they are not installed, or the sessions are not English."""
    return bundled() if available() and embeddable(sessions) else None


async def verify_stage(
    folder: RunFolder, blueprint: Blueprint | None, plan: Plan, ledger: Ledger, *,
    checks: Sequence[str] | None = None, progress: Progress = silent,
) -> list[Verdict]:  # fmt: skip
    """All verdicts of a run folder's sessions.

    Of a folder that was verified before, only judges are asked again, and only where what they are asked, or what they
    may cost, differs; the verdicts of the others stay. Raises RunMismatch when other checks were done, or when people
    have answered questions on these labels, which more verdicts would change.
    """
    codes = select(checks)
    made = folder.run()["stages"]["verify"] if folder.is_done("verify") else None
    if made is not None and _same_readings(made, plan, codes):
        if checks is not None and made.get("checks") is not None and not plan.judge:
            check_same({"checks": made["checks"]}, {"checks": sorted(codes)}, folder.path)
        return list(read(folder.path, "verdicts"))
    sessions: list[Session] = list(read(folder.path, "sessions"))
    progress("verify", 0, 1)
    held, readings = [], []
    if made is None:
        held = offline_verifier(blueprint, plan.seed, codes)(sessions)
    else:
        _unanswered(folder)
        again = {(judge, code) for judge in plan.judge for code in codes}
        held = [v for v in read(folder.path, "verdicts") if (v.by, v.code) not in again]
        readings = [r for r in made.get("readings") or () if not {(r["judge"], c) for c in r["checks"]} <= again]
        codes_done = frozenset(made.get("checks") or ())
    corpus = Corpus(sessions=sessions, seed=plan.seed, blueprint=blueprint)
    new = await judge_all(folder, corpus, plan, codes, ledger, progress)
    readings += [r.usage for r in new]
    said = instead(held, [v for r in new for v in r.verdicts])
    asked = codes if made is None else codes | codes_done
    found = account_for(said, sessions, asked, judged=bool(readings))
    write_rows(folder.file("verdicts.jsonl"), found)
    progress("verify", 1, 1)
    folder.stage_done(
        "verify", n=len(found), checks=sorted(asked),
        verifier=verifier_version(), readings=readings,
        questions=sum(c["calls"] for r in readings for c in r["by_check"].values()),
    )  # fmt: skip
    return found


def instead(held: Sequence[Verdict], new: Sequence[Verdict]) -> list[Verdict]:
    """Both, without the verdicts that only said that no model had been asked, where one has been now."""
    asked = {(v.code, v.session) for v in new}
    return [*(v for v in held if v.by or v.reason not in UNASKED or (v.code, v.session) not in asked), *new]


def _same_readings(made: Mapping[str, Any], plan: Plan, codes: frozenset[str]) -> bool:
    """Whether every judge that is asked for has read just so."""
    held = made.get("readings") or ()
    return all(any(r["judge"] == j and r["asked"] == asked_for(plan, codes) for r in held) for j in plan.judge)


def _unanswered(folder: RunFolder) -> None:
    """Raises RunMismatch where people's answers rest on the labels as they are."""
    if folder.has("certificate.json") and folder.json("certificate.json").get("spent"):
        raise RunMismatch(
            "people's answers were spent on these labels; another judge's verdicts would change them",
            where=str(folder.path),
            now="read a copy of the folder without certificate.json, and certify it with fresh answers",
        )


async def judge_all(
    folder: RunFolder, corpus: Corpus, plan: Plan, codes: frozenset[str], ledger: Ledger, progress: Progress
) -> list[Reading]:
    """Every judge's reading of a run's sessions; what planted labels say of the judges is kept in judges.json."""
    readings: list[Reading] = []
    for judge in judges_of(plan) if codes & JUDGED else ():
        spent = sum(r.usage["usd"] or 0.0 for r in readings)
        rest = plan if plan.max_cost is None else replace(plan, max_cost=max(0.0, plan.max_cost - spent))
        readings.append(await read_with(corpus, judge, rest, codes, ledger, progress))
        readings[-1].usage["asked"] = asked_for(plan, codes)
    if readings:
        judged = {(r.judge, code) for r in readings for code in r.usage["checks"]}
        before = folder.json("judges.json")["judges"] if folder.has("judges.json") else []
        rows = [r for r in before if (r["judge"], r["check"]) not in judged]
        write_json(
            folder.file("judges.json"), {"schema": 1, "judges": [*rows, *(t for r in readings for t in r.trials)]}
        )
    return readings


def shipped_power(blueprint: Blueprint, model: str) -> tuple[str, dict[str, Any]] | None:
    """(name, content) of the power measurement that comes with assay for this blueprint and verifier, if any."""
    name = f"{blueprint.name}.power.json"
    path = files("assay") / "blueprints" / name
    if not path.is_file():
        return None
    power = json.loads(path.read_text(encoding="utf-8"))
    same = power["blueprint"] == blueprint.hash and power["verifier"] == verifier_version() and power["model"] == model
    return (f"assay/blueprints/{name}", power) if same else None


def power_stage(
    folder: RunFolder, blueprint: Blueprint | None, plan: Plan, *,
    power_from: Path | None = None, progress: Progress = silent, reword: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """Measured power of the run's checks: borrowed where it was asked for or fits, else measured on this run.

    A run of fewer than 300 sessions takes the measurement that comes with assay when blueprint, verifier and model are
    the same; else it measures its own, whose gates then fail for want of faults, and says so.
    """
    from assay.door.powering import SAMPLE, Subject, Trial, tried
    from assay.planting.power import borrow

    if folder.is_done("power"):
        held = dict(folder.json("power.json"))
        if power_from is not None and held.get("from") != str(power_from):
            raise RunMismatch(
                f"this run's power comes from {held.get('from') or 'its own sessions'}, not from {power_from}",
                where=str(folder.path),
                now="leave --power-from as it was, or choose another --out",
            )
        return held
    sessions: list[Session] = list(read(folder.path, "sessions"))
    name = blueprint.hash if blueprint is not None else ""
    made = power_mark(plan, blueprint)
    shipped = shipped_power(blueprint, made) if blueprint is not None else None
    if power_from is not None:
        try:
            content = json.loads(power_from.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot read the power file: {error}", where=str(power_from)) from error
        power = borrow(content, blueprint_hash=name, verifier=verifier_version(), origin=str(power_from))
    elif shipped is not None and len(sessions) < OWN_POWER_SESSIONS:
        power = borrow(shipped[1], blueprint_hash=name, verifier=verifier_version(), origin=shipped[0])
    else:
        own = blueprint is not None
        trial = Trial(limit=len(sessions) if own else SAMPLE, rounds=5 if own else 1, seed=plan.seed)
        power = tried(Subject(sessions=sessions, blueprint=blueprint, model=made, reword=reword), trial, progress)
    if folder.has("judges.json"):
        power = {**power, "judges": folder.json("judges.json")["judges"]}
    write_json(folder.file("power.json"), power)
    folder.stage_done("power", n=len(power["results"]), borrowed=power.get("from"))
    return power
