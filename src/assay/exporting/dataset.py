"""Export: a run folder becomes a dataset with a card."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import BadInput
from assay.exporting.card import About, card, licence_of, name_of
from assay.exporting.chat import dpo_rows, inspect_rows, kto_rows, openai_rows
from assay.exporting.croissant import croissant
from assay.exporting.jsonl import write_jsonl
from assay.exporting.parquet import write_parquet
from assay.exporting.rows import TIERS, session_form, table_form
from assay.exporting.steps import Seen, Step, steps_of, total_of
from assay.exporting.votes import crowdkit_csv, label_studio_rows, lines
from assay.records import Certificate, read
from assay.records.storage import atomic_write

Format = Literal["jsonl", "parquet", "openai", "inspect", "kto", "dpo", "crowdkit", "labelstudio"]
FILES: dict[str, str] = {
    "jsonl": "data.jsonl", "parquet": "data.parquet", "openai": "chats.jsonl", "inspect": "samples.jsonl",
    "kto": "kto.jsonl", "dpo": "dpo.jsonl", "crowdkit": "votes.csv", "labelstudio": "tasks.json",
}  # fmt: skip
"""Format -> name of its file."""
WHOLE = ("jsonl", "parquet")
"""Formats that hold all of a session, so that card and metadata describe them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    data: Path
    """The data file, or the folder of its parts."""
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
    """Write a dataset folder: one data file (Parquet above 10,000 sessions in parts), its card `README.md`, and for
    whole sessions `croissant.json`.

    Sessions are all kept; labels only of the given tiers, each with its evidence. private: whether what one party alone
    knew is in the rows. licence: stated in the card; default: the sessions' own, where they agree. jsonl is in the
    session form; parquet has fixed columns and loads with `datasets.load_dataset("parquet", data_files=...)`. openai:
    chats for fine-tuning; inspect: samples of a labelling task for Inspect AI; kto, dpo: what the user's model offered
    and the guards refused; crowdkit: votes as CSV; labelstudio: tasks with the labels as predictions.

    Raises BadInput for an unknown format or tier, an output that is a file, a run without sessions or
    labels, or a missing pyarrow; StorageFailed when it cannot be written.
    """
    folder, target = Path(directory), Path(out)
    _check(folder, target, format, tiers)
    wanted, seen = frozenset(tiers), Seen()
    data = target / FILES[format]
    files: tuple[Path, ...] = (data,)
    steps = map(seen.add, steps_of(folder))
    if format == "parquet":
        rows = (table_form(s, step.labels[s.id], wanted, private=private) for step in steps for s in step.sessions)
        files = write_parquet(data, rows, total_of(folder))
        data = data if len(files) == 1 else files[0].parent
    elif format == "jsonl":
        forms = (session_form(s, step.labels[s.id], wanted, private=private) for step in steps for s in step.sessions)
        write_jsonl(data, forms)
    else:
        atomic_write(data, _converted(format, folder, steps, wanted))
    about = About(
        sessions=seen.sessions,
        labels=seen.labels,
        tiers=tuple(t for t in TIERS if t in wanted),
        run=_run(folder),
        licence=licence,
        certificate=_certificate(folder),
        data_file=data.name if len(files) == 1 else f"{data.name}/*.parquet",
        private=private,
    )
    atomic_write(target / "README.md", card(about).encode("utf-8", "replace"))
    if format in WHOLE:
        metadata = croissant(
            files, name=name_of(about), licence=licence_of(about), published=_date(about.run),
            sessions=len(seen.sessions),
            version=str(about.run.get("config", {}).get("version", "0")),
        )  # fmt: skip
        atomic_write(target / "croissant.json", metadata.encode("utf-8", "replace"))
    kept = sum(x.tier in wanted for x in seen.labels)
    return Exported(
        data=data, card=target / "README.md", sessions=len(seen.sessions), labels=kept,
        left_out=len(seen.labels) - kept,
    )  # fmt: skip


def _converted(format: str, folder: Path, steps: Iterator[Step], tiers: frozenset[str]) -> Iterator[bytes]:
    """The bytes of a format for another tool, in pieces."""
    if format in ("kto", "dpo"):
        from assay.exporting.candidates import candidates

        offered = candidates(folder, [s for step in steps for s in step.sessions])
        yield lines(kto_rows(offered) if format == "kto" else dpo_rows(offered))
        return
    rows = openai_rows if format == "openai" else inspect_rows
    opening, between = "[", ""
    for number, (sessions, labels) in enumerate(steps):
        if format == "crowdkit":
            table = crowdkit_csv((x for s in sessions for x in labels[s.id]), tiers)
            yield (table if number == 0 else table.split("\n", 1)[1]).encode("utf-8", "replace")
        elif format == "labelstudio":
            tasks = json.dumps(list(label_studio_rows(sessions, labels, tiers)), ensure_ascii=False, indent=1)
            yield (opening + between + tasks.removeprefix("[").removesuffix("]").rstrip("\n")).encode(
                "utf-8", "replace"
            )
            opening, between = "", "," if sessions else between
        else:
            yield lines(rows(sessions, labels, tiers))
    if format == "labelstudio":
        yield b"\n]" if between else b"]"


def _date(run: Mapping[str, Any]) -> str:
    """Day on which the run was begun; the first of January 1970 where it does not say."""
    return str(run.get("started", "1970-01-01"))[:10]


def _check(folder: Path, target: Path, format: str, tiers: Sequence[str]) -> None:
    if format not in FILES:
        raise BadInput(f"no format {format!r}", now=f"one of {', '.join(FILES)}")
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
