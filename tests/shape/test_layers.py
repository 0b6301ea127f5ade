"""The house, read from its source: nothing imports upward, stages never import each other, stats stands alone."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from assay.flow import FLOW, LAYERS

HOME = Path(__file__).parents[2] / "src" / "assay"
FILES = sorted(HOME.rglob("*.py"))
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
STAGES = frozenset(next(names for names in LAYERS if "simulation" in names))
OPEN = {"__init__": "the door's own table, imported lazily", "aio": "the door without the event loop"}
"""Modules above all layers: they only hand out what the door has."""


class Import(NamedTuple):
    """One import of one part of assay by another."""

    source: str
    line: int
    target: str


def part_of(path: Path) -> str:
    """The package or top-level module that a file belongs to."""
    first = path.relative_to(HOME).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, part of assay) of every import, also those within functions and for type checkers only."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from assay import records` names the part in its second half
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "assay" else [base]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            value = node.args[0]
            names = [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []
        for name in names:
            if name.split(".")[0] == "assay":
                yield node.lineno, [*name.split("."), "__init__"][1]


def found() -> list[Import]:
    """Every import between parts of assay."""
    out = []
    for path in FILES:
        package = ("assay", *path.relative_to(HOME).parts[:-1])
        for line, target in imports(ast.parse(path.read_text(encoding="utf-8")), package):
            out.append(Import(f"{path.relative_to(HOME)}", line, target))
    return out


ALL = found()


def broken(imported: list[Import]) -> list[str]:
    """What breaks a rule, in words."""
    out = []
    for source, line, target in imported:
        own = part_of(HOME / source)
        if own == target or own in OPEN or target in ("__init__", "__version__"):
            continue
        if target not in LEVEL:
            out.append(f"{source}:{line} imports {target}, which is in no layer of flow.LAYERS")
        elif own in STAGES and target in STAGES:
            out.append(f"{source}:{line}: stage {own} imports stage {target}")
        elif LEVEL[target] > LEVEL.get(own, -1):
            out.append(f"{source}:{line}: {own} imports upward, {target}")
    return out


def test_nothing_imports_upward_and_stages_never_import_each_other() -> None:
    assert len(ALL) > 200, "the reading of imports is broken"
    assert broken(ALL) == []


def test_every_part_is_in_a_layer() -> None:
    parts = {part_of(path) for path in FILES} - OPEN.keys() - {"__main__"}
    assert parts == LEVEL.keys()
    assert sum(len(names) for names in LAYERS) == len(LEVEL), "a part is in two layers"


def test_every_stage_of_the_flow_is_a_package() -> None:
    assert {stage.name for stage in FLOW} <= LEVEL.keys()
    written = {name for stage in FLOW for name in stage.writes} | {"blueprint.yaml"}
    read = {name for stage in FLOW for name in stage.reads}
    assert read <= written, "a stage reads what no stage writes"


def test_stats_and_errors_import_nothing_of_assay_but_errors() -> None:
    below = [i for i in ALL if part_of(HOME / i.source) in ("stats", "errors")]
    assert {i.target for i in below} <= {"stats", "errors"}


def test_only_models_reaches_a_language_model() -> None:
    """models/ is the only door to one: no other part imports an engine or an HTTP client."""
    clients = {"xllamacpp", "aiohttp", "httpx", "requests", "openai", "urllib3"}
    users = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            # aiohttp.web serves pages and calls nobody
            server = isinstance(node, ast.ImportFrom) and {a.name for a in node.names} == {"web"}
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not server else []
            if clients & {name.split(".")[0] for name in names} or "urllib.request" in names:
                users.add(part_of(path))
    assert users == {"models"}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("stats/x.py", "from assay.records.label import Label", "imports upward"),
        ("simulation/x.py", "def f():\n    from assay.verification import one", "imports stage"),
        ("planting/x.py", "import assay.simulation.wording", "imports stage"),
        ("runs/x.py", "from assay import door", "imports upward"),
        ("records/x.py", "import importlib\nimportlib.import_module('assay.cli.root')", "imports upward"),
        ("verification/annotators/x.py", "from ...simulation import one", "imports stage"),
        ("cli/x.py", "from assay.cellar import wine", "in no layer"),
    ],
)
def test_the_test_can_fail(file: str, text: str, says: str) -> None:
    package = ("assay", *Path(file).parts[:-1])
    made = [Import(file, line, target) for line, target in imports(ast.parse(text), package)]
    assert [says in line for line in broken(made)] == [True]
