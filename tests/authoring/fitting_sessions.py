"""Sessions of made-up people whose policy is known: what fitting must find again."""

from pathlib import Path

import numpy as np

from assay.authoring.steps import Step, Talk
from assay.records.session import Session, Turn
from assay.records.storage import write_rows

HEARD = {"request": 0.4, "offer": 0.25, "inform": 0.2, "notify_success": 0.15}
FIRST = {"state_goal": 0.8, "inform": 0.15, "request": 0.05}
TABLE = {
    "request": {"inform": 0.75, "no_preference": 0.15, "request": 0.1},
    "offer": {"confirm": 0.5, "reject": 0.3, "request": 0.15, "thank": 0.05},
    "inform": {"thank": 0.4, "request": 0.4, "confirm": 0.2},
    "notify_success": {"thank": 0.85, "request": 0.1, "reject": 0.05},
}
"""The known policy: act of the user's first turn, and act by what was heard."""
ACTS = ("state_goal", "inform", "no_preference", "request", "confirm", "reject", "thank")


def draw(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def known_talks(n: int, seed: int) -> list[Talk]:
    """n sessions of 3 to 7 user turns, the user first."""
    rng = np.random.default_rng([seed, n])
    talks = []
    for i in range(n):
        steps = [Step(party="user", acts=frozenset([draw(FIRST, rng)]))]
        for _ in range(int(rng.integers(2, 7))):
            heard = draw(HEARD, rng)
            steps.append(Step(party="assistant", acts=frozenset([heard])))
            steps.append(Step(party="user", acts=frozenset([draw(TABLE[heard], rng)])))
        talks.append(Talk(session=f"k{i:05d}", steps=tuple(steps)))
    return talks


def sgd_session(talk: Talk, canary: str = "some words") -> Session:
    """A session with labels as SGD writes them; everything that is not an act holds the canary."""
    names = {
        "state_goal": "INFORM_INTENT", "inform": "INFORM", "no_preference": "INFORM", "request": "REQUEST",
        "confirm": "AFFIRM", "reject": "NEGATE", "thank": "THANK_YOU", "offer": "OFFER",
        "notify_success": "NOTIFY_SUCCESS",
    }  # fmt: skip
    turns = []
    for step in talk.steps:
        acts = [
            {"service": canary, "act": names[a], "slot": canary, "values": ["dontcare" if "no_" in a else canary]}
            for a in sorted(step.acts)
        ]
        turns.append(Turn(speaker=step.party, text=canary, labels={"acts": acts, "note": canary}))
    return Session(
        id=f"{talk.session} {canary}",
        source="Schema-Guided Dialogue (DSTC8) train/dialogues_001.json",
        licence="CC-BY-SA-4.0",
        turns=tuple(turns),
        session_labels={"mood": canary},
        private={"user": {"goal": canary}},
    )


def sgd_file(path: Path, n: int = 60, seed: int = 0, canary: str = "some words") -> Path:
    """A session file of n such sessions."""
    write_rows(path, [sgd_session(t, canary) for t in known_talks(n, seed)])
    return path
