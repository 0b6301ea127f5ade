"""assay init."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result
from assay.errors import BadInput


def command(
    out: Path = typer.Argument(Path("blueprint.yaml"), metavar="[FILE]", help="File to write."),
    blueprint: str = typer.Option("returns", "--like", help="Bundled blueprint to start from."),
    as_json: bool = JSON,
) -> None:
    """Write a blueprint to start from.

    Example: assay init my-shop.yaml --like returns
    """
    from assay.authoring.blueprints import find_blueprint

    if out.exists():
        raise BadInput("the file is there already", where=str(out), now="choose another name")
    out.write_text(find_blueprint(blueprint).read_text(encoding="utf-8"), encoding="utf-8")
    result({"file": str(out)}, as_json, f"{out} written; edit it, then: assay lint {out}")
