"""author and simulate: a blueprint becomes scenarios, scenarios become sessions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from assay.authoring.blueprints import find_blueprint, load_blueprint, parse_blueprint
from assay.authoring.one import author_one
from assay.door.options import Plan
from assay.errors import BadInput, ProviderFailed, Refused, RunMismatch
from assay.models.embedded import ADAPTER, adapter_of, file_sha256, weights_path
from assay.models.model import Model, Request, Sampling
from assay.models.resolve import resolve
from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read, write_json, write_rows
from assay.runs.calls import Calls
from assay.runs.engine import Progress, run_units, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.simulation.assistants import Assistant, ChatAssistant, reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.prompt import STOP
from assay.simulation.views import AssistantView
from assay.simulation.wording import Say
from assay.verification.annotators.human_turns import HumanTurnReader

WORDING = Sampling(temperature=0.7, top_p=0.95, max_tokens=48, stop=(STOP,))
"""How the user's words are drawn."""
REPLYING = Sampling(temperature=0.0, max_tokens=200)
"""How an assistant behind an endpoint is asked."""


@lru_cache(maxsize=1)
def core_reader() -> HumanTurnReader:
    """The reader of core acts that comes with assay."""
    return HumanTurnReader.load()


def blueprint_of(folder: RunFolder) -> Blueprint:
    """The blueprint that a run folder was made from."""
    if not folder.has("blueprint.yaml"):
        raise BadInput(
            "no blueprint.yaml here", where=str(folder.path), now="start with `assay author BLUEPRINT --out DIR`"
        )
    return parse_blueprint(
        folder.file("blueprint.yaml").read_text(encoding="utf-8"), str(folder.file("blueprint.yaml"))
    )


def asked(blueprint_name: str | Path, plan: Plan) -> Blueprint:
    """The blueprint of a run whose plan, blueprint and models are all there: looked at before anything is written."""
    plan.check()
    blueprint = load_blueprint(blueprint_name)
    check_models(plan)
    return blueprint


def open_run(folder: RunFolder, blueprint_name: str | Path, plan: Plan, command: str) -> Blueprint:
    """Start a run in a folder, or go on with the one that is there; refuses a changed configuration."""
    blueprint = asked(blueprint_name, plan)
    text = find_blueprint(blueprint_name).read_text(encoding="utf-8")
    config = {"blueprint": blueprint.hash, **plan.config(), "weights": model_mark(plan.model)}
    about = {"name": blueprint.name, "title": blueprint.title, "hash": blueprint.hash}
    folder.begin(command, {"blueprint": str(blueprint_name), **plan.config()}, config, blueprint=about, seed=plan.seed)
    if not folder.has("blueprint.yaml"):
        folder.keep("blueprint.yaml", text)
    return blueprint


def check_models(plan: Plan) -> None:
    """Raises BadInput for a model that is not there, before anything is written."""
    for spec in (plan.model, plan.assistant, *plan.judge):
        if spec.split(":")[0] in ("embedded", "embedded-base"):
            # resolving would start the engine
            weights_path()
            adapter_of(spec)
        elif spec not in ("template", "reference"):
            resolve(spec)


def model_mark(model: str) -> str:
    """Name of a model that tells adapters apart: measured power and a run belong to the weights that made the words."""
    if model == "embedded" and ADAPTER.is_file():
        return f"embedded+{file_sha256(ADAPTER)[:12]}"
    return model


def plan_of(folder: RunFolder) -> Plan:
    """The plan that a run folder was started with."""
    config = folder.run().get("config")
    if config is None:
        raise BadInput(
            "not a run folder: no run.json", where=str(folder.path), now="start with `assay run` or `assay author`"
        )
    fields = {k: config[k] for k in ("n", "seed", "model", "assistant", "mode", "judged_labels") if k in config}
    return Plan(**fields, judge=tuple(config.get("judge", ())))


def author_stage(folder: RunFolder, blueprint: Blueprint, plan: Plan, progress: Progress = silent) -> list[Scenario]:
    """Draw and freeze all scenarios, unless they are there."""
    if folder.is_done("author"):
        return list(read(folder.path, "scenarios"))
    scenarios = []
    for index in range(plan.n):
        scenarios.append(author_one(blueprint, plan.seed, index))
        progress("author", index + 1, plan.n)
    write_rows(folder.file("scenarios.jsonl"), scenarios)
    rejected = sum(s.rejected for s in scenarios)
    folder.stage_done(
        "author", n=len(scenarios), rejected=rejected, rejection_rate=round(rejected / (rejected + len(scenarios)), 6)
    )
    return scenarios


def whole(text: str) -> str:
    """A model's text without half characters (lone surrogates), which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def say_with(calls: Calls, seed: int) -> Any:
    """Makes the verbaliser of one session: every candidate of every turn has a seed of its own."""

    def for_scenario(scenario: Scenario) -> Say:
        async def say(prompt: str, candidate: int) -> tuple[str, str]:
            own = int(digest([seed, scenario.id, prompt, candidate])[:7], 16)
            sampling = Sampling(
                temperature=WORDING.temperature,
                top_p=WORDING.top_p,
                max_tokens=WORDING.max_tokens,
                stop=WORDING.stop,
                seed=own,
            )
            answer = await calls.complete(Request(prompt=prompt, sampling=sampling, purpose="word"))
            return whole(answer.text), answer.key

        return say

    return for_scenario


def assistant_with(plan: Plan, blueprint: Blueprint, calls: Calls | None) -> Any:
    """Makes the assistant of one session."""

    def make(scenario: Scenario, rng: np.random.Generator) -> Assistant:
        if calls is None:
            return reference_assistant(blueprint, scenario, rng)
        kind = "python" if plan.assistant.startswith("python:") else "endpoint"
        return ChatAssistant(chat=_chat(calls, scenario, blueprint), realised_by=kind)

    return make


def _chat(calls: Calls, scenario: Scenario, blueprint: Blueprint) -> Any:
    """Calls a chat model with the assistant's own view: its role, what it may look up, and the transcript."""
    known = "; ".join(f"{k.replace('_', ' ')}: {v}" for k, v in sorted(scenario.world.items()))
    opening = blueprint.assistant_acts[blueprint.assistant.open].says[0]

    async def chat(view: AssistantView) -> tuple[str, str]:
        if not view.transcript:
            return opening, ""
        system = f"{view.role}\nRecord on file (look-up result): {known}" if known else view.role
        roles = {"user": "user", "assistant": "assistant"}
        messages = (("system", system), *((roles[s], t) for s, t in view.transcript))
        answer = await calls.complete(Request(messages=messages, sampling=REPLYING, purpose="assist"))
        return whole(answer.text).strip(), answer.key

    return chat


def core_acts_of(text: str, previous: str | None) -> Mapping[str, float]:
    """Core act -> probability that an assistant's turn holds it."""
    reader = core_reader()
    row = reader.read([(text, previous)], party="assistant")[0]
    return dict(zip(reader.vocabulary_assistant, (float(p) for p in row), strict=True))


@asynccontextmanager
async def opened(spec: str, ledger: Ledger) -> AsyncIterator[Calls | None]:
    """A model with its call cache; None for the names that need no model (template, reference)."""
    if spec in ("template", "reference"):
        yield None
        return
    model: Model = resolve(spec)
    calls = Calls(ledger, model)
    try:
        yield calls
    finally:
        await model.close()


async def simulate_stage(
    folder: RunFolder, blueprint: Blueprint, plan: Plan, ledger: Ledger, progress: Progress = silent
) -> list[Session]:
    """Let every scenario talk. Finished sessions are in the ledger: a resumed run makes only the others.

    Raises ProviderFailed when every session failed, Refused when more than `max_failed` did; what was made is kept, and
    the failed ones are tried again by the same command.
    """
    scenarios: list[Scenario] = list(read(folder.path, "scenarios"))
    if folder.is_done("simulate") and not _reopen(folder):
        return list(read(folder.path, "sessions"))
    kept = ledger.units("simulate")
    async with opened(plan.model, ledger) as words, opened(plan.assistant, ledger) as answers:
        parts = Parts(
            assistant=assistant_with(plan, blueprint, answers),
            say=say_with(words, plan.seed) if words is not None else None,
            core_acts=core_acts_of if answers is not None else None,
        )

        async def work(scenario: Scenario) -> None:
            session = await simulate_one(blueprint, scenario, parts)
            ledger.put_item("simulate", scenario.id, session.row())

        slots = max([1, *(c.model.slots for c in (words, answers) if c is not None)])
        outcome = await run_units(
            [(s.id, s) for s in scenarios],
            work,
            slots=slots,
            stage="simulate",
            progress=progress,
            finished=frozenset(kept),
        )
    _note_failures(folder, outcome.failed)
    if outcome.failed:
        _report_failures(folder, outcome.failed, len(scenarios), plan)
    made = ledger.items("simulate")
    sessions = [Session.model_validate(made[s.id]) for s in scenarios if s.id in made]
    write_rows(folder.file("sessions.jsonl"), sessions)
    facts = {
        "n": len(sessions),
        "failed": len(outcome.failed),
        "seconds": round(outcome.seconds, 2),
        **_wording(sessions),
    }
    folder.stage_done("simulate", **facts)
    return sessions


def _reopen(folder: RunFolder) -> bool:
    """Whether a finished stage is gone through again for sessions that failed; what was made of the others goes too.

    Once labels were drawn for people the sessions stay as they are: answers belong to them.
    """
    run = folder.run()
    if not run.get("failed_sessions") or folder.has("sample.json"):
        return False
    write_json(folder.file("run.json"), {**run, "stages": {k: v for k, v in run["stages"].items() if k == "author"}})
    return True


def _note_failures(folder: RunFolder, failed: Mapping[str, Any]) -> None:
    """run.json lists the sessions that failed and why, whatever the run does next."""
    run = folder.run()
    before = run.pop("failed_sessions", None)
    if failed:
        run["failed_sessions"] = {k: v.what for k, v in sorted(failed.items())}
    if failed or before:
        write_json(folder.file("run.json"), run)


def _report_failures(folder: RunFolder, failed: Mapping[str, Any], total: int, plan: Plan) -> None:
    first = next(iter(failed.values()))
    if len(failed) == total:
        raise ProviderFailed(
            f"every session failed ({total} of {total}); the first: {first.what}",
            where=str(folder.path),
            now=first.now or "mend the model's address or key and run the same command again; answers are kept",
        ) from first
    if isinstance(first, RunMismatch):
        raise first
    if len(failed) > plan.max_failed * total:
        raise Refused(
            f"{len(failed)} of {total} sessions failed, more than --max-failed {plan.max_failed:g}; "
            f"the first: {first.what}",
            where=str(folder.path),
            now="run the same command again: finished sessions are kept, only the failed ones are made again",
        ) from first


def _wording(sessions: list[Session]) -> dict[str, Any]:
    """How the user turns were worded, and how sessions ended."""
    turns = [t for s in sessions for t in s.turns if t.speaker == "user"]
    ends: dict[str, int] = {}
    failed: dict[str, int] = {}
    for s in sessions:
        ends[str(s.end)] = ends.get(str(s.end), 0) + 1
    for t in turns:
        for guard in t.extra.get("guards_failed", ()):
            failed[guard] = failed.get(guard, 0) + 1
    fallback = sum(t.realised_by == "template" for t in turns)
    return {
        "user_turns": len(turns),
        "fallback_turns": fallback,
        "fallback_share": round(fallback / len(turns), 6) if turns else None,
        "guards_failed": dict(sorted(failed.items())),
        "ends": dict(sorted(ends.items())),
    }
