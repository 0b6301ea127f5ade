"""A torn ledger: found, copied without what is torn, and said.

A ledger can be torn where the machine lost power, a disk failed or a copy was cut: SQLite in WAL mode keeps its
promises only as far as the disk does. What is whole is worth keeping, since every answer was paid for. So each row is
read on its own and held against its own mark: texts against the sha256 they are stored under, answers and units
against the checksum of their compressed form, calls against the texts they name. The rest is dropped, and made again
by the command that goes on.
"""

import json
import logging
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

LOOKED_AT_WHOLE = 64_000_000
"""Bytes of a ledger up to which it is looked through each time it is opened: less than a tenth of a second."""
TORN = ".torn"
"""Suffix of the damaged file, which is kept beside the new one until `forget`; and of the mark that asks for it."""
PAGE = 4096
MAGIC = b"SQLite format 3\x00"
KEYS = {"texts": ("hash",), "calls": ("key",), "items": ("stage", "unit")}
"""Table -> its primary key."""
STARTS = tuple(f"{i:02x}" for i in range(256))
LOGGER = logging.getLogger("assay")


class Rescued(NamedTuple):
    """What was kept of a torn ledger."""

    texts: int
    """Texts that are what their mark says."""
    calls: int
    """Calls with an answer that is whole and whose texts are there."""
    units: int
    """Finished units that are whole."""
    dropped: int
    """Rows that could be read, and were not whole; rows of pages that cannot be read are not counted by anybody."""
    kept: str
    """Name of the damaged file, put aside."""

    def __str__(self) -> str:
        return (
            f"the ledger was torn: {self.calls} answers and {self.units} finished units were whole and are kept, the "
            f"others are made again; the torn file is {self.kept}"
        )


def mark_of(path: Path) -> Path:
    """The file that says: this ledger was found torn while it was in use."""
    return path.with_name(f".{path.name}{TORN}")


def note_torn(path: Path) -> None:
    """Ask whoever opens the ledger next to look through it."""
    with suppress(OSError):
        mark_of(path).touch()


def is_torn(path: Path) -> bool:
    """Whether a ledger is torn. Large ones are looked through only where the last writer did not close them.

    Raises sqlite3.OperationalError where the file cannot be read at all.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return False
    if mark_of(path).exists():
        return True
    log = path.with_name(f"{path.name}-wal")
    if path.stat().st_size > LOOKED_AT_WHOLE and not (log.exists() and log.stat().st_size):
        return False
    try:
        with closing(sqlite3.connect(path, timeout=10)) as db:
            return [row[0] for row in db.execute("PRAGMA quick_check(1)")] != ["ok"]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return True


def rescue(path: Path, tables: str, schema: int) -> Rescued | None:
    """Put a torn ledger aside and leave one with all that is whole of it in its place; None where nothing is.

    Raises OSError or sqlite3.OperationalError where the new file cannot be written; the torn one is then still there.
    """
    new = path.with_name(f"{path.name}.rescue")
    _gone(new)
    with closing(sqlite3.connect(new)) as db:
        db.executescript(tables)
        db.execute(f"PRAGMA user_version = {schema}")
        found = _copied(path, new, db)
        db.commit()
    if not (found[0] or found[2]):
        _gone(new)
        return None
    number = next(n for n in range(1, 10_000) if not path.with_name(f"{path.name}{TORN}-{n}").exists())
    aside = path.with_name(f"{path.name}{TORN}-{number}")
    shutil.copyfile(path, aside)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    new.replace(path)
    mark_of(path).unlink(missing_ok=True)
    rescued = Rescued(*found, aside.name)
    LOGGER.warning("%s", rescued)
    return rescued


def forget_torn(path: Path) -> None:
    """Remove the torn files that were put aside: nobody can say what of them belongs to whom."""
    for old in path.parent.glob(f"{path.name}{TORN}-*"):
        old.unlink(missing_ok=True)


def _gone(path: Path) -> None:
    for tail in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + tail).unlink(missing_ok=True)


def _copied(path: Path, new: Path, into: sqlite3.Connection) -> tuple[int, int, int, int]:
    """Copy what is whole: (texts, answered calls, units, rows dropped)."""
    texts: set[str] = set()
    calls = units = dropped = 0
    source = _readable(path, new)
    with closing(source):
        for mark, body in _rows(source, "texts"):
            if _unpacked(body, str(mark)) is None:
                dropped += 1
            else:
                texts.add(mark)
                into.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (mark, body))
        for row in _rows(source, "calls"):
            kept = _call(row, texts)
            dropped += kept is None or kept[4] != row[4]
            if kept is not None:
                calls += kept[4] is not None
                into.execute(f"INSERT OR IGNORE INTO calls VALUES ({', '.join('?' * len(row))})", kept)
        for stage, unit, body in _rows(source, "items"):
            if _unpacked(body) is None:
                dropped += 1
            else:
                units += 1
                into.execute("INSERT OR IGNORE INTO items VALUES (?, ?, ?)", (stage, unit, body))
    return len(texts), calls, units, dropped


def _readable(path: Path, new: Path) -> sqlite3.Connection:
    """The damaged file, opened; where its first page is gone, a copy with the first page of the new, equal ledger."""
    source = sqlite3.connect(path, timeout=10)
    source.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        if len(source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()) >= len(KEYS):
            return source
    except sqlite3.DatabaseError:
        pass
    source.close()
    data, first = path.read_bytes(), new.read_bytes()[:PAGE]
    grafted = bytearray(first + data[PAGE:])
    grafted[28:32] = (len(grafted) // PAGE).to_bytes(4, "big")
    memory = sqlite3.connect(":memory:")
    memory.text_factory = source.text_factory
    with suppress(sqlite3.DatabaseError):
        memory.deserialize(bytes(grafted))
    return memory


def _rows(db: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Rows that can be read, each once: from either end up to what is torn, and by the starts of hexadecimal keys."""
    keys = ", ".join(KEYS[table])
    seen: set[tuple[Any, ...]] = set()
    queries: list[tuple[str, tuple[str, ...]]] = [
        (f"SELECT * FROM {table} ORDER BY {keys}", ()),
        (f"SELECT * FROM {table} ORDER BY {', '.join(f'{k} DESC' for k in KEYS[table])}", ()),
    ]
    if len(KEYS[table]) == 1:
        within = f"SELECT * FROM {table} WHERE {keys} >= ? AND {keys} < ? ORDER BY {keys}"
        queries += [(way, (start, start + "g")) for start in STARTS for way in (within, f"{within} DESC")]
    for query, values in queries:
        try:
            for row in db.execute(query, values):
                key = row[: len(KEYS[table])]
                if key not in seen and all(isinstance(part, str) for part in key):
                    seen.add(key)
                    yield row
        except (sqlite3.DatabaseError, OverflowError):
            continue
        if not values and query.endswith(keys):
            # read from end to end: nothing of it is torn
            return


def _unpacked(body: Any, mark: str | None = None) -> bytes | None:
    """What was compressed, where it is whole (and is what its mark says), else None."""
    try:
        data = zlib.decompress(body)
        if mark is None:
            json.loads(data)
    except (zlib.error, TypeError, ValueError, RecursionError):
        return None
    return data if mark is None or sha256(data).hexdigest() == mark else None


def _call(row: tuple[Any, ...], texts: set[str]) -> tuple[Any, ...] | None:
    """A call without an answer that is not whole; None where what was asked is lost."""
    from assay.runs.ledger import marks

    try:
        if not all(mark in texts for mark in marks(row[2], row[3])):
            return None
        counts = (*row[5:11], row[12])
        if not all(x is None or isinstance(x, int | float) for x in counts) or not isinstance(row[1], str):
            return None
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    whole = row[4] is None or _unpacked(row[4]) is not None
    return row if whole else (*row[:4], None, None, None, None, *row[8:])
