"""Files larger than what is held: entries come one at a time, whatever stands at the border of a window."""

import csv
import gzip
import json
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import BadInput, BadSessions
from assay.importing import json_stream
from assay.importing.csv_rows import csv_rows
from assay.importing.guess import guess
from assay.importing.json_stream import records_of


def values(path: Path) -> list[Any]:
    return [value for _, value in records_of(path)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "nothing to read"),
        (" \n\ufeff", "nothing to read"),
        ("[]", "empty array"),
        ("[{}", "ends early"),
        ("[{},", "not JSON"),
        ("[{},]", "not JSON"),
        ("[{} {}]", "comma or ] is missing"),
        ('[{"a": 1}] x', "something stands after the array"),
        ("[tru]", "not JSON"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('{"a": 1}\n{"a":\n', "line 2"),
        ('{"a": \n\n 1', "not JSON"),
    ],
)
def test_what_is_no_json_is_refused_by_name(text: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadSessions, match=what):
        values(file)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_bytes(b'[{"a": "\xff"}]')
    with pytest.raises(BadInput, match="UTF-8"):
        values(file)
    packed = tmp_path / "s.json.gz"
    packed.write_bytes(gzip.compress(json.dumps([{"a": "x" * 5000 + str(i)} for i in range(99)]).encode())[:-30])
    with pytest.raises(BadInput, match="ends early"):
        values(packed)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[{"a": "' + "x" * 400, "an entry of more than 300"),
        ("{" + '\n"a": 1,' * 200, "one JSON object of more than 500"),
        ("[" + ", ".join(['{"role": "user"}'] * 200), "one chat of more than 500"),
    ],
)
def test_what_would_fill_the_memory_is_refused(
    text: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WINDOW", 8), ("LONGEST_LINE", 300), ("LARGEST_WHOLE", 500)):
        monkeypatch.setattr(json_stream, name, value)
    file = tmp_path / "s.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=what):
        values(file)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('\ufeff [\n {"a": 1}\n,{"a": 2}\n]\n', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ('{\n"a": 1\n}', [{"a": 1}]),
        ('[{"role": "user"}, {"role": "tool"}]', [[{"role": "user"}, {"role": "tool"}]]),
        ('[{"role": "user"}, {"a": 2}]', [{"role": "user"}, {"a": 2}]),
        ('[{"a": 2}, {"role": "user"}]', [{"a": 2}, {"role": "user"}]),
        ('[{"role": "user"}]\n[{"role": "tool"}]\n', [[{"role": "user"}], [{"role": "tool"}]]),
        ("[12, 345, -1.5e3]", [12, 345, -1500.0]),
    ],
)
@pytest.mark.parametrize("window", [1, 3, 1 << 20])
def test_the_entries_are_the_same_whatever_the_window(
    text: str, entries: list[Any], window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "WINDOW", window)
    file = tmp_path / "s.json"
    file.write_text(text, encoding="utf-8")
    assert values(file) == entries


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(entries=st.lists(JSON, min_size=1, max_size=6), window=st.integers(1, 9), indent=st.sampled_from([None, 1]))
def test_an_array_reads_as_the_standard_library_reads_it(
    entries: list[Any], window: int, indent: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("a") / "s.json"
    file.write_text(json.dumps([{"v": e} for e in entries], indent=indent, ensure_ascii=False), "utf-8", "replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "WINDOW", window)
        assert values(file) == json.loads(file.read_text("utf-8"))


def array(file: Path, n: int) -> None:
    with file.open("w") as out:
        out.write("[" + ",\n".join(json.dumps({"id": i, "messages": [{"role": "user", "content": "x" * 900}]})
                                   for i in range(n)) + "]")  # fmt: skip


def lines(file: Path, n: int) -> None:
    with file.open("w") as out:
        out.writelines(
            json.dumps({"id": i, "messages": [{"role": "user", "content": "x" * 900}]}) + "\n" for i in range(n)
        )


@pytest.mark.parametrize("make", [array, lines])
def test_memory_is_bounded_by_the_window(make: Callable[[Path, int], None], tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    make(file, 20_000)
    assert file.stat().st_size > 18_000_000
    assert guess(file).format == "openai"
    tracemalloc.start()
    try:
        assert sum(1 for _ in records_of(file)) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 9 * json_stream.WINDOW


def table(file: Path, rows: list[tuple[str, int, str]]) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["session", "turn", "speaker", "text"])
        writer.writerows((s, t, "user" if t % 2 else "assistant", text) for s, t, text in rows)
    return file


def test_csv_sessions_come_as_soon_as_they_are_whole(tmp_path: Path) -> None:
    scattered = table(tmp_path / "a.csv", [("a", 1, "x"), ("b", 1, "y"), ("a", 0, "z"), ("c", 0, "u"), ("b", 0, "v")])
    found = [(row["id"], [t["text"] for t in row["turns"]]) for _, row in csv_rows(scattered)]
    assert found == [("a", ["z", "x"]), ("b", ["v", "y"]), ("c", ["u"])]
    n = 4_000
    file = table(tmp_path / "b.csv", [(f"s{i}", t, "word " * 40) for i in range(n) for t in range(6)])
    assert file.stat().st_size > 4_000_000
    tracemalloc.start()
    try:
        rows = csv_rows(file)
        assert [row["id"] for _, row in islice(rows, 3)] == ["s0", "s1", "s2"]
        assert sum(1 for _ in rows) == n - 3
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
