"""Questions about sessions whose answers stand in the text and are many: what votes can teach (TTRL).

A question asks for the value of one slot that a user told ("What is the order number?"). The value itself is a label of
the session; training on votes never reads it. Pure text: no model here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.aggregation.open_votes import canonical
from assay.errors import BadInput
from assay.records.question_form import asked
from assay.records.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about one session."""

    id: str
    """session/slot."""
    name: str
    """The slot."""
    prompt: str
    """What the model goes on from."""
    gold: str
    """The canonical value of the label: for measuring, and for the gold arm."""


def questions(
    sessions: Iterable[Session], *, names: Collection[str] = (), speaker: str = "user", slots: str = "slots"
) -> list[Question]:
    """Every slot that one party told once in a session, with text in which its value stands.

    names: slots that are asked about; empty for all. Slots told twice with different values are left out, since the
    question would not say which. A value that does not stand in any turn's text is no question about the text.
    """
    found = []
    for session in sessions:
        told: dict[str, set[str]] = {}
        for turn in session.turns:
            held = turn.labels.get(slots)
            for name, value in held.items() if isinstance(held, dict) and turn.speaker == speaker else ():
                values = value if isinstance(value, list) else [value]
                told.setdefault(str(name), set()).update(v for x in values if (v := canonical(str(x))))
        text = " ".join(t.text.lower() for t in session.turns)
        for name, said in sorted(told.items()):
            gold = next(iter(said), "")
            if len(said) == 1 and (not names or name in names) and gold in text:
                found.append(
                    Question(id=f"{session.id}/{name}", name=name, prompt=asked(session.turns, name), gold=gold)
                )
    return found


def distinct(some: Sequence[Question]) -> list[Question]:
    """Without later questions of the same prompt: a vote belongs to one."""
    return list({q.prompt: q for q in reversed(some)}.values())[::-1]


def drawn(some: Sequence[Question], most: int, rng: np.random.Generator) -> list[Question]:
    """At most `most`, at random, names in equal measure as far as they go round."""
    by_name: dict[str, list[Question]] = {}
    for i in rng.permutation(len(some)):
        by_name.setdefault(some[int(i)].name, []).append(some[int(i)])
    kept: list[Question] = []
    while len(kept) < most and any(by_name.values()):
        for name in sorted(by_name):
            if by_name[name] and len(kept) < most:
                kept.append(by_name[name].pop())
    return kept


def without_overlap(train: Sequence[Question], other: Sequence[Question], what: str) -> None:
    """Raises BadInput, with the rows, when a prompt is in both parts."""
    known = {q.prompt: q.id for q in train}
    both = [(known[q.prompt], q.id) for q in other if q.prompt in known]
    if both:
        rows = ", ".join(f"{a} = {b}" for a, b in both[:5])
        raise BadInput(
            f"{len(both)} questions of {what} are trained on as well: {rows}",
            now="give files without sessions in common",
        )
