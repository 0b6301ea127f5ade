"""The JSON Schema of a blueprint: current, and true of what is really accepted."""

import json
from pathlib import Path

import pytest
import yaml

from assay.authoring.blueprints import BUNDLED, find_blueprint
from assay.authoring.schema import blueprint_schema

jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema")
TINY = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")


def load(text: str) -> object:
    """As an editor sees it: keys are text."""
    return json.loads(json.dumps(yaml.safe_load(text)))


def accepts(text: str) -> bool:
    return bool(jsonschema.Draft202012Validator(blueprint_schema()).is_valid(load(text)))


@pytest.mark.parametrize("name", BUNDLED)
def test_accepts_what_is_bundled(name: str) -> None:
    assert accepts(find_blueprint(name).read_text(encoding="utf-8"))


def test_is_itself_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(blueprint_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: A library desk", "title: A library desk\ncolour: red"),
        ("like: greet", "like: vanish"),
        ("[Monday, Friday]", "[]"),
        ("[Monday, Friday]", "[Monday, Monday]"),
        ("{yes: 0.7, no: 0.3}", "{yes: 0.7, no: -0.3}"),
        ("{heard: ask_book}", "{herd: ask_book}"),
        ("schema: 1", "schema: 2"),
        ("name: tiny", "name: Tiny Blueprint"),
        ("  age: {given", "  mood: {given"),
    ],
)
def test_rejects(old: str, new: str) -> None:
    assert accepts(TINY)
    assert old in TINY
    assert not accepts(TINY.replace(old, new))
