"""Make the sessions of `assay learn sft sft-smoke`: template words of the bundled blueprints, all written for assay.

    python bench/smoke_sessions.py > src/assay/learning/configs/sft-smoke.jsonl

They try out the machinery and teach nothing worth having: every line is a template.
"""

import asyncio
import json
import sys

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one

SESSIONS = (("returns", "train", 10), ("movies", "train", 8), ("clinic", "test", 6))
"""(blueprint, split, sessions): the held-out sessions are of a service that is never trained on."""


def rows(name: str, split: str, n: int) -> list[dict[str, object]]:
    """Sessions of a blueprint, cut to their user's core acts and slots in words."""
    book: Blueprint = load_blueprint(name)
    parts = Parts(assistant=lambda s, rng: reference_assistant(book, s, rng), say=None)
    found = []
    for i in range(n):
        scenario = author_one(book, 11, i)
        session = asyncio.run(simulate_one(book, scenario, parts))
        turns = []
        for turn in session.turns:
            row: dict[str, object] = {"speaker": turn.speaker, "text": turn.text}
            if turn.speaker == "user":
                spec = book.user_acts[str(turn.labels["act"])]
                slots = {book.slots[s].words or s: v for s, v in (turn.labels.get("slots") or {}).items()}
                asked = {spec.asks: ""} if spec.asks else {}
                row["labels"] = {"core_act": turn.labels["core_act"], "slots": {**slots, **asked}}
            turns.append(row)
        labels = {"services": [name], "goal": book.goals[scenario.goal].words}
        found.append(
            {"id": f"{name}/{i}", "source": "assay templates", "licence": "Apache-2.0", "split": split,
             "language": "en", "session_labels": labels, "turns": turns}
        )  # fmt: skip
    return found


if __name__ == "__main__":
    for made in SESSIONS:
        for line in rows(*made):
            sys.stdout.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
