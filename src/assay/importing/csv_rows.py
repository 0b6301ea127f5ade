"""CSV transcripts, as rows of the session form: one row a turn, or one conversation a row (importing/tables.py)."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import BadSessions
from assay.importing.tables import Row, session_rows
from assay.records.storage import bounded

LARGEST_FIELD = 10_000_000
"""Characters of a field."""


def csv_rows(path: str | Path, mapping: Mapping[str, Any] | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row of the session form) of every session in a CSV or TSV file, gzip by suffix.

    Raises BadSessions naming the line, BadInput for a map that does not fit.
    """
    file = Path(path)
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as handle:
            text = io.TextIOWrapper(handle, encoding="utf-8-sig", newline="")
            head = text.readline(LARGEST_FIELD)
            if not head.strip():
                raise BadSessions("0 sessions: nothing to read", where=str(file))
            between = _delimiter(head)
            csv.field_size_limit(LARGEST_FIELD)
            names = next(csv.reader([head], delimiter=between))
            if len(set(names)) < len(names):
                raise BadSessions("two columns of one name", where=f"{file}, line 1", now="rename one of them")

            def again() -> Iterator[tuple[str, Row]]:
                with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as handle:
                    second = io.TextIOWrapper(handle, encoding="utf-8-sig", newline="")
                    second.readline()
                    yield from _rows(second, names, between, file)

            yield from session_rows(_rows(text, names, between, file), names, mapping, str(file), again)
    except UnicodeDecodeError as error:
        raise BadSessions("the CSV is not UTF-8 text", where=str(file), now="save it as UTF-8") from error
    except (OSError, EOFError, csv.Error) as error:
        raise BadSessions(f"cannot read the CSV: {error}", where=str(file)) from error


def _delimiter(head: str) -> str:
    """The likeliest of comma, semicolon and tab: the one that the heading holds most of."""
    return max(",;\t", key=head.count)


def _rows(text: io.TextIOWrapper, names: list[str], between: str, file: Path) -> Iterator[tuple[str, Row]]:
    reader = csv.reader(bounded(text, file), delimiter=between)
    for row in reader:
        if not row:
            continue
        place = f"{file}, line {reader.line_num + 1}"
        if len(row) != len(names):
            raise BadSessions(f"{len(row)} fields, the heading has {len(names)}", where=place, now="quote the fields")
        yield place, dict(zip(names, row, strict=True))
