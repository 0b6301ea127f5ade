"""Majority votes as a training signal (TTRL), with the gate, the index and the refusals that keep them honest.

Votes of the current model on an unlabelled question make its label; an answer is rewarded for being that label
(2504.16084). It sharpens what is there. METHODS 11.3: when to believe a vote, and when to refuse to train on votes.
Pure numpy: nothing here trains.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.aggregation.open_votes import Vote, vote

LEAST_VOTES = 16
"""Votes per question below which a majority is not taken for a label."""
LEAST_GOLD = 100
"""Questions with a known answer that the index is estimated on, at least."""
LEAST_LUCKY = 0.5
"""Where the upper limit of `lucky_hit` lies below this, a wrong vote mostly rewards wrong answers: refused."""
RESAMPLES = 2000
"""Bootstrap draws of questions."""

Reward = Literal["votes", "gold", "random", "flipped"]
"""votes: TTRL. gold: the ceiling. random: what votes would pay, dealt out blindly. flipped: the negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """When a vote is believed (2603.19880; METHODS 11.3)."""

    share: float = 0.5
    """Least share of the label."""
    margin: float = 0.15
    """The margin must lie above this."""
    rare: float = 0.15
    """Answers with a smaller share are punished where they were drawn in doubt."""

    def open(self, found: Vote) -> bool:
        """Whether the label of a vote is paid for."""
        return found.label is not None and found.share >= self.share and found.margin > self.margin


def rewards(answers: Sequence[str | None], doubts: Sequence[float], gate: Gate) -> npt.NDArray[np.float64]:
    """(n,) rewards of the votes themselves: +1 for the label of an open gate, -1 for a rare answer in doubt, else 0.

    doubts: (n,) mean negative log-probability a token, in nats, of each answer. An answer is in doubt where the mean
    doubt of those who gave it is at least that of all votes. An unreadable answer counts as one of its own.
    Raises ValueError for other lengths and for doubts that are no numbers.
    """
    if len(answers) != len(doubts) or not np.all(np.isfinite(doubts)):
        raise ValueError(f"{len(answers)} answers need as many finite doubts, not {len(doubts)}")
    found, overall = vote(answers), float(np.mean(doubts))
    paid = np.zeros(len(answers))
    believed = gate.open(found)
    for answer in set(answers):
        own = [i for i, a in enumerate(answers) if a == answer]
        if believed and answer == found.label:
            paid[own] = 1.0
        elif len(own) / len(answers) < gate.rare and float(np.mean([doubts[i] for i in own])) >= overall:
            paid[own] = -1.0
    return paid


def paid_for(
    kind: Reward, answers: Sequence[str | None], doubts: Sequence[float], gate: Gate, gold: str | None,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """(n,) rewards under an arm of the experiment. Raises ValueError for `gold` without a known answer."""
    own = rewards(answers, doubts, gate)
    if kind == "gold":
        if gold is None:
            raise ValueError("the gold reward needs a known answer")
        return np.array([1.0 if a == gold else 0.0 for a in answers])
    if kind == "random":
        # as often as votes pay, and blind to what was said
        return np.asarray(rng.permutation(own))
    return -own if kind == "flipped" else own


def index(answers: Sequence[str | None], paid: Sequence[float], gold: str) -> float:
    """J_x = E[reward | right] - E[reward | wrong] of one question; 0 where either is missing."""
    right = [r for a, r in zip(answers, paid, strict=True) if a == gold]
    wrong = [r for a, r in zip(answers, paid, strict=True) if a != gold]
    return float(np.mean(right) - np.mean(wrong)) if right and wrong else 0.0


def lucky_hit(answers: Sequence[str | None], gold: str) -> float | None:
    """1 - p_m - p_y where the vote is wrong: the share of answers rightly left without reward; None where it is right.

    With two classes and a wrong vote it is 0 exactly: every wrong answer is paid and no right one.
    """
    found = vote(answers)
    if found.label == gold:
        return None
    right = sum(a == gold for a in answers) / len(answers)
    return 1.0 - found.share - right


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Whether votes can teach this model on these questions, from those with a known answer."""

    n: int
    """Questions with a known answer."""
    index: float
    index_lower: float
    """Lower 95 % limit of the mean index."""
    wrong: int
    """Questions on which the vote is wrong."""
    lucky: float | None
    lucky_upper: float | None
    """Upper 95 % limit of the mean lucky hit; None where every vote is right."""
    before: float
    """Share of right answers, one answer a question."""
    majority: float
    """Share of questions whose vote is right."""

    @property
    def refused(self) -> str | None:
        """Why training on votes is refused, None where it is not."""
        if self.n < LEAST_GOLD:
            return f"{self.n} questions with a known answer, and the index needs {LEAST_GOLD}"
        if self.index_lower <= 0:
            return (
                f"the rewards do not prefer right answers: index {self.index:.3f}, lower limit {self.index_lower:.3f}"
            )
        if self.lucky_upper is not None and self.lucky_upper < LEAST_LUCKY:
            return (
                f"where the vote is wrong, wrong answers are paid: lucky hit {self.lucky:.2f}, upper limit "
                f"{self.lucky_upper:.2f}, needed {LEAST_LUCKY} (always so with two classes)"
            )
        return None


def outlook(
    answers: Sequence[Sequence[str | None]], doubts: Sequence[Sequence[float]], gold: Sequence[str], gate: Gate,
    rng: np.random.Generator,
) -> Outlook:  # fmt: skip
    """Index and lucky hit over questions, with 95 % limits from a bootstrap of questions (one-sided, percentile).

    answers, doubts: (questions, votes). Raises ValueError without any question.

    Guarantee: questions are drawn independently from those trained on, votes within one may hang together. The limits
    are asymptotic in the number of questions; tests/laws/test_vote_laws.py shows their coverage at 100.
    """
    if not gold:
        raise ValueError("no question with a known answer")
    js = np.array([index(a, rewards(a, d, gate).tolist(), g) for a, d, g in zip(answers, doubts, gold, strict=True)])
    hits = np.array([np.nan if (h := lucky_hit(a, g)) is None else h for a, g in zip(answers, gold, strict=True)])
    drawn = rng.integers(0, len(js), (RESAMPLES, len(js)))
    wrong = ~np.isnan(hits)
    of_lucky: list[float] = []
    if wrong.any():
        held = np.where(wrong, hits, 0.0)
        many = wrong[drawn].sum(1)
        of_lucky = (held[drawn].sum(1)[many > 0] / many[many > 0]).tolist()
    return Outlook(
        n=len(js), index=float(js.mean()), index_lower=float(np.quantile(js[drawn].mean(1), 0.05)),
        wrong=int(wrong.sum()), lucky=float(hits[wrong].mean()) if wrong.any() else None,
        lucky_upper=float(np.quantile(of_lucky, 0.95)) if of_lucky else None,
        before=float(np.mean([np.mean([a == g for a in some]) for some, g in zip(answers, gold, strict=True)])),
        majority=float(np.mean([vote(a).label == g for a, g in zip(answers, gold, strict=True)])),
    )  # fmt: skip


Fate = Literal["kept", "learned", "corrupted", "never"]
"""A question's majority before and after: right-right, wrong-right, right-wrong, wrong-wrong."""


def fate(before: bool, after: bool) -> Fate:
    """What became of one question."""
    if before:
        return "kept" if after else "corrupted"
    return "learned" if after else "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The state of training on votes at one step, without any known answer (METHODS 11.3, alarms)."""

    majority: float
    """Mean share of the label."""
    flips: float | None
    """Share of questions whose label changed since they were last voted on; None before a second look."""
    doubt: float
    """Mean negative log-probability a token, nats."""
    commonest: float
    """Share of questions that share the commonest label."""
    open: float
    """Share of questions whose gate is open."""
    n: int = 0
    """Questions."""


def pulse(votes: Sequence[Vote], before: Sequence[str | None] | None, doubts: Sequence[float]) -> Pulse:
    """The pulse of one round over questions; `before` are the labels of the last look at the same questions."""
    labels = [v.label for v in votes]
    known = [x for x in labels if x is not None]
    most = Counter(known).most_common(1)[0][1] if known else 0
    flips = None
    if before is not None:
        flips = float(np.mean([a != b for a, b in zip(before, labels, strict=True)]))
    gate = Gate()
    return Pulse(
        majority=float(np.mean([v.share for v in votes])), flips=flips, doubt=float(np.mean(doubts)),
        commonest=most / len(votes), open=float(np.mean([gate.open(v) for v in votes])), n=len(votes),
    )  # fmt: skip


MOST_FLIPS = 0.3
LEAST_LOOKED = 20
SATURATED = 0.98
FALLEN = 0.2
SAME = 0.15


def alarms(first: Pulse, now: Pulse) -> list[str]:
    """Why training on votes should stop here; empty where nothing is wrong.

    flips: more than 30 % of the labels of 20 questions or more changed between two looks (2605.19444). saturated: the
    mean majority is 0.98 or more, so that nothing is left to learn from votes. collapsed: the doubt has fallen below a
    fifth of the first while one label serves 15 points more of the questions than at first: the same answer whatever
    is asked (2505.21444).
    """
    found = []
    if now.flips is not None and now.n >= LEAST_LOOKED and now.flips > MOST_FLIPS:
        found.append(f"flips: {now.flips:.0%} of the labels changed since the last look")
    if now.majority >= SATURATED:
        found.append(f"saturated: votes agree on {now.majority:.0%}, nothing is left to learn from them")
    if now.commonest > first.commonest + SAME and (now.doubt < FALLEN * first.doubt or math.isclose(now.doubt, 0)):
        found.append(
            f"collapsed: one answer serves {now.commonest:.0%} of the questions, {first.commonest:.0%} at first"
        )
    return found
