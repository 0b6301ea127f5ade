"""What the page asks: the items of a sample's CSV, or pairs. Nothing that says what the right answer is comes here."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.certification.questions import CANNOT_TELL, MARK, NONE_OF_THESE, SEPARATOR, SEVERAL_FIT
from assay.certification.sample import COLUMNS
from assay.errors import BadAnswers
from assay.records.label import Kind

ALWAYS = (CANNOT_TELL, SEVERAL_FIT, NONE_OF_THESE)
LINE = re.compile(rf"^({re.escape(MARK)})?\[(\d+)\] (.*?): (.*)$")
"""A turn of the context, as `certification.questions.context` writes it."""
PAIR_COLUMNS = ("pair_id", "first", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question as people see it."""

    id: str
    """sample_id or pair_id."""
    name: str
    """The label's name; `real or simulated` for a pair."""
    question: str
    options: tuple[str, ...]
    """Values in the sample's random order; empty: an open question."""
    always: tuple[str, ...]
    """Answers that are no value."""
    multiple: bool = False
    """Whether several options make one answer."""
    texts: tuple[tuple[dict[str, Any], ...], ...] = ()
    """One transcript, or the two of a pair: turns with `number`, `speaker`, `text`, `marked`."""

    def row(self) -> dict[str, Any]:
        """As the page gets it."""
        return {"id": self.id, "name": self.name, "question": self.question, "options": self.options,
                "always": self.always, "multiple": self.multiple, "open": not self.options,
                "texts": self.texts}  # fmt: skip


def read_sample(path: Path, kinds: dict[str, Kind]) -> list[Item]:
    """Items of a sample's CSV in its order. kinds: sample_id -> kind of value.

    Raises BadAnswers for a file that is no sample, or that was drawn for another run.
    """
    rows = _rows(path, COLUMNS)
    strange = [r["sample_id"] for r in rows if r["sample_id"] not in kinds]
    if strange or len(rows) != len(kinds):
        what = f"sample_id {strange[0]!r} is not in the run's sample" if strange else (
            f"the file has {len(rows)} rows and the run's sample {len(kinds)}")  # fmt: skip
        raise BadAnswers(what, where=str(path), now="give the CSV that `assay sample` wrote last for this run")
    return [_item(row, kinds[row["sample_id"]]) for row in rows]


def _item(row: dict[str, str], kind: Kind) -> Item:
    options = [o for o in row["options"].split(SEPARATOR) if o]
    return Item(
        id=row["sample_id"], name=row["name"], question=row["question"],
        options=tuple(o for o in options if o not in ALWAYS), always=tuple(o for o in options if o in ALWAYS),
        multiple=kind == "set", texts=(transcript(row["context"]),),
    )  # fmt: skip


def transcript(text: str) -> tuple[dict[str, Any], ...]:
    """Turns of a context; a line of another form is a turn without number and speaker."""
    turns: list[dict[str, Any]] = []
    for line in text.splitlines():
        found = LINE.match(line)
        if found is None:
            turns.append({"number": None, "speaker": "", "text": line, "marked": False})
        else:
            marked, number, speaker, said = found.groups()
            turns.append({"number": int(number), "speaker": speaker, "text": said, "marked": marked is not None})
    return tuple(turns)


def read_pairs(path: Path) -> list[Item]:
    """Pairs of a `pairs.csv` in its order. Raises BadAnswers for another file."""
    return [
        Item(
            id=row["pair_id"], name="real or simulated", question="Which of the two was simulated?",
            options=("first", "second"), always=(), texts=(transcript(row["first"]), transcript(row["second"])),
        )
        for row in _rows(path, PAIR_COLUMNS)
    ]  # fmt: skip


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogatepass")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = list(reader)
    except OSError as error:
        raise BadAnswers(f"cannot read the questions: {error.strerror or error}", where=str(path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadAnswers(f"the questions are not a CSV in UTF-8: {error}", where=str(path)) from error
    lacking = [c for c in columns if c not in (reader.fieldnames or ())]
    if lacking or not rows:
        raise BadAnswers(
            f"no column {lacking[0]} in the questions" if lacking else "no questions in the file",
            where=str(path), now=f"the columns are {','.join(columns)}",
        )  # fmt: skip
    if any(row[c] is None for row in rows for c in columns):
        raise BadAnswers("a row with too few columns", where=str(path), now="draw the sample again")
    return rows
