"""How well a fitted policy predicts people it was not fitted on, beside policies that were not fitted at all.

Score of a user turn, in nats: the mean of log pi(act) over the acts of the turn, that is the log-likelihood of one of
its acts drawn evenly. All policies are scored on the same turns and over the same acts, those that the labels name.

    uniform        every act alike
    frequencies    how often people do each act, whatever was said before
    hand-written   a blueprint's policy: its own simulated sessions, counted over core acts in the same contexts
                   (start, heard, asked where labels name slots, outcome); restricted to the acts that the labels
                   name; mixed with a floor of uniform, since it gives some acts zero: of FLOORS the one that is best
                   for it on the training sessions
    fitted         the policy fitted on the training sessions

`whole turn` scores log P(the turn's whole set of acts) in the same way, without the hand-written policy, which does one
act a turn. Every session is left out once, with all sessions of its services where services are named: then a session
whose services fall into different folds is scored in none (counted), and trains only where none of its services is held
out.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.authoring.backoff import FOLDS, Item, folds_of, key_of, learn
from assay.authoring.fitting import LEVELS, FittedPolicy, counts_of, fit_talks, items_of, set_base
from assay.authoring.steps import Corpus, Talk
from assay.errors import NotEnoughData
from assay.records.base import rounded
from assay.stats.intervals import Interval, cluster_mean

FLOORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Shares of uniform tried for the hand-written policy."""
HAND_LEVEL = 5
"""Levels of LEVELS that a hand-written policy is counted in: up to start, heard, asked, outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Held-out log-likelihood per user turn, in nats."""

    split: str
    """`session`, or `session and service`."""
    folds: int
    """Times that a part was left out."""
    sessions: int
    """Sessions scored."""
    unscored: int
    """Sessions whose services lie in several folds, scored in none."""
    turns: int
    """User turns scored."""
    acts: int
    """Acts that have probability."""
    nats: dict[str, Interval]
    """Policy -> mean score per turn, session-clustered."""
    gain: dict[str, Interval]
    """Policy -> fitted minus it, paired by turn, session-clustered."""
    whole: dict[str, Interval]
    """The same for the turn's whole set of acts: uniform, frequencies, fitted."""
    whole_gain: dict[str, Interval]
    """Fitted minus the others, for the whole set."""
    floor: dict[str, float]
    """Hand-written policy -> share of uniform in it, mean over folds."""
    impossible: dict[str, float]
    """Hand-written policy -> share of scored turns with an act to which it alone gives no chance in its context."""

    def row(self) -> dict[str, Any]:
        """As a JSON object."""
        made: dict[str, Any] = rounded(asdict(self))
        return made


Hand = FittedPolicy | Callable[[Sequence[Talk]], FittedPolicy]
"""A policy to compare with, or what makes it of the training sessions."""


def held_out(corpus: Corpus, hands: Mapping[str, Hand] | None = None) -> HeldOut:
    """Score uniform, frequencies, hand-written policies and the fitted one on sessions left out.

    `hands`: name of a hand-written policy -> what `hand_policy` made of it, or a function that makes it of the training
    sessions (a re-weighted one). Concentrations are chosen inside each training part.

    Raises NotEnoughData when a training part is empty.

    *Guarantee*: sessions are independent; the interval covers the mean score of the fits made here on further sessions
    of the same population, with the fits themselves held fixed (their own randomness is not in it). The figure belongs
    to (folds - 1) / folds of the sessions; a fit on all of them does a little better. tests/laws/test_fitted_policy.py
    holds it against the true table.
    """
    acts, talks = corpus.acts, corpus.talks
    fold, split = _split(talks)
    scores, whole = _Scores(), _Scores()
    hands = hands or {}
    floors: dict[str, list[float]] = {name: [] for name in hands}
    for k in sorted({int(f) for _, f in fold if f is not None}):
        train = [t for t, (home, _) in zip(talks, fold, strict=True) if k not in home]
        test = [t for t, (_, f) in zip(talks, fold, strict=True) if f == k]
        if not train:
            raise NotEnoughData(
                "no session is left to fit on when one fold is held out", now="needs sessions of several services"
            )
        policy = fit_talks(train, acts)
        made = {n: h if isinstance(h, FittedPolicy) else h(train) for n, h in hands.items()}
        for name, hand in made.items():
            floors[name].append(best_floor(hand, acts, items_of(train)[0]))
        _score_fold(test, policy, {n: (h, floors[n][-1]) for n, h in made.items()}, scores, whole)
    return _report(corpus, split, fold, scores, whole, floors)


def hand_policy(talks: Sequence[Talk], slots: bool = True) -> FittedPolicy:
    """A hand-written policy as a table over core acts: the shares in its own simulated sessions, hardly smoothed.

    `slots`: whether the labels it is compared on name the slots that are asked for; where they do not, it is counted
    without them too, since `asked: none` would else mean a request for the goal only.
    """
    if not slots:
        talks = [replace(t, steps=tuple(replace(s, asks=frozenset()) for s in t.steps)) for t in talks]
    acts = tuple(sorted({a for talk in talks for s in talk.steps if s.party == "user" for a in s.acts}))
    one, whole = items_of(talks)
    near = tuple(1.0 if i < HAND_LEVEL else math.inf for i in range(len(LEVELS)))
    flat = 1 / len(acts)
    return FittedPolicy(
        acts=acts,
        act_table=learn(one, LEVELS, lambda _: flat, near),
        turn_table=learn(whole, LEVELS, set_base(whole, acts), near),
        counts=counts_of(talks),
        sessions=len(talks),
        turns=len(whole),
    )


def best_floor(hand: FittedPolicy, acts: Sequence[str], items: Sequence[Item]) -> float:
    """The share of uniform with which a hand-written policy predicts some turns best."""
    kept: _Kept = {}
    own = np.array([_restricted(hand, acts, i, kept) for i in items])
    weight = np.array([i.weight for i in items])
    return max(FLOORS, key=lambda e: float(weight @ np.log((1 - e) * own + e / len(acts))))


_Kept = dict[tuple[str, ...], dict[str, float]]
"""Shares of the hand-written policy by context, once worked out."""


def _restricted(hand: FittedPolicy, acts: Sequence[str], item: Item, kept: _Kept) -> float:
    """The hand-written policy's probability of an act among those that the labels name."""
    key = key_of(item.context, LEVELS[HAND_LEVEL - 1])
    if key not in kept:
        shares = {a: hand.act_table.probability(a, item.context) if a in hand.acts else 0.0 for a in acts}
        total = sum(shares.values())
        kept[key] = {a: p / total if total else 1 / len(acts) for a, p in shares.items()}
    return kept[key][str(item.outcome)]


class _Scores:
    """Scores of turns by policy, in the order in which turns are met."""

    def __init__(self) -> None:
        self.by: dict[str, list[float]] = {}
        self.sessions: list[str] = []
        self.impossible: Counter[str] = Counter()

    def add(self, name: str, value: float) -> None:
        self.by.setdefault(name, []).append(value)

    def means(self) -> dict[str, Interval]:
        return {name: cluster_mean(x, self.sessions, proportion=False) for name, x in self.by.items()}

    def gains(self) -> dict[str, Interval]:
        best = np.array(self.by["fitted"])
        return {
            name: cluster_mean(best - np.array(x), self.sessions, proportion=False)
            for name, x in self.by.items()
            if name != "fitted"
        }


def _score_fold(
    test: Sequence[Talk], policy: FittedPolicy, hands: Mapping[str, tuple[FittedPolicy, float]], scores: _Scores,
    whole: _Scores,
) -> None:  # fmt: skip
    """Add the scores of one held-out part."""
    acts = policy.acts
    log_sets = math.log(2 ** len(acts) - 1)
    one, turns = items_of(test)
    place, kept = 0, {name: _Kept() for name in hands}
    for turn in turns:
        assert isinstance(turn.outcome, frozenset)
        own = one[place : place + len(turn.outcome)]
        place += len(own)
        scores.sessions.append(turn.group)
        whole.sessions.append(turn.group)
        table = policy.act_table
        scores.add("uniform", -math.log(len(acts)))
        scores.add("frequencies", sum(i.weight * math.log(table.probability(i.outcome, i.context, 1)) for i in own))
        for name, (hand, floor) in hands.items():
            p = [_restricted(hand, acts, i, kept[name]) for i in own]
            scores.impossible[name] += min(p) < 1e-3
            mixed = [(1 - floor) * q + floor / len(acts) for q in p]
            scores.add(name, sum(i.weight * math.log(q) for i, q in zip(own, mixed, strict=True)))
        scores.add("fitted", sum(i.weight * math.log(table.probability(i.outcome, i.context)) for i in own))
        whole.add("uniform", -log_sets)
        whole.add("frequencies", math.log(policy.turn_table.probability(turn.outcome, turn.context, 1)))
        whole.add("fitted", math.log(policy.turn_table.probability(turn.outcome, turn.context)))


def _report(
    corpus: Corpus, split: str, fold: "_Fold", scores: _Scores, whole: _Scores, floors: Mapping[str, Sequence[float]]
) -> HeldOut:
    turns = len(scores.sessions)
    return HeldOut(
        split=split,
        folds=len({f for _, f in fold if f is not None}),
        sessions=len(set(scores.sessions)),
        unscored=sum(f is None for _, f in fold),
        turns=turns,
        acts=len(corpus.acts),
        nats=scores.means(),
        gain=scores.gains(),
        whole=whole.means(),
        whole_gain=whole.gains(),
        floor={name: float(np.mean(found)) for name, found in floors.items()},
        impossible={name: scores.impossible[name] / turns for name in floors},
    )


_Fold = Sequence[tuple[frozenset[int], int | None]]
"""Per session: (folds that any of its services lies in, the fold in which it is scored or None)."""


def _split(talks: Sequence[Talk]) -> tuple[_Fold, str]:
    """Folds by session, or by service where at least two folds' worth of services are named."""
    services = sorted({s for t in talks for s in t.services})
    if len(services) < 2 or any(not t.services for t in talks):
        return [(frozenset({int(f)}), int(f)) for f in folds_of([t.session for t in talks])], "session"
    home = service_folds([t.services for t in talks])
    made: list[tuple[frozenset[int], int | None]] = []
    for talk in talks:
        own = frozenset(home[s] for s in talk.services)
        made.append((own, next(iter(own)) if len(own) == 1 else None))
    return made, "session and service"


def service_folds(sets: Sequence[frozenset[str]], folds: int = FOLDS) -> dict[str, int]:
    """Fold of every service: the most frequent first, each to the fold it shares most sessions with that has room.

    Room is a quarter more than an even share of the mentions, so that few sessions straddle folds and none is huge.
    """
    n: Counter[str] = Counter(s for own in sets for s in own)
    together: Counter[tuple[str, str]] = Counter((a, b) for own in sets for a in own for b in own if a != b)
    count = min(folds, len(n))
    room = 1.25 * sum(n.values()) / count
    load: NDArray[np.float64] = np.zeros(count)
    home: dict[str, int] = {}
    for service in sorted(n, key=lambda s: (-n[s], s)):
        pull = [sum(together[service, s] for s, f in home.items() if f == k) for k in range(count)]
        open_ = [k for k in range(count) if load[k] + n[service] <= room] or [int(load.argmin())]
        # an empty fold is opened before anything is drawn together
        best = max(open_, key=lambda k: (load[k] == 0, pull[k], -load[k], -k))
        home[service] = best
        load[best] += n[service]
    return home
