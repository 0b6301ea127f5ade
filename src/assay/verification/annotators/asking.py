"""A reader that is asked for values in words (LB01): "What is the departure date?", several draws, their majority.

For labels with too many values to list as options: names, dates, amounts, identifiers. The question holds the turns up
to the label's own and the name of the slot, never its value. What training on votes (`assay learn ttrl`) makes better
is just this reader.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.aggregation.open_votes import Vote, canonical, vote
from assay.records.base import digest
from assay.records.label import key_of
from assay.records.question_form import asked
from assay.records.session import Session
from assay.records.verdict import Status, Verdict
from assay.verification.check import Corpus, readable
from assay.verification.judges.fence import visible
from assay.verification.judges.trial import Trial

SLOTS = "slots."
LONGEST = 1200
"""Characters of the turns that are shown, the last ones; readers are trained on about 500."""
SURE = 0.5
"""Share of the draws from which on the majority contradicts another value."""
NOT_IN_TEXT, SEVERAL = "its value does not stand in the turn's text", "several values in this session"
NO_ANSWER = "no answer"


class Asking(NamedTuple):
    """One label that is asked for."""

    session: Session
    turn: int
    name: str
    value: str
    """Its canonical value: compared with the answers, never shown."""
    prompt: str

    @property
    def id(self) -> str:
        """Form and digest of the prompt."""
        return f"LB01.a1:{digest(self.prompt)[:16]}"


def askings(corpus: Corpus, most: int) -> tuple[list[Asking], list[Verdict]]:
    """At most `most` slot labels, a seeded random subset of those that can be asked for; `not_applicable` for others.

    A slot can be asked for where its value stands in the text of its own turn and no turn of the session before gives
    it another one (the question would not say which). Labels beyond `most` are `not_applicable: budget`.
    """
    found: list[Asking] = []
    left: list[Verdict] = []
    for session in corpus.sessions:
        known: dict[str, set[str]] = defaultdict(set)
        for i, turn in enumerate(session.turns):
            slots = turn.labels.get("slots")
            for slot, raw in slots.items() if isinstance(slots, Mapping) and readable(session) else ():
                name, value = f"{SLOTS}{slot}", canonical(visible(_text(raw)).text)
                known[name].add(value or "")
                why = SEVERAL if len(known[name]) > 1 else "" if _stands(value, turn.text) else NOT_IN_TEXT
                if why or value is None:
                    left.append(_none(session.id, i, name, why or NOT_IN_TEXT))
                else:
                    found.append(Asking(session, i, name, value, _prompt(session, i, str(slot))))
    found.sort(key=lambda a: digest([corpus.seed, "asking", a.session.id, a.turn, a.name]))
    left += [none_of(a, "budget") for a in found[most:]]
    return found[:most], left


def _text(raw: Any) -> str:
    return " ".join(map(str, raw)) if isinstance(raw, list) else key_of(raw)


def _stands(value: str | None, text: str) -> bool:
    return value is not None and value in (canonical(" ".join(visible(text).text.splitlines())) or "")


def _prompt(session: Session, turn: int, slot: str) -> str:
    """The turns up to the label's own, the last LONGEST characters of them, and the question."""
    shown, size, first = session.turns[: turn + 1], 0, turn + 1
    for i in range(turn, -1, -1):
        size += len(shown[i].text) + 4
        if size > LONGEST and i < turn:
            break
        first = i
    kept = [t.model_copy(update={"text": visible(t.text).text[-LONGEST:]}) for t in shown[first:]]
    return asked(kept, slot)


def _none(session: str, turn: int, name: str, why: str) -> Verdict:
    return Verdict(code="LB01", session=session, turn=turn, name=name, status="not_applicable", reason=why)


def none_of(ask: Asking, why: str) -> Verdict:
    """The verdict on a label that was not asked for."""
    return _none(ask.session.id, ask.turn, ask.name, why)


def status_of(found: Vote, value: str, text: str) -> Status:
    """supported: most draws name it. contradicted: at least half name another value that stands in the text.

    One value within the other ("march 1" in "march 1 at noon") contradicts nothing.
    """
    if found.label == value:
        return "supported"
    named = found.label or ""
    apart = named and not _within(named, value) and not _within(value, named)
    return "contradicted" if apart and found.share >= SURE and _within(named, text) else "not_evidenced"


def _within(inner: str, outer: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(inner)}(?!\w)", outer) is not None


def verdicts(
    asked_: Sequence[Asking], answers: Sequence[Sequence[str]], by: str, independent: bool
) -> Iterator[Verdict]:  # fmt: skip
    """LB01 per label from the answers drawn: score is the share of the draws that name the label's value."""
    for ask, said in zip(asked_, answers, strict=True):
        found = vote([canonical(a) for a in said])
        own = dict(found.counts).get(ask.value, 0) / found.n
        guard = ask.session.authored
        common = {"code": "LB01", "session": ask.session.id, "turn": ask.turn, "name": ask.name, "by": by,
                  "prompts": (ask.id,)}  # fmt: skip
        if found.label is None:
            yield Verdict(status="unparsed", reason=NO_ANSWER, **common)
            continue
        yield Verdict(
            status=status_of(found, ask.value, _shown(ask)), score=own, read=found.label, guard=guard,
            independent=independent and not guard, **common,
        )  # fmt: skip


def _shown(ask: Asking) -> str:
    return " ".join(visible(t.text).text for t in ask.session.turns[: ask.turn + 1]).lower()


def trials(asked_: Sequence[Asking], answers: Sequence[Sequence[str]], seed: int) -> Iterator[Trial]:
    """One trial a label with another value of its name anywhere in what was asked: the label as it is, and made wrong.

    The wrong value is drawn uniformly from the others of the name. The answers are the same: no prompt held the label.
    """
    pools: dict[str, set[str]] = defaultdict(set)
    for ask in asked_:
        pools[ask.name].add(ask.value)
    for ask, said in zip(asked_, answers, strict=True):
        others = sorted(pools[ask.name] - {ask.value})
        if not others:
            continue
        rng = np.random.default_rng([seed, 3, int(digest([ask.session.id, ask.turn, ask.name])[:16], 16)])
        found, text = vote([canonical(a) for a in said]), _shown(ask)
        pair = [
            "unparsed" if found.label is None else status_of(found, v, text)
            for v in (ask.value, others[int(rng.integers(len(others)))])
        ]
        yield Trial("LB01", ask.name, ask.session.id, pair[0], pair[1])
