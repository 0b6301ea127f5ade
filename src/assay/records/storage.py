"""Reading and writing record files: JSON lines, gzip by suffix, written atomically."""

import gzip
import io
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from assay.errors import BadInput, StorageFailed
from assay.records.base import Record
from assay.records.certificate import Certificate
from assay.records.label import Label
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.verdict import Verdict

R = TypeVar("R", bound=Record)

TABLES: dict[str, type[Record]] = {
    "scenarios": Scenario,
    "sessions": Session,
    "verdicts": Verdict,
    "labels": Label,
}
"""Record file of a run folder -> type of its rows."""


def atomic_write(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part.

    data: all of it, or pieces of it one after another, of which one is held at a time. Raises StorageFailed when the
    disk is full or the folder cannot be written; the old file is left as it was.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.writelines([data] if isinstance(data, bytes) else data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise StorageFailed(
            f"could not write {path.name}: {error.strerror or error}",
            where=str(path.parent),
            now="free disk space or choose a folder that can be written, then run the same command again",
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write one JSON object, indented, keys as given, ending in a line end."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    atomic_write(path, text.encode("utf-8", "surrogatepass"))


def write_rows(path: Path, rows: Iterable[Record]) -> int:
    """Write records as JSON lines (gzip by suffix) and return how many."""
    buffer = io.BytesIO()
    count = 0
    for row in rows:
        buffer.write(row.line().encode("utf-8", "surrogatepass") + b"\n")
        count += 1
    data = buffer.getvalue()
    # mtime=0 keeps the bytes the same from run to run
    atomic_write(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return count


LONGEST_LINE = 64_000_000
"""Bytes of a line, unpacked; a longer one is no session but a bomb, or another format."""
LARGEST_WHOLE = 1_000_000_000
"""Bytes, unpacked, of a file that is read as one piece."""


def bounded(handle: Any, where: Path, longest: int = LONGEST_LINE, whole: int | None = None) -> Iterator[Any]:
    """Lines of an open file, none longer than `longest` bytes (characters of text), all together at most `whole`.

    A packed file of a few kilobytes can stand for terabytes: what is unpacked is bounded here. Raises BadInput.
    """
    read = number = 0
    while line := handle.readline(longest + 1):
        number += 1
        read += len(line)
        if len(line) > longest or (whole is not None and read > whole):
            most, what = (longest, "a line") if len(line) > longest else (whole or 0, "a file")
            raise BadInput(f"{what} of more than {most:,} bytes", where=f"{where}, line {number}", now="split the file")
        yield line


def read_lines(path: Path, *, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """(line number from 1, text) of every non-blank line of a file, gunzipped by suffix.

    Raises BadInput for a missing file, a truncated or broken gzip, bytes that are not UTF-8, or a line of more than
    `longest` bytes.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as handle:
            for number, raw in enumerate(bounded(handle, path, longest), 1):
                text = raw.decode("utf-8")
                if text.strip():
                    yield number, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            f"the gzip file ends early or is damaged ({error})",
            where=f"{path}, after line {number}",
            now="fetch or copy the file again",
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8 text", where=f"{path}, line {number}", now="save the file as UTF-8") from error
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror or error}", where=str(path)) from error


def read_rows(path: Path, kind: type[R]) -> Iterator[R]:
    """Records of a JSON lines file that assay wrote."""
    for number, text in read_lines(path):
        try:
            yield kind.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"not a {kind.__name__}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                where=f"{path}, line {number}",
                now="the file was changed or comes from another version; make it again",
            ) from error


def read(directory: str | Path, table: str) -> Iterator[Any]:
    """Rows of one table of a run folder: scenarios, sessions, verdicts, labels; or the certificate.

    Raises BadInput when the table's name or file does not exist.
    """
    folder = Path(directory)
    if table == "certificate":
        yield Certificate.model_validate_json((folder / "certificate.json").read_bytes())
        return
    if table not in TABLES:
        raise BadInput(f"no table {table!r}", now=f"one of {', '.join(TABLES)}, certificate")
    for suffix in (".jsonl", ".jsonl.gz"):
        if (folder / f"{table}{suffix}").exists():
            yield from read_rows(folder / f"{table}{suffix}", TABLES[table])
            return
    if (folder / table).is_dir():
        from assay.records.parts import read_parts

        yield from read_parts(folder, table)
        return
    raise BadInput(f"{table} not made yet", where=str(folder), now="run the stage that writes it first")
