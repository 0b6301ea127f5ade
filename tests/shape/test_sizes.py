"""Sizes and habits of the source: files and functions a person can hold, no global randomness, no stray prints."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "src" / "assay"
FILES = sorted(HOME.rglob("*.py"))
MOST_LINES, MOST_IN_FUNCTION = 450, 70
PRIVATE_RNG = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
"""What may be taken from np.random: made with a seed and passed on."""


def long_functions(tree: ast.Module) -> Iterator[str]:
    """Functions beyond the limit, signature and docstring included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_IN_FUNCTION:
                yield f"{node.lineno}: {node.name} has {lines} lines"


def global_randomness(tree: ast.Module) -> Iterator[str]:
    """Uses of the global generators of random and numpy, and of a generator without a seed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(a.name == "random" for a in node.names):
            yield f"{node.lineno}: import random"
        elif isinstance(node, ast.ImportFrom) and node.module == "random":
            yield f"{node.lineno}: from random import"
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
            if odd := {a.name for a in node.names} - PRIVATE_RNG:
                yield f"{node.lineno}: numpy.random {sorted(odd)}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            if node.attr not in PRIVATE_RNG:
                yield f"{node.lineno}: np.random.{node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng") and not node.args:
            yield f"{node.lineno}: a generator without a seed"


def prints(tree: ast.Module) -> Iterator[str]:
    """Calls of print."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{node.lineno}: print"


def evaluates(tree: ast.Module) -> Iterator[str]:
    """Calls that run text as code: model output and transcripts are data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
            yield f"{node.lineno}: {node.func.id}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("pickle.load", "pickle.loads", "yaml.load"):
            yield f"{node.lineno}: {ast.unparse(node)}"


RULES: dict[str, Callable[[ast.Module], Iterator[str]]] = {
    "functions": long_functions,
    "randomness": global_randomness,
    "prints": prints,
    "evaluates": evaluates,
}


@pytest.mark.parametrize("rule", RULES)
def test_habits(rule: str) -> None:
    assert len(FILES) > 80
    odd = [
        f"{path.relative_to(HOME)}:{line}"
        for path in FILES
        for line in RULES[rule](ast.parse(path.read_text(encoding="utf-8")))
        # the weights' checker is a command of `make run`
        if (rule, path.name) != ("prints", "check_weights.py")
    ]
    assert odd == []


def test_files_are_short() -> None:
    sizes = {str(p.relative_to(HOME)): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert {name: n for name, n in sizes.items() if n > MOST_LINES} == {}


def test_no_file_for_everything() -> None:
    names = {p.stem for p in FILES} | {p.parent.name for p in FILES}
    assert names.isdisjoint({"utils", "util", "helpers", "common", "misc"})


def test_nothing_is_left_to_do() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    odd = [str(p.relative_to(HOME)) for p in FILES if any(m in p.read_text(encoding="utf-8") for m in marks)]
    assert odd == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("functions", "def f():\n" + "    x = 1\n" * 70),
        ("randomness", "import numpy as np\nnp.random.seed(1)"),
        ("randomness", "import random"),
        ("randomness", "import numpy as np\nnp.random.default_rng()"),
        ("randomness", "from numpy.random import randint"),
        ("prints", "print(1)"),
        ("evaluates", "eval('1')"),
        ("evaluates", "import yaml\nyaml.load('')"),
    ],
)
def test_the_test_can_fail(rule: str, text: str) -> None:
    assert len(list(RULES[rule](ast.parse(text)))) == 1
