"""verify and power: sessions get verdicts, and the verifiers are put on trial themselves."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.door.making import core_reader, opened, power_mark
from assay.door.options import Plan
from assay.errors import BadInput, RunMismatch
from assay.models.model import options_request
from assay.records.blueprint import Blueprint
from assay.records.session import Session
from assay.records.storage import read, write_json, write_rows
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, run_units, silent
from assay.runs.folder import RunFolder, check_same
from assay.runs.ledger import Ledger
from assay.verification import model_reader
from assay.verification.check import VERIFIER, Corpus
from assay.verification.label_errors import find_label_errors
from assay.verification.one import in_order, select, verify_corpus

EMBEDDED = ("embedded", "embedded-base")
OWN_POWER_SESSIONS = 300
"""Sessions from which on a run measures its own power (METHODS 9)."""


def verifier_version() -> str:
    """Version of the verifiers, reader weights included: measured power belongs to one of these."""
    return f"{VERIFIER}-{core_reader().digest[:12]}"


def judges_of(plan: Plan) -> tuple[str, ...]:
    """The language models that read: as asked, else the embedded base model for sessions worded by the embedded one."""
    if plan.judge:
        return plan.judge
    return ("embedded-base",) if plan.model == "embedded" and plan.judged_labels else ()


def offline_verifier(
    blueprint: Blueprint | None, seed: int, codes: frozenset[str], *, printed: bool = True
) -> Callable[[Sequence[Session]], list[Verdict]]:
    """The checks that need no language model, as one function of sessions.

    `printed=False` leaves out the in-house classifiers, which never count: power has no use for them.
    """

    def verify(sessions: Sequence[Session]) -> list[Verdict]:
        corpus = Corpus(sessions=sessions, seed=seed, blueprint=blueprint, core_reader=core_reader())
        found = verify_corpus(corpus, codes, printed=printed)
        foreign = [s for s in sessions if not s.authored]
        if foreign and "LB06" in codes:
            found += find_label_errors(foreign, None, seed, None)
        return in_order(found)

    return verify


async def ask(
    questions: Sequence[model_reader.Question], judge: str, ledger: Ledger, progress: Progress
) -> list[Mapping[str, float] | None]:
    """First-token log-probabilities of every question, in order; None where the model's answer had none."""
    answers: dict[int, Mapping[str, float] | None] = {}
    async with opened(judge, ledger) as calls:
        assert calls is not None

        async def work(unit: tuple[int, model_reader.Question]) -> None:
            number, question = unit
            answers[number] = (await calls.complete(options_request(question.prompt))).top_logprobs

        units = [(str(i), (i, q)) for i, q in enumerate(questions)]
        outcome = await run_units(units, work, slots=calls.model.slots, stage="read", progress=progress)
        for error in outcome.failed.values():
            raise error
    return [answers[i] for i in range(len(questions))]


async def verify_stage(
    folder: RunFolder, blueprint: Blueprint | None, plan: Plan, ledger: Ledger, *,
    checks: Sequence[str] | None = None, progress: Progress = silent,
) -> list[Verdict]:  # fmt: skip
    """All verdicts of a run folder's sessions. Raises RunMismatch when they were made with other checks."""
    codes = select(checks)
    if folder.is_done("verify"):
        made = folder.run()["stages"]["verify"].get("checks")
        if checks is not None and made is not None:
            check_same({"checks": made}, {"checks": sorted(codes)}, folder.path)
        return list(read(folder.path, "verdicts"))
    sessions: list[Session] = list(read(folder.path, "sessions"))
    progress("verify", 0, 1)
    found = offline_verifier(blueprint, plan.seed, codes)(sessions)
    asked = 0
    corpus = Corpus(sessions=sessions, seed=plan.seed, blueprint=blueprint)
    for judge in judges_of(plan) if "LB01" in codes else ():
        questions = model_reader.questions(corpus, plan.judged_labels)
        answers = await ask(questions, judge, ledger, progress)
        # the embedded model's weights also made the words, so its readings are in-house
        independent = not (judge in EMBEDDED and plan.model in EMBEDDED) and judge != plan.model
        found += [v for v in model_reader.verdicts(questions, answers, judge, independent) if v.code in codes]
        asked += len(questions)
    found = in_order(found)
    write_rows(folder.file("verdicts.jsonl"), found)
    progress("verify", 1, 1)
    folder.stage_done("verify", n=len(found), checks=sorted(codes), verifier=verifier_version(), questions=asked)
    return found


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
    from assay.planting.power import borrow, measure

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
        verify = offline_verifier(blueprint, plan.seed, select(None), printed=False)
        power = measure(
            sessions, verify, seed=plan.seed, rate=0.15, blueprint_hash=name, verifier=verifier_version(), model=made,
            reword=reword, plan=_power_plan(blueprint, progress),
        )  # fmt: skip
    write_json(folder.file("power.json"), power)
    folder.stage_done("power", n=len(power["results"]), borrowed=power.get("from"))
    return power


def _power_plan(blueprint: Blueprint | None, progress: Progress) -> Any:
    from assay.planting.power import Plan as PowerPlan
    from assay.planting.run import Aids

    aids = Aids.of(blueprint) if blueprint is not None else Aids()
    return PowerPlan(aids=aids, progress=lambda done, total: progress("power", done, total))
