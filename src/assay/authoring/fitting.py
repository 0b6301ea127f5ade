"""The policy fitted from people: pi(user acts | what was heard, what was told, how far it has come), with counts.

Two tables over the same contexts. `act`: one act of the turn, a turn of k acts counting 1/k for each; this is what a
blueprint's rows hold. `turn`: the whole set of acts of a turn; this is a likelihood of the turn, as filters over
latents need it. Both are smoothed by hierarchical Dirichlet back-off (authoring/backoff.py). Beside them the plain
counts that a simulator needs: acts per turn, slots per informing turn, user turns a session, the hazard of ending.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.authoring.backoff import Backoff, Item, key_of, learn
from assay.authoring.steps import Corpus, Reading, Step, Talk, corpus_of
from assay.errors import BadInput
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session

DECISIVE = ("request", "ask_confirm", "offer", "ask_more", "clarify", "notify_failure", "notify_success", "inform")
"""Which act of an assistant turn with several is the one that was heard: questions first, then what came of it."""

LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("start",),
    ("start", "heard"),
    ("start", "heard", "asked"),
    ("start", "heard", "asked", "outcome"),
    ("start", "heard", "asked", "outcome", "heard_all"),
    ("start", "heard", "asked", "outcome", "heard_all", "before"),
    ("start", "heard", "asked", "outcome", "heard_all", "before", "band"),
    ("start", "heard", "asked", "outcome", "heard_all", "before", "band", "given"),
)
"""Back-off chain, general to special.

start: yes before the user's first turn. heard: the decisive act of what the assistant said since the user's last turn
(`none`: nothing). asked: whether a slot that it requests is untold, or all are told. outcome: open, resolved or refused
by its last word on it; open again when the user states a goal. heard_all: all its acts. before: the acts of the user's
own last turn. band: user turns so far. given: the session latent asked for, if any.
"""
BANDS = (("6 or more", 6), ("3 to 5", 3), ("1 to 2", 1), ("0", 0))
"""User turns so far: name of a band, its fewest."""
ROW_FEATURES = ("start", "heard", "outcome")
"""Features that conditions of a blueprint's policy can name without naming slots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCounts:
    """Plain counts of the labelled sessions."""

    acts: Mapping[str, float]
    """User act -> turns, a turn of k acts counting 1/k for each."""
    acts_per_turn: Mapping[int, int]
    """Acts in a user turn -> turns."""
    slots_per_inform: Mapping[int, int]
    """Slots told in a user turn that informs -> turns; empty where labels name no slots."""
    user_turns: Mapping[int, int]
    """User turns of a session -> sessions."""

    def hazard(self) -> dict[int, float]:
        """User turn k (from 1) -> P(the session ends with it | it was reached), with half a session added each way."""
        reached, made = sum(self.user_turns.values()), {}
        for k in range(1, max(self.user_turns) + 1):
            ended = self.user_turns.get(k, 0)
            made[k] = (ended + 0.5) / (reached + 1)
            reached -= ended
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPolicy:
    """A policy fitted from labelled sessions. Made by `fit_policy`."""

    acts: tuple[str, ...]
    """Every act that the labels name; the only ones that have probability."""
    act_table: Backoff
    """One act of the turn, given the context."""
    turn_table: Backoff
    """The whole set of acts of the turn, given the context."""
    counts: FitCounts
    """Plain counts."""
    sessions: int
    """Sessions it was fitted from."""
    turns: int
    """User turns it was fitted from."""

    def act_shares(self, context: Mapping[str, str]) -> dict[str, float]:
        """Act -> probability that one act of the turn, drawn evenly, is it; sums to 1 over `acts`."""
        return {a: self.act_table.probability(a, context) for a in self.acts}

    def log_prob(self, history: Sequence[Step], acts: Iterable[str], *, given: str = "") -> float:
        """log P(the user's next turn holds exactly these acts | the steps so far), in nats.

        `history`: all steps before the turn, both parties. `given`: value of the latent the policy was conditioned on.
        Sums to 1 over all non-empty sets of `acts` of the policy. Raises BadInput for an empty set and for acts that
        the policy does not know.
        """
        held = frozenset(acts)
        if not held or not held <= set(self.acts):
            odd = ", ".join(sorted(held - set(self.acts))) or "no act at all"
            raise BadInput(f"the policy has no probability for {odd}", now=f"acts it knows: {', '.join(self.acts)}")
        return math.log(self.turn_table.probability(held, context_of(history, given)))

    def table(self, features: Sequence[str] = ROW_FEATURES) -> list[dict[str, Any]]:
        """Rows {"context", "turns", "shares"} for every combination of features that was seen, most turns first.

        Shares are of single acts. `features` is one of LEVELS or any part of the features: then contexts are pooled by
        their turns.
        """
        pooled: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        turns: dict[tuple[str, ...], float] = defaultdict(float)
        for key, seen in self.act_table.counts[-1].items():
            context = dict(zip(LEVELS[-1], key, strict=True))
            n, shares = sum(seen.values()), self.act_shares(context)
            turns[key_of(context, features)] += n
            pooled[key_of(context, features)].update({a: n * p for a, p in shares.items()})
        rows = sorted(turns, key=lambda k: (-round(turns[k], 9), k))
        return [
            {
                "context": dict(zip(features, key, strict=True)),
                "turns": round(turns[key], 6),
                "shares": {a: pooled[key][a] / turns[key] for a in self.acts},
            }
            for key in rows
        ]

    def to_rows(self, least_turns: float = 20, least_share: float = 0.005) -> list[dict[str, Any]]:
        """Policy rows {"when", "do", "turns"} over core acts, in an order in which the first that holds decides.

        Conditions name `start`, `heard` (core acts) and `outcome`: rows of the first turn, then of each heard act by
        outcome, then of each heard act, then one without condition. Contexts with fewer turns than `least_turns` are
        left to the row after them. Acts below `least_share` are dropped and the rest renormalised.
        """
        made: list[tuple[tuple[int, float, str], dict[str, Any]]] = []
        fine = [r for r in self.table(ROW_FEATURES) if r["context"]["start"] == "no" and r["turns"] >= least_turns]
        split = Counter(r["context"]["heard"] for r in fine)
        coarse = [r for r in self.table(ROW_FEATURES[:2]) if r["turns"] >= least_turns]
        for row in [*coarse, *(r for r in fine if split[r["context"]["heard"]] > 1)]:
            when = {k: v for k, v in row["context"].items() if v != "none" and (k, v) != ("start", "no")}
            if when:
                rank = 1 - len(when) if "start" in when else 4 - len(when)
                do = shares_above(row["shares"], least_share)
                made.append(((rank, -row["turns"], str(when)), {"when": when, "do": do, "turns": row["turns"]}))
        rows = [row for _, row in sorted(made, key=lambda entry: entry[0])]
        whole = self.table(())[0]
        return [*rows, {"when": {}, "do": shares_above(whole["shares"], least_share), "turns": whole["turns"]}]


def fit_policy(
    sessions: Iterable[Session] | Corpus, reading: Reading | None = None, *,
    concentrations: tuple[Sequence[float], Sequence[float]] | None = None,
) -> FittedPolicy:  # fmt: skip
    """Fit a policy to labelled sessions, or to a corpus already read.

    `reading` says how labels are read as acts; it may be left out for a Corpus. `concentrations` (of the act table, of
    the turn table; one number per entry of LEVELS) skips the choice by left-out sessions. Raises BadSessions as
    `corpus_of` does.

    *Guarantee*: sessions are independent draws from one population and labels name acts without error: the act table
    then converges to that population's shares in every context of LEVELS that keeps being seen (tests/laws/
    test_fitted_policy.py: mean KL to a known table falls with n). It says nothing about contexts people never met.
    """
    if not isinstance(sessions, Corpus):
        if reading is None:
            raise BadInput("no way given to read the labels as acts", now="pass a Reading, or a Corpus")
        sessions = corpus_of(sessions, reading)
    return fit_talks(sessions.talks, sessions.acts, concentrations)


def fit_talks(
    talks: Sequence[Talk], acts: tuple[str, ...], concentrations: tuple[Sequence[float], Sequence[float]] | None = None
) -> FittedPolicy:
    """Fit a policy over given acts to sessions already read as steps."""
    one, whole = items_of(talks)
    flat = 1 / len(acts)
    chosen = concentrations or (None, None)
    return FittedPolicy(
        acts=acts,
        act_table=learn(one, LEVELS, lambda _: flat, chosen[0]),
        turn_table=learn(whole, LEVELS, set_base(whole, acts), chosen[1]),
        counts=counts_of(talks),
        sessions=len(talks),
        turns=len(whole),
    )


def items_of(talks: Sequence[Talk]) -> tuple[list[Item], list[Item]]:
    """(single acts, whole turns) of every user turn whose acts are known, in their contexts."""
    one, whole = [], []
    for talk in talks:
        for context, acts in turns_of(talk):
            whole.append(Item(context=context, outcome=acts, weight=1.0, group=talk.session))
            share = 1 / len(acts)
            one += [Item(context=context, outcome=a, weight=share, group=talk.session) for a in sorted(acts)]
    return one, whole


def set_base(turns: Sequence[Item], acts: Sequence[str]) -> Any:
    """Probability of a set of acts before its own counts: each act in or out by itself, given that one is in."""
    n = len(turns)
    held = Counter(a for item in turns for a in item.outcome)  # type: ignore[attr-defined]
    rate = {a: (held[a] + 0.5) / (n + 1) for a in acts}
    some = 1 - math.prod(1 - p for p in rate.values())

    def base(outcome: Hashable) -> float:
        assert isinstance(outcome, frozenset)
        return math.prod(p if a in outcome else 1 - p for a, p in rate.items()) / some

    return base


def counts_of(talks: Sequence[Talk]) -> FitCounts:
    """Plain counts of sessions."""
    acts: Counter[str] = Counter()
    own = [[s for s in talk.steps if s.party == "user"] for talk in talks]
    for step in (s for steps in own for s in steps if s.acts):
        acts.update(dict.fromkeys(sorted(step.acts), 1 / len(step.acts)))
    return FitCounts(
        acts=acts,
        acts_per_turn=Counter(len(s.acts) for steps in own for s in steps if s.acts),
        slots_per_inform=Counter(len(s.tells) for steps in own for s in steps if s.tells),
        user_turns=Counter(len(steps) for steps in own),
    )


class Heard:
    """What has been said so far, step by step: the state that contexts are made of."""

    def __init__(self, given: str = "") -> None:
        self.given = given
        self.told: set[str] = set()
        self.acts: set[str] = set()
        self.asks: set[str] = set()
        self.before: frozenset[str] = frozenset()
        self.outcome, self.turns = "open", 0

    def add(self, step: Step) -> None:
        """One more step."""
        if step.party == "user":
            self.turns, self.before = self.turns + 1, step.acts
            self.told |= step.tells
            self.acts, self.asks = set(), set()
            self.outcome = "open" if "state_goal" in step.acts else self.outcome
        else:
            self.acts |= step.acts
            self.asks |= step.asks
            self.outcome = "resolved" if "notify_success" in step.acts else self.outcome
            self.outcome = "refused" if "notify_failure" in step.acts else self.outcome

    def context(self) -> dict[str, str]:
        """Feature -> value (LEVELS says what they mean)."""
        return {
            "start": "no" if self.turns else "yes",
            "heard": decisive(self.acts),
            "asked": "none" if not self.asks else "told" if self.asks <= self.told else "untold",
            "outcome": self.outcome,
            "heard_all": "+".join(sorted(self.acts)) or "none",
            "before": "+".join(sorted(self.before)) or "none",
            "band": next(name for name, least in BANDS if self.turns >= least),
            "given": self.given,
        }


def context_of(history: Sequence[Step], given: str = "") -> dict[str, str]:
    """What a user turn is conditioned on, from all steps before it: feature -> value (LEVELS says what they mean)."""
    heard = Heard(given)
    for step in history:
        heard.add(step)
    return heard.context()


def turns_of(talk: Talk) -> Iterator[tuple[dict[str, str], frozenset[str]]]:
    """(context, acts) of every user turn whose acts are known."""
    heard = Heard(talk.given)
    for step in talk.steps:
        if step.party == "user" and step.acts:
            yield heard.context(), step.acts
        heard.add(step)


def decisive(acts: Iterable[str]) -> str:
    """The act of a turn with several that the other side answers; `none` of none."""
    held = set(acts)
    order = (*DECISIVE, *(a for a in CORE_ACTS if a not in DECISIVE), *sorted(held - set(CORE_ACTS)))
    return next((a for a in order if a in held), "none")


def shares_above(shares: Mapping[str, float], least: float = 0.0) -> dict[str, float]:
    """Shares of at least `least` as written in a policy row: four decimals, positive, summing to 1, largest first."""
    kept = {a: p for a, p in shares.items() if p >= least} or dict([max(shares.items(), key=lambda x: x[1])])
    total = sum(kept.values())
    units = {a: max(1, round(10_000 * p / total)) for a, p in sorted(kept.items(), key=lambda x: (-x[1], x[0]))}
    units[next(iter(units))] += 10_000 - sum(units.values())
    return {a: n / 10_000 for a, n in units.items()}
