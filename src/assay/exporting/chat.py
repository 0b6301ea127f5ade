"""Chats for training and evaluating models: OpenAI chat lines, Inspect samples, and preferences (DPO, KTO)."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.exporting.rows import evidence_of
from assay.records import Label, Session

ROLES = frozenset({"user", "assistant", "system", "tool"})
Labels = Sequence[Label]


class Candidate(NamedTuple):
    """Words that a model offered for a turn, and whether they became the turn."""

    prompt: str
    text: str
    accepted: bool


def openai_rows(sessions: Sequence[Session], labels: Mapping[str, Labels], tiers: Collection[str]) -> Iterator[Any]:
    """One `{"messages": [...], "metadata": {...}}` a session.

    Speakers that are no role of the API stay as `name` of a user's message. Labels of the wanted tiers, with their
    evidence, are in the metadata, which fine-tuning ignores.
    """
    for session in sessions:
        kept = [x for x in labels.get(session.id, ()) if x.tier in tiers]
        yield {
            "messages": [_message(t.row()) for t in session.turns],
            "metadata": {"id": session.id, "labels": [_entry(x) for x in kept]},
        }


def _message(turn: Mapping[str, Any]) -> dict[str, Any]:
    speaker = turn["speaker"]
    made: dict[str, Any] = {"role": speaker if speaker in ROLES else "user", "content": turn["text"]}
    if speaker not in ROLES:
        made["name"] = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in speaker)[:64]
    return made | {k: turn[k] for k in ("tool_calls", "tool_call_id") if turn.get(k) is not None}


def inspect_rows(sessions: Sequence[Session], labels: Mapping[str, Labels], tiers: Collection[str]) -> Iterator[Any]:
    """One sample a labelled user turn: `{"id", "input": [messages], "target", "metadata"}` per label of a wanted tier.

    A dataset for reading labels off sessions: the input is what was said up to the turn, the target is the value. For
    labels of a whole session the input is all of it.
    """
    for session in sessions:
        said = [_message(t.row()) for t in session.turns]
        for label in labels.get(session.id, ()):
            if label.tier in tiers:
                place = "session" if label.turn is None else str(label.turn)
                yield {
                    "id": f"{session.id}/{place}/{label.name}",
                    "input": said if label.turn is None else said[: label.turn + 1],
                    "target": _target(label.value),
                    "metadata": {"session": session.id, "turn": label.turn, **_entry(label)},
                }


def _target(value: Any) -> Any:
    listed = isinstance(value, list | tuple)
    return [str(v) for v in value] if listed else value if isinstance(value, str) else json.dumps(value)


def _entry(label: Label) -> dict[str, Any]:
    return {"name": label.name, "value": label.value, "turn": label.turn, **evidence_of(label)}


def kto_rows(candidates: Sequence[Candidate]) -> Iterator[dict[str, Any]]:
    """`{"prompt", "completion", "label"}`: what was offered, and whether the guards let it become the turn."""
    for c in candidates:
        yield {"prompt": c.prompt, "completion": c.text, "label": c.accepted}


def dpo_rows(candidates: Sequence[Candidate]) -> Iterator[dict[str, Any]]:
    """`{"prompt", "chosen", "rejected"}`: every refused offer beside the one that was taken for the same prompt."""
    taken = {c.prompt: c.text for c in candidates if c.accepted}
    for c in candidates:
        if not c.accepted and c.prompt in taken and c.text != taken[c.prompt]:
            yield {"prompt": c.prompt, "chosen": taken[c.prompt], "rejected": c.text}
