"""Result files of tau-bench and tau2-bench, as rows of the session form.

tau-bench writes an array of `{task_id, reward, trial, info: {task: {user_id, instruction, actions, outputs}, ...},
traj: [messages]}`; tau2-bench an object with `tasks` and `simulations`, a simulation naming its task and holding
`messages` and `reward_info`; later versions also a folder, `results.json` without simulations beside `simulations/`
with one file each, several tool answers as one message (`tool_messages`), and voice runs whose words are chunks in
`ticks` instead of messages. All of these are read; a file of one simulation alone is, too. The instruction becomes the
user's private fact `instruction`, which is its brief; the gold actions are kept and not watched; the reward is a label
of the session. Every other field is kept in `extra`, those of the whole file under `results`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import BadSessions
from assay.importing.json_stream import records_of
from assay.importing.openai import turn_of

NOW = "give the results file of tau-bench (an array with traj) or of tau2-bench (an object with simulations and tasks)"
PARTS = ("persona", "domain", "reason_for_call", "known_info", "unknown_info", "task_instructions")
"""Fields of a structured tau2 instruction, in the order in which its user reads them."""
RESULTS, FOLDER = "results.json", "simulations"
"""Names of the file and the folder of a tau2 run that is a folder."""
LONG = 2_000
"""Characters from which on a text of the whole file (a policy) is kept with its first session only."""


def results_file(path: Path) -> Path:
    """The results file of a path that may be the folder of a tau2 run."""
    return path / RESULTS if path.is_dir() else path


def tau_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row of the session form) of every run in a results file or folder. Raises BadSessions naming where."""
    file = results_file(Path(path))
    used: dict[str, int] = {}
    for where, record in records_of(file):
        for place, row in _rows_of(file, where, record):
            used[row["id"]] = used.get(row["id"], 0) + 1
            if used[row["id"]] > 1:
                row["id"] += f"#{used[row['id']]}"
            yield place, row


def _rows_of(file: Path, where: str, record: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The runs of one entry of a file."""
    if isinstance(record, dict) and "simulations" in record:
        yield from _tau2(record, where)
    elif isinstance(record, dict) and isinstance(record.get("simulation_index"), list):
        yield from _folder(file, record, where)
    elif is_simulation(record):
        yield where, _simulation(record, {}, where)
    else:
        yield where, _tau1(record, where)


def is_simulation(record: Any) -> bool:
    """Whether an object is one simulation of tau2-bench."""
    if not isinstance(record, dict) or "task_id" not in record:
        return False
    return ("messages" in record or "ticks" in record) and ("termination_reason" in record or "reward_info" in record)


def _folder(file: Path, record: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The simulations of a run that is a folder, each in a file of its own; every one of the index must be there."""
    home = file.parent / FOLDER
    found = {p.stem: p for p in sorted(home.glob("*.json"))} if home.is_dir() else {}
    wanted = [str(entry.get("id")) for entry in record["simulation_index"] if isinstance(entry, dict)]
    missing = [name for name in wanted if name not in found]
    if missing or not found:
        what = (
            f"{len(missing)} of {len(wanted)} simulations are missing, first {missing[0]}" if missing else "0 sessions"
        )
        raise BadSessions(f"{what}: nothing of that name in {FOLDER}/", where=str(home), now="copy the whole folder")
    runs = []
    for name in [*wanted, *(n for n in found if n not in wanted)]:
        entries = [value for _, value in records_of(found[name])]
        if len(entries) != 1:
            raise BadSessions("not one simulation", where=str(found[name]), now=NOW)
        runs.append(entries[0])
    yield from _tau2({**record, "simulations": runs}, where)


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


def _tau2(record: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The simulations of a tau2 file, each with its task."""
    if not isinstance(record["simulations"], list):
        raise BadSessions("simulations is not a list", where=where, now=NOW)
    listed = record.get("tasks")
    tasks = {str(t.get("id")): t for t in (listed if isinstance(listed, list) else ()) if isinstance(t, dict)}
    if not record["simulations"]:
        raise BadSessions("0 sessions: simulations is empty", where=where)
    whole = {k: v for k, v in record.items() if k not in ("simulations", "tasks", "simulation_index")}
    short, long = _parted(whole)
    for i, run in enumerate(record["simulations"]):
        place = f"{where}, simulations.{i}"
        if not isinstance(run, dict):
            raise BadSessions("a simulation without a list messages", where=place, now=NOW)
        row = _simulation(run, tasks.get(str(run.get("task_id")), {}), place)
        row["extra"] |= {"results": short} if short else {}
        row["extra"] |= {"results_texts": long} if long and not i else {}
        yield place, row


def _parted(value: Any, at: str = "") -> tuple[Any, dict[str, str]]:
    """(a JSON value without its long texts, place -> long text)."""
    if isinstance(value, dict):
        kept, long = {}, {}
        for key, inner in value.items():
            if isinstance(inner, str) and len(inner) > LONG:
                long[f"{at}{key}"] = inner
                continue
            kept[key], more = _parted(inner, f"{at}{key}.")
            long |= more
        return kept, long
    return value, {}


def _simulation(run: dict[str, Any], task: dict[str, Any], where: str) -> dict[str, Any]:
    """One simulation of tau2-bench."""
    row = _base(run, where, run.get("task_id"), run.get("trial"), _messages(run, where))
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
    taken = ("messages", "ticks", "trial", "termination_reason", "reward")
    row["extra"] = {k: v for k, v in run.items() if k not in taken}
    row["extra"]["task"] = {k: v for k, v in task.items() if k != "evaluation_criteria"}
    return row


def _messages(run: dict[str, Any], where: str) -> list[Any]:
    """The messages of a simulation, tool answers in one taken apart; of a voice run, its chunks put together."""
    listed = run.get("messages")
    if listed is None and isinstance(run.get("ticks"), list):
        return _spoken(run["ticks"], where)
    if not isinstance(listed, list):
        raise BadSessions("a simulation without a list messages", where=where, now=NOW)
    out: list[Any] = []
    for message in listed:
        several = message.get("tool_messages") if isinstance(message, dict) else None
        held = several if isinstance(several, list) and several else [message]
        out += [_answer(m) for m in held]
    return out


def _answer(message: Any) -> Any:
    """A tool's answer with the id of its call where the other formats have it."""
    if not isinstance(message, dict) or message.get("role") != "tool" or "tool_call_id" in message:
        return message
    call = message.get("id")
    return {**message, "tool_call_id": call} if isinstance(call, str) and call else message


def _spoken(ticks: list[Any], where: str) -> list[Any]:
    """The turns of a voice run: what one side says over several ticks, with nothing of the other between, is one turn.

    Calls of tools are turns of their own, so are their answers. Fields of the first chunk of a turn are kept.
    """
    out: list[Any] = []
    for number, tick in enumerate(ticks):
        if not isinstance(tick, dict):
            raise BadSessions("a tick that is no object", where=f"{where}, ticks.{number}", now=NOW)
        for role, side in (("assistant", "agent"), ("user", "user")):
            chunk = tick.get(f"{side}_chunk")
            words = chunk.get("content") if isinstance(chunk, dict) else None
            if isinstance(words, str) and words:
                # a tool's answer is whatever the file holds
                if out and isinstance(out[-1], dict) and out[-1].get("role") == role and "spoken" in out[-1]:
                    out[-1]["content"] += words
                    out[-1]["spoken"][1] = number
                else:
                    kept = {k: v for k, v in chunk.items() if v is not None and k not in ("role", "content")}  # type: ignore[union-attr]
                    out.append({**kept, "role": role, "content": words, "spoken": [number, number]})
            if isinstance(calls := tick.get(f"{side}_tool_calls"), list) and calls:
                out.append({"role": role, "content": None, "tool_calls": calls})
            results = tick.get(f"{side}_tool_results")
            out += [_answer(m) for m in results] if isinstance(results, list) else []
    return out


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
