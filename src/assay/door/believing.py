"""Beliefs over assay's own sessions: hypotheses from the prior, likelihoods from the policy's own table."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.door.prior import draw_people
from assay.errors import BadBlueprint, BadInput
from assay.records.blueprint import Blueprint
from assay.records.label import labels_of
from assay.records.session import Session, Turn
from assay.simulation.policy import UserState, first_state, hear, speak
from assay.simulation.policy_table import PolicyTable
from assay.stats.beliefs import drift_alarm
from assay.verification.beliefs.tracking import Followed, Hypotheses, Track, track

DRAWS = 3000
"""Draws that the prior is made of; a probability p is then off by about sqrt(p(1-p)/3000)."""
MOST_ROWS = 5000
"""Rows of likelihoods that are kept."""
Logs = NDArray[np.float64]


class OwnBeliefs:
    """The filter for one blueprint: hypotheses are what the policy can tell apart, weighted by draws of the prior.

    Constraints hold in it, because the draws are scenarios. A user turn counts by its act and by what the act says: the
    goal where it states it, and the values of the slots that the policy asks for. That is an upper limit for what the
    words tell. The assistant answers what was said, so that its acts tell nothing more of the user and are taken as
    given; leaving out what was said would break that, and the calibration with it (docs/benchmarks.md, Beliefs).
    Profile attributes that the policy never asks for have no track.
    """

    def __init__(self, blueprint: Blueprint, draws: int = DRAWS) -> None:
        self.blueprint = blueprint
        self.keys = {k for row in blueprint.policy for k in row.when if "." in k} | {"profile.patience"}
        self.people, log_prior = draw_people(blueprint, self.keys, draws)
        values = {"goal": tuple(s.goal for s in self.people)}
        for name in (k for k in blueprint.profile if f"profile.{k}" in self.keys):
            values[f"profile.{name}"] = tuple(str(s.profile.get(name, "")) for s in self.people)
        self.policy = PolicyTable(blueprint, self.people)
        self.patience = np.array([first_state(s).patience for s in self.people])
        self._goal_words = np.array([blueprint.goals[s.goal].words for s in self.people])
        self._rows: dict[tuple[object, ...], Logs] = {}
        self.hypotheses = Hypotheses(log_prior=log_prior, values=values)

    def refusal(self, session: Session) -> str | None:
        """Why the policy alone did not draw the user's acts from what the session records; None where it did."""
        if not session.authored:
            return "no policy: assay did not draw this session's acts"
        if session.mode != "agents":
            return f"no policy: {session.mode} sessions are written whole"
        if str(session.session_labels.get("goal")) not in self.blueprint.goals:
            return "the goal is not in the blueprint"
        acts = [(t.speaker, t.labels.get("act"), t.extra.get("act")) for t in session.turns]
        if any(mine not in self.blueprint.user_acts for who, mine, _ in acts if who == "user"):
            return "an act of the user is not in the blueprint"
        if any(its not in self.blueprint.assistant_acts for who, _, its in acts if who != "user" and its is not None):
            return "an act of the assistant is not in the blueprint"
        offers = {f.offer for f in self.blueprint.assistant.flows.values()} - {None}
        named = any(its in offers for _, _, its in acts)
        if self.blueprint.world.title is not None and named and not any("offer" in t.extra for t in session.turns):
            return "the session does not record whether what it was offered fits"
        return None

    def table(self, session: Session) -> Logs:
        """(user turns, K) log P(act of the turn, what it says | hypothesis, history); -inf where it cannot be.

        Raises BadInput for a user turn without a known act.
        """
        states = {int(n): UserState(patience=int(n)) for n in np.unique(self.patience)}
        rows = []
        for i, turn in enumerate(session.turns):
            if turn.speaker == "assistant" and "act" in turn.extra:
                act, offer = turn.extra["act"], str(turn.extra.get("offer", "none"))
                for state in states.values():
                    hear(self.blueprint, state, act, offer)
            if turn.speaker != "user":
                continue
            act = turn.labels.get("act")
            if act not in self.blueprint.user_acts:
                raise BadInput(f"the user's act {act!r} is not in the blueprint", where=f"{session.id} turn {i}")
            said = self._said(session, turn)
            rows.append(np.where(said, self._row(str(act), states), -np.inf))
            for state in states.values():
                speak(self.blueprint, state, str(act), self.blueprint.user_acts[str(act)].slots)
        return np.array(rows).reshape(-1, len(self.people))

    def _said(self, session: Session, turn: Turn) -> NDArray[np.bool_]:
        """Which hypotheses would say what this turn says: the goal, the slots that the policy asks for."""
        fits = np.ones(len(self.people), dtype=bool)
        if self.blueprint.user_acts[str(turn.labels["act"])].detail == "goal":
            # what the plan said, not the label: a label that was changed since then must not be believed for it
            told = str(turn.extra.get("states_goal", session.session_labels["goal"]))
            fits &= self._goal_words == self.blueprint.goals[told].words
        for slot, value in (turn.labels.get("slots") or {}).items():
            if f"slots.{slot}" in self.keys:
                fits &= np.array([p.slots.get(slot) == str(value) for p in self.people])
        return fits

    def _row(self, act: str, states: Mapping[int, UserState]) -> Logs:
        """Log pi(act | hypothesis, state); turns that come upon the same state share the row."""
        key = (act, *(_seen(state) for state in states.values()))
        if key not in self._rows:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            p = np.zeros(len(self.people))
            for patience, state in states.items():
                p = np.where(self.patience == patience, self.policy.probabilities(act, state), p)
            with np.errstate(divide="ignore"):
                self._rows[key] = np.log(p)
        return self._rows[key]

    def follow(self, session: Session) -> Followed:
        """Goal and profile of one session after each user turn, or the reason why they cannot be followed."""
        reason = self.refusal(session)
        if reason is not None:
            return Followed(reason=reason)
        table = self.table(session)
        turns = [i for i, t in enumerate(session.turns) if t.speaker == "user"]
        if not len(table):
            return Followed(reason="the user says nothing")
        at, _ = drift_alarm(self.hypotheses.log_prior, table)
        drifted = None if at is None else turns[at - 1]
        if not np.isfinite(table.sum(axis=0)).any():
            return Followed(reason="no draw of the prior would do these acts", drifted_at=drifted)
        truth = {g.name: str(g.value) for g in labels_of(session) if g.turn is None}
        tracks = tuple(track(session, truth, self.hypotheses, table))
        names = {t.name for t in tracks}
        rest = tuple(sorted(n for n in truth if n.startswith("profile.") and n not in names))
        return Followed(tracks=tracks, untracked=rest, drifted_at=drifted)

    def tracks(self, session: Session) -> list[Track]:
        """The tracks of `follow`."""
        return list(self.follow(session).tracks)


def _seen(state: UserState) -> tuple[object, ...]:
    """All of a state that a policy row can ask for."""
    sets = (state.told, state.learnt, state.said, state.heard_ever)
    return (state.heard, state.offer, state.outcome, state.patience > 0, *(frozenset(s) for s in sets))


_KEPT: dict[str, OwnBeliefs] = {}


def follower(blueprint: Blueprint | None, sessions: Sequence[Session]) -> OwnBeliefs | None:
    """The filter of a blueprint, made once per process; None where no session is assay's or no prior can be drawn."""
    if blueprint is None or not any(s.authored for s in sessions):
        return None
    if blueprint.hash not in _KEPT:
        _KEPT.clear()
        try:
            _KEPT[blueprint.hash] = OwnBeliefs(blueprint)
        except BadBlueprint:  # subtopics that a language model grew are not in the blueprint: no prior to draw from
            return None
    return _KEPT[blueprint.hash]
