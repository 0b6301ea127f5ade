"""Votes: who said what of which item, as three integer arrays. Everything in this package reads these."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput
from assay.records.storage import bounded

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Votes:
    """n votes of annotators on items, one label each."""

    item: Ints
    """Shape (n,): index into `items`."""
    annotator: Ints
    """Shape (n,): index into `annotators`."""
    label: Ints
    """Shape (n,): index into `labels`."""
    items: tuple[str, ...]
    """Names of the items, sorted."""
    annotators: tuple[str, ...]
    """Names of the annotators, sorted."""
    labels: tuple[str, ...]
    """Names of the labels, sorted."""
    _repeated: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `repeated` counted, once it was asked."""

    @property
    def n(self) -> int:
        """Number of votes."""
        return len(self.item)

    def counts(self) -> Floats:
        """Votes per item and label, shape (items, labels)."""
        k = len(self.labels)
        flat = np.bincount(self.item * k + self.label, minlength=len(self.items) * k)
        return flat.reshape(len(self.items), k).astype(float)

    def repeated(self) -> int:
        """Votes beyond the first of one annotator on one item."""
        if not self._repeated:
            # stable: votes mostly come in order of items, and then it is one pass
            pairs = np.sort(self.item * len(self.annotators) + self.annotator, kind="stable")
            self._repeated.append(int((pairs[1:] == pairs[:-1]).sum()))
        return self._repeated[0]

    def weights(self) -> Floats:
        """Shape (n,): 1 over the number of times this annotator voted on this item, so that repeats are one voice."""
        if not self.repeated():
            return np.ones(self.n)
        pairs = self.item * len(self.annotators) + self.annotator
        _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        return np.asarray(1.0 / counts[inverse], dtype=float)


def votes_of(rows: Iterable[tuple[str, str, str]], labels: Sequence[str] = ()) -> Votes:
    """Votes from (item, annotator, label) rows.

    labels: all labels there are, where the votes may not show every one; a vote for another is an error.
    Raises BadInput for no votes at all, an empty name, or a label that is not in `labels`.
    """
    known = dict.fromkeys(labels)
    seen: tuple[dict[str, int], ...] = ({}, {}, {})
    columns = tuple(array("i") for _ in seen)
    for number, row in enumerate(rows, start=1):
        for part, names, column in zip(row, seen, columns, strict=True):
            if not part.strip():
                raise BadInput(
                    "an empty item, annotator or label", where=f"vote {number}", now="fill it in or drop the row"
                )
            column.append(names.setdefault(part, len(names)))
    if not len(columns[0]):
        raise BadInput("no votes", now="give rows of item, annotator, label")
    if known and (other := sorted(seen[2].keys() - known)):
        raise BadInput(f"unknown labels: {', '.join(other[:5])}", now=f"one of {', '.join(labels)}")
    for label in known:
        seen[2].setdefault(label, len(seen[2]))
    (item, items), (annotator, annotators), (value, values) = (
        _in_order(names, column) for names, column in zip(seen, columns, strict=True)
    )
    return Votes(item, annotator, value, items, annotators, values)


def _in_order(names: Mapping[str, int], column: "array[int]") -> tuple[Ints, tuple[str, ...]]:
    """The column with names numbered by their order, and the names in that order."""
    ordered = tuple(sorted(names))
    place = np.empty(len(ordered), dtype=np.int64)
    place[[names[name] for name in ordered]] = np.arange(len(ordered))
    return place[np.frombuffer(column, dtype=np.intc)], ordered


def read_votes(path: Path) -> Votes:
    """Votes from a CSV file with the columns item, annotator, label (others are ignored).

    Raises BadInput for a file that can't be read, missing columns, or rows without a value.
    """
    return votes_of((item, annotator, label) for item, annotator, label in _rows(path, ("item", "annotator", "label")))


def read_rows(path: Path) -> list[tuple[str, str, str]]:
    """The (item, annotator, label) rows of a CSV file, as read_votes reads them, labels of any kind."""
    return [(a, b, c) for a, b, c in _rows(path, ("item", "annotator", "label"))]


def read_gold(path: Path, votes: Votes) -> dict[int, int]:
    """Gold labels, item index -> label index, from a CSV file with the columns item, label.

    Raises BadInput for an item without votes, a label that no vote names, or two golds for one item.
    """
    return gold_of(((item, label) for item, label in _rows(path, ("item", "label"))), votes, str(path), first=2)


def gold_of(rows: Iterable[tuple[str, str]], votes: Votes, source: str = "gold", first: int = 1) -> dict[int, int]:
    """Gold labels, item index -> label index, from (item, label) rows; errors as of read_gold.

    source, first: what the rows are from and the number of the first, for error messages.
    """
    at = {name: i for i, name in enumerate(votes.items)}
    names = {name: i for i, name in enumerate(votes.labels)}
    gold: dict[int, int] = {}
    for number, (item, label) in enumerate(rows, start=first):
        where = f"{source}, line {number}"
        if item not in at:
            raise BadInput(f"gold for item {item!r}, on which there is no vote", where=where, now="drop the row")
        if label not in names:
            raise BadInput(f"gold label {label!r} is named by no vote", where=where, now=f"one of {', '.join(names)}")
        if gold.setdefault(at[item], names[label]) != names[label]:
            raise BadInput(f"two gold labels for item {item!r}", where=where, now="keep one")
    return gold


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """These columns of a CSV file, row by row, so that a file of any length is never held."""
    import gzip

    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8", newline="") as lines
        ):
            reader = csv.reader(bounded(lines, path))
            header = next(reader, [])
            if missing := [c for c in columns if c not in header]:
                raise BadInput(
                    f"no column {', '.join(missing)}", where=str(path), now=f"the header must name {', '.join(columns)}"
                )
            at = [header.index(c) for c in columns]
            for row in reader:
                if row:
                    yield tuple(row[k] if k < len(row) else "" for k in at)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"can't be read as CSV: {error}", where=str(path), now="give a UTF-8 CSV file") from error
