"""pi(act | state) for many users at once: `act_probabilities` over the columns of a table of scenarios."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.records.blueprint import Blueprint
from assay.records.conditions import DRAW_PREFIXES, holds
from assay.records.scenario import Scenario
from assay.simulation.disclosure import slot_open
from assay.simulation.policy import UserState, conditions_view, first_state

Mask = NDArray[np.bool_]


class PolicyTable:
    """The policy of a blueprint over a fixed list of users; what depends on the draw alone is looked up once."""

    def __init__(self, blueprint: Blueprint, people: Sequence[Scenario]) -> None:
        self.blueprint = blueprint
        self.people = people
        views = [conditions_view(blueprint, s, first_state(s)) for s in people]
        self._draw = [
            np.array([holds(_part(row.when, draw=True), v) for v in views], dtype=bool) for row in blueprint.policy
        ]
        self._when = [_part(row.when, draw=False) for row in blueprint.policy]
        self._owns = {
            act: np.array([all(x in s.slots for x in spec.slots) for s in people], dtype=bool)
            for act, spec in blueprint.user_acts.items()
        }
        self._goal = np.array([s.goal for s in people])
        self._first = {s.goal: s for s in reversed(people)}

    def probabilities(self, act: str, state: UserState) -> NDArray[np.float64]:
        """(people,) probability of an act in this state; 0 where a user's row has no act left.

        The same as `act_probabilities` of each user, whose patience is the state's.
        """
        out = np.zeros(len(self.people))
        open_ = np.ones(len(self.people), dtype=bool)
        views = {goal: conditions_view(self.blueprint, s, state) for goal, s in self._first.items()}
        for row, draw, when in zip(self.blueprint.policy, self._draw, self._when, strict=True):
            goals = [goal for goal, view in views.items() if holds(when, view)]
            match = open_ & draw
            if not goals or not match.any():
                continue
            if len(goals) < len(views):
                match &= np.isin(self._goal, goals)
            can = {a: p * self._possible(a, state) for a, p in row.do.items() if p > 0}
            total = np.sum(list(can.values()), axis=0)
            match &= total > 0
            if act in can:
                out[match] = can[act][match] / total[match]
            open_ &= ~match
        return out

    def _possible(self, act: str, state: UserState) -> Mask:
        spec = self.blueprint.user_acts[act]
        if spec.once and act in state.said:
            return np.zeros(len(self.people), dtype=bool)
        opened = all(slot_open(self.blueprint, s, state.heard_ever) for s in spec.slots)
        return self._owns[act] if opened else np.zeros(len(self.people), dtype=bool)


def _part(when: dict[str, tuple[str, ...]], *, draw: bool) -> dict[str, tuple[str, ...]]:
    """The conditions on the draw, or those on the state."""
    return {k: v for k, v in when.items() if k.startswith(DRAW_PREFIXES) == draw}
