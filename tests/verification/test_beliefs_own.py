"""The filter over sessions that assay made: what it may be asked, what it must find."""

import asyncio

import numpy as np
import pytest

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.door.believing import OwnBeliefs, knowable_from
from assay.errors import BadInput
from assay.records.session import Session
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one

RETURNS = load_blueprint("returns")
N = 60


@pytest.fixture(scope="module")
def beliefs() -> OwnBeliefs:
    return OwnBeliefs(RETURNS, draws=1000)


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    parts = Parts(assistant=lambda s, rng: reference_assistant(RETURNS, s, rng), say=None, repeat=0)
    return [asyncio.run(simulate_one(RETURNS, author_one(RETURNS, 5, i), parts)) for i in range(N)]


def test_an_act_that_is_not_in_the_blueprint_is_refused(beliefs: OwnBeliefs, sessions: list[Session]) -> None:
    at = next(i for i, t in enumerate(sessions[0].turns) if t.speaker == "user")
    turns = list(sessions[0].turns)
    turns[at] = turns[at].model_copy(update={"labels": {"act": "sing"}})
    with pytest.raises(BadInput, match="sing"):
        beliefs.table(sessions[0].model_copy(update={"turns": tuple(turns)}))


def test_foreign_and_scripted_sessions_have_no_track(beliefs: OwnBeliefs, sessions: list[Session]) -> None:
    assert beliefs.tracks(sessions[0].model_copy(update={"scenario": None})) == []
    assert beliefs.tracks(sessions[0].model_copy(update={"mode": "script"})) == []
    assert knowable_from(None, sessions) == {}


def test_the_acts_teach_the_goal(beliefs: OwnBeliefs, sessions: list[Session]) -> None:
    """The truth is likelier at the end than the prior had it; shuffled goals are not."""
    goals = [t for s in sessions for t in beliefs.tracks(s) if t.name == "goal"]
    assert len(goals) >= 0.9 * N
    gain = np.mean([np.log(max(t.probability[-1], 1e-6)) - np.log(t.probability[0]) for t in goals])
    assert gain > 1
    others = [
        s.model_copy(update={"session_labels": {**s.session_labels, "goal": sessions[i - 1].session_labels["goal"]}})
        for i, s in enumerate(sessions)
    ]
    wrong = [t for s in others for t in beliefs.tracks(s) if t.name == "goal"]
    assert np.mean([np.log(max(t.probability[-1], 1e-6)) - np.log(t.probability[0]) for t in wrong]) < 0


def test_known_from_a_turn_means_known_ever_after(beliefs: OwnBeliefs, sessions: list[Session]) -> None:
    some = 0
    for session in sessions:
        for track in beliefs.tracks(session):
            at = track.identifiable_from_turn
            if at is None:
                assert track.probability[-1] < 0.9
                continue
            some += 1
            assert all(p >= 0.9 for t, p in zip(track.turns, track.probability[1:], strict=True) if t >= at)
            assert at == 0 or session.turns[at].speaker == "user"
    assert some > N / 3
