"""Files of ratings: votes with facets, matrices, covariances."""

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from assay.errors import BadInput
from assay.records.storage import LARGEST_WHOLE, bounded

MISSING = ("", "NA")
"""Cells that say that there is no rating."""


class Matrix(NamedTuple):
    """Numbers of a CSV file with a header."""

    columns: tuple[str, ...]
    """Names of the columns of numbers."""
    rows: list[list[float | None]]
    """Rows; None where a cell is empty or NA."""


def cells_of(path: Path) -> list[list[str]]:
    """The rows of a CSV file, empty lines left out. Raises BadInput for one that can't be read or holds nothing."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
                rows = list(csv.reader(bounded(lines, path, whole=LARGEST_WHOLE)))
        else:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                rows = list(csv.reader(bounded(lines, path, whole=LARGEST_WHOLE)))
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise BadInput(f"can't be read as CSV: {error}", where=str(path), now="give a UTF-8 CSV file") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise BadInput("an empty file", where=str(path), now="give a header and rows")
    return rows


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The named columns of a CSV file with a header. Raises BadInput for missing columns or empty cells."""
    head, *rows = cells_of(path)
    names = [h.strip() for h in head]
    if missing := [c for c in columns if c not in names]:
        raise BadInput(
            f"no column {', '.join(missing)}", where=str(path), now=f"the header must name {', '.join(columns)}"
        )
    at = [names.index(c) for c in columns]
    found = []
    for number, row in enumerate(rows, 2):
        if len(row) <= max(at) or not all(row[i].strip() for i in at):
            raise BadInput("an empty cell", where=f"{path}, line {number}", now="fill it in or drop the row")
        found.append(tuple(row[i].strip() for i in at))
    return found


def optional_column(path: Path, column: str) -> list[str] | None:
    """One column of a CSV file, or None where the header does not name it."""
    head, *rows = cells_of(path)
    names = [h.strip() for h in head]
    if column not in names:
        return None
    at = names.index(column)
    return [row[at].strip() if len(row) > at else "" for row in rows]


def read_matrix(path: Path) -> Matrix:
    """A matrix with a header; a first column that is not all numbers, or is named rownames or item, names the rows.

    Raises BadInput for a ragged row, a cell that is neither a number nor empty nor NA, NaN and infinity.
    """
    head, *rows = cells_of(path)
    if not rows:
        raise BadInput("a header without rows", where=str(path), now="give one row per item")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise BadInput(
                f"{len(row)} cells under a header of {len(head)}", where=f"{path}, line {number}",
                now="give every row the same columns",
            )  # fmt: skip
    named = head[0].strip().lower() in ("", "rownames", "item") or not all(_is_number(row[0]) for row in rows)
    first = 1 if named else 0
    if len(head) == first:
        raise BadInput("no column of numbers", where=str(path), now="give one column per rater")
    numbers = [[_number(c, f"{path}, line {n}") for c in row[first:]] for n, row in enumerate(rows, 2)]
    return Matrix(tuple(h.strip() for h in head[first:]), numbers)


def read_covariance(path: Path) -> Matrix:
    """A square matrix, with a header and names of rows or without either. Raises BadInput for a missing cell."""
    rows = cells_of(path)
    if all(_is_number(c) for c in rows[0]) and len(rows) == len(rows[0]):
        numbers = [[_number(c, f"{path}, line {n}") for c in row] for n, row in enumerate(rows, 1)]
        found = Matrix(tuple(str(i + 1) for i in range(len(rows[0]))), numbers)
    else:
        found = read_matrix(path)
    size = len(found.rows)
    if any(len(row) != size for row in found.rows):
        raise BadInput(
            f"{size} rows of {len(found.rows[0])} numbers are no covariance", where=str(path),
            now="give a square matrix, with --covariance; ratings go with --matrix",
        )  # fmt: skip
    if any(c is None for row in found.rows for c in row):
        raise BadInput("an empty cell in a covariance", where=str(path), now="give both triangles, without gaps")
    return found


def number_of(text: str, where: str, why: str) -> float:
    """A value as a number. Raises BadInput, saying `why` it must be one."""
    found = _number(text, where) if _is_number(text) else None
    if found is None:
        raise BadInput(f"{text!r} is no number", where=where, now=why)
    return found


def _is_number(text: str) -> bool:
    if text.strip() in MISSING:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, where: str) -> float | None:
    if text.strip() in MISSING:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no number", where=where, now="give numbers, or NA where there is none") from error
    if not math.isfinite(value):
        raise BadInput(f"{text} where a number should be", where=where, now="write NA where there is none")
    return value
