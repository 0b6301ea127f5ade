"""Result files of tau-bench and tau2-bench, as rows of the session form.

tau-bench writes an array of `{task_id, reward, trial, info: {task: {user_id, instruction, actions, outputs}, ...},
traj: [messages]}`; tau2-bench an object with `tasks` and `simulations`, a simulation naming its task and holding
`messages` and `reward_info`. The instruction becomes the user's private fact `instruction`, which is its brief; the
gold actions are kept and not watched; the reward is a label of the session. Every other field is kept in `extra`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import BadSessions
from assay.importing.openai import records_of, turn_of

NOW = "give the results file of tau-bench (an array with traj) or of tau2-bench (an object with simulations and tasks)"
PARTS = ("persona", "domain", "reason_for_call", "known_info", "unknown_info", "task_instructions")
"""Fields of a structured tau2 instruction, in the order in which its user reads them."""


def tau_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row of the session form) of every run in a results file. Raises BadSessions naming file and entry."""
    file = Path(path)
    used: dict[str, int] = {}
    for where, record in records_of(file):
        found = _tau2(record, where) if isinstance(record, dict) and "simulations" in record else [(where, record)]
        for place, run in found:
            row = run["row"] if isinstance(run, dict) and "row" in run else _tau1(run, place)
            used[row["id"]] = used.get(row["id"], 0) + 1
            if used[row["id"]] > 1:
                row["id"] += f"#{used[row['id']]}"
            yield place, row


def _tau1(run: Any, where: str) -> dict[str, Any]:
    """One run of tau-bench."""
    if not isinstance(run, dict) or not isinstance(run.get("traj"), list):
        raise BadSessions("a run without a list traj", where=where, now=NOW)
    info: dict[str, Any] = run["info"] if isinstance(run.get("info"), dict) else {}
    task: dict[str, Any] = info["task"] if isinstance(info.get("task"), dict) else {}
    private = {"user": {k: task[k] for k in ("instruction", "user_id") if task.get(k) is not None}}
    rest = {k: v for k, v in task.items() if k not in ("instruction", "user_id", "actions", "outputs")}
    row = _base(run, where, run.get("task_id"), run.get("trial"), run["traj"])
    row["private"] = private | {f"gold_{k}": task[k] for k in ("actions", "outputs") if task.get(k) is not None}
    row["session_labels"] = _scalars(reward=run.get("reward"), trial=run.get("trial"))
    row["source"] = "tau-bench results"
    row["extra"] = {k: v for k, v in run.items() if k not in ("traj", "reward", "trial", "info")}
    row["extra"] |= {"info": {**{k: v for k, v in info.items() if k != "task"}, "task": rest}} if info else {}
    return row


def _tau2(record: dict[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """The simulations of a tau2 file, each with its task."""
    if not isinstance(record["simulations"], list):
        raise BadSessions("simulations is not a list", where=where, now=NOW)
    listed = record.get("tasks")
    tasks = {str(t.get("id")): t for t in (listed if isinstance(listed, list) else ()) if isinstance(t, dict)}
    if not record["simulations"]:
        raise BadSessions("0 sessions: simulations is empty", where=where)
    for i, run in enumerate(record["simulations"]):
        place = f"{where}, simulations.{i}"
        if not isinstance(run, dict) or not isinstance(run.get("messages"), list):
            raise BadSessions("a simulation without a list messages", where=place, now=NOW)
        yield place, {"row": _simulation(run, tasks.get(str(run.get("task_id")), {}), place)}


def _simulation(run: dict[str, Any], task: dict[str, Any], where: str) -> dict[str, Any]:
    """One simulation of tau2-bench."""
    row = _base(run, where, run.get("task_id"), run.get("trial"), run["messages"])
    instruction = _instruction(task.get("user_scenario"))
    criteria = task.get("evaluation_criteria")
    row["private"] = {"user": {"instruction": instruction} if instruction else {}}
    if criteria is not None:
        row["private"]["gold_evaluation_criteria"] = criteria
    scored: dict[str, Any] = run["reward_info"] if isinstance(run.get("reward_info"), dict) else {}
    row["session_labels"] = _scalars(
        reward=scored.get("reward", run.get("reward")), trial=run.get("trial"),
        termination_reason=run.get("termination_reason"),
    )  # fmt: skip
    row["source"] = "tau2-bench results"
    row["extra"] = {k: v for k, v in run.items() if k not in ("messages", "trial", "termination_reason", "reward")}
    row["extra"]["task"] = {k: v for k, v in task.items() if k != "evaluation_criteria"}
    return row


def _instruction(scenario: Any) -> str:
    """The brief of a tau2 user: its persona and its instructions, one part a line; texts only."""
    if isinstance(scenario, str):
        return scenario
    if not isinstance(scenario, dict):
        return ""
    given = scenario.get("instructions")
    if isinstance(given, str):
        return given
    parts = {**(given if isinstance(given, dict) else {}), "persona": scenario.get("persona")}
    return "\n".join(parts[k].strip() for k in PARTS if k != "domain" and isinstance(parts.get(k), str))


def _base(run: dict[str, Any], where: str, task: Any, trial: Any, messages: list[Any]) -> dict[str, Any]:
    """Id and turns; a turn of the user's tools keeps who asked in `extra`."""
    turns = [turn_of(m, f"{where}, message {i}") for i, m in enumerate(messages)]
    given = run.get("id")
    plain = given if isinstance(given, str) and given.strip() else f"{_word(task)}/{_word(trial)}"
    return {"id": plain, "turns": turns}


def _word(value: Any) -> str:
    """A number or text as a part of an id."""
    return str(value) if isinstance(value, str | int) else "-"


def _scalars(**values: Any) -> dict[str, Any]:
    """The values that are plain: a list or an object is no label."""
    return {k: v for k, v in values.items() if isinstance(v, str | int | float)}
