"""Exchanges with lines written by the authors of assay, for acts that no public set has (`assay.learning.phrases`).

They are put after the first turns of a person's session, so that the model meets them in the middle of a talk.
"""

from dataclasses import replace

import numpy as np

from assay.learning import phrases, pools
from assay.learning.data import HumanSession, HumanTurn, TurnAct

P_LINES = 0.16
"""Share of training texts that get such an exchange."""
MOST_BEFORE = 3
"""Turns of the person's session that stay before it, at most."""
KINDS = ("withhold", "complain", "acknowledge", "ask alternative", "correct")
SHARES = np.array([0.34, 0.24, 0.14, 0.14, 0.14])


def _one(rng: np.random.Generator, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]


def exchange(kind: str, rng: np.random.Generator) -> HumanTurn:
    """One exchange of a kind in KINDS: what the assistant said, the act, and a line for it."""
    slots = [name for names in pools.KIND_SLOTS.values() for name in names]
    slot = _one(rng, tuple(slots))
    if kind == "withhold":
        asked = _one(rng, phrases.ASKS).format(slot)
        return HumanTurn(asked, [TurnAct("withhold")], _one(rng, phrases.WITHHOLDS).format(slot))
    if kind == "correct":
        value = _one(rng, pools.VALUES[_one(rng, tuple(pools.VALUES))])
        text = _one(rng, phrases.CORRECTS).format(value)
        heard = f"So the {slot} is {_one(rng, pools.VALUES['product'])}, is that right?"
        return HumanTurn(heard, [TurnAct("correct", [(slot, value)])], text)
    if kind == "acknowledge":
        return HumanTurn(_one(rng, phrases.TELLS), [TurnAct(kind)], _one(rng, phrases.ACKNOWLEDGES))
    lines = phrases.COMPLAINS if kind == "complain" else phrases.ALTERNATIVES
    return HumanTurn(_one(rng, phrases.DENIES), [TurnAct(kind)], _one(rng, lines))


def with_lines(session: HumanSession, rng: np.random.Generator) -> HumanSession:
    """Now and then, a session cut after its first turns and one or two such exchanges put behind them."""
    if rng.random() >= P_LINES:
        return session
    kept = session.turns[: int(rng.integers(MOST_BEFORE + 1))]
    chosen = rng.choice(len(KINDS), size=int(rng.integers(1, 3)), replace=False, p=SHARES)
    return replace(session, turns=[*kept, *(exchange(KINDS[i], rng) for i in chosen)])
