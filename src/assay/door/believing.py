"""Beliefs over assay's own sessions: hypotheses from the prior, likelihoods from the policy's own table."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.authoring.one import author_one
from assay.errors import BadBlueprint, BadInput
from assay.records.blueprint import Blueprint
from assay.records.label import labels_of
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation.policy import BANDS, UserState, act_probabilities, first_state, hear, speak
from assay.verification.beliefs.tracking import Hypotheses, Track, knowable, track

DRAWS = 3000
"""Draws that the prior is made of; a probability p is then off by about sqrt(p(1-p)/3000)."""
MOST_ROWS = 5000
"""Rows of likelihoods that are kept."""
PRIOR_SEED = 902_311
"""Seed of these draws: not a run's, so that the prior does not know the sessions."""


class OwnBeliefs:
    """The filter for one blueprint: hypotheses are what the policy can tell apart, weighted by draws of the prior.

    Constraints hold in it, because the draws are scenarios. A user turn counts by its act, which names the slots it
    says; the values of slots are not used. The assistant's acts are taken as given: where they depend on the goal, the
    posterior misses what they tell and is not calibrated (docs/benchmarks.md, Beliefs).
    Profile attributes that the policy never asks for have no track.
    """

    def __init__(self, blueprint: Blueprint, draws: int = DRAWS) -> None:
        self.blueprint = blueprint
        self.keys = {k for row in blueprint.policy for k in row.when if "." in k} | {"profile.patience"}
        scenarios = [author_one(blueprint, PRIOR_SEED, i) for i in range(draws)]
        weights = Counter(self._mark(s) for s in scenarios)
        self.people: list[Scenario] = list({self._mark(s): s for s in scenarios}.values())
        shares = np.array([weights[self._mark(s)] for s in self.people], dtype=float)
        values = {"goal": tuple(s.goal for s in self.people)}
        for name in (k for k in blueprint.profile if f"profile.{k}" in self.keys):
            values[f"profile.{name}"] = tuple(str(s.profile.get(name, "")) for s in self.people)
        self._rows: dict[tuple[str | None, ...], NDArray[np.float64]] = {}
        self.hypotheses = Hypotheses(log_prior=np.log(shares / shares.sum()), values=values)

    def _mark(self, scenario: Scenario) -> tuple[object, ...]:
        held = {f"profile.{k}": str(v) for k, v in scenario.profile.items() if f"profile.{k}" in self.keys}
        held |= {f"context.{k}": str(v) for k, v in scenario.context.items() if f"context.{k}" in self.keys}
        held |= {f"slots.{k}": v for k, v in scenario.slots.items() if f"slots.{k}" in self.keys}
        bands = {f"persona.{k}": BANDS[min(int(v * 3), 2)] for k, v in scenario.persona.items()}
        held |= {k: v for k, v in bands.items() if k in self.keys}
        return (scenario.goal, tuple(sorted(held.items())), tuple(sorted(scenario.slots)))

    def covers(self, session: Session) -> bool:
        """Whether the policy alone drew the user's acts from what the session records: agents mode, no catalogue.

        Sessions with acts that the blueprint does not have are not covered either.
        """
        acts = [(t.speaker, t.labels.get("act"), t.extra.get("act")) for t in session.turns]
        known = all(
            mine in self.blueprint.user_acts if who == "user" else its is None or its in self.blueprint.assistant_acts
            for who, mine, its in acts
        )
        return known and session.authored and session.mode == "agents" and self.blueprint.world.title is None

    def table(self, session: Session) -> NDArray[np.float64]:
        """(user turns, K) log pi(act of the turn | hypothesis, history); -inf where it cannot be.

        Raises BadInput for a user turn without a known act.
        """
        states = {first_state(s).patience: first_state(s) for s in self.people}
        alive = np.ones(len(self.people), dtype=bool)
        rows, heard = [], list[str | None]()
        for i, turn in enumerate(session.turns):
            if turn.speaker == "assistant":
                heard.append(turn.extra.get("act"))
                for state in states.values():
                    hear(self.blueprint, state, turn.extra.get("act"))
            if turn.speaker != "user":
                continue
            act = turn.labels.get("act")
            if act not in self.blueprint.user_acts:
                raise BadInput(f"the user's act {act!r} is not in the blueprint", where=f"{session.id} turn {i}")
            row = self._row((*heard, str(act)), states, alive)
            heard.append(str(act))
            alive &= np.isfinite(row)
            rows.append(row)
            for state in states.values():
                speak(self.blueprint, state, str(act), self.blueprint.user_acts[str(act)].slots)
        return np.array(rows).reshape(-1, len(self.people))

    def _row(
        self, way: tuple[str | None, ...], states: Mapping[int, UserState], alive: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Log-likelihoods of the last act of `way`; sessions that went the same way share the row."""
        if way in self._rows:
            return self._rows[way]
        row = np.full(len(self.people), -math.inf)
        for k in np.flatnonzero(alive):
            person = self.people[k]
            p = act_probabilities(self.blueprint, person, states[first_state(person).patience]).get(str(way[-1]), 0.0)
            row[k] = math.log(p) if p > 0 else -math.inf
        if len(self._rows) < MOST_ROWS:
            self._rows[way] = row
        return row

    def tracks(self, session: Session) -> list[Track]:
        """Goal and profile of one session after each user turn; none where `covers` is false or no draw allows it."""
        try:
            table = self.table(session) if self.covers(session) else np.empty((0, 0))
        except BadBlueprint:  # a history that the policy has no row for
            return []
        if not len(table) or not np.isfinite(table.sum(axis=0)).any():
            return []
        truth = {g.name: str(g.value) for g in labels_of(session) if g.turn is None}
        return track(session, truth, self.hypotheses, table)


_KEPT: dict[str, OwnBeliefs] = {}


def knowable_from(blueprint: Blueprint | None, sessions: Sequence[Session]) -> dict[tuple[str, str], int]:
    """(session, label name) -> first turn from which on the label could be known, for the sessions assay made."""
    if blueprint is None or not any(s.authored for s in sessions):
        return {}
    if blueprint.hash not in _KEPT:
        _KEPT.clear()
        try:
            _KEPT[blueprint.hash] = OwnBeliefs(blueprint)
        except BadBlueprint:  # subtopics that a language model grew are not in the blueprint: no prior to draw from
            return {}
    return dict(_knowable(_KEPT[blueprint.hash], sessions))


def _knowable(beliefs: OwnBeliefs, sessions: Iterable[Session]) -> Iterable[tuple[tuple[str, str], int]]:
    for session in sessions:
        for name, turn in knowable(beliefs.tracks(session)).items():
            yield (session.id, name), turn
