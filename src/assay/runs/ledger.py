"""The ledger: every model call of a run, found again by its content, in one SQLite file of the run folder.

A call counts as answered when its answer is committed. The file is in WAL mode with synchronous=NORMAL: a commit
survives the death of the process at any moment (SIGKILL included), because the pages are with the operating system
by then. Only a power cut or a kernel crash can take the last commits back, and never leaves a broken file where the
disk keeps its promises; where it does not, what is whole of the file is kept (runs/rescue.py).
"""

import fcntl
import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.errors import BadInput, RunMismatch, StorageFailed
from assay.models.model import Answer, Request
from assay.records.base import canonical
from assay.runs.purse import Purse
from assay.runs.rescue import Rescued, forget_torn, is_torn, note_torn, rescue

FILE = "ledger.sqlite"
LOCK = ".ledger.lock"
SCHEMA = 1

COUNTS = (
    *("answered", "sent", "repeated", "failed", "retries"),
    *("prompt_tokens", "cached_tokens", "completion_tokens", "uncounted"),
)
"""What is counted per purpose."""

TABLES = """
CREATE TABLE IF NOT EXISTS texts (hash TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, purpose TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL, answer BLOB,
    prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER,
    starts INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    error TEXT, started REAL NOT NULL, finished REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    stage TEXT NOT NULL, unit TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (stage, unit)
) WITHOUT ROWID;
"""


class Ledger:
    """The calls and the finished units of one run folder, open in one process at a time.

    Safe to use from several threads; each method is one short transaction. Raises RunMismatch when another process
    holds the ledger, BadInput when the file is no ledger, StorageFailed when the disk is full or cannot be written. A
    torn ledger is mended when it is opened: `rescued` says what was whole.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.purse: Purse | None = None
        """What calls of this ledger may cost; None: whatever they cost."""
        self.path = self.folder / FILE
        self.rescued: Rescued | None = None
        """What was kept when the file was found torn; None: it was whole."""
        self._thread = threading.RLock()
        self._lock: int | None = None
        self._lock = self._take()
        try:
            self._db = self._open()
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let the next process in. Safe to call twice."""
        with self._thread:
            if self._lock is not None:
                self._db.close()
                self._release()

    # calls ------------------------------------------------------------------------------------------------------

    def answer(self, key: str) -> Answer | None:
        """The committed answer of a call, or None."""
        with self._guard() as db:
            row = db.execute("SELECT answer FROM calls WHERE key = ? AND answer IS NOT NULL", (key,)).fetchone()
            return None if row is None else _unpack_answer(row[0], key)

    def start(self, key: str, identity: Mapping[str, Any], request: Request) -> None:
        """Note that a call is about to be sent. A start without an answer is a call that may be repeated."""
        texts: dict[str, bytes] = {}
        stored = canonical(_with_hashes(request.content() | {"seed_sent": request.seed()}, texts))
        model = _keep(canonical(dict(identity)), texts)
        with self._guard() as db, db:
            db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", texts.items())
            db.execute(
                "INSERT INTO calls (key, purpose, model, request, starts, started) VALUES (?, ?, ?, ?, 1, ?) "
                "ON CONFLICT (key) DO UPDATE SET starts = starts + 1",
                (key, request.purpose, model, stored, time.time()),
            )

    def finish(self, key: str, answer: Answer) -> None:
        """Commit the answer of a started call; when this returns the call is answered."""
        packed = _pack_answer(answer)
        with self._guard() as db, db:
            db.execute(
                "UPDATE calls SET answer = ?, prompt_tokens = ?, cached_tokens = ?, completion_tokens = ?, "
                "retries = retries + ?, finished = ? WHERE key = ? AND answer IS NULL",
                (
                    packed,
                    answer.prompt_tokens,
                    answer.cached_tokens,
                    answer.completion_tokens,
                    answer.retries,
                    time.time(),
                    key,
                ),
            )

    def failed(self, key: str, error: str, *, retries: int = 0) -> None:
        """Commit that a started call ended in an error after so many retries; it may be sent again."""
        with self._guard() as db, db:
            db.execute(
                "UPDATE calls SET failures = failures + 1, retries = retries + ?, error = ? WHERE key = ?",
                (retries, error[:1000], key),
            )

    def call(self, key: str) -> dict[str, Any]:
        """What was asked and answered: model, request (texts in full), answer, tokens, times. BadInput if unknown."""
        with self._guard() as db:
            db.row_factory = sqlite3.Row
            row = db.execute("SELECT * FROM calls WHERE key = ?", (key,)).fetchone()
            db.row_factory = None
        if row is None:
            raise BadInput(f"no call {key!r} in the ledger", where=str(self.path))
        found = dict(row)
        with self._guard():
            found["model"] = json.loads(self._text(found["model"]))
            found["request"] = self._with_texts(json.loads(found["request"]))
            found["answer"] = None if found["answer"] is None else json.loads(zlib.decompress(found["answer"]))
        return found

    def keys(self) -> list[str]:
        """Keys of all answered calls, sorted."""
        with self._guard() as db:
            return [r[0] for r in db.execute("SELECT key FROM calls WHERE answer IS NOT NULL ORDER BY key")]

    def usage(self) -> dict[str, dict[str, int]]:
        """Per purpose, over the life of the run: what was sent and what came back.

        answered, sent (answered, failed and repeated), repeated (sent, with neither an answer nor an error: in
        flight at a kill), failed, retries (of answered and failed calls: requests on the wire are sent + retries),
        prompt_tokens, cached_tokens, completion_tokens, uncounted (answers whose
        provider counted no tokens).
        """
        rows: dict[str, dict[str, int]] = {}
        for _, purpose, counts in self.usage_by_model():
            held = rows.setdefault(purpose, dict.fromkeys(COUNTS, 0))
            rows[purpose] = {k: held[k] + counts[k] for k in COUNTS}
        return dict(sorted(rows.items()))

    def usage_by_model(self) -> list[tuple[dict[str, Any], str, dict[str, int]]]:
        """(identity of the model, purpose, counts as in `usage`) of every pair that was called."""
        query = (
            "SELECT model, purpose, SUM(answer IS NOT NULL), SUM(starts), "
            "SUM(starts - failures - (answer IS NOT NULL)), SUM(failures), SUM(retries), "
            "SUM(COALESCE(prompt_tokens, 0)), SUM(COALESCE(cached_tokens, 0)), SUM(COALESCE(completion_tokens, 0)), "
            "SUM(answer IS NOT NULL AND completion_tokens IS NULL) "
            "FROM calls GROUP BY model, purpose ORDER BY purpose, model"
        )
        with self._guard() as db:
            rows = db.execute(query).fetchall()
        return [(json.loads(self._text(r[0])), r[1], dict(zip(COUNTS, r[2:], strict=True))) for r in rows]

    def forget(self, keys: Iterable[str], units: Iterable[str] = ()) -> int:
        """Erase calls, the results of these units in every stage, and every text that no other call uses.

        Returns the number of calls erased. The bytes are overwritten and the file is rewritten without them.
        """
        with self._guard() as db:
            db.execute("PRAGMA secure_delete = ON")
            with db:
                gone = sum(db.execute("DELETE FROM calls WHERE key = ?", (key,)).rowcount for key in keys)
                db.executemany("DELETE FROM items WHERE unit = ?", [(unit,) for unit in units])
                used = {mark for row in db.execute("SELECT model, request FROM calls") for mark in marks(*row)}
                stored = [row[0] for row in db.execute("SELECT hash FROM texts")]
                db.executemany("DELETE FROM texts WHERE hash = ?", [(mark,) for mark in stored if mark not in used])
            forget_torn(self.path)
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    # units of a stage -------------------------------------------------------------------------------------------

    def put_item(self, stage: str, unit: str, payload: Any) -> None:
        """Commit the result of one unit of a stage (a JSON value); a second result replaces the first."""
        body = zlib.compress(_json(payload))
        with self._guard() as db, db:
            db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (stage, unit, body))

    def item(self, stage: str, unit: str) -> Any | None:
        """The committed result of one unit, or None."""
        with self._guard() as db:
            row = db.execute("SELECT payload FROM items WHERE stage = ? AND unit = ?", (stage, unit)).fetchone()
            return None if row is None else json.loads(zlib.decompress(row[0]))

    def items(self, stage: str) -> dict[str, Any]:
        """Unit -> result of a stage, sorted by unit."""
        with self._guard() as db:
            rows = db.execute("SELECT unit, payload FROM items WHERE stage = ? ORDER BY unit", (stage,)).fetchall()
            return {unit: json.loads(zlib.decompress(body)) for unit, body in rows}

    def units(self, stage: str) -> list[str]:
        """Finished units of a stage, sorted."""
        with self._guard() as db:
            return [r[0] for r in db.execute("SELECT unit FROM items WHERE stage = ? ORDER BY unit", (stage,))]

    # storage ----------------------------------------------------------------------------------------------------

    def _take(self) -> int:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileExistsError as error:
            raise BadInput("the output folder is a file", where=str(self.folder), now="choose another --out") from error
        except OSError as error:
            raise _storage(error.strerror or str(error), self.folder) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise RunMismatch(
                "another process works on this run folder",
                where=str(self.folder),
                now="wait until it ends, or choose another --out",
            ) from error
        return handle

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open(self) -> sqlite3.Connection:
        try:
            if is_torn(self.path):
                self.rescued = rescue(self.path, TABLES, SCHEMA)
            db = sqlite3.connect(self.path, check_same_thread=False, timeout=10)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA):
                raise RunMismatch(
                    f"the ledger has schema {version}, this version writes {SCHEMA}",
                    where=str(self.path),
                    now="use the version that made it, or another --out",
                )
            db.executescript(TABLES)
            db.execute(f"PRAGMA user_version = {SCHEMA}")
        except sqlite3.OperationalError as error:
            raise _storage(str(error), self.path) from error
        except sqlite3.DatabaseError as error:
            raise BadInput(f"not a ledger: {error}", where=str(self.path), now="choose another --out") from error
        except OSError as error:
            raise _storage(error.strerror or str(error), self.path) from error
        return db

    @contextmanager
    def _guard(self) -> Iterator[sqlite3.Connection]:
        with self._thread:
            if self._lock is None:
                raise StorageFailed("the ledger is closed", where=str(self.path))
            try:
                yield self._db
            except sqlite3.OperationalError as error:
                raise _storage(str(error), self.path) from error
            except (sqlite3.DatabaseError, zlib.error, ValueError) as error:
                note_torn(self.path)
                raise BadInput(
                    f"the ledger is damaged: {error}",
                    where=str(self.path),
                    now="run the same command again: what is whole of it is kept, the rest is made again",
                ) from error

    def _text(self, mark: str) -> str:
        with self._guard() as db:
            row = db.execute("SELECT body FROM texts WHERE hash = ?", (mark,)).fetchone()
            if row is None:
                raise ValueError("a text of a call is not there")
            return zlib.decompress(row[0]).decode("utf-8", "surrogatepass")

    def _with_texts(self, stored: dict[str, Any]) -> dict[str, Any]:
        if "prompt" in stored:
            stored["prompt"] = self._text(stored["prompt"])
        if "messages" in stored:
            stored["messages"] = [[role, self._text(mark)] for role, mark in stored["messages"]]
        if "tools" in stored:
            stored["tools"] = json.loads(self._text(stored["tools"]))
        return stored


def _with_hashes(content: dict[str, Any], texts: dict[str, bytes]) -> dict[str, Any]:
    if "prompt" in content:
        content["prompt"] = _keep(content["prompt"], texts)
    if "messages" in content:
        content["messages"] = [[role, _keep(text, texts)] for role, text in content["messages"]]
    if "tools" in content:
        content["tools"] = _keep(canonical(content["tools"]), texts)
    return content


def marks(model: str, request: str) -> list[str]:
    """Hashes of the texts that a stored call names. Raises ValueError, KeyError or TypeError for one that is torn."""
    stored = json.loads(request)
    whole = [stored[part] for part in ("prompt", "tools") if part in stored]
    return [model, *whole, *(m[1] for m in stored.get("messages", ()))]


def _keep(text: str, texts: dict[str, bytes]) -> str:
    data = text.encode("utf-8", "surrogatepass")
    mark = sha256(data).hexdigest()
    texts[mark] = zlib.compress(data)
    return mark


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _pack_answer(answer: Answer) -> bytes:
    fields = ("text", "finish_reason", "prompt_tokens", "cached_tokens", "completion_tokens", "top_logprobs", "retries")
    return zlib.compress(_json({name: getattr(answer, name) for name in fields} | {"raw": dict(answer.raw)}))


def _unpack_answer(body: bytes, key: str) -> Answer:
    return Answer(**json.loads(zlib.decompress(body)), key=key)


def _storage(reason: str, where: Path) -> StorageFailed:
    return StorageFailed(
        f"cannot write the ledger: {reason}",
        where=str(where),
        now="free disk space or choose a folder that can be written, then run the same command again",
    )
