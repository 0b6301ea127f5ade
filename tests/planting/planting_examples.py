"""Small made-up sessions whose words say their labels, and checks that read nothing but key words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.records import Disclosure, Session, Turn, Verdict

ACTS = {"ask_price": "request", "ask_day": "request", "give_item": "inform", "agree": "confirm", "leave": "bye"}
WORDS = {
    "ask_price": "what price",
    "ask_day": "which day",
    "give_item": "about the",
    "agree": "yes please",
    "leave": "bye",
}
ITEMS = ("kettle", "lamp", "robot vacuum", "radio")
GOALS = {"return": "send it back", "track": "find the parcel", "cancel": "stop the order"}
FACTS = ("red door code", "blue door code", "green door code")


def own_session(number: int, seed: int = 0, exchanges: int = 5) -> Session:
    """An authored session: the goal is said first, then acts; the item in two thirds of them; one secret, told late."""
    rng = np.random.default_rng([seed, number])
    goal, secret = str(rng.choice(list(GOALS))), str(rng.choice(FACTS))
    item = str(rng.choice(ITEMS))
    turns = [Turn(speaker="assistant", text=f"Hello, case {number}.")]
    turns.append(
        Turn(speaker="user", text=f"I want to {GOALS[goal]}", labels={"act": "open", "core_act": "state_goal"})
    )
    for i in range(exchanges):
        act = str(rng.choice(list(ACTS)))
        turns.append(
            Turn(speaker="assistant", text=f"Go on, {i}.", labels={"act": f"go_on_{i % 2}", "core_act": "request"})
        )
        labels: dict[str, Any] = {"act": act, "core_act": ACTS[act]}
        text = f"{WORDS[act]} case {number} line {i}"
        if act == "give_item":
            labels["slots"] = {"item": item}
            text = f"{WORDS[act]} {item} case {number} line {i}"
        turns.append(Turn(speaker="user", text=text, labels=labels, extra={"kept": i}))
    told = len(turns)
    turns.append(Turn(speaker="user", text=f"it is the {secret}", labels={"act": "tell", "core_act": "inform"}))
    return Session(
        id=f"s{number:05d}", turns=tuple(turns), scenario=f"s{number:05d}", mode="agents", language="en",
        session_labels={
            "goal": goal,
            "profile": {"age": str(rng.choice(["young", "old"]))},
            "persona": {"openness": str(rng.choice(["low", "high"]))},
        },
        private={"user": {"secret": secret, "never": f"never told {number}"}},
        disclosures=(Disclosure(turn=told, party="user", fact="secret"),),
    )  # fmt: skip


def own_run(n: int, seed: int = 0) -> list[Session]:
    """n authored sessions."""
    return [own_session(i, seed) for i in range(n)]


def foreign_run(n: int) -> list[Session]:
    """n foreign sessions with a nested category, a set, a number, a structured list and a persona."""
    rng = np.random.default_rng(n)
    made = []
    for i in range(n):
        food, moods = str(rng.choice(["thai", "french", "greek"])), ["calm", "cross", "glad"]
        picked = sorted({str(m) for m in rng.choice(moods, 2)}, reverse=True)
        turns = (
            Turn(
                speaker="user", text=f"I like {food} food number {i}", labels={"state": {"food": food}, "mood": picked}
            ),
            Turn(speaker="assistant", text="Noted.", labels={"acts": [{"intent": "ack"}]}),
            Turn(speaker="user", text="I live by the sea with two dogs", labels={"stars": int(rng.integers(1, 4))}),
            Turn(speaker="assistant", text="Anything else?"),
            Turn(speaker="user", text="no thanks, that is all", time=1.25),
            Turn(speaker="user", text="have a good day then"),
        )
        private = {
            "user": {"persona": ["i have two dogs.", "i only eat fish."]},
            "assistant": {"limit": f"floor {i + 10}"},
        }
        made.append(Session(id=f"f{i}", turns=turns, private=private, session_labels={"rating": f"r{i % 3}"}))
    return made


def reword(session: Session, turn: int, wrong: Mapping[str, Any]) -> str | None:
    """Words of a turn from its (wrong) labels, as `own_session` would have said it."""
    if isinstance(wrong.get("goal"), str):
        return f"I want to {GOALS[wrong['goal']]}"
    if "persona" in wrong:
        return f"as somebody else, line {turn}"
    return f"{WORDS.get(wrong['act'], wrong['act'])} {session.id} line {turn}"


def key_word_check(sessions: Sequence[Session]) -> list[Verdict]:
    """LB01 on act, core_act and slots by key words: contradicted where the words of the label are missing."""
    said = {"open": "I want to", "tell": "it is the", **WORDS}
    out = []
    for session in sessions:
        for i, turn in enumerate(session.turns):
            if turn.speaker != "user":
                continue
            hits = [a for a, w in said.items() if w in turn.text]
            cores = {"open": "state_goal", "tell": "inform", **ACTS}
            fits = {"act": turn.labels["act"] in hits, "core_act": turn.labels["core_act"] in [cores[a] for a in hits]}
            fits |= {f"slots.{k}": v in turn.text for k, v in turn.labels.get("slots", {}).items()}
            out += [
                Verdict(
                    code="LB01", session=session.id, turn=i, name=name, independent=True, score=float(ok),
                    status="supported" if ok else "contradicted", read=(hits or [None])[0] if name == "act" else None,
                )
                for name, ok in fits.items()
            ]  # fmt: skip
    return out


def blank_check(sessions: Sequence[Session]) -> list[Verdict]:
    """CO05 on turns: blank, and nothing else."""
    return [
        Verdict(code="CO05", session=s.id, turn=i, status="supported" if t.text.strip() else "contradicted")
        for s in sessions
        for i, t in enumerate(s.turns)
        if t.speaker == "user"
    ]
