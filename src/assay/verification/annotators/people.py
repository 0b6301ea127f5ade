"""What people, or anybody, said of targets: votes and gold from CSV files, and a function of yours as an annotator.

Columns: `item` (label id, as in votes.csv of the folder) or `session,turn,name` (turn blank at session level), then
`annotator` (votes only) and `label`. A set takes several rows, or one row with its values separated by `;`; `nothing`
is the empty set.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import BadAnswers, BadInput
from assay.records.label import label_id
from assay.records.label_schema import Asked, AskedLabel
from assay.records.session import Session
from assay.verification.annotators.naming import Reading, checked, line_of, stacked

NOTHING = "nothing"
Row = tuple[str, dict[str, str]]
"""(where it stands, columns)."""


def read_rows(path: str | Path, columns: Sequence[str]) -> list[Row]:
    """Rows of a CSV with these columns and with `item` or `session,turn,name`. Raises BadInput with file and line."""
    where = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        head = list(reader.fieldnames or ())
        rows = [
            (f"{where}, line {reader.line_num}", {k: (v or "").strip() for k, v in row.items() if k}) for row in reader
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"can't be read as CSV: {error}", where=where, now="give a UTF-8 CSV file") from error
    place = ("item",) if "item" in head else ("session", "turn", "name")
    if missing := [c for c in (*place, *columns) if c not in head]:
        now = f"the header names item (or session,turn,name) and {', '.join(columns)}"
        raise BadInput(f"no column {', '.join(missing)}", where=where, now=now)
    if not rows:
        raise BadInput("no rows", where=where, now="one row a vote")
    return rows


def votes_by_annotator(
    rows: Sequence[Row], labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]]
) -> dict[str, dict[str, Reading]]:
    """Annotator -> label name -> reading, of rows of `read_rows`.

    Raises BadInput for an item that is no target, a label that the schema does not list, a blank annotator, and
    BadAnswers for two values of one annotator on one target of a category.
    """
    said: dict[str, dict[str, dict[int, frozenset[str]]]] = {}
    for label, i, held, where, row in _placed(rows, labels, targets):
        who = row["annotator"]
        if not who:
            raise BadInput("a vote without an annotator", where=where, now="name who voted")
        own = said.setdefault(who, {}).setdefault(label.name, {})
        before = own.get(i)
        if before is not None and label.kind == "category" and before != held:
            now = "keep one"
            raise BadAnswers(f"{who!r} named two values: {_words(before)} and {_words(held)}", where=where, now=now)
        own[i] = held | (before or frozenset())
    by_name = {label.name: label for label in labels}
    return {
        who: {n: _reading(who, by_name[n], len(targets[n]), own) for n, own in names.items()}
        for who, names in said.items()
    }


def gold_of(
    rows: Sequence[Row], labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]]
) -> dict[str, dict[int, frozenset[str]]]:
    """Label name -> target -> values, of rows of `read_rows`. Raises BadInput as votes, BadAnswers for two golds."""
    gold: dict[str, dict[int, frozenset[str]]] = {}
    for label, i, held, where, _ in _placed(rows, labels, targets):
        own = gold.setdefault(label.name, {})
        if own.setdefault(i, held) != held and label.kind == "category":
            raise BadAnswers(f"two golds: {_words(own[i])} and {_words(held)}", where=where, now="keep one")
        own[i] = own[i] | held
    return gold


def read_function(
    function: Callable[..., Any], label: AskedLabel, targets: Sequence[Asked], sessions: Mapping[str, Session],
    name: str,
) -> Reading:  # fmt: skip
    """A function of yours as an annotator: a dict in, a value, list of values, {value: probability} or None out.

    It is given `label`, `values` (value -> meaning), `text`, `before` and `turns` (speaker and text up to the target);
    never another annotator's vote. Raises BadInput for what is none of these, an unknown value, or no probability.
    """
    rows = []
    for target in targets:
        session = sessions[target.session]
        line = line_of(target, sessions)
        last = len(session.turns) if target.turn is None else target.turn + 1
        asked = {"label": label.name, "values": dict(label.values), "text": line.text, "before": line.before,
                 "turns": [{"speaker": t.speaker, "text": t.text} for t in session.turns[:last]]}  # fmt: skip
        try:
            said = function(asked)
        except Exception as error:  # a stranger's code: anything can come out of it
            raise BadInput(
                f"the annotator raised {type(error).__name__}: {str(error)[:200]}", where=f"{name}, {target.session}"
            ) from error
        rows.append(_row(said, label, f"{name}, session {target.session}, turn {target.turn}"))
    return checked(Reading(annotator=name, p=stacked(rows, label)), label)


def _row(said: Any, label: AskedLabel, where: str) -> dict[str, float] | None:
    if said is None:
        return None
    row = {said: 1.0} if isinstance(said, str) else said
    if isinstance(row, list | tuple | set | frozenset):
        row = dict.fromkeys(row, 1.0)
    if not isinstance(row, Mapping) or not all(isinstance(p, int | float) for p in row.values()):
        now = "return a value, a list of values, {value: probability} or None"
        raise BadInput(f"the annotator returned {type(said).__name__}", where=where, now=now)
    if unknown := [v for v in row if v not in label.values]:
        now = f"one of {', '.join(list(label.values)[:12])}"
        raise BadInput(f"{unknown[0]!r} is not a value of {label.name}", where=where, now=now)
    if odd := [p for p in row.values() if not math.isfinite(p)]:
        raise BadInput(f"a probability of {odd[0]}", where=where, now="probabilities lie between 0 and 1")
    return {str(v): float(p) for v, p in row.items()}


def _placed(
    rows: Sequence[Row], labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]]
) -> Iterator[tuple[AskedLabel, int, frozenset[str], str, dict[str, str]]]:
    """(label, target, values, where, columns) of every row with an answer in it."""
    by_name = {label.name: label for label in labels}
    places = {label_id(t.session, t.turn, n): (n, i) for n, found in targets.items() for i, t in enumerate(found)}
    for where, row in rows:
        if not row["label"]:
            continue
        item = row.get("item") or _item(row, where)
        if item not in places:
            named = row.get("item") or f"{row['session']}, turn {row['turn'] or '(session)'}, {row['name']}"
            now = "items are label ids (votes.csv of the folder), or session,turn,name of a target"
            raise BadInput(f"{named} is nothing that was asked for", where=where, now=now)
        name, i = places[item]
        yield by_name[name], i, _values(row["label"], by_name[name], where), where, row


def _item(row: Mapping[str, str], where: str) -> str:
    turn = row["turn"]
    if turn and not turn.isdigit():
        raise BadInput(f"turn {turn!r} is no number", where=where, now="0-based turns; blank at session level")
    return label_id(row["session"], int(turn) if turn else None, row["name"])


def _values(text: str, label: AskedLabel, where: str) -> frozenset[str]:
    if text in label.values:
        return frozenset((text,))
    parts: list[str] = [text]
    if label.kind == "set":
        parts = _list(text) if text.startswith("[") else [p.strip() for p in text.replace("|", ";").split(";")]
        parts = [p for p in parts if p and p != NOTHING]
    if unknown := [p for p in parts if p not in label.values]:
        now = f"one of {', '.join(list(label.values)[:12])}"
        raise BadInput(f"unknown label {unknown[0]!r} for {label.name}", where=where, now=now)
    return frozenset(parts)


def _list(text: str) -> list[str]:
    try:
        return [str(v) for v in json.loads(text)]
    except ValueError:
        return [text]


def _words(values: frozenset[str]) -> str:
    return "; ".join(sorted(values)) or NOTHING


def _reading(who: str, label: AskedLabel, n: int, said: Mapping[int, frozenset[str]]) -> Reading:
    p = np.full((n, len(label.values)), np.nan)
    for i, held in said.items():
        p[i] = [float(v in held) for v in label.values]
    return Reading(annotator=who, p=p, about={"votes": len(said)})
