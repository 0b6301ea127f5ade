"""The JSON Schema of a blueprint, so that editors complete and check it while it is written."""

import json
from importlib.resources import files
from typing import Any

from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import CONTEXT_FIELDS
from assay.records.conditions import DRAW_PREFIXES, STATE_KEYS
from assay.records.core_acts import CORE_ACTS

SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}
SHARES: dict[str, Any] = {
    "description": "Value -> probability, summing to 1; a bare list of values is uniform.",
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}, "minProperties": 1},
        {"type": "array", "items": SCALAR, "minItems": 1, "uniqueItems": True},
    ],
}
LIKE: dict[str, Any] = {
    "description": "The core act it is a kind of: "
    + "; ".join(f"{name}: {act.meaning}" for name, act in CORE_ACTS.items()),
    "enum": list(CORE_ACTS),
}


def _condition() -> dict[str, Any]:
    value = {"anyOf": [SCALAR, {"type": "array", "items": SCALAR, "minItems": 1}]}
    prefixes = "|".join(p.rstrip(".") for p in DRAW_PREFIXES if p.endswith("."))
    return {
        "description": "Key -> accepted value or values; all keys must hold. Keys of the conversation: "
        + ", ".join(STATE_KEYS),
        "type": "object",
        "properties": dict.fromkeys((*STATE_KEYS, "goal"), value),
        "patternProperties": {f"^({prefixes})\\.": value},
        "additionalProperties": False,
    }


def blueprint_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a blueprint file as it may be written in YAML.

    What pydantic makes of the records, with the three types that are read more leniently than they are stored (shares,
    conditions, core acts) put in as people write them. It says what has the right form; whether names exist and
    probabilities sum to 1 is said by `assay lint`.
    """
    made = Blueprint.model_json_schema(by_alias=True, mode="validation")
    parts = made.pop("$defs")
    parts |= {"Shares": SHARES, "Condition": _condition(), "Like": LIKE}
    for part in parts.values():
        _swap(part.get("properties", {}))
    _swap(made["properties"])
    row = parts["World"]["properties"]["rows"]["items"]
    row["additionalProperties"] = SCALAR | {"type": "string"}
    for part, name in (("World", "state"), ("Tool", "needs"), ("Tool", "sets"), ("Goal", "effect")):
        field = parts[part]["properties"].get(name, {})
        for form in (field, field.get("items", {}), *field.get("anyOf", ())):
            if form.get("type") == "object":
                form["additionalProperties"] = SCALAR
    made["properties"]["context"]["propertyNames"] = {"enum": list(CONTEXT_FIELDS)}
    made["properties"]["schema"]["const"] = 1
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:assay:schema:blueprint:1",
        "title": "assay blueprint",
        "description": "Everything from which labelled sessions are drawn.",
    }
    return {**head, **{k: v for k, v in made.items() if k not in head}, "$defs": dict(sorted(parts.items()))}


def _swap(properties: dict[str, Any]) -> None:
    """Point the leniently read fields at their definitions, keeping what the field is for."""
    for name, kind in (
        ("do", "Shares"),
        ("values", "Shares"),
        ("topics", "Shares"),
        ("forbid", "Condition"),
        ("like", "Like"),
    ):
        if name in properties:
            properties[name] = _pointing(properties[name], kind)
    if "when" in properties:
        field = properties["when"]
        if "anyOf" in field:
            shares = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Shares"}, "minProperties": 1}
            properties["when"] = {"description": field.get("description", ""), **shares}
        else:
            properties["when"] = _pointing(field, "Condition")


def _pointing(field: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"description": field.get("description", ""), "$ref": f"#/$defs/{kind}"}


def schema_text() -> str:
    """The schema as the bundled file holds it."""
    return json.dumps(blueprint_schema(), indent=2, ensure_ascii=False) + "\n"


def bundled_schema() -> str:
    """Text of the schema file that comes with assay."""
    return (files("assay") / "blueprints" / "blueprint.schema.json").read_text(encoding="utf-8")
