"""Which labels judges are asked about, what each could be instead, and what of the session they are shown."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.label import key_of, labels_of
from assay.records.session import Session
from assay.verification.check import Corpus, readable
from assay.verification.judges.fence import LONGEST, fence, mark_of, visible
from assay.verification.judges.prompt import LETTERS

MOST_SHOWN = 3600
"""Characters of a transcript that one prompt shows: about half the context of the embedded model."""
BLOCK = 8
"""Turns by which the start of what is shown moves on in longer transcripts, so that neighbours share a prefix."""
LEAST_SEEN = 5
"""Targets that a value of somebody else's label stands on before it is an option."""
CLAUSES = 12
"""Quotable parts listed for a model that can't quote freely."""

Options = Mapping[str, Mapping[str, str]]
"""Label name -> value -> words."""


class Target(NamedTuple):
    """One label that could be asked about."""

    session: Session
    turn: int | None
    name: str
    value: str


def options_of(corpus: Corpus) -> dict[str, dict[str, str]]:
    """Values of each name and their words: from the blueprint, else the values that the sessions hold often enough.

    Names with fewer than 2 or more than 26 values are left out.
    """
    found = _written(corpus.blueprint) if corpus.blueprint is not None else _seen(corpus.sessions)
    return {name: values for name, values in found.items() if 2 <= len(values) <= len(LETTERS)}


def _written(blueprint: Blueprint) -> dict[str, dict[str, str]]:
    used = sorted({act.like for act in blueprint.user_acts.values()})
    found = {
        "goal": {name: f"wants to {goal.words}" for name, goal in blueprint.goals.items()},
        "core_act": {name: CORE_ACTS[name].meaning for name in used},
        "act": {name: act.means for name, act in blueprint.user_acts.items()},
    }
    for name, slot in blueprint.slots.items():
        pool = [*(slot.values or ()), *(v for shares in (slot.when or {}).values() for v in shares)]
        found[f"slots.{name}"] = {v: v for v in pool if v}
    return found


def _seen(sessions: Sequence[Session]) -> dict[str, dict[str, str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label in (x for s in sessions for x in labels_of(s)):
        if label.kind in ("category", "bool"):
            counts[label.name][key_of(label.value)] += 1
    often = {n: sorted(v for v, k in c.items() if k >= LEAST_SEEN) for n, c in sorted(counts.items())}
    return {n: {v: text for v in values if (text := visible(v).text)} for n, values in often.items()}


def targets_of(corpus: Corpus) -> Iterator[Target]:
    """Every label that a judge could read, in order of sessions; labels of another language's sessions are left out."""
    for s in corpus.sessions:
        if not readable(s):
            continue
        if corpus.blueprint is None:
            yield from (Target(s, x.turn, x.name, key_of(x.value)) for x in labels_of(s))
            continue
        if "goal" in s.session_labels:
            yield Target(s, None, "goal", str(s.session_labels["goal"]))
        for i, t in enumerate(s.turns):
            for name in ("core_act", "act"):
                if name in t.labels:
                    yield Target(s, i, name, str(t.labels[name]))
            slots = t.labels.get("slots")
            for slot, value in slots.items() if isinstance(slots, dict) else ():
                yield Target(s, i, f"slots.{slot}", str(value))


def drawn(corpus: Corpus, labels: int, options: Options, why: str = "model reader") -> list[Target]:
    """A seeded random subset of `labels` labels: names take turns, within a name every label has the same chance."""
    ranked: dict[str, list[Target]] = {}
    for target in targets_of(corpus) if labels > 0 else ():
        if target.value in options.get(target.name, ()):
            ranked.setdefault(target.name.split(".")[0], []).append(target)
    for found in ranked.values():
        found.sort(key=lambda t: digest([corpus.seed, why, t.session.id, t.turn, t.name]))
    order = [ranked[name] for name in sorted(ranked)]
    return [t for row in zip_longest(*order) for t in row if t is not None][:labels]


def left_out(all_of: Iterable[Target], asked: Iterable[Target]) -> list[tuple[str, str]]:
    """(session, name) with at least one label that was not asked about, sorted."""
    had = {(t.session.id, t.turn, t.name) for t in asked}
    return sorted({(t.session.id, t.name) for t in all_of if (t.session.id, t.turn, t.name) not in had})


def template_or_again(session: Session) -> set[int]:
    """Turns whose words a guard held to the goal, or that a template worded: the goal is not read from them."""
    stated = [i for i, t in enumerate(session.turns) if t.labels.get("core_act") == "state_goal"]
    return {i for i, t in enumerate(session.turns) if t.realised_by == "template" or i in stated[1:]}


def shown_turns(target: Target) -> list[int]:
    """Turns that a question shows: up to its own; of the user alone, where words were not held to it, for the goal.

    Of a transcript beyond MOST_SHOWN characters, a question about a turn shows the last blocks, one about the session
    the first turns.
    """
    session, turn = target.session, target.turn
    goal = turn is None and target.name == "goal" and session.authored
    held = template_or_again(session) if goal else set()
    last = len(session.turns) if turn is None else turn + 1
    shown = [i for i in range(last) if not goal or (session.turns[i].speaker == "user" and i not in held)]
    sizes = {i: min(len(session.turns[i].text), LONGEST) + 12 for i in shown}
    if turn is None:
        kept: list[int] = []
        size = 0
        for i in shown:
            size += sizes[i]
            if size > MOST_SHOWN and kept:
                break
            kept.append(i)
        return kept
    first, size = 0, sum(sizes.values())
    while size > MOST_SHOWN and first + BLOCK <= turn:
        size -= sum(sizes[i] for i in range(first, first + BLOCK))
        first += BLOCK
    return shown[first:]


def opening(seed: int, target: Target) -> str:
    """The fenced transcript of a question. Its mark belongs to the session, so neighbours share their prefix."""
    turns = [(t.speaker, t.text) for t in target.session.turns]
    shut = fence(mark_of(seed, target.session.id, turns), [turns[i] for i in shown_turns(target)])
    return shut.text + shut.close


def clauses(texts: Iterable[str]) -> tuple[str, ...]:
    """Parts of shown texts between stops, in order, without repeats: at most CLAUSES of at most 80 characters."""
    parts = (p.strip()[:80].strip() for text in texts for p in re.split(r"(?<=[.!?;,])\s+", text))
    return tuple(dict.fromkeys(p for p in parts if p))[:CLAUSES]


def is_guarded(target: Target) -> bool:
    """Whether a guard or a template put the words there that carry the label: a template, a slot, an act with slots."""
    session, turn, name = target.session, target.turn, target.name
    if turn is None or not session.authored:
        return False
    own = session.turns[turn]
    return (
        own.realised_by == "template" or name.startswith("slots.") or (name == "act" and bool(own.labels.get("slots")))
    )


def plain(name: str) -> str:
    """A label name in words: slots.order_number -> order number."""
    return visible(name.removeprefix("slots.").replace("_", " ").replace(".", " ")).text[:60]
