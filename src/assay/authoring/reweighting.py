"""A blueprint whose policy does each core act as often as people do, where their labels can tell.

For a row of the policy, people's turns in the corresponding condition are those that agree with what of the condition
people's sessions show: `start`, `heard` (by core act), `outcome`. Of rows that agree on these, a turn belongs to the
first that has no other condition, as in the policy itself. Rows that people's sessions cannot tell apart, since they
differ only in profile, goal, persona, slots or patience, and that have the same nameable core acts, are moved together:
the odds of each core act are multiplied by one factor for all of them, so that their mean (weighted by how often their
draws hold) becomes

    share(c) = (n(c) + prior * old share(c)) / (n + prior)

and what tells the rows apart stays. Acts of one core act share its mass in their old proportions. Core acts that the
labels never name keep their mass: labels that cannot say `withhold` say nothing about withholding. Rows whose condition
shows nothing in people's sessions are left, the last one too: what nothing else covers is not the same there. Nothing
becomes impossible, and no act is added.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.authoring.fitting import shares_above, turns_of
from assay.authoring.one import author_one
from assay.authoring.steps import Talk
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import Row
from assay.records.conditions import holds

PRIOR_TURNS = 20.0
"""Turns that the hand-written shares of a row count for."""
SHOWN = frozenset({"start", "heard", "outcome"})
"""Keys of conditions that people's sessions show."""
DRAWN = ("goal", "profile.", "context.", "persona.", "slots.")
"""Prefixes of keys that the draw of a scenario decides."""
SCENARIOS = 300
"""Scenarios drawn to see how often each row's draw holds."""
FACTORS = 200
"""Rounds of proportional fitting at most; it stops when no share moves by 1e-9."""

Turns = Counter[tuple[str, str, str]]
"""(start, heard, outcome) of a user turn -> turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What became of one row of the policy."""

    row: int
    """Position in the policy, from 0."""
    turns: float
    """People's turns in its condition whose acts the row has."""
    before: dict[str, float]
    """Act -> share as written by hand."""
    after: dict[str, float]
    """Act -> share now; equal to `before` where the row was left."""
    left: str
    """Why it was left as it was; empty where it was moved."""
    missing: dict[str, float]
    """Core act -> share of people's turns in this condition that do it, where no act of the row does: 5 % and more."""

    @property
    def moved(self) -> float:
        """Largest change of a share."""
        return max(abs(self.after[a] - p) for a, p in self.before.items())


def reweighted(
    blueprint: Blueprint, talks: Sequence[Talk], acts: Sequence[str], prior: float = PRIOR_TURNS
) -> tuple[Blueprint, list[RowChange]]:
    """The blueprint with its policy's shares moved to people's, and what was done to every row.

    `talks` are people's sessions as core acts, `acts` the core acts that their labels name. `prior`: turns that the
    hand-written shares count for, > 0. Deterministic. The blueprint stays valid: same rows, same acts, positive shares
    of four decimals summing to 1.
    """
    people = _people(blueprint, talks)
    groups = _groups(blueprint, frozenset(acts))
    weights = _weights(blueprint)
    made: dict[int, dict[str, float]] = {}
    evidence: dict[int, float] = {}
    for rows, support in groups:
        counts = sum((people[i] for i in rows[:1]), Counter[str]())
        evidence |= {i: sum(counts[c] for c in support) for i in rows}
        if evidence[rows[0]] > 0:
            made |= _moved(blueprint, rows, support, counts, weights, prior)
    changes = []
    for i, row in enumerate(blueprint.policy):
        after = made.get(i, dict(row.do))
        changes.append(
            RowChange(
                row=i,
                turns=evidence.get(i, 0.0),
                before=dict(row.do),
                after=after,
                left="" if i in made else _why_left(blueprint, row, frozenset(acts)),
                missing=_missing(blueprint, row, people[i]),
            )
        )
    policy = tuple(r.model_copy(update={"do": c.after}) for r, c in zip(blueprint.policy, changes, strict=True))
    return blueprint.model_copy(update={"policy": policy}), changes


def core_shares(blueprint: Blueprint, do: Mapping[str, float]) -> dict[str, float]:
    """Core act -> share of a row."""
    shares: dict[str, float] = {}
    for act, p in do.items():
        core = blueprint.user_acts[act].like
        shares[core] = shares.get(core, 0.0) + p
    return shares


def _shown(blueprint: Blueprint, row: Row) -> tuple[tuple[str, frozenset[str]], ...]:
    """What of a condition people's sessions show: key -> accepted values, `heard` as core acts."""
    made = []
    for key in sorted(SHOWN & set(row.when)):
        values = row.when[key]
        if key == "heard":
            values = tuple(blueprint.assistant_acts[v].like for v in values)
        made.append((key, frozenset(values)))
    return tuple(made)


def _people(blueprint: Blueprint, talks: Sequence[Talk]) -> list[Counter[str]]:
    """Per row of the policy: core act -> people's turns in its condition."""
    cells: dict[tuple[str, str, str], Counter[str]] = {}
    for talk in talks:
        for context, acts in turns_of(talk):
            cell = cells.setdefault((context["start"], context["heard"], context["outcome"]), Counter())
            cell.update(dict.fromkeys(sorted(acts), 1 / len(acts)))
    found: list[Counter[str]] = [Counter() for _ in blueprint.policy]
    shown = [_shown(blueprint, row) for row in blueprint.policy]
    for key, counts in sorted(cells.items()):
        view = dict(zip(("start", "heard", "outcome"), key, strict=True))
        for i, row in enumerate(blueprint.policy):
            if all(view[k] in accepted for k, accepted in shown[i]):
                found[i].update(counts)
                # a row that nothing else decides takes the turn; the others only share it
                if set(row.when) <= SHOWN:
                    break
    return found


def _groups(blueprint: Blueprint, named: frozenset[str]) -> list[tuple[list[int], tuple[str, ...]]]:
    """(rows, their nameable core acts) of rows that are moved together; rows with nothing to move are in none."""
    groups: dict[tuple[Any, tuple[str, ...]], list[int]] = {}
    for i, row in enumerate(blueprint.policy):
        support = tuple(sorted(c for c, p in core_shares(blueprint, row.do).items() if c in named and p > 0))
        shown = _shown(blueprint, row)
        if len(support) >= 2 and shown:
            groups.setdefault((shown, support), []).append(i)
    return [(rows, support) for (_, support), rows in groups.items()]


def _weights(blueprint: Blueprint) -> NDArray[np.float64]:
    """Per row: share of drawn scenarios in which what its condition says about the draw holds."""
    drawn = np.zeros(len(blueprint.policy))
    for index in range(SCENARIOS):
        scenario = author_one(blueprint, 0, index)
        view: dict[str, object] = {"goal": scenario.goal}
        for prefix in ("profile", "context", "slots"):
            view |= {f"{prefix}.{k}": v for k, v in getattr(scenario, prefix).items()}
        view |= {f"persona.{k}": ("low", "mid", "high")[min(int(v * 3), 2)] for k, v in scenario.persona.items()}
        for i, row in enumerate(blueprint.policy):
            drawn[i] += holds({k: v for k, v in row.when.items() if k.startswith(DRAWN)}, view)
    return np.asarray(np.maximum(drawn, 1.0) / SCENARIOS)


def _moved(
    blueprint: Blueprint, rows: Sequence[int], support: tuple[str, ...], counts: Counter[str],
    weights: NDArray[np.float64], prior: float,
) -> dict[int, dict[str, float]]:  # fmt: skip
    """New shares of the rows of one group."""
    cores = [core_shares(blueprint, blueprint.policy[i].do) for i in rows]
    old = np.array([[shares[c] for c in support] for shares in cores])
    old /= old.sum(1, keepdims=True)
    weight = weights[list(rows)] / weights[list(rows)].sum()
    seen = np.array([counts[c] for c in support])
    target = (seen + prior * (weight @ old)) / (seen.sum() + prior)
    new = proportional(old, weight, target)
    made = {}
    for i, shares, row in zip(rows, cores, new, strict=True):
        mass = sum(shares[c] for c in support)
        core_new = shares | {c: mass * float(p) for c, p in zip(support, row, strict=True)}
        do = blueprint.policy[i].do
        like = {a: blueprint.user_acts[a].like for a in do}
        fine = {a: p / shares[like[a]] * core_new[like[a]] for a, p in do.items() if p > 0}
        written = shares_above(fine)
        made[i] = {a: written.get(a, 0.0) for a in do}
    return made


def proportional(
    old: NDArray[np.float64], weight: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rows with odds multiplied by common factors so that their weighted mean is the target.

    old: shape (rows, acts), positive, rows sum to 1. Iterative proportional fitting (Deming and Stephan 1940).
    """
    factor = np.ones(old.shape[1])
    for _ in range(FACTORS):
        new = old * factor
        new /= new.sum(1, keepdims=True)
        mean = weight @ new
        if np.abs(mean - target).max() < 1e-9:
            break
        factor *= target / mean
    return np.asarray(new)


def _why_left(blueprint: Blueprint, row: Row, named: frozenset[str]) -> str:
    """Why a row was not moved."""
    cores = core_shares(blueprint, row.do)
    if len(cores) < 2:
        return "one core act: nothing to choose"
    if not _shown(blueprint, row):
        return "people's sessions do not show its condition"
    if sum(c in named for c in cores) < 2:
        return "the labels name fewer than two of its core acts: " + ", ".join(sorted(cores))
    return "no turn of people in this condition does what it does"


def _missing(blueprint: Blueprint, row: Row, counts: Counter[str]) -> dict[str, float]:
    """Core acts that people do in this condition and the row does not have."""
    total, have = sum(counts.values()), core_shares(blueprint, row.do)
    if not total or not _shown(blueprint, row):
        return {}
    return {c: n / total for c, n in sorted(counts.items()) if c not in have and n / total >= 0.05}
