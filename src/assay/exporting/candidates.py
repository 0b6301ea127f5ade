"""What the user's model offered for each turn, and what became of it, from the ledger of a run."""

from collections.abc import Sequence
from pathlib import Path

from assay.errors import BadInput
from assay.exporting.chat import Candidate
from assay.records import Session
from assay.runs.ledger import FILE, Ledger

PURPOSE = "word"
"""Calls that word a turn of the user."""


def candidates(folder: Path, sessions: Sequence[Session]) -> list[Candidate]:
    """Offers of the run in the ledger's order: accepted, or refused by the wording guards.

    A refused offer is one for a prompt that a later offer answered, or whose turn a template took over. Raises BadInput
    for a run without a ledger, or without words of a model.
    """
    if not (folder / FILE).exists():
        raise BadInput("no ledger, so nobody knows what was refused", where=str(folder), now="export another format")
    taken = {key: s.turns[int(turn)].text for s in sessions for turn, key in s.prompts.items()}
    found = []
    with Ledger(folder) as ledger:
        for key in ledger.keys():  # noqa: SIM118 (a ledger is no mapping)
            call = ledger.call(key)
            if call["purpose"] != PURPOSE:
                continue
            request, answer = call["request"], call["answer"]
            prompt = request.get("prompt") or "\n".join(f"{role}: {text}" for role, text in request["messages"])
            accepted = key in taken
            text = taken[key] if accepted else " ".join(str(answer["text"]).split())
            if text.strip():
                found.append(Candidate(prompt, text, accepted))
    if not found:
        raise BadInput("no model worded this run", where=str(folder), now="preferences need a run with --model")
    return found
