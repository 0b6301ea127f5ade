"""consensus: votes of annotators on items to a posterior, with what is known of the annotators."""

import csv
import io
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import BadInput


def consensus(
    votes: str | Path | Iterable[tuple[str, str, str]],
    out: str | Path | None = None,
    *,
    method: str = "auto",
    gold: str | Path | Mapping[str, str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Posterior of every item's label, and the JSON summary of INTERFACE.md.

    votes: a CSV file with the columns item, annotator, label, or rows of these three. out: where the posterior goes as
    CSV item, label, probability (every label of every item). gold: a CSV file with the columns item, label, or a
    mapping; `auto` is recalibrated on 20 or more. Everything odd about the votes is in `notes`. Raises BadInput for
    files that can't be read, gold on items without votes, labels that no vote names, unknown methods.
    """
    from assay.aggregation.consensus import find_consensus
    from assay.aggregation.votes import gold_of, read_gold, read_votes, votes_of

    begun = time.perf_counter()
    if out is not None and not Path(out).resolve().parent.is_dir():
        raise BadInput("no such folder", where=str(Path(out).parent), now="make it first")
    read = read_votes(Path(votes)) if isinstance(votes, str | Path) else votes_of(votes)
    known: dict[int, int] = {}
    if gold is not None:
        known = gold_of(gold.items(), read) if isinstance(gold, Mapping) else read_gold(Path(gold), read)
    found = find_consensus(read, method, known, seed)
    if out is not None:
        _write(Path(out), read.items, read.labels, found.posterior.tolist())
    return {**found.summary(), "seconds": float(f"{time.perf_counter() - begun:.3g}")}


def _write(path: Path, items: tuple[str, ...], labels: tuple[str, ...], rows: list[list[float]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("item", "label", "probability"))
    for item, row in zip(items, rows, strict=True):
        writer.writerows((item, label, f"{p:.6g}") for label, p in zip(labels, row, strict=True))
    part = path.with_name(f".{path.name}.part")
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(path)
