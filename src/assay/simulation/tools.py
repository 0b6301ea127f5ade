"""Tools of an assistant under test: the wire form of the blueprint's tools, and a desk that runs them.

Each session has a desk of its own, with its own copy of the record: no call reaches another session or the scenario.
Nothing of the user's is on it but the numbers on file, which a shop knows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.tools import Tool
from assay.simulation.wording import fill, normal

LISTED = 60
"""A column's values are listed in the schema up to this many."""


def wire_tools(blueprint: Blueprint) -> tuple[dict[str, Any], ...]:
    """The blueprint's tools in the form in which chat endpoints take them (OpenAI `tools`), in their order."""
    return tuple(
        {
            "type": "function",
            "function": {
                "name": name,
                "description": tool.does,
                "parameters": {
                    "type": "object",
                    "properties": {arg: _schema(blueprint, arg, kind) for arg, kind in tool.args.items()},
                    "required": [arg for arg in tool.args if arg not in tool.optional],
                    "additionalProperties": False,
                },
            },
        }
        for name, tool in blueprint.tools.items()
    )


def _schema(blueprint: Blueprint, arg: str, kind: str) -> dict[str, Any]:
    words = arg.replace("_", " ")
    if kind == "row":
        found = list(dict.fromkeys(row[arg] for row in blueprint.world.rows if arg in row))
        return {"type": "string", "description": words, **({"enum": found} if len(found) <= LISTED else {})}
    if kind == "slot":
        slot = blueprint.slots[arg]
        shape = slot.pattern.replace("#", "0").replace("@", "A") if slot.pattern is not None else ""
        return {"type": "string", "description": (slot.words or words) + (f", like {shape}" if shape else "")}
    return {"type": "string", "description": words}


@dataclass(frozen=True, slots=True)
class Done:
    """What a call came to."""

    answer: dict[str, Any]
    """What the assistant is told."""
    fault: bool
    """Whether the call named no tool or had wrong arguments; a refusal by the record is no fault."""


@dataclass(slots=True)
class Desk:
    """One session's copy of the world, and the tools that work on it."""

    blueprint: Blueprint
    record: Mapping[str, str]
    """The scenario's record; read only."""
    on_file: Mapping[str, str]
    """Slot -> number on file."""
    state: dict[str, str] = field(default_factory=dict)
    """Fields that tools write."""
    calls: int = 0
    """Calls so far."""
    faults: int = 0
    """Of these, the ones with no such tool or wrong arguments."""

    def call(self, name: str, arguments: object) -> Done:
        """Run one call as it came from the assistant; never raises, whatever it holds."""
        self.calls += 1
        tool = self.blueprint.tools.get(name)
        args = _parsed(arguments)
        problem = _problem(self.blueprint, name, tool, args)
        if tool is None or args is None or problem:
            self.faults += 1
            return Done({"error": problem or "wrong arguments"}, True)
        return Done(self._run(tool, args), False)

    def effect(self, names: Sequence[str], values: Mapping[str, str]) -> None:
        """Write what the first of these tools writes that the record allows, without its look-ups: for the built-in
        assistant, which has made its own."""
        allowed = next((t for t in map(self.blueprint.tools.__getitem__, names) if self._missing(t) is None), None)
        if allowed is not None:
            self._write(allowed, values)

    def _run(self, tool: Tool, args: dict[str, str]) -> dict[str, Any]:
        for arg, value in args.items():
            if arg in self.on_file and tool.args[arg] == "slot" and normal(value) != normal(self.on_file[arg]):
                return {"error": f"nothing on file under {arg.replace('_', ' ')} {value}"}
        if self._missing(tool) is not None:
            return {"error": tool.otherwise}
        self._write(tool, args)
        if tool.rows:
            return {"found": self._rows(tool, args)}
        now = {**self.record, **self.state}
        return {"ok": True, **{k: now[k] for k in tool.reads if k in now}}

    def _missing(self, tool: Tool) -> str | None:
        now = {**self.record, **self.state}
        return next((k for k, v in tool.needs.items() if now.get(k) != v), None)

    def _write(self, tool: Tool, values: Mapping[str, str]) -> None:
        for name, value in tool.sets.items():
            self.state[name] = fill(value, values)

    def _rows(self, tool: Tool, args: dict[str, str]) -> list[dict[str, str]]:
        wanted = {k: normal(v) for k, v in args.items() if tool.args[k] == "row"}
        fitting = [r for r in self.blueprint.world.rows if all(normal(r.get(k, "")) == v for k, v in wanted.items())]
        return [{k: r[k] for k in (tool.reads or tuple(r)) if k in r} for r in fitting[: tool.most]]


def _parsed(arguments: object) -> dict[str, str] | None:
    """Arguments as texts: from a JSON text or an object of texts and numbers; None for anything else."""
    try:
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return None
    if value is None:
        return {}
    if not isinstance(value, dict) or any(isinstance(v, bool | dict | list) for v in value.values()):
        return None
    return {str(k): str(v) for k, v in value.items() if v is not None}


def _problem(blueprint: Blueprint, name: str, tool: Tool | None, args: dict[str, str] | None) -> str:
    if tool is None:
        return f"there is no tool {name[:80]!r}; there are {', '.join(blueprint.tools) or 'none'}"
    if args is None:
        return "the arguments are not a JSON object of texts"
    unknown = [a for a in args if a not in tool.args]
    if unknown:
        return f"{name} takes no {', '.join(unknown)[:200]}; it takes {', '.join(tool.args) or 'nothing'}"
    missing = [a for a in tool.args if a not in args and a not in tool.optional]
    return f"{name} needs {', '.join(missing)}" if missing else ""


def desk_of(blueprint: Blueprint, scenario: Scenario) -> Desk:
    """A fresh desk for one session."""
    on_file = {s: v for s, v in scenario.slots.items() if blueprint.slots[s].pattern is not None}
    return Desk(blueprint, {k: str(v) for k, v in scenario.world.items()}, on_file, dict(blueprint.world.state))
