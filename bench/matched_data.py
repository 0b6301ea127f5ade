"""Held-out real user turns for the matched test: what was done stays, the words are to be found again."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.learning import data
from assay.learning.data import HumanSession, HumanTurn, Terciles
from assay.simulation.prompt import Act, Exchange, Header, render

TUNED_ON = frozenset({"Flights_4", "Trains_1", "RentalCars_3"})
"""Held-out services on which decoding, guards and words may be chosen; the report is on the others. Fixed by hand
before any result: a third of the services, such that no session of theirs touches another one."""
SHOTS = 3
"""Worked exchanges of the few-shot arm."""


@dataclass(frozen=True, slots=True)
class Case:
    """One real user turn with everything its regeneration is told."""

    id: str
    """Session and number of the user turn."""
    session: str
    services: tuple[str, ...]
    prompt: str
    """As at run time, the real words of the turns before it included."""
    acts: tuple[str, ...]
    """Core acts in the prompt's words, in order, each once."""
    values: tuple[str, ...]
    """Slot values that the words must carry; yes and no are worded freely."""
    goals: tuple[str, ...]
    """Goals that are stated in this turn."""
    asked: tuple[str, ...]
    """Slots that are asked for."""
    slots: tuple[tuple[str, str, str], ...]
    """(act, slot, value) of every slot."""
    before: str
    """The assistant turn before it; empty where the user speaks first."""
    earlier: tuple[str, ...]
    """The person's own lines so far."""
    real: str
    """What the person said."""


@dataclass(frozen=True, slots=True)
class Sets:
    """The sets by their part in the test."""

    train: list[HumanSession]
    """SGD `train` and `dev`: what an annotator may be trained on."""
    held_out: list[HumanSession]
    """SGD `test` sessions all of whose services are in neither."""
    cuts: Terciles
    """Of the sessions with goals that the adapter was trained on."""


def load(folder: Path) -> Sets:
    """Read SGD and CamRest676. Raises OSError when a file is missing."""
    sgd = folder / "sgd.jsonl.gz"
    train = [s for split in ("train", "dev") for s in data.read_sgd(sgd, split) if s.turns]
    camrest = [s for s in data.read_camrest(folder / "camrest676.jsonl.gz", "train") if s.turns]
    known = {name for s in train for name in s.services}
    held_out = [s for s in data.read_sgd(sgd, "test") if s.turns and not known & set(s.services)]
    return Sets(train, held_out, data.terciles(train + camrest))


def part(sessions: Iterable[HumanSession], name: str) -> list[HumanSession]:
    """`tune`: sessions of the services tuned on; `report`: those of the others; in an order made by hashing ids."""
    tuned = [s for s in sessions if (name == "tune") == bool(TUNED_ON & set(s.services))]
    return sorted(tuned, key=lambda s: hashlib.sha256(s.id.encode()).hexdigest())


def cases_of(session: HumanSession, cuts: Terciles) -> list[Case]:
    """A case for every turn whose acts promise no value that the person did not say."""
    header = Header(manner=data.manner(session, cuts), goal=", ".join(session.goals[:2]))
    shown: list[Exchange] = []
    found = []
    for number, turn in enumerate(session.turns):
        now = exchange(turn, worded=False)
        if turn.target:
            found.append(_case(session, number, render(header, [*shown, now])))
        shown.append(exchange(turn, worded=True))
    return found


def _case(session: HumanSession, number: int, prompt: str) -> Case:
    turn = session.turns[number]
    slots = tuple((a.name, slot, value) for a in turn.acts for slot, value in a.slots)
    return Case(
        id=f"{session.id}/{number}",
        session=session.id,
        services=session.services,
        prompt=prompt,
        acts=tuple(dict.fromkeys(a.name for a in turn.acts)),
        values=tuple(v for _, _, v in slots if v and v not in ("yes", "no")),
        goals=tuple(a.detail for a in turn.acts if a.detail),
        asked=tuple(slot for _, slot, value in slots if not value),
        slots=slots,
        before=turn.assistant or "",
        earlier=tuple(t.text for t in session.turns[:number]),
        real=turn.text,
    )


def exchange(turn: HumanTurn, worded: bool) -> Exchange:
    """A turn as the prompt shows it."""
    acts = tuple(Act(name=a.name, slots=dict(a.slots), detail=a.detail) for a in turn.acts)
    return Exchange(assistant=turn.assistant, acts=acts, customer=turn.text if worded else None)


def shots(train: Sequence[HumanSession], cuts: Terciles) -> str:
    """The beginning of one training session, worded: the worked exchanges of the few-shot arm.

    The first session by hashed id whose first turns are fit to be learnt from and do at least five different acts.
    """
    for session in sorted(train, key=lambda s: hashlib.sha256(s.id.encode()).hexdigest()):
        turns = session.turns[:SHOTS]
        names = {a.name for t in turns for a in t.acts}
        valued = any(v and v not in ("yes", "no") for t in turns for a in t.acts for _, v in a.slots)
        if len(turns) == SHOTS and all(t.target for t in turns) and len(names) >= 5 and valued:
            header = Header(manner=data.manner(session, cuts), goal=", ".join(session.goals[:2]))
            return render(header, [exchange(t, worded=True) for t in turns]) + "\n"
    raise ValueError("no training session has three turns with five acts")
