"""The bundled schema file is the one that the records make, and completes what editors need."""

import json

from assay.authoring.schema import blueprint_schema, bundled_schema, schema_text
from assay.records.blueprint import Blueprint
from assay.records.conditions import STATE_KEYS
from assay.records.core_acts import CORE_ACTS


def test_the_bundled_file_is_current() -> None:
    assert bundled_schema() == schema_text(), "write schema_text() to blueprints/blueprint.schema.json"


def test_it_names_itself() -> None:
    schema = blueprint_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"].startswith("urn:assay:")
    assert json.loads(schema_text()) == schema


def test_every_field_is_there_by_its_written_name_and_described() -> None:
    schema = blueprint_schema()
    assert set(schema["properties"]) == {f.alias or name for name, f in Blueprint.model_fields.items()}
    assert "schema" in schema["properties"]
    for name, part in schema["$defs"].items():
        for field, spec in part.get("properties", {}).items():
            if name != "Condition":
                assert spec.get("description"), f"{name}.{field}"


def test_shares_conditions_and_core_acts_are_types_of_their_own() -> None:
    parts = blueprint_schema()["$defs"]
    assert parts["Row"]["properties"]["do"]["$ref"] == "#/$defs/Shares"
    assert parts["Row"]["properties"]["when"]["$ref"] == "#/$defs/Condition"
    assert parts["Rule"]["properties"]["forbid"]["$ref"] == "#/$defs/Condition"
    assert parts["Attribute"]["properties"]["values"]["$ref"] == "#/$defs/Shares"
    assert parts["Slot"]["properties"]["when"]["additionalProperties"]["$ref"] == "#/$defs/Shares"
    assert parts["UserAct"]["properties"]["like"]["$ref"] == "#/$defs/Like"
    assert parts["Like"]["enum"] == list(CORE_ACTS)
    assert set(STATE_KEYS) < set(parts["Condition"]["properties"])
