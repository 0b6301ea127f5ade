"""author and simulate: a blueprint becomes scenarios, scenarios become sessions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.authoring.blueprints import find_blueprint, load_blueprint, parse_blueprint
from assay.door.answering import assistant_with, close_conversation, whole
from assay.door.layering import check_layers, drawn, pools_for, thought_over, varied
from assay.door.options import Plan
from assay.door.prices import note_budget
from assay.errors import BadInput, ProviderFailed, Refused, RunMismatch
from assay.models.embedded import ADAPTER, adapter_of, file_sha256, weights_path
from assay.models.hosting import hosted
from assay.models.model import Model, PromptTooLong, Request, Sampling
from assay.models.names import is_embedded, model_of
from assay.models.resolve import resolve
from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read, write_json, write_rows
from assay.runs.asked import check_asked, reaching
from assay.runs.calls import Calls
from assay.runs.engine import Progress, run_units, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.simulation.modes import simulate_any
from assay.simulation.one import Parts
from assay.simulation.prompt import STOP
from assay.simulation.script import Brief, Write
from assay.simulation.wording import CANDIDATES, Say
from assay.verification.annotators.human_turns import HumanTurnReader

WORDING = Sampling(temperature=0.85, top_p=1.0, max_tokens=48, stop=(STOP,))
"""How the user's words are drawn."""
LAST_TEMPERATURE = 0.5
"""Temperature of the last candidate: when warmer ones failed, the likeliest words."""


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
    check_layers(blueprint, plan)
    return blueprint


def open_run(folder: RunFolder, blueprint_name: str | Path, plan: Plan, command: str) -> Blueprint:
    """Start a run in a folder, or go on with the one that is there; refuses a changed configuration."""
    blueprint = asked(blueprint_name, plan)
    text = find_blueprint(blueprint_name).read_text(encoding="utf-8")
    config = {"blueprint": blueprint.hash, **plan.config(), "weights": model_mark(plan.model)}
    regime = plan.regime or blueprint.regime
    if "conditioned" in (regime, blueprint.regime):
        config["regime"] = regime
    about = {"name": blueprint.name, "title": blueprint.title, "hash": blueprint.hash}
    folder.begin(command, {"blueprint": str(blueprint_name), **plan.config()}, config, blueprint=about, seed=plan.seed)
    note_budget(folder, plan.max_cost, plan.price)
    if not folder.has("blueprint.yaml"):
        folder.keep("blueprint.yaml", text)
    return blueprint


def check_models(plan: Plan) -> None:
    """Raises BadInput for a model that is not there, before anything is written."""
    for spec in (plan.model, plan.assistant, *map(model_of, plan.judge)):
        if is_embedded(spec):
            # resolving would start the engine
            weights_path()
            adapter_of(spec)
        elif spec not in ("template", "reference"):
            resolve(spec)


def model_mark(model: str) -> str:
    """Name of a model that tells adapters apart: measured power and a run belong to the weights that made the words."""
    if model == "embedded" and ADAPTER.is_file():
        return f"embedded+{file_sha256(ADAPTER)[:12]}"
    if model.startswith("embedded:") and (adapter := adapter_of(model)) is not None:
        return f"embedded+{file_sha256(adapter)[:12]}"
    return model


def power_mark(plan: Plan, blueprint: Blueprint | None) -> str:
    """Whose words measured power belongs to: the model, and mode and regime where they are not the usual ones."""
    regime = plan.regime or (blueprint.regime if blueprint is not None else "controlled")
    unusual = [m for m in (plan.mode, regime) if m not in ("agents", "controlled")]
    return "/".join([model_mark(plan.model), *unusual])


def followed_plan(folder: RunFolder, *, judges: bool = False) -> Plan:
    """The plan of a run folder whose models (or judges alone) are about to be used.

    Raises RunMismatch where nobody asked for them on this machine.
    """
    plan = plan_of(folder)
    if not judges or reaching(plan.judge):
        check_asked((plan.model, plan.assistant, *plan.judge), folder.run().get("models_asked"), folder.path)
    return plan


def plan_of(folder: RunFolder) -> Plan:
    """The plan that a run folder was started with."""
    config = folder.run().get("config")
    if config is None:
        raise BadInput(
            "not a run folder: no run.json", where=str(folder.path), now="start with `assay run` or `assay author`"
        )
    known = (
        "n", "seed", "model", "assistant", "mode", "regime", "repeat", "judged_labels", "grow_with", "covering",
        "max_cost", "apart",
    )  # fmt: skip
    config = {**config, **(folder.run().get("budget") or {})}
    fields = {k: config[k] for k in known if k in config}
    if "model" not in fields:
        # imported sessions: nobody here worded them
        fields |= {"n": 1, "model": "given"}
    return Plan(**fields, judge=tuple(config.get("judge", ())), price=tuple(config.get("price", ())))


def author_stage(folder: RunFolder, blueprint: Blueprint, plan: Plan, progress: Progress = silent) -> list[Scenario]:
    """Draw and freeze all scenarios, unless they are there."""
    if folder.is_done("author"):
        return list(read(folder.path, "scenarios"))
    pools = pools_for(folder, blueprint, plan)
    scenarios, thoughts = thought_over(folder, blueprint, plan, drawn(blueprint, plan, pools, progress))
    write_rows(folder.file("scenarios.jsonl"), scenarios)
    rejected = sum(s.rejected for s in scenarios)
    folder.stage_done(
        "author",
        n=len(scenarios),
        rejected=rejected,
        rejection_rate=round(rejected / (rejected + len(scenarios)), 6),
        diversity=varied(folder, blueprint, scenarios, pools),
        **({"thoughts": thoughts} if thoughts else {}),
    )
    return scenarios


def say_with(calls: Calls, seed: int, repeat: int = 0) -> Any:
    """Makes the verbaliser of one session: every candidate of every turn has a seed of its own."""
    again = [repeat] if repeat else []

    def for_scenario(scenario: Scenario) -> Say:
        async def say(prompt: str, candidate: int) -> tuple[str, str]:
            own = int(digest([seed, scenario.id, prompt, candidate, *again])[:7], 16)
            sampling = Sampling(
                temperature=WORDING.temperature if candidate < CANDIDATES - 1 else LAST_TEMPERATURE,
                top_p=WORDING.top_p,
                max_tokens=WORDING.max_tokens,
                stop=WORDING.stop,
                seed=own,
            )
            try:
                answer = await calls.complete(Request(prompt=prompt, sampling=sampling, purpose="word"))
            except PromptTooLong:
                # an assistant that talks without end must not cost the session: no words, so the template speaks
                return "", ""
            return whole(answer.text), answer.key

        return say

    return for_scenario


def write_with(calls: Calls, plan: Plan) -> Any:
    """Makes the writer of one whole session (script mode).

    The embedded model continues the prompt under a grammar that gives each line its speaker; others are asked in words.
    """
    held = is_embedded(plan.model)

    def for_scenario(scenario: Scenario) -> Write:
        async def write(brief: Brief) -> tuple[str, str]:
            own = int(digest([plan.seed, scenario.id, "script", plan.repeat])[:7], 16)
            sampling = Sampling(
                temperature=WORDING.temperature, top_p=WORDING.top_p, max_tokens=brief.max_tokens, seed=own
            )
            if held:
                request = Request(prompt=brief.prompt, grammar=brief.grammar, sampling=sampling, purpose="script")
                answer = await calls.complete(request)
                return f"assistant:{whole(answer.text)}", answer.key
            messages = (("system", brief.instruction), ("user", brief.prompt.rsplit("\n\n", 1)[0]))
            answer = await calls.complete(Request(messages=messages, sampling=sampling, purpose="script"))
            return whole(answer.text), answer.key

        return write

    return for_scenario


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
    model: Model = hosted(spec)
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
            say=say_with(words, plan.seed, plan.repeat) if words is not None else None,
            core_acts=core_acts_of if answers is not None or plan.mode == "script" else None,
            mode=plan.mode,
            regime=plan.regime or blueprint.regime,
            repeat=plan.repeat,
            write=write_with(words, plan) if words is not None else None,
        )

        async def work(scenario: Scenario) -> None:
            try:
                session = await simulate_any(blueprint, scenario, parts)
                ledger.put_item("simulate", scenario.id, session.row())
            finally:
                await close_conversation(plan, answers, scenario.id)

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
        **_shared_views(sessions),
        **_outcomes(sessions),
    }


def _outcomes(sessions: list[Session]) -> dict[str, Any]:
    """How goals came out, and what the assistant did that it should not have done: kind -> sessions."""
    counts: dict[str, int] = {}
    flagged: dict[str, int] = {}
    for s in sessions:
        if s.outcome is not None:
            counts[s.outcome.status] = counts.get(s.outcome.status, 0) + 1
        for kind in {f.kind for f in s.flags}:
            flagged[kind] = flagged.get(kind, 0) + 1
    return {"outcomes": dict(sorted(counts.items())), **({"flagged": dict(sorted(flagged.items()))} if flagged else {})}


def _shared_views(sessions: list[Session]) -> dict[str, Any]:
    """What a run in a control arm says of itself; nothing for agents in the controlled regime."""
    facts: dict[str, Any] = {}
    if any(s.non_interference is False for s in sessions):
        facts["non_interference"] = f"not expected to hold in {sessions[0].mode} mode"
    if any(s.regime == "conditioned" for s in sessions):
        facts["regime"] = "conditioned"
    scripts = [s.extra["script"] for s in sessions if "script" in s.extra]
    if scripts:
        facts["unparsable_scripts"] = sum(bool(s["unparsable"]) for s in scripts)
    return facts
