"""A language model as a reader (LB01) and its repeated draws (RE01): option log-probabilities over option orders.

Asking is apart from reading: `questions` makes the exact prompts, the caller gets the answers (cached, counted), and
`verdicts` turns them into verdicts. No prompt holds the label: all options of a name are listed, in a random order that
is rotated from draw to draw, so that draws differ and no value keeps its letter.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.verification.check import Corpus, readable

LETTERS = "ABCDEFGHIJ"
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


def questions(corpus: Corpus, labels: int) -> list[Question]:
    """Questions about a seeded random subset of `labels` labels (goal and core_act), ORDERS each.

    The subset is stated in the report; the order of sessions does not change it.
    """
    if corpus.blueprint is None or labels <= 0:
        return []
    sessions = [s for s in corpus.sessions if readable(s)]
    targets: list[tuple[Session, int | None, str, str]] = [
        (s, None, "goal", str(s.session_labels["goal"])) for s in sessions if "goal" in s.session_labels
    ]
    targets += [
        (s, i, "core_act", str(t.labels["core_act"]))
        for s in sessions
        for i, t in enumerate(s.turns)
        if "core_act" in t.labels
    ]
    ranked = sorted(targets, key=lambda t: digest([corpus.seed, "model reader", t[0].id, t[1], t[2]]))
    goals = {name: f"wants to {goal.words}" for name, goal in corpus.blueprint.goals.items()}
    used = sorted({act.like for act in corpus.blueprint.user_acts.values()})[: len(LETTERS)]
    acts = {name: CORE_ACTS[name].meaning for name in used}
    out = []
    for session, turn, name, value in ranked[:labels]:
        options = goals if name == "goal" else acts
        if value in options and len(options) <= len(LETTERS):
            out += [_question(corpus.seed, session, turn, name, value, options, order) for order in range(ORDERS)]
    return out


def _question(
    seed: int, session: Session, turn: int | None, name: str, value: str, options: Mapping[str, str], order: int
) -> Question:
    rng = np.random.default_rng([seed, int(digest([session.id, turn, name])[:16], 16)])
    values = [list(options)[i] for i in np.roll(rng.permutation(len(options)), order)]
    last = len(session.turns) if turn is None else turn + 1
    first = 0 if turn is None else max(0, last - CONTEXT_TURNS)
    shown = [t for t in session.turns[first:last] if turn is not None or t.speaker == "user"]
    lines = [f"{'customer' if t.speaker == 'user' else 'agent'}: {' '.join(t.text.split())}" for t in shown]
    ask = "What does the customer want?" if turn is None else "What does the customer do in the last line?"
    listed = "\n".join(f"{LETTERS[k]}) {options[v]}" for k, v in enumerate(values))
    prompt = "Conversation:\n" + "\n".join(lines) + f"\n\nQuestion: {ask}\n{listed}\nAnswer:"
    return Question(session.id, turn, name, value, order, prompt, tuple(values))


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
        common = {"session": session, "turn": turn, "name": name, "by": by}
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
            independent=independent,
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
