"""People's answers: reading them, comparing them with values, and settling what several assessors said."""

import csv
import io
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.certification.questions import CANNOT_TELL, NONE_OF_THESE, SEVERAL_FIT, shown
from assay.errors import BadAnswers, NotEnoughData
from assay.records.label import Kind
from assay.stats.agreement import krippendorff_nominal

REQUIRED = ("sample_id", "assessor", "answer")
"""Columns that answers must have; `seconds` may be there too."""

ADJUDICATOR = "adjudicator"
"""The assessor of this name has the last word on an item."""

LEAST_ALPHA = 0.4
"""Agreement between assessors below which a name gets no certificate (METHODS 10)."""

LEAST_SHARED = 10
"""Items of a name that two assessors must have answered before their agreement is measured."""

Outcome = Literal["value", "cannot_tell", "several_fit", "none_of_these", "disagreement", "unanswered"]


@dataclass(frozen=True, slots=True)
class Final:
    """What an item's assessors said, all together."""

    outcome: Outcome
    """What kind of answer it is."""
    canon: str = ""
    """Canonical form of the value, where it is one."""
    text: str = ""
    """The words of the answer, as the first assessor wrote them."""


UNANSWERED = Final("unanswered")


def read_answers(path: str | Path) -> list[dict[str, str]]:
    """Rows of an answers CSV (`sample_id,assessor,answer,seconds`). Raises BadAnswers with the file and line."""
    where = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadAnswers(f"cannot read the answers: {error.strerror or error}", where=where) from error
    except UnicodeDecodeError as error:
        raise BadAnswers("the answers are not UTF-8 text", where=where, now="save the CSV as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [c for c in REQUIRED if c not in (reader.fieldnames or ())]
    if missing:
        found = ", ".join(reader.fieldnames or ()) or "an empty file"
        raise BadAnswers(
            f"no column {', '.join(missing)} in the answers; found {found}",
            where=f"{where}, line 1",
            now="the columns are sample_id,assessor,answer,seconds",
        )
    rows = []
    try:
        for row in reader:
            if any(row[c] is None for c in REQUIRED):
                raise BadAnswers("a row with too few columns", where=f"{where}, line {reader.line_num}")
            rows.append({c: row[c].strip() for c in REQUIRED})
    except csv.Error as error:
        raise BadAnswers(f"not a CSV: {error}", where=f"{where}, line {reader.line_num}") from error
    if not rows:
        raise BadAnswers("no answers in the file", where=where, now="one row per sample_id and assessor")
    return rows


def settle(rows: Iterable[Mapping[str, str]], kinds: Mapping[str, Kind]) -> dict[str, Final]:
    """sample_id -> final answer, for every item of the sample.

    rows: answers of all assessors; kinds: sample_id -> kind of value. Blank answers are no answers. Assessors who
    differ are a `disagreement` until the assessor named `adjudicator` has answered. Raises BadAnswers for a
    sample_id that is not of this sample and for two answers of one assessor to one item.
    """
    return {i: _final(given, kinds[i]) for i, given in by_item(rows, kinds).items()}


def by_item(rows: Iterable[Mapping[str, str]], kinds: Mapping[str, Kind]) -> dict[str, dict[str, str]]:
    """sample_id -> assessor -> answer, checked, for every item of the sample; blank answers left out."""
    given: dict[str, dict[str, str]] = {i: {} for i in kinds}
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 1):
        lacking = [c for c in REQUIRED if c not in row]
        if lacking:
            raise BadAnswers(f"answer {number} has no {lacking[0]}", now="fields: sample_id, assessor, answer, seconds")
        item, assessor = row["sample_id"], row["assessor"]
        if item not in given:
            raise BadAnswers(
                f"sample_id {item!r} is not in the sample",
                where=f"answer {number} of the answers",
                now="give the answers to the sample that was drawn last for this run",
            )
        if (item, assessor) in seen:
            raise BadAnswers(
                f"assessor {assessor!r} answered {item} twice",
                where=f"answer {number} of the answers",
                now="keep one row per sample_id and assessor",
            )
        seen.add((item, assessor))
        if str(row["answer"]).strip():
            given[item][assessor] = str(row["answer"]).strip()
    return given


def agreement(given: Mapping[str, Mapping[str, str]], kinds: Mapping[str, Kind]) -> float | None:
    """Krippendorff's alpha of the assessors over some items, adjudicator left out; None where it is not measurable.

    Not measurable: fewer than 10 items with two answers, or all answers the same.
    """
    units = [
        [(f.outcome, f.canon) for f in (_single(t, kinds[i]) for a, t in sorted(said.items()) if a != ADJUDICATOR)]
        for i, said in given.items()
    ]
    shared = [u for u in units if len(u) > 1]
    if len(shared) < LEAST_SHARED:
        return None
    try:
        return krippendorff_nominal(shared)
    except NotEnoughData:
        return None


def canon(text: str, kind: Kind) -> str:
    """Canonical form in which answers and values are compared: case, spaces and punctuation play no part.

    Numbers compare as numbers, yes/true and no/false are the same, sets compare as sets (parts separated by `;` or `|`,
    or a JSON list; `nothing` is the empty one).
    """
    if kind == "set":
        return "\x1f".join(sorted({_plain(p) for p in _parts(text)} - {""}))
    if kind == "bool":
        plain = _plain(text)
        return {"true": "yes", "y": "yes", "false": "no", "n": "no"}.get(plain, plain)
    if kind == "number":
        try:
            return f"{float(text.replace(',', '')):.9g}"
        except ValueError:
            return _plain(text)
    return _plain(text)


def canon_value(value: Any, kind: Kind) -> str:
    """Canonical form of a label's value."""
    if kind == "set":
        return "\x1f".join(sorted({_plain(shown(v)) for v in value} - {""}))
    return canon(shown(value), kind)


def right(final: Final, truth: str, estimand: str) -> bool:
    """Whether a final answer confirms a value given in canonical form.

    `expressed`: only the same value does. `not_contradicted`: also `cannot tell` and `several fit`, since only another
    value is wrong then; an unanswered item or an open disagreement is wrong under both.
    """
    if final.outcome == "value":
        return final.canon == truth
    return estimand == "not_contradicted" and final.outcome in ("cannot_tell", "several_fit")


def _final(said: Mapping[str, str], kind: Kind) -> Final:
    if not said:
        return UNANSWERED
    if ADJUDICATOR in said:
        return _single(said[ADJUDICATOR], kind)
    finals = [_single(text, kind) for _, text in sorted(said.items())]
    same = len({(f.outcome, f.canon) for f in finals}) == 1
    return finals[0] if same else Final("disagreement")


def _plain(text: str) -> str:
    """Letters and digits, case folded; points stay inside numbers, a minus before one at the start."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    kept = [
        c
        for i, c in enumerate(folded)
        if c.isalnum()
        or unicodedata.category(c)[0] in "MS"
        or (c == "." and folded[i - 1 : i].isdigit() and folded[i + 1 : i + 2].isdigit())
        or (c == "-" and i == 0 and folded[1:2].isdigit())
    ]
    return "".join(kept) or folded


_SPECIAL: dict[str, Outcome] = {
    **{_plain(CANNOT_TELL): "cannot_tell", _plain("can't tell"): "cannot_tell"},
    **{_plain(SEVERAL_FIT): "several_fit", _plain(NONE_OF_THESE): "none_of_these"},
}
"""Canonical form of the answers that are no value."""


def _single(text: str, kind: Kind) -> Final:
    special = _SPECIAL.get(_plain(text))
    return Final(special, text=text) if special else Final("value", canon(text, kind), text)


def _parts(text: str) -> Sequence[str]:
    if text.strip().casefold() in ("nothing", "none"):
        return ()
    if text.lstrip().startswith("["):
        try:
            return [shown(v) for v in json.loads(text)]
        except ValueError:
            pass
    return text.replace("|", ";").replace("\n", ";").split(";")


def counts(finals: Iterable[Final]) -> dict[str, int]:
    """How many items ended in each outcome."""
    total: dict[str, int] = defaultdict(int)
    for final in finals:
        total[final.outcome] += 1
    return dict(sorted(total.items()))
