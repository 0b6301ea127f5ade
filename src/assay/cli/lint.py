"""assay lint."""

import typer

from assay.cli.console import JSON, result
from assay.errors import Refused


def command(
    blueprint: str = typer.Argument(..., metavar="BLUEPRINT", help="A YAML file, or returns, movies, clinic."),
    schema: bool = typer.Option(False, "--schema", help="Print the JSON Schema of blueprints instead."),
    as_json: bool = JSON,
) -> None:
    """Check a blueprint: the defects AU01 to AU05 of published benchmarks, and every name in it.

    Example: assay lint my-blueprint.yaml
    """
    import json

    from assay.authoring.blueprints import load_blueprint
    from assay.authoring.schema import blueprint_schema
    from assay.door.linting import lint

    if schema:
        result(blueprint_schema(), True, json.dumps(blueprint_schema()))
        return
    book = load_blueprint(blueprint)
    findings = lint(blueprint)
    value = {
        "blueprint": book.name,
        "hash": book.hash,
        "findings": [{"code": f.code, "field": f.field, "message": f.message} for f in findings],
    }
    words = (
        "\n".join(f"{f.code} {f.field}: {f.message}" for f in findings)
        or f"{book.name}: no defects found ({len(book.goals)} goals, {len(book.user_acts)} user acts)"
    )
    result(value, as_json, words)
    if findings:
        raise Refused(f"{len(findings)} defects in {book.name}", now="mend them and run the same command again")
