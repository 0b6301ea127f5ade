"""Rows of a Parquet or Arrow file in bounded memory, whoever wrote it.

A dictionary lets a file of kilobytes say one huge text in every row. Columns of bytes are therefore read as
dictionaries, and how long a row is when it is written out is counted before any Python object of it is made.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay.errors import BadInput

MOST_ROW = 64_000_000
"""Bytes of the longest row that is made, as of the longest line of a JSON lines file (records/storage.py)."""
MOST_ROWS = 1024
"""Rows that are made at once; fewer where they are long. A file may claim any number of rows without a byte in them."""
A_VALUE = 64
"""Bytes that a value takes at least, as a Python object."""


def parquet_rows(path: Path, size: int, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, read `size` at a time. columns: of those that it has; None for all.

    Raises BadInput for a row of more than MOST_ROW bytes, and what pyarrow raises for a damaged file.
    """
    file = open_parquet(path)
    there = None if columns is None else [c for c in columns if c in file.schema_arrow.names]
    # a batch over two row groups would need one dictionary of both
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(size, row_groups=[group], columns=there):
            yield from checked_rows(batch, path)


def checked_rows(batch: Any, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a batch, its offsets and texts looked at first: what reads them believes them.

    Raises pyarrow.ArrowInvalid for a batch that is damaged, BadInput as `bounded_rows`.
    """
    batch.validate(full=True)
    yield from bounded_rows(batch, path)


def open_parquet(path: Path) -> Any:
    """A pyarrow ParquetFile that repeats no text of a dictionary in memory. Raises what pyarrow raises."""
    from pyarrow import parquet

    schema = parquet.read_metadata(path).schema
    leaves = [schema.column(i) for i in range(len(schema))]
    return parquet.ParquetFile(path, read_dictionary=[c.path for c in leaves if c.physical_type == "BYTE_ARRAY"])


def bounded_rows(batch: Any, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a batch, at once no more than MOST_ROW bytes. Raises BadInput for a row that is too long."""
    if batch.num_rows > MOST_ROWS:
        for start in range(0, batch.num_rows, MOST_ROWS):
            yield from bounded_rows(batch.slice(start, MOST_ROWS), path)
        return
    if batch.num_rows > 1 and written_out(batch) > MOST_ROW:
        half = batch.num_rows // 2
        yield from bounded_rows(batch.slice(0, half), path)
        yield from bounded_rows(batch.slice(half), path)
        return
    if batch.num_rows == 1 and written_out(batch) > MOST_ROW:
        raise BadInput(
            f"a row of more than {MOST_ROW // 1_000_000} MB", where=str(path), now="cut the row, or leave it out"
        )
    yield from batch.to_pylist()


def written_out(batch: Any) -> int:
    """Bytes of a batch's values when every row has its own, at least A_VALUE for each."""
    return sum(_size(column) for column in batch.columns)


def _size(array: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        if kind.value_type not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
            widest = max((_size(array.dictionary.slice(i, 1)) for i in range(len(array.dictionary))), default=0)
            return len(array) * max(A_VALUE, widest)
        lengths = pc.cast(pc.binary_length(array.dictionary), pa.int64()).take(array.indices)
        return int(pc.sum(lengths).as_py() or 0) + A_VALUE * len(array)
    if pa.types.is_struct(kind):
        return A_VALUE * len(array) + sum(_size(field) for field in array.flatten())
    if pa.types.is_map(kind):
        parts = [pa.ListArray.from_arrays(array.offsets, held).flatten() for held in (array.keys, array.items)]
        return A_VALUE * len(array) + sum(_size(part) for part in parts)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return A_VALUE * len(array) + _size(array.flatten())
    return A_VALUE * len(array) + int(array.nbytes)
