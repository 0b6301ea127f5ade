"""export: the trusted labels as a dataset with a card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.exporting.dataset import export as export_dataset
from assay.exporting.rows import TIERS


def export(
    directory: str | Path, out: str | Path, *, format: str = "jsonl",
    tiers: Sequence[str] = (), min_tier: str | None = None, private: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Write a dataset folder of a run: sessions with their labels of the given tiers, and a card; returns counts.

    format: jsonl, parquet (needs the extra `parquet`), openai, inspect, kto, dpo, crowdkit or labelstudio. tiers: by
    default certified and provisional. min_tier: that tier and the better ones instead. Raises BadInput for an unknown
    format or tier, tiers said twice over, and a run without labels.
    """
    if min_tier is not None:
        if tiers or min_tier not in TIERS:
            what = "both tiers and a least one" if tiers else f"no tier {min_tier!r}"
            raise BadInput(what, where="--min-tier", now=f"one of {', '.join(TIERS)}, without --tier")
        tiers = TIERS[: TIERS.index(min_tier) + 1]
    tiers = tiers or ("certified", "provisional")
    made = export_dataset(directory, out, format=format, tiers=tiers, private=private)  # type: ignore[arg-type]
    return {
        "data": str(made.data), "card": str(made.card), "sessions": made.sessions, "labels": made.labels,
        "left_out": made.left_out,
    }  # fmt: skip
