"""power: the checks on trial, on a run folder or on anybody's session file."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from assay.certification.combine import Collector, fit
from assay.door.battery import Split, battery, sample, split
from assay.door.checking import offline_verifier, verifier_version
from assay.door.making import blueprint_of, followed_plan, plan_of, power_mark
from assay.door.power_judges import Bench, judges_planned, judges_tried
from assay.door.rewording import rewording
from assay.errors import BadInput
from assay.planting.broken import Observe
from assay.planting.faults import OPERATORS
from assay.planting.forecast import expected
from assay.planting.power import Plan, measure
from assay.planting.run import Aids
from assay.planting.truth import Kind
from assay.records.base import rounded
from assay.records.blueprint import Blueprint
from assay.records.label import labels_of
from assay.records.session import Session
from assay.records.storage import read, write_json
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.verification.leaks.watched import SECRET
from assay.verification.one import select

SAMPLE = 400
"""Sessions on which power is measured where nothing else was asked for."""
RATE = 0.15
"""Share of the eligible units that is broken in one copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What power is measured of, and on how much."""

    checks: Sequence[str] | None = None
    """Codes; None: all that need no language model."""
    operators: Sequence[str] | None = None
    """Operators; None: all."""
    kinds: tuple[Kind, ...] = ("label", "text", "systematic")
    """Kinds of fault."""
    confusable: bool = True
    """Whether labels are also swapped for the value that the checks most often take for them."""
    limit: int = SAMPLE
    """Sessions at most: a seeded random sample."""
    rounds: int = 1
    """Faulty copies per way of planting, while a label name has too few faults."""
    rate: float = RATE
    """Share of the eligible units broken in one copy, in (0, 1]."""
    seed: int = 0
    """Seed of the sample and of the faults."""

    def check(self) -> "Trial":
        """Raises BadInput for a code or operator that does not exist, or a number out of range."""
        select(self.checks)
        if unknown := set(self.operators or ()) - set(OPERATORS):
            raise BadInput(
                f"no operator {', '.join(sorted(unknown))}", where="--operators", now=f"one of {', '.join(OPERATORS)}"
            )
        for name, value in (("--limit", self.limit), ("--rounds", self.rounds)):
            if value < 1:
                raise BadInput(f"{name} must be at least 1, not {value}", now="give 1 or more")
        if not 0 < self.rate <= 1:
            raise BadInput(f"rate {self.rate:g} is not in (0, 1]", where="--rate", now="give a share such as 0.1")
        if self.seed < 0:
            raise BadInput(f"seed {self.seed} is negative", where="--seed", now="give a seed of 0 or more")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The sessions on which the checks are tried, and what is known of how they were made."""

    sessions: Sequence[Session]
    blueprint: Blueprint | None = None
    model: str = "given"
    reword: Any = None
    vectors: bool = True
    """Whether label errors are read by sentence vectors too, as in one piece; in parts they are read by words only."""

    def aids(self) -> Aids:
        """Pools and gates of the blueprint; in sessions of others the owner must keep only what is named a secret."""
        if self.blueprint is not None:
            return Aids.of(self.blueprint, reword=self.reword)
        return Aids(kept=lambda fact: SECRET.search(fact) is not None)


def tried(subject: Subject, trial: Trial, progress: Progress = silent) -> dict[str, Any]:
    """Power of the offline checks on a sample of the sessions: the content of power.json."""
    chosen = sample(subject.sessions, trial.limit, trial.seed)
    progress("power", 0, 1, f"reading {len(chosen)} sessions")
    make = partial(_verifier, subject.blueprint, trial.seed, subject.vectors)
    found = split(make, select(trial.checks), chosen, trial.seed)
    cases, observe = gathering(chosen)
    plan = _plan(subject, trial, lambda done, total: progress("power", done, total))
    power = measure(
        chosen, battery(make, found), seed=trial.seed, rate=trial.rate, verifier=verifier_version(),
        blueprint_hash=subject.blueprint.hash if subject.blueprint is not None else "", model=subject.model,
        plan=replace(plan, observe=observe),
    )  # fmt: skip
    silent_pairs = frozenset((code, name) for code, name in power["no_power"])
    combined = fit(cases.cases, silent_pairs)
    return {**power, "of_sessions": len(subject.sessions), "battery": _parts(found), "combine": rounded(combined)}


def gathering(sessions: Sequence[Session]) -> tuple[Collector, Observe]:
    """(where cases gather, what `measure` calls with each faulty copy): the evidence on labels before and after."""
    known = {(g.session, g.turn, g.name): g for s in sessions for g in labels_of(s)}
    cases = Collector()

    def observe(
        wrong: Sequence[Any], before: Sequence[Verdict], after: Sequence[Verdict], codes: frozenset[str]
    ) -> None:
        cases([known[key] for t in wrong if (key := tuple(t)) in known], before, after, codes)

    return cases, observe


def _verifier(blueprint: Blueprint | None, seed: int, vectors: bool, codes: frozenset[str]) -> Any:
    return offline_verifier(blueprint, seed, codes, printed=False, vectors=vectors)


def _plan(subject: Subject, trial: Trial, progress: Callable[[int, int], None] | None = None) -> Plan:
    operators = None if trial.operators is None else tuple(trial.operators)
    return Plan(
        operators=operators, rounds=trial.rounds, kinds=trial.kinds, confusable=trial.confusable, aids=subject.aids(),
        progress=progress,
    )  # fmt: skip


def _parts(found: Split) -> dict[str, list[str]]:
    """Codes by what their word hangs on; those that say nothing here are left out."""
    spoke = {v.code for v in found.verdicts if v.status != "not_applicable"}
    return {
        "local": sorted(found.local & spoke), "whole": sorted(found.whole & spoke),
        "given_labels": sorted(found.on_labels & spoke),
    }  # fmt: skip


def planned(subject: Subject, trial: Trial, progress: Progress = silent) -> dict[str, Any]:
    """What `tried` would do: ways of planting with their eligible units, and the time as read from one pass."""
    chosen = sample(subject.sessions, trial.limit, trial.seed)
    progress("power", 0, 1, f"reading {len(chosen)} sessions")
    make = partial(_verifier, subject.blueprint, trial.seed, subject.vectors)
    found = split(make, select(trial.checks), chosen, trial.seed)
    seconds = {}
    for part, codes in (("local", found.local), ("whole", found.whole), ("given_labels", found.on_labels)):
        began = time.perf_counter()
        if codes:
            make(codes)(chosen)
        seconds[part] = time.perf_counter() - began
    ways = expected(chosen, found.verdicts, _plan(subject, trial), trial.rate)
    total = 0.0
    for way in ways:
        passes = 1 if way["copies"] else 0
        once = seconds["whole"] + (seconds["given_labels"] if way["unit"] == "label" else 0.0)
        total += passes * (once + seconds["local"] * way["sessions"] / max(1, len(chosen)))
    return {
        "sessions": len(chosen), "of_sessions": len(subject.sessions), "ways": ways, "battery": _parts(found),
        "copies": sum(w["copies"] for w in ways), "seconds": round(total, 1),
    }  # fmt: skip


def power(
    source: str | Path | Sequence[str | Path], *, out: str | Path | None = None, power_from: str | Path | None = None,
    text_faults: bool = True, mapping: str | Path | None = None, format: str | None = None, dry_run: bool = False,
    bench: Bench | None = None, progress: Progress = silent, **asked: Any,
) -> dict[str, Any]:  # fmt: skip
    """Plant known faults into copies of sessions and measure what each check catches; returns power.json.

    source: a run folder, whose own power this then is (power.json, read by its tiers), or session files. asked: fields
    of `Trial` (checks, operators, limit, rounds, rate, seed). With any of them, or `out`, or files, a trial beside is
    made: nothing in a run folder changes, and power.json and power.html go to `out`, where one is named. bench:
    language models that are tried too, on wrong labels shown beside the right ones (`judges` of the result). dry_run:
    only what would be planted into how many sessions, about how long it takes, and what the judges would be asked.

    Raises BadInput for what does not exist or is out of range, BadSessions for files that cannot be read,
    ProviderFailed when a judge fails.
    """
    from assay.door.running import own_power

    asked = {k: v for k, v in asked.items() if v is not None}
    folder = source if isinstance(source, str | Path) and Path(source).is_dir() else None
    bench = bench or Bench()
    if folder is not None and not (asked or out or dry_run or bench.judge):
        return own_power(folder, power_from=power_from, text_faults=text_faults, progress=progress)
    if power_from is not None:
        raise BadInput("--power-from belongs to a run folder's own power", now="leave it or the other options out")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise BadInput("a file is in the way", where=str(out), now="name a folder")
    trial = Trial(**asked).check()
    with ExitStack() as held:
        subject = _subject(source, held, text_faults and not dry_run, (mapping, format))
        plan, codes = bench.plan(trial.seed, subject.model), select(trial.checks)
        chosen = sample(subject.sessions, trial.limit, trial.seed)
        if dry_run:
            more = judges_planned(bench, chosen, subject.blueprint, codes, plan)
            return {**planned(subject, trial, progress), **more}
        found = tried(subject, trial, progress)
        where = None if out is None else Path(out)
        found |= judges_tried(plan, chosen, subject.blueprint, codes, (where, progress)) if bench.judge else {}
    return found if out is None else {**found, **_written(Path(out), found)}


def _subject(
    source: str | Path | Sequence[str | Path], held: ExitStack, text_faults: bool,
    how: tuple[str | Path | None, str | None],
) -> Subject:  # fmt: skip
    """The sessions of a run folder or of files. Raises BadInput for what is not there."""
    from assay.door.auditing import read_any

    if not isinstance(source, str | Path) or not Path(source).is_dir():
        return Subject(sessions=read_any(source, *how))
    run = held.enter_context(RunFolder(source))
    sessions: list[Session] = list(read(run.path, "sessions"))
    if not run.has("blueprint.yaml"):
        return Subject(sessions=sessions)
    plan, blueprint = plan_of(run), blueprint_of(run)
    reword = None
    if text_faults:
        model = followed_plan(run).model
        reword = held.enter_context(rewording(blueprint, model, held.enter_context(Ledger(run.path))))
    return Subject(sessions=sessions, blueprint=blueprint, model=power_mark(plan, blueprint), reword=reword)


def _written(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Write power.json and its page; returns their paths."""
    from assay.pages.power import write_power_page

    write_json(folder / "power.json", found)
    return {"report": str(write_power_page(folder, json.loads(json.dumps(found))))}
