"""export: the trusted labels as a dataset with a card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.exporting.dataset import export as export_dataset


def export(
    directory: str | Path, out: str | Path, *, format: str = "jsonl",
    tiers: Sequence[str] = ("certified", "provisional"), private: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Write a dataset folder of a run: sessions with their labels of the given tiers, and a card; returns counts.

    `format`: jsonl or parquet (needs the extra `parquet`). Raises BadInput for an unknown format or tier and for a run
    without labels.
    """
    made = export_dataset(directory, out, format=format, tiers=tiers, private=private)  # type: ignore[arg-type]
    return {
        "data": str(made.data), "card": str(made.card), "sessions": made.sessions, "labels": made.labels,
        "left_out": made.left_out,
    }  # fmt: skip
