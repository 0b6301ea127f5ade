"""How a reader of sessions is asked for a value in words: the form it was trained on is the form it reads."""

from collections.abc import Sequence

from assay.records.session import Turn

SPEAKERS = {"user": "U", "assistant": "A"}
"""How a prompt names the parties; lines of others are left out."""
END = "\n"
"""An answer ends before it."""


def asked(turns: Sequence[Turn], name: str) -> str:
    """The prompt: the turns and the question for one slot."""
    lines = [f"{SPEAKERS[t.speaker]}: {t.text}" for t in turns if t.speaker in SPEAKERS]
    return "\n".join([*lines, f"Question: What is the {name.replace('_', ' ').replace('.', ' ')}?", "Answer:"])
