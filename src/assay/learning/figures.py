"""Figures of an adapter on people it never read: held-out loss, and required values that its words carry.

*Guarantee* of the intervals: held-out sessions are drawn at random and are the independent units of
`stats.intervals.cluster_mean` (coverage: tests/laws/test_interval_laws.py). They speak of sessions like those held out
and of nothing else; with fewer than 10 sessions there is none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.learning.data import HumanSession, PromptBuilder, Terciles, manner
from assay.records.base import rounded
from assay.stats.intervals import Interval, cluster_mean

LATEST = 4
"""A worded turn is one of the first so many of its session: prompts stay short."""
EXAMPLES = 6
"""Turns that the report shows beside the human ones."""


@dataclass(frozen=True, slots=True)
class Case:
    """One held-out turn: what the model is told, what a person said, and the values that must be there."""

    session: str
    prompt: str
    values: tuple[str, ...]
    human: str


def header_of(session: HumanSession, cuts: Terciles) -> dict[str, Any]:
    """Keyword arguments of the prompt's header for a session as it is."""
    return {"manner": manner(session, cuts), "situation": (), "goal": ", ".join(session.goals[:2])}


def cases(
    builder: PromptBuilder, sessions: Sequence[HumanSession], cuts: Terciles, n: int, rng: np.random.Generator
) -> list[Case]:
    """Up to `n` turns of different sessions that carry a value, drawn at random."""
    found: list[Case] = []
    for i in rng.permutation(len(sessions)):
        session = sessions[int(i)]
        able = [k for k, t in enumerate(session.turns[:LATEST]) if t.target and _values(session, k)]
        if not able:
            continue
        last = able[int(rng.integers(len(able)))]
        exchanges = []
        for k, turn in enumerate(session.turns[: last + 1]):
            acts = tuple(builder.Act(name=a.name, slots=dict(a.slots), detail=a.detail) for a in turn.acts)
            said = turn.text if k < last else None
            exchanges.append(builder.Exchange(assistant=turn.assistant, acts=acts, customer=said))
        text = builder.render(builder.Header(**header_of(session, cuts)), exchanges)
        found.append(Case(session.id, text, _values(session, last), session.turns[last].text))
        if len(found) == n:
            break
    return found


def _values(session: HumanSession, turn: int) -> tuple[str, ...]:
    found = (v for a in session.turns[turn].acts for _, v in a.slots)
    return tuple(v for v in found if v and v not in ("yes", "no"))


def carries(text: str, values: Sequence[str]) -> bool:
    """Whether every value stands in a text as whole words, case aside."""
    return all(re.search(rf"(?<!\w){re.escape(v)}(?!\w)", text, re.I) for v in values)


def realised(asked: Sequence[Case], adapter: Sequence[str], bare: Sequence[str]) -> dict[str, Any]:
    """Share of single samples that carry every value: adapter, bare model, paired difference, and some examples.

    `adapter` and `bare` hold one line of words a case. Prompts are of different sessions: the independent units.
    """
    said = list(zip(adapter, bare, strict=True))
    hits = [(carries(a, c.values), carries(b, c.values)) for c, (a, b) in zip(asked, said, strict=True)]
    units = [c.session for c in asked]
    lengths = [len(a.split()) for a, _ in said]
    return {
        "prompts": len(asked),
        "adapter": of(cluster_mean([h[0] for h in hits], units)),
        "bare": of(cluster_mean([h[1] for h in hits], units)),
        "difference": of(cluster_mean([float(h[0]) - float(h[1]) for h in hits], units, proportion=False)),
        "words": {
            "adapter": round(float(np.mean(lengths)), 2),
            "people": round(float(np.mean([len(c.human.split()) for c in asked])), 2),
        },
        "examples": [
            {"human": c.human, "adapter": a, "bare": b, "values": list(c.values), "told": c.prompt.splitlines()[-2]}
            for c, (a, b) in list(zip(asked, said, strict=True))[:EXAMPLES]
        ],
    }


def loss_figures(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Held-out loss (nats a target token) of the bare model and of the adapter, and their paired difference.

    `before` and `after` hold the losses of every target token, one list a session, in the same order.
    """
    units = [i for i, losses in enumerate(before) for _ in losses]
    first = np.array([x for losses in before for x in losses])
    second = np.array([x for losses in after for x in losses])
    return {
        "sessions": len(before),
        "target_tokens": len(units),
        "before": of(cluster_mean(first, units, proportion=False)),
        "after": of(cluster_mean(second, units, proportion=False)),
        "difference": of(cluster_mean(second - first, units, proportion=False)),
    }


def of(found: Interval) -> dict[str, Any]:
    """An interval as it is stored: point, limits (null below 10 sessions), items and sessions."""
    value = {"point": found.point, "low": found.low, "high": found.high, "n": found.n, "sessions": found.clusters}
    return dict(rounded(value))
