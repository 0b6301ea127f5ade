"""A small run whose labels are right or wrong by design, and assessors who read what its text says."""

import numpy as np

from assay.certification.sample import Design, draw
from assay.records.label import Label, label_id
from assay.records.session import Session, Turn

VALUES = ("inform", "request", "confirm", "thank")


def make_label(session, turn, name, value, *, score=0.5, kind="category", tier="provisional"):
    return Label(
        id=label_id(session, turn, name),
        session=session,
        turn=turn,
        name=name,
        kind=kind,
        value=value,
        source="authored",
        authored=value,
        rank_score=score,
        tier=tier,
    )


class World:
    """Sessions whose labels are right except those of `wrong`; answers come from assessors who know the truth."""

    def __init__(self, sessions=60, turns=4, error=0.0, seed=0):
        rng = np.random.default_rng(seed)
        self.sessions, self.labels, self.truth = {}, [], {}
        for s in range(sessions):
            sid = f"s{s:03d}"
            said = []
            for t in range(turns):
                value = VALUES[int(rng.integers(len(VALUES)))]
                wrong = rng.random() < error
                label = make_label(
                    sid, t, "act", VALUES[(VALUES.index(value) + 1) % 4] if wrong else value,
                    score=round(float(rng.uniform(0.0, 0.5) if wrong else rng.uniform(0.4, 1.0)), 6),
                )  # fmt: skip
                self.labels.append(label)
                self.truth[label.id] = value
                said.append(Turn(speaker="user", text=f"words {s} {t}", labels={"act": label.value}))
            self.sessions[sid] = Session(id=sid, turns=tuple(said), private={"user": {"pin": "SECRET-4711"}})

    def draw(self, n, seed=1, **design):
        return draw(self.labels, self.sessions, Design(n=n, **design), np.random.default_rng(seed))

    def answers(self, roles, *, assessor="ann", only=None, say=None):
        """Rows of one assessor who reads what the text says; `say(item, truth)` may change an answer."""
        rows = []
        for item in roles["items"]:
            if only is not None and item["role"] not in only:
                continue
            truth = self.truth[item["label"]]
            answer = say(item, truth) if say else truth
            rows.append({"sample_id": item["sample_id"], "assessor": assessor, "answer": answer, "seconds": "3"})
        return rows
