"""assay models."""

from assay.cli.console import JSON, result
from assay.cli.wording import table


def command(as_json: bool = JSON) -> None:
    """The models that --model, --judge and --assistant take, and which of them can be used here.

    Example: assay models
    """
    from assay.models.resolve import listed

    found = listed()
    rows = [("name", "here", "what")] + [(m.name, m.state, m.what) for m in found]
    result({"models": [m._asdict() for m in found]}, as_json, table(rows))
