"""assay plant."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result
from assay.cli.wording import table
from assay.errors import BadInput


def command(
    file: Path = typer.Argument(None, metavar="FILE", help="Session file."),
    operator: str = typer.Option("", "--operator", help="What to plant; see --list."),
    kind: str | None = typer.Option(None, "--kind", help="label, text or systematic; default: the operator's first."),
    rate: float = typer.Option(0.1, "--rate", help="Share of the eligible units."),
    label: str | None = typer.Option(None, "--label", help="Label name."),
    confusable: bool = typer.Option(
        False, "--confusable", help="Swap to the value most often taken for the right one."
    ),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, which labels, as for import."),
    seed: int = typer.Option(0, "--seed", help="Seed of the draw."),
    out: Path | None = typer.Option(None, "--out", help="Faulty copy to write."),
    truth: Path | None = typer.Option(None, "--truth", help="JSONL of what was broken."),
    list_: bool = typer.Option(False, "--list", help="List the operators."),
    as_json: bool = JSON,
) -> None:
    """Plant known faults into a copy of a session file, with an exact record of what broke.

    Example: assay plant s.jsonl --operator act_swap --label act --rate 0.1 --out faulty.jsonl --truth truth.jsonl
    """
    from assay.door.planting import operators, plant

    if list_:
        rows = [("operator", "kinds", "what it does"), *operators()]
        result({"operators": [{"name": r[0], "kinds": r[1], "means": r[2]} for r in operators()]}, as_json, table(rows))
        return
    if file is None or not operator or out is None or truth is None:
        raise BadInput(
            "assay plant needs FILE, --operator, --out and --truth", now="assay plant --list shows the operators"
        )
    found = plant(
        file, out, truth, operator=operator, kind=kind, rate=rate, label=label, seed=seed, confusable=confusable,
        mapping=map,
    )  # fmt: skip
    result(
        found,
        as_json,
        f"{found['planted']} faults planted into {found['eligible']} eligible units; "
        f"{found['no_ops']} draws changed nothing and were redrawn",
    )
