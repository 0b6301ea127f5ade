"""Parquet and Arrow files in which a dictionary repeats a huge value: read in bounded memory, or refused."""

import itertools
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from flow_tools import env

from assay.errors import BadInput, BadSessions
from assay.importing.formats import READERS
from assay.records.arrow_rows import bounded_rows, parquet_rows, written_out

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ROWS = 150


def repeated(text: str, n: int = ROWS) -> Any:
    """A column that says a text in every row."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([text]))


def messages(text: str, n: int = ROWS) -> Any:
    """A column of two messages a row, the first of which is the text."""
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1] * n, pa.int32()), pa.array([text, "ho"]))
    roles = pa.DictionaryArray.from_arrays(pa.array([0, 1] * n, pa.int32()), pa.array(["user", "assistant"]))
    both = pa.StructArray.from_arrays([roles, words], ["role", "content"])
    return pa.ListArray.from_arrays(pa.array(range(0, 2 * n + 1, 2), pa.int32()), both)


def packed(path: Path, column: Any) -> Path:
    """A Parquet file of one column, in groups of 100 rows."""
    pq.write_table(pa.table({"messages": column}), path, compression="zstd", row_group_size=100)
    assert path.stat().st_size < 100_000
    return path


READ = """
import sys
import tracemalloc
from pathlib import Path
from assay.records.arrow_rows import parquet_rows
print(sum(1 for _ in parquet_rows(Path(sys.argv[1]), 256)))
"""


@pytest.mark.parametrize("column", [repeated, messages])
def test_20_mb_in_each_of_150_rows_takes_the_memory_of_a_few(column: Any, tmp_path: Path) -> None:
    path = packed(tmp_path / "x.parquet", column("x" * 20_000_000))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))

    argv = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, env=env(), preexec_fn=limited, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == ROWS


@pytest.mark.parametrize("column", [repeated, messages])
def test_a_row_of_more_than_64_mb_is_refused(column: Any, tmp_path: Path) -> None:
    path = packed(tmp_path / "x.parquet", column("x" * 70_000_000, 3))
    with pytest.raises(BadInput, match="a row of more than 64 MB"):
        list(parquet_rows(path, 256))
    with pytest.raises(BadInput, match="a row of more than 64 MB"):
        list(READERS["hf"](path, None))


def test_an_arrow_file_is_bounded_as_well(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    batch = pa.record_batch({"messages": repeated("x" * 70_000_000, 200)})
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(BadInput, match="a row of more than 64 MB"):
        list(READERS["hf"](path, None))


def test_offsets_and_names_that_lie_are_refused(tmp_path: Path) -> None:
    """Both were found by fuzzing: a traceback each, and the first could read beyond its buffer."""
    path = tmp_path / "x.arrow"
    table = pa.table({"messages": pa.array(["ab", "cd"])})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    whole = out.getvalue().to_pybytes()
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 2, 4))
    assert whole.count(offsets) == 1
    path.write_bytes(whole.replace(offsets, b"".join(n.to_bytes(4, "little") for n in (0, 2**30, 4))))
    with pytest.raises(BadSessions, match="damaged"):
        list(READERS["hf"](path, None))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"messages": ["ab"]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"messages", b"mess\xe7ges"))
    with pytest.raises(BadSessions, match="damaged"):
        list(READERS["hf"](path, None))


def test_rows_without_a_byte_are_made_a_few_at_once(tmp_path: Path) -> None:
    """A batch of a hundred million nulls takes no room in a file."""
    path = tmp_path / "x.arrow"
    batch = pa.record_batch({"messages": pa.nulls(100_000_000)})
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    assert path.stat().st_size < 2000
    tracemalloc.start()
    try:
        rows = list(itertools.islice(bounded_rows(batch, path), 3000))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert rows == [{"messages": None}] * 3000
    with pytest.raises(BadSessions):
        list(READERS["hf"](path, None))


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Nested, null, empty, repeated and different values, over several row groups."""
    rows = [
        {"id": f"r{i}", "text": None if i % 7 == 0 else f"line {i % 5}", "bytes": b"\x00\xff" if i % 3 else None,
         "tags": [] if i % 4 == 0 else ["a", None, f"t{i}"], "n": i, "when": None,
         "turns": None if i % 11 == 0 else [{"role": "user", "content": f"hi {i}"}, {"role": "x", "content": None}],
         "facts": [("k", f"v{i}")]}
        for i in range(1000)
    ]  # fmt: skip
    kind = pa.schema([
        ("id", pa.string()), ("text", pa.large_string()), ("bytes", pa.binary()), ("tags", pa.list_(pa.string())),
        ("n", pa.int64()), ("when", pa.null()),
        ("turns", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("facts", pa.map_(pa.string(), pa.string())),
    ])  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=kind)
    path = tmp_path / "x.parquet"
    for dictionary in (True, False):
        pq.write_table(table, path, row_group_size=300, use_dictionary=dictionary)
        assert list(parquet_rows(path, 64)) == table.to_pylist()
        assert [r["n"] for r in parquet_rows(path, 64, ["n", "absent"])] == list(range(1000))
    for batch in table.to_batches():
        assert written_out(batch) >= 8 * batch.num_rows * batch.num_columns
        assert list(bounded_rows(batch, path)) == batch.to_pylist()
