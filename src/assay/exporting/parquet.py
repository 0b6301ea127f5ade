"""A dataset as Parquet, with a schema of its own, so that an empty column keeps its type."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.records.storage import atomic_write


def write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows in table form as one zstd Parquet file; returns how many.

    Raises BadInput when pyarrow is not installed (the extra `parquet`) or a text is not valid Unicode.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise BadInput(
            "Parquet needs pyarrow, which is not installed",
            now="pip install 'assay[parquet]', or export with format jsonl",
        ) from error
    found = list(rows)
    try:
        table = pa.Table.from_pylist(found, schema=_schema(pa))
    except UnicodeEncodeError as error:
        raise BadInput(
            "a text holds half of a surrogate pair, which Parquet cannot store",
            where=str(path),
            now="export with format jsonl",
        ) from error
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    atomic_write(path, buffer.getvalue())
    return len(found)


def _schema(pa: Any) -> Any:
    text = pa.string()
    label = pa.struct(
        [
            ("name", text),
            ("value", text),
            ("kind", text),
            ("source", text),
            ("tier", text),
            ("rank_score", pa.float64()),
            ("trust", pa.float64()),
            ("trust_basis", text),
            ("distribution", text),
            ("evidence", text),
            ("identifiable_from_turn", pa.int32()),
            ("reasons", pa.list_(text)),
        ]
    )
    turn = pa.struct(
        [("turn", pa.int32()), ("speaker", text), ("text", text), ("realised_by", text), ("labels", pa.list_(label))]
    )
    fact = pa.struct([("party", text), ("fact", text), ("value", text)])
    heads = [(name, text) for name in ("id", "source", "licence", "language", "mode", "end", "scenario_hash")]
    return pa.schema(
        [
            *heads,
            ("labels", pa.list_(label)),
            ("turns", pa.list_(turn)),
            ("private", pa.list_(fact)),
            ("labels_left_out", pa.int32()),
        ]
    )
