"""The arms of a gap: the same scenarios talked through in other ways, each in a run folder of its own, resumable."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.door.making import author_stage, blueprint_of, followed_plan, open_run, simulate_stage
from assay.door.options import Plan
from assay.door.running import write_usage
from assay.door.sync import run_sync
from assay.errors import AssayError, BadInput, ProviderFailed, Refused
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `assay gap` was asked for; None: as in the folder's own run."""

    blueprint: str | Path | None = None
    """For a folder that holds no run yet."""
    n: int | None = None
    """Scenarios; at most those of the run."""
    model: str | None = None
    seed: int | None = None
    assistant: str | None = None
    regimes: bool = False
    """Whether the two regimes are compared as well."""
    max_failed: float = 0.05
    """Largest share of failed sessions of an arm."""


@dataclass(slots=True, kw_only=True)
class Base:
    """Where the agents arm is, and what it was made with."""

    path: Path
    """The agents arm's run folder: the folder itself, or its folder `agents`."""
    plan: Plan
    blueprint: str | Path
    """What the arms are opened with."""
    whole: bool
    """Whether the arm is a run of its own, made before, that gap leaves as it is."""


@dataclass(slots=True, kw_only=True)
class Arms:
    """All arms, as far as they could be made."""

    blueprint: Blueprint
    plan: Plan
    scenarios: dict[str, Scenario]
    sessions: dict[str, dict[str, Session]] = field(default_factory=dict)
    """Arm -> session id -> session."""
    paths: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, AssayError] = field(default_factory=dict)
    """Arm -> why it could not be made."""

    def shared(self, *arms: str) -> list[str]:
        """Ids that every one of these arms has, in order."""
        return [i for i in self.scenarios if all(i in self.sessions.get(a, {}) for a in arms)]


def base_of(directory: Path, asked: Asked) -> Base:
    """Find the agents arm of a folder, or plan one. Raises BadInput for a folder with nothing to compare."""
    run = directory / "run.json"
    if run.exists():
        path, whole = directory, True
    elif (directory / "agents" / "run.json").exists():
        path, whole = directory / "agents", False
    elif asked.blueprint is not None:
        plan = Plan(
            n=asked.n or 20, seed=asked.seed or 0, model=asked.model or "embedded",
            assistant=asked.assistant or "reference", max_failed=asked.max_failed,
        )  # fmt: skip
        return Base(path=directory / "agents", plan=plan.check(), blueprint=asked.blueprint, whole=False)
    else:
        raise BadInput(
            "there is no run here to compare" if directory.is_dir() else "no such run folder",
            where=str(directory),
            now="start with `assay run BLUEPRINT --out DIR`, or name --blueprint",
        )
    folder = RunFolder(path)
    if not folder.has("blueprint.yaml"):
        raise BadInput(
            "these sessions were imported: there are no scenarios that could be talked through again",
            where=str(path),
            now="gap needs a run made from a blueprint; `assay realism` compares imported sessions with real ones",
        )
    return _existing(folder, asked, whole)


def _existing(folder: RunFolder, asked: Asked, whole: bool) -> Base:
    plan = followed_plan(folder)
    if plan.mode != "agents":
        raise BadInput(
            f"this run was made in {plan.mode} mode", where=str(folder.path), now="gap starts from an agents run"
        )
    for name in ("model", "seed", "assistant"):
        given = getattr(asked, name)
        if given is not None and given != getattr(plan, name):
            raise BadInput(
                f"this run was made with --{name} {getattr(plan, name)}, not {given}",
                where=str(folder.path),
                now=f"leave --{name} out, or start a gap in another folder with --blueprint",
            )
    n = plan.n if asked.n is None else asked.n
    if not 1 <= n <= plan.n:
        raise BadInput(f"-n {n} of a run with {plan.n} scenarios", where=str(folder.path), now=f"-n 1 to {plan.n}")
    if not whole and n != plan.n:
        raise BadInput(
            f"the arms in this folder have {plan.n} scenarios, not {n}", where=str(folder.path),
            now="leave -n out, or choose another folder",
        )  # fmt: skip
    plan = replace(plan, max_failed=asked.max_failed)
    return Base(path=folder.path, plan=plan, blueprint=folder.file("blueprint.yaml"), whole=whole)


def variants(base: Base, blueprint: Blueprint, asked: Asked, n: int) -> dict[str, Plan]:
    """Arm -> plan, the agents arm aside. Seeds and scenarios are the same; `repeat` 1 draws acts and words anew."""
    plan = replace(base.plan, n=n, judge=(), judged_labels=0)
    out = {"agents-2": replace(plan, repeat=plan.repeat + 1), "script": replace(plan, mode="script", regime=None)}
    # one call writes both sides of a script, so the assistant under test has no part in it
    out["script"] = replace(out["script"], assistant="reference")
    out["mindreaders"] = replace(plan, mode="mindreaders")
    if asked.regimes:
        now = plan.regime or blueprint.regime
        other = "conditioned" if now == "controlled" else "controlled"
        out[other] = replace(plan, regime=other)  # type: ignore[arg-type]
    return out


def make_arms(directory: Path, asked: Asked, progress: Progress = silent) -> Arms:
    """Make, or go on making, every arm. An arm whose model fails is noted and the others are made all the same.

    Raises what the agents arm raises, BadInput for a folder with nothing to compare, RunMismatch for arms of another
    configuration.
    """
    base = base_of(directory, asked)
    first = _agents(base, progress)
    blueprint = blueprint_of(RunFolder(base.path))
    scenarios = {s.id: s for s in list(read(base.path, "scenarios"))[: asked.n or base.plan.n]}
    arms = Arms(blueprint=blueprint, plan=base.plan, scenarios=scenarios)
    arms.paths["agents"], arms.sessions["agents"] = base.path, {i: s for i, s in first.items() if i in scenarios}
    source = base.path / "blueprint.yaml"
    for name, plan in variants(base, blueprint, asked, len(scenarios)).items():
        arms.paths[name] = directory / name
        try:
            arms.sessions[name] = _arm(directory / name, source, plan, arms, _named(progress, name))
        except (ProviderFailed, Refused) as error:
            arms.failed[name] = error
    return arms


def _named(progress: Progress, name: str) -> Any:
    def told(stage: str, done: int, total: int, note: str = "") -> None:
        progress(name, done, total, note if stage == "simulate" else stage)

    return told


def _agents(base: Base, progress: Progress) -> Mapping[str, Session]:
    with RunFolder(base.path, make=not base.whole) as folder:
        if not folder.has("run.json"):
            open_run(folder, base.blueprint, base.plan, "gap")
        blueprint = blueprint_of(folder)
        author_stage(folder, blueprint, base.plan, _named(progress, "agents"))
        if base.whole and folder.is_done("simulate"):
            # somebody's finished run stays as it is, its failed sessions included
            return {s.id: s for s in read(folder.path, "sessions")}
        return _talk(folder, blueprint, base.plan, _named(progress, "agents"))


def _arm(path: Path, blueprint: Path, plan: Plan, arms: Arms, progress: Progress) -> dict[str, Session]:
    with RunFolder(path, make=True) as folder:
        book = open_run(folder, blueprint, plan, "gap")
        made = author_stage(folder, book, plan)
        wrong = [s.id for s in made if arms.scenarios.get(s.id) is None or arms.scenarios[s.id].hash != s.hash]
        if wrong:
            raise BadInput(
                f"{len(wrong)} of {len(made)} scenarios are not those of the agents arm, first {wrong[0]}",
                where=str(path),
                now="the run was made with another version of assay or changed; start a gap in another folder",
            )
        return _talk(folder, book, plan, progress)


def _talk(folder: RunFolder, blueprint: Blueprint, plan: Plan, progress: Progress) -> dict[str, Session]:
    if folder.is_done("simulate") and not folder.run().get("failed_sessions"):
        return {s.id: s for s in read(folder.path, "sessions")}
    with Ledger(folder.path) as ledger:
        made = run_sync(simulate_stage(folder, blueprint, plan, ledger, progress))
        write_usage(folder, ledger)
    return {s.id: s for s in made}
