"""One family of tests: everything that is asked of one set of simulated sessions is adjusted together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from assay.stats.divergence import holm

ALPHA = 0.05


class Question(NamedTuple):
    """One hypothesis: that simulated and real sessions are exchangeable in this respect."""

    group: str
    """RL01 turn, RL01 session, RL02, RL03 or RL06: each group may spend an equal share of the error."""
    name: str
    """Which one of its group; empty where the group is one test."""
    p: float
    """Its p-value."""
    least: float
    """The smallest p that its permutations and its numbers of sessions can show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A hypothesis after the adjustment."""

    question: Question
    weight: float
    """Its share of the error; all shares are 1."""
    p: float
    """Adjusted: at most 0.05 is a difference that holds although others were looked for."""
    least: float
    """The adjusted p it would have had at its smallest p, the others being as they are."""

    @property
    def shown(self) -> bool:
        """Whether a difference is shown."""
        return self.p <= ALPHA

    @property
    def unattainable(self) -> bool:
        """Whether no outcome of this comparison could have shown a difference: silence then says nothing."""
        return not self.shown and self.least > ALPHA


def adjust(questions: Sequence[Question]) -> list[Answer]:
    """Holm's method over all questions, weighted so that each group holds an equal share of the error.

    Weights depend on how many questions there are, never on their p-values: a discriminator is one test, RL02 asks a
    dozen, and with equal weights the discriminators' few permutations could show nothing.

    *Guarantee*: that of `stats.divergence.holm`: of exchangeable sessions at most 5 % of comparisons show any
    difference. tests/laws/test_realism_family_laws.py shows it; its twin reads each p by itself.
    """
    if not questions:
        return []
    sizes = {q.group: sum(o.group == q.group for o in questions) for q in questions}
    weights = np.array([1 / (len(sizes) * sizes[q.group]) for q in questions])
    p = np.array([q.p for q in questions])
    adjusted = holm(p, weights)
    out = []
    for i, question in enumerate(questions):
        best = p.copy()
        best[i] = min(question.least, question.p)
        out.append(
            Answer(
                question=question, weight=float(weights[i]), p=float(adjusted[i]), least=float(holm(best, weights)[i])
            )
        )
    return out


def family_row(answers: Sequence[Answer]) -> dict[str, Any]:
    """As the JSON summary shows it."""
    return {
        "method": "Holm; RL01 turn, RL01 session, RL02, RL06 (and RL03 where people were asked) with equal shares",
        "alpha": ALPHA,
        "tests": [
            {
                "group": a.question.group, "name": a.question.name, "p": a.question.p, "p_holm": a.p,
                "weight": a.weight, "least_holm": a.least, "shown": a.shown, "unattainable": a.unattainable,
            }
            for a in answers
        ],
    }  # fmt: skip
