"""Export: a run folder becomes a dataset with a card."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import BadInput
from assay.exporting.card import About, card
from assay.exporting.jsonl import write_jsonl
from assay.exporting.parquet import write_parquet
from assay.exporting.rows import TIERS, session_form, table_form
from assay.records import Certificate, Label, Session, read
from assay.records.storage import atomic_write

Format = Literal["jsonl", "parquet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    data: Path
    card: Path
    sessions: int
    labels: int
    """Labels in the dataset."""
    left_out: int
    """Labels of other tiers."""


def export(
    directory: str | Path,
    out: str | Path,
    *,
    format: Format = "jsonl",
    tiers: Sequence[str] = ("certified", "provisional"),
    private: bool = True,
    licence: str | None = None,
) -> Exported:
    """Write a dataset folder: `data.jsonl` or `data.parquet`, one row per session, and its card, `README.md`.

    Sessions are all kept; labels only of the given tiers, each with its tier. private: whether what one party alone
    knew is in the rows. licence: stated in the card; default: the sessions' own, where they agree. JSON lines are in
    the session form; Parquet has fixed columns and loads with `datasets.load_dataset("parquet", data_files=...)`.

    Raises BadInput for an unknown format or tier, an output that is a file, a run without sessions or
    labels, or a missing pyarrow; StorageFailed when it cannot be written.
    """
    folder, target = Path(directory), Path(out)
    _check(folder, target, format, tiers)
    sessions: list[Session] = list(read(folder, "sessions"))
    labels: dict[str, list[Label]] = defaultdict(list)
    for label in read(folder, "labels"):
        labels[label.session].append(label)
    wanted = frozenset(tiers)
    data = target / f"data.{format}"
    if format == "parquet":
        write_parquet(data, (table_form(s, labels[s.id], wanted, private=private) for s in sessions))
    else:
        write_jsonl(data, (session_form(s, labels[s.id], wanted, private=private) for s in sessions))
    every = [x for s in sessions for x in labels[s.id]]
    about = About(
        sessions=sessions,
        labels=every,
        tiers=tuple(t for t in TIERS if t in wanted),
        run=_run(folder),
        licence=licence,
        certificate=_certificate(folder),
        data_file=data.name,
        private=private,
    )
    atomic_write(target / "README.md", card(about).encode("utf-8", "replace"))
    kept = sum(x.tier in wanted for x in every)
    return Exported(
        data=data, card=target / "README.md", sessions=len(sessions), labels=kept, left_out=len(every) - kept
    )


def _check(folder: Path, target: Path, format: str, tiers: Sequence[str]) -> None:
    if format not in ("jsonl", "parquet"):
        raise BadInput(f"no format {format!r}", now="one of jsonl, parquet")
    unknown = [t for t in tiers if t not in TIERS]
    if unknown or not tiers:
        raise BadInput(
            f"no tier {unknown[0]!r}" if unknown else "no tier was named", now=f"one or more of {', '.join(TIERS)}"
        )
    if not folder.is_dir():
        raise BadInput("no such run folder", where=str(folder), now="give the folder that `assay run --out DIR` wrote")
    if target.exists() and not target.is_dir():
        raise BadInput("the output folder is a file", where=str(target), now="choose another --out")


def _run(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"run.json cannot be read: {error}", where=str(folder)) from error
    return found if isinstance(found, dict) else {}


def _certificate(folder: Path) -> Certificate | None:
    if not (folder / "certificate.json").exists():
        return None
    from pydantic import ValidationError

    try:
        certificate: Certificate = next(iter(read(folder, "certificate")))
    except ValidationError as error:
        raise BadInput(
            "certificate.json is not a certificate of this version", where=str(folder), now="certify again"
        ) from error
    return certificate
