"""assay gate."""

from pathlib import Path

import typer

from assay.cli.console import JSON, result


def command(
    directory: Path = typer.Argument(..., metavar="DIR", help="Folder with a certificate."),
    max_error: float = typer.Option(..., "--max-error", help="Largest share of wrong labels, e.g. 0.05."),
    label: list[str] = typer.Option([], "--label", help="A name that must be covered; may be given again."),
    least_share: float = typer.Option(0.0, "--least-share", help="Share of each name's labels to be certified."),
    as_json: bool = JSON,
) -> None:
    """Exit 0 when people's answers bound the label error by --max-error, 1 when they do not: for CI.

    Example: assay gate runs/r1 --max-error 0.05 --label core_act. Reads certificate.json and labels.jsonl.
    """
    from assay.door.gating import gate

    found = gate(directory, max_error, names=label, least_share=least_share)
    told = [f"{n}: at most {r['alpha']:.3g} wrong, {r['certified']:.0%} certified" for n, r in found["by_name"].items()]
    result(found, as_json, "\n".join(["passed", *told]))
