"""Hugging Face datasets, by folder, file or name, as rows of the session form (columns: importing/tables.py).

A folder holds Parquet, Arrow, JSON lines or CSV files, as `Dataset.save_to_disk`, a clone of a dataset repository or
`assay export` leave them. A name (`owner/dataset`, `owner/dataset:split`) is fetched with the package `datasets`. The
split is taken from the name or the file's name.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import BadInput, BadSessions
from assay.importing.csv_rows import csv_rows
from assay.importing.json_stream import records_of
from assay.importing.tables import Row, session_rows
from assay.records.arrow_rows import checked_rows, parquet_rows

SUFFIXES = (".parquet", ".arrow", ".jsonl", ".json", ".csv")
ASIDE = ("dataset_info.json", "state.json", "dataset_dict.json", "croissant.json")
NAME = re.compile(r"^[\w.-]+/[\w.-]+(:[\w.+-]+)?$")
SPLIT = re.compile(r"^(train|validation|valid|dev|test)\b", re.I)
BATCH = 256


def hf_rows(path: str | Path, mapping: Mapping[str, Any] | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row of the session form) of every session. Raises BadInput, BadSessions naming file and row."""
    where = Path(path)
    if not where.exists():
        yield from _named(str(path), mapping)
        return
    files = [where] if where.is_file() else _files(where)
    used: dict[str, int] = {}
    for file in files:
        split = _split(file, where)
        for place, row in _file_rows(file, mapping):
            used[row["id"]] = used.get(row["id"], 0) + 1
            if used[row["id"]] > 1:
                row["id"] += f"#{used[row['id']]}"
            yield place, {**row, **({"split": split} if split else {}), "source": where.name}


def _files(folder: Path) -> list[Path]:
    """Data files of a folder, in order; one kind only, so that a copy in another format is not read twice."""
    for suffix in SUFFIXES:
        found = sorted(p for p in folder.rglob(f"*{suffix}") if p.name not in ASIDE and p.is_file())
        # save_to_disk keeps what `map` made beside the data
        found = [p for p in found if not p.name.startswith("cache-")]
        if found:
            return found
    raise BadSessions(f"no data in the folder: none of {', '.join(SUFFIXES)}", where=str(folder),
                      now="name the folder of a dataset")  # fmt: skip


def _split(file: Path, where: Path) -> str | None:
    for part in (file.stem, *(p.name for p in file.parents if p != where and where in p.parents)):
        if found := SPLIT.match(part):
            return {"valid": "validation", "dev": "validation"}.get(found[1].lower(), found[1].lower())
    return None


def _file_rows(file: Path, mapping: Mapping[str, Any] | None) -> Iterator[tuple[str, Row]]:
    if file.suffix in (".csv", ".tsv") or file.name.endswith((".csv.gz", ".tsv.gz")):
        yield from csv_rows(file, mapping)
        return
    rows = _arrow(file) if file.suffix in (".parquet", ".arrow") else _json(file)
    first = next(rows, None)
    if first is None:
        raise BadSessions("0 sessions: no rows", where=str(file))

    def everything() -> Iterator[tuple[str, Row]]:
        yield first
        yield from rows

    yield from session_rows(everything(), list(first[1]), mapping, str(file))


def _json(file: Path) -> Iterator[tuple[str, Row]]:
    for where, record in records_of(file):
        if not isinstance(record, dict):
            raise BadSessions("a row that is no object", where=where)
        yield where, record


def _arrow(file: Path) -> Iterator[tuple[str, Row]]:
    """Rows of a Parquet or Arrow file, a batch at a time."""
    try:
        import pyarrow
    except ImportError as error:
        raise BadInput("this file needs pyarrow", where=str(file), now="pip install 'assay[parquet]'") from error
    number = 0
    try:
        if file.suffix == ".parquet":
            rows = parquet_rows(file, BATCH)
        else:
            rows = (row for batch in _ipc(pyarrow, file) for row in checked_rows(batch, file))
        for row in rows:
            number += 1
            yield f"{file}, row {number}", _plain(row)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        raise BadSessions(f"the file is damaged: {error}", where=f"{file}, after row {number}") from error


def _ipc(pyarrow: Any, file: Path) -> Any:
    """Batches of an Arrow file, in either of its two forms."""
    source = pyarrow.memory_map(str(file))
    try:
        return pyarrow.ipc.open_stream(source)
    except pyarrow.ArrowInvalid:
        reader = pyarrow.ipc.open_file(pyarrow.memory_map(str(file)))
        return (reader.get_batch(i) for i in range(reader.num_record_batches))


def _plain(value: Any) -> Any:
    """Values that JSON has; times and decimals as text, bytes left out, null fields of objects too."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if not isinstance(v, bytes)}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _named(name: str, mapping: Mapping[str, Any] | None) -> Iterator[tuple[str, Row]]:
    """Rows of a dataset by its name."""
    if not NAME.match(name):
        raise BadInput("no such file or folder, and no name of a dataset", where=name, now="a folder, or OWNER/DATASET")
    try:
        import datasets
    except ImportError as error:
        raise BadInput(
            "a dataset by name needs the package `datasets`", where=name,
            now="pip install datasets, or download it and name the folder",
        ) from error  # fmt: skip
    name, _, split = name.partition(":")
    try:
        loaded = datasets.load_dataset(name, split=split or None, streaming=True)
    except Exception as error:
        raise BadInput(
            f"cannot fetch the dataset: {error}", where=name, now="check the name and the network"
        ) from error
    parts = {split: loaded} if split else dict(loaded)
    for part, data in parts.items():
        rows = ((f"{name}:{part}, row {i}", _plain(row)) for i, row in enumerate(data, 1))
        first = next(rows, None)
        if first is None:
            continue
        listed = [first]
        made = session_rows((r for rs in (listed, rows) for r in rs), list(first[1]), mapping, f"{name}:{part}")
        for place, row in made:
            yield place, {**row, "id": f"{part}/{row['id']}", "split": part, "source": name}
