"""What people are asked: a question, shuffled options, and the text visible at the turn; never the label's value."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.records.label import Label, key_of
from assay.records.session import Session

CANNOT_TELL, SEVERAL_FIT, NONE_OF_THESE = "cannot tell", "several fit", "none of these"
"""Answers that every question allows (METHODS 0)."""

MOST_OPTIONS = 30
"""More values than this make a question open."""

SEPARATOR = " | "
"""Between options; a | inside a value is shown as /."""

MARK = ">>> "
"""Stands before the turn that is asked about."""

Universe = dict[tuple[str, str | None], list[str]]
"""(name, speaker of the turn or null at session level) -> shown values, sorted; empty: an open question."""


def universe(
    labels: Sequence[Label], sessions: Mapping[str, Session], codebook: Mapping[str, Mapping[str, str]]
) -> Universe:
    """The options of every kind of question. They depend on the whole run and never on the label that is asked about.

    A name is closed when the codebook lists it or when it takes at most 30 values that repeat: names whose values are
    mostly unique (numbers, identifiers, texts) are open, because a list of them would be a recognition test.
    """
    seen: dict[tuple[str, str | None], list[Label]] = defaultdict(list)
    for label in labels:
        seen[group(label, sessions)].append(label)
    options: Universe = {}
    for key, rows in seen.items():
        values = {shown(v) for row in rows for v in elements(row)}
        listed = {shown(v) for v in codebook.get(key[0], {})}
        repeats = len(values) <= MOST_OPTIONS and (len(rows) < 10 or len(values) <= len(rows) / 2)
        closed = bool(listed) or (repeats and rows[0].kind in ("category", "set", "bool"))
        options[key] = sorted(values | listed) if closed else []
    return options


def group(label: Label, sessions: Mapping[str, Session]) -> tuple[str, str | None]:
    """Labels whose questions share their options."""
    return label.name, None if label.turn is None else sessions[label.session].turns[label.turn].speaker


def elements(label: Label) -> Sequence[Any]:
    """The single values of a label: the elements of a set, else the value."""
    return label.value if isinstance(label.value, list | tuple) else [label.value]


def shown(value: Any) -> str:
    """A value as people see it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(key_of(value).replace("|", "/").split())


def question(label: Label, codebook: Mapping[str, Mapping[str, str]], *, closed: bool) -> str:
    """The question, with the meanings of the codebook; the same for all labels of one name and level."""
    where = "of this session" if label.turn is None else f"of the turn marked {MARK.strip()}"
    how = "Choose the one that the text says." if closed else "Write the value that the text says."
    if label.kind == "set":
        how = "Name all that the text says, separated by ; (or `nothing`)."
    meanings = "; ".join(f"{shown(v)}: {meaning}" for v, meaning in sorted(codebook.get(label.name, {}).items()))
    return f"What is `{label.name}` {where}? {how}" + (f" Meanings: {meanings}." if meanings else "")


def options(values: Sequence[str], rng: np.random.Generator) -> str:
    """Values in random order, then the three answers that are always there; an open question shows only those."""
    order = [values[i] for i in rng.permutation(len(values))]
    always = [CANNOT_TELL, SEVERAL_FIT, *([NONE_OF_THESE] if values else [])]
    return SEPARATOR.join([*order, *always])


def context(session: Session, turn: int | None) -> str:
    """Speaker and words of every turn that is visible: up to the turn asked about, or the whole session.

    Only `speaker` and `text` are read, so that no label, private fact or note of the source can stand in it. Line ends
    inside a turn become ` / `, so that no turn can pass for another.
    """
    last = len(session.turns) if turn is None else turn + 1
    lines = []
    for number, said in enumerate(session.turns[:last]):
        text = " / ".join(part for part in said.text.splitlines() if part.strip()) or "(nothing)"
        lines.append(f"{MARK if number == turn else ''}[{number}] {said.speaker}: {text}")
    return "\n".join(lines)
