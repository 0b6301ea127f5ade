"""A language model as a reader (LB01) and its repeated draws (RE01): option log-probabilities over option orders.

Asking is apart from reading: `questions` makes the exact prompts, the caller gets the answers (cached, counted), and
`verdicts` turns them into verdicts. No prompt holds the label: all options of a name are listed, in a random order that
is rotated from draw to draw, so that draws differ and no value keeps its letter.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.verification.check import Corpus, readable

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORDERS = 3
"""Option orders per label: the facet over which draws are repeated."""
CONTEXT_TURNS = 4
"""Turns that a question about one turn shows."""


class Question(NamedTuple):
    """One prompt about one label, with one order of its options."""

    session: str
    turn: int | None
    name: str
    value: str
    order: int
    prompt: str
    values: tuple[str, ...]
    """Values in the order of their letters."""
    guard: bool = False
    """Whether a guard or a template put the words there that carry the label: reading them is then no evidence."""


class Target(NamedTuple):
    """One label that could be asked about."""

    session: Session
    turn: int | None
    name: str
    value: str


def questions(corpus: Corpus, labels: int) -> list[Question]:
    """Questions about a seeded random subset of `labels` labels, ORDERS each: goal, core_act, act and slots in turn.

    Within a name every label has the same chance; the names take turns, so that the few goals are not lost among the
    many acts. Slots without a pool (patterns, ranges) and names with more than 26 values are not asked. The subset is
    stated in the report; the order of sessions does not change it.
    """
    if corpus.blueprint is None or labels <= 0:
        return []
    options = _options(corpus.blueprint)
    ranked: dict[str, list[Target]] = {}
    for target in _targets([s for s in corpus.sessions if readable(s)]):
        if target.value in options.get(target.name, ()):
            ranked.setdefault(target.name.split(".")[0], []).append(target)
    for found in ranked.values():
        found.sort(key=lambda t: digest([corpus.seed, "model reader", t.session.id, t.turn, t.name]))
    order = [ranked[name] for name in sorted(ranked)]
    turns = [t for row in zip_longest(*order) for t in row if t is not None]
    return [
        _question(corpus.seed, target, options[target.name], number)
        for target in turns[:labels]
        for number in range(ORDERS)
    ]


def _targets(sessions: Sequence[Session]) -> Iterator[Target]:
    for s in sessions:
        if "goal" in s.session_labels:
            yield Target(s, None, "goal", str(s.session_labels["goal"]))
        for i, t in enumerate(s.turns):
            for name in ("core_act", "act"):
                if name in t.labels:
                    yield Target(s, i, name, str(t.labels[name]))
            slots = t.labels.get("slots")
            for slot, value in slots.items() if isinstance(slots, dict) else ():
                yield Target(s, i, f"slots.{slot}", str(value))


def _options(blueprint: Blueprint) -> dict[str, dict[str, str]]:
    """Label name -> value -> words, for the names whose values fit the letters."""
    used = sorted({act.like for act in blueprint.user_acts.values()})
    found = {
        "goal": {name: f"wants to {goal.words}" for name, goal in blueprint.goals.items()},
        "core_act": {name: CORE_ACTS[name].meaning for name in used},
        "act": {name: act.means for name, act in blueprint.user_acts.items()},
    }
    for name, slot in blueprint.slots.items():
        pool = [*(slot.values or ()), *(v for shares in (slot.when or {}).values() for v in shares)]
        found[f"slots.{name}"] = {v: v for v in pool if v}
    return {name: values for name, values in found.items() if 2 <= len(values) <= len(LETTERS)}


def _question(seed: int, target: Target, options: Mapping[str, str], order: int) -> Question:
    session, turn, name, value = target
    stated = [i for i, t in enumerate(session.turns) if t.labels.get("core_act") == "state_goal"]
    held = {i for i, t in enumerate(session.turns) if t.realised_by == "template" or i in stated[1:]}
    rng = np.random.default_rng([seed, int(digest([session.id, turn, name])[:16], 16)])
    values = [list(options)[i] for i in np.roll(rng.permutation(len(options)), order)]
    last = len(session.turns) if turn is None else turn + 1
    first = 0 if turn is None else max(0, last - CONTEXT_TURNS)
    # The goal is read from words that no guard held to it: its restatements and templates are left out.
    numbered = list(enumerate(session.turns))[first:last]
    shown = [t for i, t in numbered if turn is not None or (t.speaker == "user" and i not in held)]
    guard = turn is not None and session.authored and _held(session, turn, name)
    lines = [f"{'customer' if t.speaker == 'user' else 'agent'}: {' '.join(t.text.split())}" for t in shown]
    slot = name.removeprefix("slots.").replace("_", " ") if name.startswith("slots.") else ""
    ask = "What does the customer want?" if turn is None else "What does the customer do in the last line?"
    ask = f"Which {slot} does the customer name in the last line?" if slot else ask
    listed = "\n".join(f"{LETTERS[k]}) {options[v]}" for k, v in enumerate(values))
    prompt = "Conversation:\n" + "\n".join(lines) + f"\n\nQuestion: {ask}\n{listed}\nAnswer:"
    return Question(session.id, turn, name, value, order, prompt, tuple(values), guard)


def _held(session: Session, turn: int, name: str) -> bool:
    """Whether a turn's words were held to this label: a template, a slot value, or an act that carries one."""
    own = session.turns[turn]
    return (
        own.realised_by == "template" or name.startswith("slots.") or (name == "act" and bool(own.labels.get("slots")))
    )


def verdicts(
    asked: Sequence[Question], answers: Sequence[Mapping[str, float] | None], by: str, independent: bool
) -> Iterator[Verdict]:
    """LB01 and RE01 per label from the log-probabilities of the letters (natural log), None where unreadable.

    LB01: mean of the normalised probabilities over orders; supported when the label has more than half, contradicted
    when another value has. RE01: modal share of the orders' first choices; never support.
    """
    grouped: dict[tuple[str, int | None, str], list[tuple[Question, Mapping[str, float] | None]]] = {}
    for question, answer in zip(asked, answers, strict=True):
        grouped.setdefault((question.session, question.turn, question.name), []).append((question, answer))
    for (session, turn, name), draws in grouped.items():
        shares = [s for q, a in draws if a is not None and (s := _shares(q, a)) is not None]
        value = draws[0][0].value
        common = {"session": session, "turn": turn, "name": name, "by": by, "guard": draws[0][0].guard}
        if len(shares) < len(draws):
            for code in ("LB01", "RE01"):
                yield Verdict(code=code, status="unparsed", reason="no option letter in the answer", **common)
            continue
        mean = {v: float(np.mean([s[v] for s in shares])) for v in shares[0]}
        best = max(mean, key=lambda v: mean[v])
        status = "not_evidenced" if mean[best] <= 0.5 else "supported" if best == value else "contradicted"
        yield Verdict(
            code="LB01",
            status=status,
            score=mean[value],
            read=best,
            independent=independent and not draws[0][0].guard,
            **common,
        )
        firsts = [max(s, key=lambda v, s=s: s[v]) for s in shares]  # type: ignore[misc]
        modal = max(firsts.count(v) for v in firsts) / len(firsts)
        yield Verdict(
            code="RE01",
            status="supported" if modal > 0.5 else "not_evidenced",
            score=modal,
            **common,
        )


def _shares(question: Question, answer: Mapping[str, float]) -> dict[str, float] | None:
    """Value -> probability among the options; a letter beyond the listed top gets the smallest listed one."""
    found: dict[str, float] = {}
    for token, logp in answer.items():
        letter = token.strip().rstrip(").")
        if math.isfinite(logp) and len(letter) == 1 and letter in LETTERS[: len(question.values)]:
            found[letter] = max(found.get(letter, -math.inf), logp)
    if not found:
        return None
    floor = min(v for v in (*answer.values(), *found.values()) if math.isfinite(v))
    logps = np.array([found.get(LETTERS[k], floor) for k in range(len(question.values))])
    p = np.exp(logps - logps.max())
    return dict(zip(question.values, (p / p.sum()).tolist(), strict=True))
