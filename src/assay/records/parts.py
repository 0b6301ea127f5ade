"""Tables too large for one file: a folder of parts, each small enough to be held, written and read one by one.

A part is zstd Parquet with one column a field: text, numbers and truth values as such, everything nested as its JSON.
Without pyarrow (the extra `parquet`) it is gzipped JSON lines. Both read back as the same records.
"""

import gzip
import io
import json
import shutil
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from assay.errors import BadInput
from assay.records.arrow_rows import checked_rows, open_parquet, parquet_rows
from assay.records.base import Record
from assay.records.storage import TABLES, atomic_write, read_lines, read_rows, write_rows

R = TypeVar("R", bound=Record)
WHOLE_FILE = 10_000
"""Rows of sessions up to which a table is one JSON lines file."""
PART = 2_500
"""Sessions of one part: what is held at once."""
ROW_GROUP = 20_000
"""Most rows of one Parquet row group."""
REPEATED = 20_000
"""Nested values that are kept while a part is read, since most rows repeat one."""


def part_path(folder: Path, table: str, number: int) -> Path:
    """Path of a part; its suffix says whether pyarrow was there."""
    suffix = ".parquet" if _pyarrow() is not None else ".jsonl.gz"
    return folder / table / f"part-{number:05d}{suffix}"


def parts_of(folder: Path, table: str) -> list[Path]:
    """The parts of a table in their order; empty where it is no folder of parts."""
    home = folder / table
    return sorted(p for p in home.glob("part-*") if p.suffix in (".parquet", ".gz")) if home.is_dir() else []


def write_part(path: Path, rows: Sequence[Record], kind: type[Record]) -> int:
    """Write one part, whole or not at all; returns how many rows. Raises StorageFailed."""
    if path.suffix == ".gz":
        return write_rows(path, rows)
    pa, pq = _pyarrow()
    names = _columns(kind)
    types_ = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "json": pa.string()}
    held = [row.row() for row in rows]
    table = pa.table(
        {
            name: pa.array([_stored(row[name], how) for row in held], type=types_[how])
            for name, how in names.items()
        }
    )  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROW_GROUP)
    atomic_write(path, buffer.getvalue())
    return len(held)


def read_part(path: Path, kind: type[R]) -> Iterator[R]:
    """Records of one part. Raises BadInput when it cannot be read, or pyarrow is missing."""
    if path.suffix == ".gz":
        yield from read_rows(path, kind)
        return
    pa, _ = _needed(path)
    names = _columns(kind)
    try:
        for row in parquet_rows(path, ROW_GROUP // 10):
            yield kind.model_validate_json(json.dumps({k: _loaded(v, names.get(k, "json")) for k, v in row.items()}))
    except (pa.ArrowException, OSError, ValueError, ValidationError) as error:
        raise BadInput(f"the part cannot be read: {str(error)[:200]}", where=str(path), now="make it again") from error


def plain_rows(path: Path, kind: type[Record], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """These fields of every row of a Parquet part, as JSON values, without making records of them.

    Rows with the same nested value share it, so it is not to be changed. Raises BadInput when the part cannot be read,
    or pyarrow is missing.
    """
    pa, _ = _needed(path)
    names = _columns(kind)
    nested = lru_cache(maxsize=REPEATED)(json.loads)
    try:
        for row in parquet_rows(path, ROW_GROUP // 10, columns):
            yield {k: v if names[k] != "json" else nested(v) for k, v in row.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BadInput(f"the part cannot be read: {str(error)[:200]}", where=str(path), now="make it again") from error


def rows_in(path: Path) -> int:
    """How many rows a part has. Raises BadInput when it cannot be read, or pyarrow is missing."""
    if path.suffix == ".gz":
        return sum(1 for _ in read_lines(path))
    pa, pq = _needed(path)
    try:
        return int(pq.ParquetFile(path).metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"the part cannot be read: {str(error)[:200]}", where=str(path), now="make it again") from error


def some_rows(path: Path, kind: type[R], start: int, count: int) -> list[R]:
    """Rows start, start + 1, ... of a Parquet part; only the row groups they stand in are read.

    Raises BadInput when it cannot be read, or pyarrow is missing.
    """
    pa, _ = _needed(path)
    names = _columns(kind)
    found: list[R] = []
    try:
        file, first = open_parquet(path), 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            low, high = max(start - first, 0), min(start + count - first, size)
            if low < high:
                for batch in file.read_row_group(group).slice(low, high - low).to_batches():
                    for row in checked_rows(batch, path):
                        text = json.dumps({k: _loaded(v, names.get(k, "json")) for k, v in row.items()})
                        found.append(kind.model_validate_json(text))
            first += size
    except (pa.ArrowException, OSError, ValueError, ValidationError) as error:
        raise BadInput(f"the part cannot be read: {str(error)[:200]}", where=str(path), now="make it again") from error
    return found


def _needed(path: Path) -> Any:
    found = _pyarrow()
    if found is None:
        raise BadInput("this part is Parquet, and pyarrow is missing", where=str(path),
                       now="pip install 'assay[parquet]'")  # fmt: skip
    return found


def read_parts(folder: Path, table: str) -> Iterator[Any]:
    """All rows of a table that is a folder of parts."""
    for path in parts_of(folder, table):
        yield from read_part(path, TABLES[table])


def in_parts(rows: Iterable[R], size: int = PART) -> Iterator[list[R]]:
    """Rows in lists of at most `size`."""
    held: list[R] = []
    for row in rows:
        held.append(row)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def write_stream(folder: Path, table: str, rows: Iterable[Record], told: Callable[[int], None]) -> int:
    """Write a table from a stream: one JSON lines file up to WHOLE_FILE rows, beyond in parts; returns how many.

    told: is given the number of rows now and then. Whatever the table was before is gone.
    """
    stream = iter(rows)
    first: list[Record] = []
    for row in stream:
        first.append(row)
        if len(first) % 500 == 0:
            told(len(first))
        if len(first) > WHOLE_FILE:
            break
    shutil.rmtree(folder / table, ignore_errors=True)
    if len(first) <= WHOLE_FILE:
        write_rows(folder / f"{table}.jsonl", first)
        return len(first)
    (folder / f"{table}.jsonl").unlink(missing_ok=True)
    n, whole = 0, chain(first, stream)
    del first
    for number, held in enumerate(in_parts(whole)):
        write_part(part_path(folder, table, number), held, TABLES[table])
        n += len(held)
        told(n)
    return n


def joined(folder: Path, table: str, target: Path) -> int:
    """One JSON lines file of all parts, made beside and moved into place; returns how many rows."""
    beside = target.with_name(f".{target.name}.joining")
    n = 0
    with gzip.open(beside, "wb") if target.suffix == ".gz" else beside.open("wb") as out:
        for row in read_parts(folder, table):
            out.write(row.line().encode("utf-8", "surrogatepass") + b"\n")
            n += 1
    beside.replace(target)
    return n


@lru_cache(maxsize=1)
def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return None
    return pyarrow, pyarrow.parquet


def _columns(kind: type[Record]) -> dict[str, str]:
    """Field, by the name that it has in a file -> how its column holds it."""
    return {
        field.serialization_alias or field.alias or name: _column(field.annotation)
        for name, field in kind.model_fields.items()
    }


def _column(annotation: Any) -> str:
    """str, int, float or bool for a field of that type, None allowed; json for all others."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    plain = [o for o in options if o is not types.NoneType]
    if len(plain) != 1:
        return "json"
    if typing.get_origin(plain[0]) is typing.Literal and all(isinstance(v, str) for v in typing.get_args(plain[0])):
        return "str"
    return {str: "str", int: "int", float: "float", bool: "bool"}.get(plain[0], "json")


def _stored(value: Any, how: str) -> Any:
    if how != "json":
        return value
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _loaded(value: Any, how: str) -> Any:
    return value if how != "json" else json.loads(value)
