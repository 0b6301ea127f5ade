"""A run folder of more sessions than are held at once, after its audit: read by parts, one part in memory."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from assay.errors import BadInput
from assay.records.held_label import COLUMNS, Holder
from assay.records.label import Label
from assay.records.parts import in_parts, parts_of, plain_rows, read_part, write_part
from assay.records.session import Session
from assay.records.storage import read, write_rows
from assay.runs.folder import RunFolder

SAMPLE = "sample"
"""Folder of an audit's seeded random sample of sessions, a run folder of its own."""
ROWS = 20_000
"""Labels of one step where a table is one file."""


def is_large(folder: RunFolder) -> bool:
    """Whether a folder's sessions are checked in parts: audited so, or imported in parts."""
    return bool(parts_of(folder.path, "sessions")) or folder.is_done("audit")


def labels_in_parts(directory: Path) -> bool:
    """Whether a run's labels are a table in parts; one file goes first, where there are both."""
    whole = any((directory / f"labels{suffix}").exists() for suffix in (".jsonl", ".jsonl.gz"))
    return not whole and bool(parts_of(directory, "labels"))


def no_judges(folder: RunFolder) -> BadInput:
    """What to say where language models are asked to read a run in parts."""
    there = folder.has(f"{SAMPLE}/run.json")
    home = folder.file(SAMPLE)
    first = "" if there else f"assay verify {folder.path}, then "
    return BadInput(
        "language models do not read sessions that are checked in parts", where=str(folder.path),
        now=f"{first}assay verify {home} --judge M --limit N reads the seeded random sample of its sessions",
    )  # fmt: skip


def labels_of_run(folder: RunFolder) -> list[Label]:
    """All labels without distributions, in few bytes each (see HeldLabel). Raises BadInput where there are none yet."""
    holder = Holder()
    if not labels_in_parts(folder.path):
        return [holder.hold(x) for x in read(folder.path, "labels")]
    found: list[Label] = []
    for path in parts_of(folder.path, "labels"):
        if path.suffix == ".parquet":
            found += map(holder.hold_row, plain_rows(path, Label, COLUMNS))
        else:
            found += map(holder.hold, read_part(path, Label))
    return found


def rewrite_labels(folder: RunFolder, before: list[Label], after: list[Label]) -> None:
    """Bring what changed from `before` to `after` (the same labels in the same order) into the folder's table."""
    new = (now if now is not was else None for was, now in zip(before, after, strict=True))
    if not labels_in_parts(folder.path):
        rows = read(folder.path, "labels")
        whole = folder.file("labels.jsonl.gz" if folder.has("labels.jsonl.gz") else "labels.jsonl")
        write_rows(whole, (_brought(x, now) for x, now in zip(rows, new, strict=True)))
        return
    for path in parts_of(folder.path, "labels"):
        held = list(read_part(path, Label))
        changed = list(islice(new, len(held)))
        if any(changed):
            write_part(path, [_brought(x, now) for x, now in zip(held, changed, strict=True)], Label)


def _brought(label: Label, new: Label | None) -> Label:
    """The label as it stands in its part, with what was changed in the copy that was held."""
    if new is None:
        return label
    return label.model_copy(update={f: getattr(new, f) for f in ("read", "trust", "trust_basis", "tier", "reasons")})


class Sessions(Mapping[str, Session]):
    """The sessions of a run by their id, of which one part is held; quick where they are asked for in their order."""

    def __init__(self, folder: Path) -> None:
        self.parts = parts_of(folder, "sessions")
        self.at, self.held = -1, dict[str, Session]()

    def __getitem__(self, name: str) -> Session:
        for _ in range(len(self.parts) + 1):
            if name in self.held:
                return self.held[name]
            self.at = (self.at + 1) % len(self.parts)
            self.held = {s.id: s for s in read_part(self.parts[self.at], Session)}
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (s.id for path in self.parts for s in read_part(path, Session))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def sessions_of(folder: RunFolder) -> Mapping[str, Session]:
    """The sessions of a run by their id; of a table in parts, one part is held at a time."""
    if parts_of(folder.path, "sessions"):
        return Sessions(folder.path)
    return {s.id: s for s in read(folder.path, "sessions")}


def label_steps(directory: Path) -> Iterator[list[Label]]:
    """A run's labels in lists: a part each, or of one file ROWS. Raises BadInput where they were not made yet."""
    if labels_in_parts(directory):
        for path in parts_of(directory, "labels"):
            yield list(read_part(path, Label))
        return
    yield from in_parts(read(directory, "labels"), ROWS)


def paired(a: Path, b: Path) -> Iterator[tuple[Label | None, Label | None]]:
    """Labels of two runs, paired by id; None for what only the other has.

    Held are the labels whose partner has not come yet: about a part where both runs have their sessions in one order.
    """
    left, right = dict[str, Label](), dict[str, Label]()
    one, two = label_steps(a), label_steps(b)
    while True:
        came, went = next(one, None), next(two, None)
        if came is None and went is None:
            break
        left |= {x.id: x for x in came or ()}
        right |= {x.id: x for x in went or ()}
        for key in left.keys() & right.keys():
            yield left.pop(key), right.pop(key)
    yield from ((x, None) for x in left.values())
    yield from ((None, x) for x in right.values())


def finished(folder: RunFolder) -> None:
    """Raises BadInput for a run in parts whose checks have not ended: its labels are not all there."""
    if parts_of(folder.path, "sessions") and not folder.is_done("audit"):
        raise BadInput(
            "these sessions are checked in parts, and that has not ended", where=str(folder.path),
            now=f"the same `assay audit` again goes on; of imported sessions: assay verify {folder.path}",
        )  # fmt: skip
