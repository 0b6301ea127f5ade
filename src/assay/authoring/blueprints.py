"""Reading a blueprint: YAML to record, with errors that name file, line and field."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from assay.authoring.one import Unsatisfiable, author_one
from assay.errors import BadBlueprint
from assay.records.blueprint import Blueprint
from assay.records.yaml_text import compose

BUNDLED = ("returns", "movies", "clinic")
"""Blueprints that come with assay, usable by name."""


def find_blueprint(name: str | Path) -> Path:
    """Path of a blueprint given as a file or as the name of a bundled one.

    Raises BadBlueprint when there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    bundled = Path(str(files("assay") / "blueprints" / f"{name}.yaml"))
    if bundled.is_file():
        return bundled
    raise BadBlueprint(
        f"no blueprint {str(name)!r}", now=f"give a YAML file, or one of the bundled: {', '.join(BUNDLED)}"
    )


def load_blueprint(name: str | Path) -> Blueprint:
    """Read and check a blueprint.

    Raises BadBlueprint for a file that is not YAML, an unknown field, probabilities that do not sum to 1, names that do
    not exist, unreachable goals, cycles, and constraints that nothing satisfies; the message names the line and the
    field.
    """
    path = find_blueprint(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        now = "give a YAML file in UTF-8, or returns, movies, clinic"
        raise BadBlueprint(f"cannot read the blueprint: {error}", where=str(path), now=now) from error
    return parse_blueprint(text, str(path))


def parse_blueprint(text: str, where: str = "blueprint") -> Blueprint:
    """A blueprint from YAML text; `where` names it in errors."""
    try:
        node, value = compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = text.count("\n", 0, error.position) if isinstance(error, yaml.reader.ReaderError) else mark and mark.line
        line = "" if at is None else f", line {at + 1}"
        raise BadBlueprint(
            f"not YAML: {getattr(error, 'problem', None) or error}",
            where=f"{where}{line}",
            now="mend the indentation or quotes there",
        ) from error
    if not isinstance(value, dict):
        raise BadBlueprint(
            "a blueprint is a mapping of fields", where=where, now="start from `assay init` or a bundled one"
        )
    _no_field_twice(node, where)
    try:
        blueprint = Blueprint.model_validate(value)
    except ValidationError as error:
        raise _explained(error, node, where) from error
    try:
        author_one(blueprint, 0, 0)
    except Unsatisfiable as error:
        row = _line_of(node, ["constraints", error.constraint])
        raise BadBlueprint(
            f"constraints.{error.constraint}: {error.what}", where=f"{where}, line {row}", now=error.now
        ) from error
    return blueprint


def _no_field_twice(root: Any, where: str) -> None:
    """YAML takes the last of two equal keys without a word; here it is an error."""
    todo, done = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += node.value
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, item in node.value:
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise BadBlueprint(
                        f"{key.value}: written twice in the same place, first in line {seen[key.value]}",
                        where=f"{where}, line {line}",
                        now="keep one of the two",
                    )
                seen[key.value] = line
                todo.append(item)


def _explained(error: ValidationError, node: Any, where: str) -> BadBlueprint:
    """The first validation error as what, where and what now."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    location = [part for part in first["loc"] if not (isinstance(part, str) and "[" in part)]
    if not location and ": " in message:
        field, message = message.split(": ", 1)
        location = list(field.split("."))
    line = _line_of(node, location)
    hints = {
        "extra_forbidden": "unknown field",
        "missing": "this field is missing",
    }
    what = hints.get(first["type"], message)
    more = len(error.errors()) - 1
    return BadBlueprint(
        f"{'.'.join(map(str, location)) or 'blueprint'}: {what}",
        where=f"{where}, line {line}",
        now="mend this field" + (f" ({more} more after it)" if more else "") + "; `assay lint` checks the file again",
    )


def _line_of(node: Any, location: list[Any]) -> int:
    """1-based line of the deepest node on the way to a location."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                return int(line)
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            return int(line)
    return int(line)
