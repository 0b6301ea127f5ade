"""Rows of a run's record files: streamed once with the place they stand at, and fetched again from there."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from assay.errors import BadInput
from assay.records.base import Record
from assay.records.parts import parts_of, plain_rows, some_rows
from assay.records.storage import LARGEST_WHOLE, TABLES, bounded
from assay.runs.peek import peek_unit, peek_units

LEDGER = -1
"""Part number of sessions that so far only the ledger of a running simulation holds."""
COLUMNS = {
    "sessions": ("id", "turns", "session_labels", "outcome", "end", "mode", "regime", "extra", "failure", "scenario",
                 "language", "source"),
    "labels": ("session", "turn", "name", "kind", "value", "tier", "verdicts"),
    "verdicts": ("session", "code", "status"),
    "scenarios": ("id", "arm"),
}  # fmt: skip
"""Fields that the index is made of."""


class Place(NamedTuple):
    """Where rows stand."""

    part: int
    """Number of the file in `files_of`; LEDGER: the ledger."""
    start: int
    """Byte (unpacked) of JSON lines, row of Parquet."""
    length: int
    """Bytes, or rows."""


class Row(NamedTuple):
    """One row and its place."""

    values: dict[str, Any]
    place: Place


class Cut(Exception):
    """The last line of a file has no end: it is still being written."""


def files_of(folder: Path, table: str) -> list[Path]:
    """The files of a table: one of JSON lines, or its parts; none where it was not made yet."""
    for suffix in (".jsonl", ".jsonl.gz"):
        if (folder / f"{table}{suffix}").is_file():
            return [folder / f"{table}{suffix}"]
    return parts_of(folder, table)


def stream(folder: Path, table: str) -> Iterator[Row]:
    """All rows of a table in order, one at a time; sessions of a running simulation come from its ledger.

    Raises BadInput for a line that cannot be read, naming file and line, and Cut after the last whole line where the
    file ends in the middle of one.
    """
    files = files_of(folder, table)
    if not files and table == "sessions":
        for number, values in enumerate(peek_units(folder, "simulate")):
            yield Row(values, Place(LEDGER, number, 1))
    for part, path in enumerate(files):
        if path.suffix == ".parquet":
            for number, values in enumerate(plain_rows(path, TABLES[table], COLUMNS[table])):
                yield Row(values, Place(part, number, 1))
        else:
            yield from _lines(path, part, table)


def _lines(path: Path, part: int, table: str) -> Iterator[Row]:
    at, number, key = 0, 0, COLUMNS[table][0]
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as handle:
            for number, raw in enumerate(bounded(handle, path), 1):
                if raw.strip():
                    try:
                        values = from_json(raw)
                        if not isinstance(values, dict) or not isinstance(values.get(key), str):
                            raise ValueError(f"no JSON object with a text `{key}`")
                    except ValueError as error:
                        if not raw.endswith(b"\n"):
                            raise Cut(f"{path.name}: line {number} is not written to its end yet") from error
                        raise BadInput(
                            f"not a row of {table}: {str(error)[:200]}", where=f"{path}, line {number}",
                            now="the file was changed or comes from another version; make it again",
                        ) from error  # fmt: skip
                    yield Row(values, Place(part, at, len(raw)))
                at += len(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            f"the gzip file ends early or is damaged ({error})", where=f"{path}, after line {number}",
            now="fetch or copy the file again",
        ) from error  # fmt: skip
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror or error}", where=str(path)) from error


def fetch(folder: Path, table: str, places: Sequence[Place], owner: str) -> list[Any]:
    """Records that stand at these places, those of session `owner` alone.

    Raises BadInput when they are not there: the files changed under the index.
    """
    kind, files = TABLES[table], files_of(folder, table)
    found: list[Any] = []
    for place in places:
        if place.part == LEDGER:
            held = peek_unit(folder, "simulate", owner)
            found += [] if held is None else [kind.model_validate(held)]
        elif place.part >= len(files):
            raise _moved(folder)
        elif files[place.part].suffix == ".parquet":
            found += some_rows(files[place.part], kind, place.start, place.length)
        else:
            found += _read(files[place.part], kind, place, folder)
    if any((row.id if table == "sessions" else row.session) != owner for row in found):
        raise _moved(folder)
    return found


def _read(path: Path, kind: type[Record], place: Place, folder: Path) -> list[Record]:
    try:
        if path.suffix == ".gz":
            stat = path.stat()
            data = _unpacked(path, stat.st_mtime_ns, stat.st_size)[place.start : place.start + place.length]
        else:
            with path.open("rb") as handle:
                handle.seek(place.start)
                data = handle.read(place.length)
        return [kind.model_validate_json(line) for line in data.splitlines() if line.strip()]
    except (ValidationError, OSError, EOFError, zlib.error) as error:
        raise _moved(folder) from error


@lru_cache(maxsize=6)
def _unpacked(path: Path, changed: int, size: int) -> bytes:
    """A gzipped part in memory; the last few are kept, since pages are turned within a part."""
    with gzip.open(path, "rb") as handle:
        held = handle.read(LARGEST_WHOLE + 1)
    if len(held) > LARGEST_WHOLE:
        raise BadInput(f"a part of more than {LARGEST_WHOLE:,} bytes", where=str(path))
    return held


def _moved(folder: Path) -> BadInput:
    return BadInput("the run's files changed since they were read", where=str(folder), now="load the page again")
