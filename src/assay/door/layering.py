"""The layers of a run: pools grown by a model, thoughts by a model, the covering arm, how varied it came out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from assay.authoring.covering import covering
from assay.authoring.diversity import diversity_report
from assay.authoring.growing import grow
from assay.authoring.layers import Pools, own_pools, pools_from, pools_row
from assay.authoring.one import author_one
from assay.authoring.reflections import read_reflection, reflection_prompt
from assay.door.options import Plan
from assay.door.sync import run_sync
from assay.errors import BadInput
from assay.models.hosting import hosted
from assay.models.model import Request, Sampling
from assay.models.resolve import resolve
from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.layers import Grow
from assay.records.scenario import Scenario
from assay.records.storage import write_json
from assay.runs.calls import Calls
from assay.runs.engine import Progress
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger

USUAL = Grow(subtopics=6, personas=6)
"""What --grow-with asks for where the blueprint names no numbers."""


def layer_model(blueprint: Blueprint, plan: Plan) -> str:
    """Name of the model that grows pools and thinks, or "" where none is asked for.

    `--grow-with`, else the model that words the user. The embedded model grows without its adapter, which has only
    learnt to speak as a user. Raises BadInput where a model is needed and there is none.
    """
    layers = blueprint.layers
    needed = layers.grow.subtopics or layers.grow.personas or layers.reflect == "model"
    if not plan.grow_with and not needed:
        return ""
    spec = plan.grow_with or plan.model
    if spec in ("template", "reference"):
        raise BadInput(
            "layers.grow and layers.reflect need a language model, and this run has none",
            where=blueprint.name,
            now="give one with --grow-with MODEL, or take them out of the blueprint",
        )
    return "embedded-base" if spec == "embedded" else spec


def pools_for(folder: RunFolder, blueprint: Blueprint, plan: Plan) -> Pools:
    """Pools of a run: those of `layers.json` where they were grown before, else the blueprint's, grown when asked for.

    Calls go through the run's ledger, so that a resumed run grows the same pools without asking again.
    """
    spec, wanted = layer_model(blueprint, plan), blueprint.layers.grow
    if plan.grow_with and not (wanted.subtopics or wanted.personas):
        wanted = USUAL
    if not spec or not (wanted.subtopics or wanted.personas):
        return own_pools(blueprint)
    if folder.has("layers.json"):
        return pools_from(folder.json("layers.json"))

    async def grown(ask: Callable[[str, int], Awaitable[str]]) -> Pools:
        return await grow(blueprint, own_pools(blueprint), ask, wanted)

    pools: Pools = _asking(folder, spec, plan.seed, "grow", grown)
    write_json(folder.file("layers.json"), pools_row(pools))
    return pools


def _asking(folder: RunFolder, spec: str, seed: int, purpose: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run something that asks a model, every call through the run's ledger."""

    async def run() -> Any:
        model = hosted(spec)
        calls = Calls(ledger, model)

        async def ask(prompt: str, number: int) -> str:
            own = int(digest([seed, purpose, prompt, number])[:7], 16)
            sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=700, seed=own)
            request = Request(messages=(("user", prompt),), sampling=sampling, purpose=purpose)
            return (await calls.complete(request)).text.encode("utf-8", "replace").decode("utf-8")

        try:
            return await work(ask)
        finally:
            await model.close()

    with Ledger(folder.path) as ledger:
        return run_sync(run())


def drawn(blueprint: Blueprint, plan: Plan, pools: Pools, progress: Progress) -> list[Scenario]:
    """All scenarios of a run, from the prior or as a covering array."""
    if plan.covering or blueprint.layers.covering:
        scenarios = []
        for scenario in covering(blueprint, plan.seed, plan.n, pools):
            scenarios.append(scenario)
            progress("author", len(scenarios), plan.n)
        return scenarios
    scenarios = []
    for index in range(plan.n):
        scenarios.append(author_one(blueprint, plan.seed, index, pools))
        progress("author", index + 1, plan.n)
    return scenarios


def thought_over(
    folder: RunFolder, blueprint: Blueprint, plan: Plan, scenarios: list[Scenario]
) -> tuple[list[Scenario], dict[str, int]]:
    """(scenarios with their thoughts, counts): by the model where `layers.reflect` says so, else unchanged."""
    if blueprint.layers.reflect != "model":
        return scenarios, {}

    async def work(ask: Callable[[str, int], Awaitable[str]]) -> list[tuple[Scenario, int]]:
        async def one(scenario: Scenario) -> tuple[Scenario, int]:
            answer = await ask(reflection_prompt(scenario.context, blueprint.title), 0)
            thoughts, missing = read_reflection(answer, scenario.context)
            return scenario.model_copy(update={"reflection": thoughts}), len(missing)

        return list(await asyncio.gather(*(one(s) for s in scenarios)))

    found = _asking(folder, layer_model(blueprint, plan), plan.seed, "reflect", work)
    total = sum(len(s.reflection) for s, _ in found)
    missing = sum(m for _, m in found)
    return [s for s, _ in found], {"by_model": total - missing, "by_rule": missing}


def varied(folder: RunFolder, blueprint: Blueprint, scenarios: list[Scenario], pools: Pools) -> dict[str, Any]:
    """Write `diversity.json` and give what run.json keeps of it.

    A run of the covering arm is set beside the same number of draws from the prior, for its pairwise coverage alone.
    """
    report = diversity_report(blueprint, scenarios, pools=pools)
    if scenarios and all(s.arm == "covering" for s in scenarios):
        twin = [author_one(blueprint, scenarios[0].seed, i, pools) for i in range(len(scenarios))]
        beside = diversity_report(blueprint, [*scenarios, *twin], pools=pools)["pairwise"]
        beside["by_arm"]["prior"]["compared_only"] = True
        report["pairwise"] = beside
    write_json(folder.file("diversity.json"), report)
    kept = {k: {"planned": c["planned"], "present": c["present"]} for k, c in report["cells"].items()}
    removed = {k: report["removed"][k] for k in ("subtopics", "personas")}
    return {
        "arm": report["arm"],
        "pairwise": {arm: row["share"] for arm, row in report["pairwise"]["by_arm"].items()},
        "top_name": report["top_name"]["share"],
        "cells": kept,
        "duplicates_removed": removed,
        **({"grown": report["grown"]} if report["grown"] else {}),
        **({"dropped": report["dropped"]} if report["dropped"] else {}),
    }


def check_layers(blueprint: Blueprint, plan: Plan) -> None:
    """Raises BadInput for a growing model that is not there, before anything is written."""
    spec = layer_model(blueprint, plan)
    if spec and not spec.startswith("embedded"):
        resolve(spec)
