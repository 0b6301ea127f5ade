"""The index of a run: which session holds what, in one SQLite file that is made once from the run's files.

It is a cache, no record: it is made anew when a file of the run has changed, and may be deleted at any time. Each thing
that can be asked for (a tier, a check with its status, a label's value, an outcome) is one row with the sorted numbers
of the sessions that have it, so that a filter is an intersection; words are in a full-text table. Transcripts, labels
and verdicts stay in the run's files; the index says at which place they stand.
"""

import contextlib
import json
import os
import sqlite3
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import StorageFailed
from assay.pages.view.rows import COLUMNS, Cut, Place, Row, files_of, stream
from assay.pages.view.words import preview, spaced
from assay.pages.words import TIERS
from assay.records.label import flatten, is_structured, key_of, kind_of
from assay.runs.ledger import FILE as LEDGER_FILE

FILE = ".view.sqlite"
VERSION = 3
"""Of the tables; another one is made anew."""
SHOWN_TIERS = (*TIERS, "unmade")
TABLES = ("sessions", "labels", "verdicts")
LONGEST_VALUE = 200
"""Characters of a value by which can be filtered; longer ones are found by their words."""
BATCH = 2_000
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE sessions (no INTEGER PRIMARY KEY, id TEXT NOT NULL, card TEXT NOT NULL);
CREATE TABLE sums (no INTEGER PRIMARY KEY, tiers TEXT NOT NULL, against TEXT NOT NULL);
CREATE TABLE places (tab INTEGER, no INTEGER, part INTEGER, start INTEGER, length INTEGER);
CREATE TABLE marks (
    kind TEXT, name TEXT, value TEXT, n INTEGER, held BLOB, PRIMARY KEY (kind, name, value)
) WITHOUT ROWID;
CREATE TABLE orders (name TEXT PRIMARY KEY, held BLOB) WITHOUT ROWID;
"""
Told = Callable[[str, int], None]
"""(table, rows so far)."""


def silent(table: str, rows: int) -> None:
    """No progress."""


def signature(folder: Path) -> str:
    """What the files of a run look like now; another text means that the index is old."""
    found = []
    for table in (*TABLES, "scenarios"):
        for path in files_of(folder, table):
            stat = path.stat()
            found.append([table, path.name, stat.st_size, stat.st_mtime_ns])
    if not files_of(folder, "sessions"):
        for name in (LEDGER_FILE, f"{LEDGER_FILE}-wal"):
            with contextlib.suppress(OSError):
                stat = (folder / name).stat()
                found.append([name, stat.st_size, stat.st_mtime_ns])
    return sha256(json.dumps([VERSION, found]).encode()).hexdigest()


def homes(folder: Path) -> list[Path]:
    """Where the index of a run may be: in its folder, else in the user's cache, else among temporary files."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay" / "view"
    name = f"{sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.sqlite"
    return [folder / FILE, cache / name, Path(tempfile.gettempdir()) / f"assay-view-{os.getuid()}" / name]


def drop_index(folder: Path) -> None:
    """Delete a run's index wherever it is, with what a killed process left of one."""
    for home in homes(folder):
        for path in home.parent.glob(f"{home.name}*") if home.parent.is_dir() else ():
            path.unlink(missing_ok=True)


def indexed(folder: Path, told: Told = silent) -> tuple[Path, bool]:
    """The path of a current index, made where there is none; and whether it was made now.

    Raises BadInput for files that cannot be read, StorageFailed where no place can be written.
    """
    now = signature(folder)
    # what lies among temporary files may be somebody else's, so it is made anew each time
    for home in homes(folder)[:2]:
        if _signed(home) == now:
            return home, False
    for home in homes(folder):
        try:
            home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(dir=home.parent, prefix=f"{home.name}.")
        except OSError:
            continue
        os.close(handle)
        try:
            _Maker(folder, Path(beside), told).make(now)
            os.replace(beside, home)
        except (OSError, sqlite3.OperationalError) as error:
            raise StorageFailed(
                f"cannot write the index: {error}", where=str(home.parent), now="free disk space; the run is as it was"
            ) from error
        finally:
            Path(beside).unlink(missing_ok=True)
        return home, True
    raise StorageFailed(
        "no place for the index: neither the run folder nor the cache can be written", where=str(folder),
        now="let XDG_CACHE_HOME name a folder you may write to",
    )  # fmt: skip


def _signed(path: Path) -> str | None:
    """The signature an index was made for, or None."""
    if not path.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            row = db.execute("SELECT value FROM about WHERE key = 'signature'").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def packed(numbers: Any) -> bytes:
    """Sorted numbers without repeats, as differences, packed."""
    held = np.unique(np.asarray(numbers, dtype=np.uint32))
    return zlib.compress(np.diff(held, prepend=np.uint32(0)).astype("<u4").tobytes(), 1)


def unpacked(held: bytes) -> Any:
    """The numbers again: int64, shape (n,), ascending."""
    return np.cumsum(np.frombuffer(zlib.decompress(held), dtype="<u4"), dtype=np.int64)


Mark = tuple[str, str, str]
"""(kind, name, value)."""


@dataclass(slots=True)
class _Gathered:
    """What is gathered while rows stream by."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Session id -> number."""
    marks: dict[Mark, "array[int]"] = field(default_factory=dict)
    """Sessions of each mark; those of labels as number * 8 + tier."""
    places: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    against: dict[int, set[str]] = field(default_factory=dict)
    strangers: int = 0
    """Labels and verdicts of sessions that are not there."""

    def mark(self, kind: str, name: str, value: str, number: int) -> None:
        held = self.marks.get((kind, name, value))
        if held is None:
            held = self.marks[kind, name, value] = array("I")
        if not held or held[-1] != number:
            held.append(number)


class _Maker:
    """Makes one index."""

    def __init__(self, folder: Path, path: Path, told: Told) -> None:
        self.folder, self.told, self.got, self.notes = folder, told, _Gathered(), list[str]()
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -64000"):
            self.db.execute(f"PRAGMA {pragma}")

    def make(self, mark: str) -> None:
        """Read the run and write the index."""
        try:
            self.db.executescript(SCHEMA)
            self.db.execute("BEGIN")
            words = self._word_table()
            arms = {r.values["id"]: str(r.values.get("arm") or "prior") for r in self._rows("scenarios")}
            self._sessions(arms)
            n = len(self.got.numbers)
            # rejected, contradicted and all labels per session; tiers in the order of SHOWN_TIERS
            self.tiers = np.zeros((n, len(SHOWN_TIERS)), dtype=np.int64)
            self.contradicted = np.zeros(n, dtype=np.int64)
            if files_of(self.folder, "labels"):
                self._labels()
            else:
                self._unmade()
            self._verdicts()
            self._write(mark, words)
            self.db.execute("COMMIT")
        finally:
            self.db.close()

    def _word_table(self) -> str:
        try:
            self.db.execute(
                "CREATE VIRTUAL TABLE texts USING fts5(body, content='', tokenize=\"unicode61 remove_diacritics 2\")"
            )
            return "fts5"
        except sqlite3.OperationalError:
            # an SQLite without full text still finds words, by looking at all texts
            self.db.execute("CREATE TABLE texts (rowid INTEGER PRIMARY KEY, body TEXT)")
            return "scan"

    def _rows(self, table: str) -> Iterator[Row]:
        """Rows of a table; a last line that is not whole yet is left out and noted."""
        number = 0
        try:
            for number, row in enumerate(stream(self.folder, table), 1):
                if number % BATCH == 0:
                    self.told(table, number)
                yield row
        except Cut as cut:
            self.notes.append(str(cut))
        if number:
            self.told(table, number)

    def _sessions(self, arms: dict[str, str]) -> None:
        cards: list[tuple[int, str, str]] = []
        texts: list[tuple[int, str]] = []
        for values, place in self._rows("sessions"):
            number = self.got.numbers.setdefault(values["id"], len(self.got.numbers))
            if number != len(self.got.numbers) - 1:
                self.notes.append(f"the session id {values['id']!r} comes twice; only its first session is shown")
                continue
            cards.append((number, values["id"], json.dumps(self._card(number, values, arms), ensure_ascii=False)))
            texts.append((number + 1, spaced("\n".join(str(t.get("text", "")) for t in values.get("turns") or ()))))
            self.got.places.append((0, number, *place))
            if len(cards) == BATCH:
                self._insert(cards, texts)
        self._insert(cards, texts)
        self._flush()

    def _insert(self, cards: list[tuple[int, str, str]], texts: list[tuple[int, str]]) -> None:
        # a lone half of a surrogate pair is no text for SQLite
        clean = [(n, *(x.encode("utf-8", "replace").decode() for x in rest)) for n, *rest in cards]
        self.db.executemany("INSERT INTO sessions VALUES (?, ?, ?)", clean)
        self.db.executemany(
            "INSERT INTO texts (rowid, body) VALUES (?, ?)",
            [(n, t.encode("utf-8", "replace").decode()) for n, t in texts],
        )
        cards.clear()
        texts.clear()

    def _card(self, number: int, values: dict[str, Any], arms: dict[str, str]) -> dict[str, Any]:
        """What a list shows of a session, and the marks of the session itself."""
        outcome = values.get("outcome") or {}
        marks = [k for k in ("refused", "wrongly_refused", "wrongly_granted") if outcome.get(k)]
        came = [str(outcome["status"])] if outcome.get("status") else []
        arm = (values.get("extra") or {}).get("arm") or arms.get(values.get("scenario") or "")
        for kind, found in (
            ("outcome", [*came, *marks, *(["failed"] if values.get("failure") else [])]),
            ("end", [values["end"]] if values.get("end") else []),
            ("arm", [str(arm)] if arm else []),
            ("mode", [values["mode"]] if values.get("mode") else []),
        ):
            for value in found:
                self.got.mark(kind, "", str(value), number)
        goal = (values.get("session_labels") or {}).get("goal")
        turns = values.get("turns") or []
        return {
            "turns": len(turns), "goal": goal if isinstance(goal, str) else "", "end": values.get("end") or "",
            "outcome": ", ".join([*came, *marks]).replace("_", " "), "failed": bool(values.get("failure")),
            "arm": arm or "", "mode": values.get("mode") or "", "text": preview(turns),
        }  # fmt: skip

    def _labels(self) -> None:
        got = self.got
        for number, values in self._owned("labels", 1):
            tier = _tier(values)
            place = SHOWN_TIERS.index(tier)
            self.tiers[number, place] += 1
            self.contradicted[number] += "contradicted" in (values.get("verdicts") or {}).values()
            got.mark("tier", "", tier, number)
            self._value(number * 8 + place, str(values["name"]), values.get("kind"), values.get("value"))

    def _unmade(self) -> None:
        """Labels of sessions that were not checked: as they stand in the sessions."""
        place = SHOWN_TIERS.index("unmade")
        for values, _ in self._rows("sessions"):
            number = self.got.numbers[values["id"]]
            groups = [values.get("session_labels"), *(t.get("labels") for t in values.get("turns") or ())]
            for labels in groups:
                for name, raw in (labels or {}).items():
                    for flat, value in flatten(name, raw):
                        if not is_structured(value):
                            self.tiers[number, place] += 1
                            self._value(number * 8 + place, flat, kind_of(value), value)

    def _value(self, number: int, name: str, kind: Any, value: Any) -> None:
        self.got.mark("label", name, "", number)
        if kind == "string" or value is None:
            return
        for one in value if isinstance(value, list) else [value]:
            key = key_of(one)
            if len(key) <= LONGEST_VALUE:
                self.got.mark("value", name, key, number)

    def _verdicts(self) -> None:
        for number, values in self._owned("verdicts", 2):
            self.got.mark("check", str(values["code"]), str(values["status"]), number)
            if values["status"] == "contradicted":
                self.got.against.setdefault(number, set()).add(str(values["code"]))

    def _owned(self, table: str, tab: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """(session's number, row); rows of a session that stand together become one place."""
        owner, held = -1, Place(0, 0, 0)
        for values, place in self._rows(table):
            number = self.got.numbers.get(values["session"], -1)
            joins = number == owner and place.part == held.part and place.start == held.start + held.length
            if joins:
                held = held._replace(length=held.length + place.length)
            else:
                self._place(tab, owner, held)
                owner, held = number, place
            if number < 0:
                self.got.strangers += 1
                continue
            lacking = [c for c in COLUMNS[table][:3] if c not in values]
            if not lacking:
                yield number, values
        self._place(tab, owner, held)
        self._flush()

    def _place(self, tab: int, owner: int, held: Place) -> None:
        if owner >= 0:
            self.got.places.append((tab, owner, *held))
            if len(self.got.places) >= BATCH:
                self._flush()

    def _flush(self) -> None:
        self.db.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", self.got.places)
        self.got.places.clear()

    def _write(self, mark: str, words: str) -> None:
        got, n = self.got, len(self.got.numbers)
        self.db.executemany(
            "INSERT INTO marks VALUES (?, ?, ?, ?, ?)",
            ((*key, _sessions_in(key[0], held), packed(held)) for key, held in sorted(got.marks.items())),
        )
        self.db.executemany(
            "INSERT INTO sums VALUES (?, ?, ?)",
            ((i, " ".join(map(str, self.tiers[i])), " ".join(sorted(got.against.get(i, ())))) for i in range(n)),
        )
        self.db.execute("INSERT INTO orders VALUES ('worst', ?)", (self._worst().astype("<u4").tobytes(),))
        self.db.execute("CREATE INDEX of_id ON sessions (id)")
        self.db.execute("CREATE INDEX of_place ON places (no, tab)")
        if got.strangers:
            self.notes.append(f"{got.strangers:,} labels and verdicts are about sessions that are not here")
        tiers = {t: int(self.tiers[:, i].sum()) for i, t in enumerate(SHOWN_TIERS)}
        about = {
            "signature": mark, "n": n, "words": words, "notes": json.dumps(self.notes), "tiers": json.dumps(tiers),
        }  # fmt: skip
        self.db.executemany("INSERT INTO about VALUES (?, ?)", [(k, str(v)) for k, v in about.items()])

    def _worst(self) -> Any:
        """Rank of each session from the worst: most rejected, then most contradicted labels, then most below trust."""
        rejected = self.tiers[:, SHOWN_TIERS.index("rejected")]
        below = rejected + self.tiers[:, SHOWN_TIERS.index("suspect")] + self.tiers[:, SHOWN_TIERS.index("unchecked")]
        share = below / np.maximum(self.tiers.sum(axis=1), 1)
        order = np.lexsort((np.arange(len(share)), -share, -self.contradicted, -rejected))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return ranks


def _sessions_in(kind: str, held: "array[int]") -> int:
    numbers = np.asarray(held, dtype=np.int64)
    return int(np.unique(numbers >> 3 if kind in ("label", "value") else numbers).size)


def _tier(values: dict[str, Any]) -> str:
    """The tier as pages show it: `unchecked` for a suspect label on which no check had a word."""
    tier = str(values.get("tier") or "suspect")
    spoke = (s for c, s in (values.get("verdicts") or {}).items() if not c.startswith("BE"))
    if tier == "suspect" and all(s == "not_applicable" for s in spoke):
        return "unchecked"
    return tier if tier in SHOWN_TIERS else "suspect"
