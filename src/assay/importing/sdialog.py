"""Dialogs of sdialog (one JSON object a file, an array, or one a line), as rows of the session form.

A persona's short attributes (name, age, role) are private facts of the party that it names; its sentences are that
party's persona. The label `instruction` of a turn is what the orchestrator told its speaker just before (the events
`instruct`), by its action label where it has one. Everything else of the dialog is kept in `extra`, the personas too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import BadSessions
from assay.importing.json_stream import records_of

WORDS = 4
"""An attribute of at least as many words is a sentence of the persona, a shorter one a fact."""
NOBODY = "unknown"
"""Speaker of a turn that names none."""
NOW = "give a dialog as sdialog's Dialog.to_file writes it"


def sdialog_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row of the session form) of every dialog in a file. Raises BadSessions naming file and entry."""
    file = Path(path)
    for number, (where, dialog) in enumerate(records_of(file), 1):
        if not isinstance(dialog, dict) or not isinstance(dialog.get("turns"), list):
            raise BadSessions("a dialog without a list turns", where=where, now=NOW)
        yield where, _row(dialog, f"{file.name}:{number}", where)


def _row(dialog: dict[str, Any], default: str, where: str) -> dict[str, Any]:
    turns = [_turn(t, f"{where}, turns.{i}") for i, t in enumerate(dialog["turns"])]
    for place, told in _instructions(dialog.get("events"), turns):
        turns[place]["labels"] = {"instruction": told}
    given = dialog.get("id")
    named = isinstance(given, str | int) and not isinstance(given, bool) and str(given).strip()
    kept = {k: v for k, v in dialog.items() if k not in ("turns", "id") and v is not None}
    labels = {"complete": dialog["complete"]} if isinstance(dialog.get("complete"), bool) else {}
    return {
        "id": str(given) if named else default, "turns": turns, "private": _private(dialog.get("personas")),
        "session_labels": labels, "source": "sdialog", "extra": kept,
    }  # fmt: skip


def _turn(turn: Any, where: str) -> dict[str, Any]:
    if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
        raise BadSessions("a turn without a text", where=where, now=NOW)
    speaker = turn.get("speaker")
    if speaker is not None and not isinstance(speaker, str):
        raise BadSessions("a speaker that is no text", where=where, now=NOW)
    rest = {k: v for k, v in turn.items() if k not in ("speaker", "text") and v is not None}
    made: dict[str, Any] = {"speaker": speaker if speaker and speaker.strip() else NOBODY, "text": turn["text"]}
    return {**made, "extra": rest} if rest else made


def _private(personas: Any) -> dict[str, Any]:
    """Party -> its facts and persona; attributes without a value are left out."""
    found: dict[str, Any] = {}
    for name, attributes in personas.items() if isinstance(personas, dict) else ():
        if isinstance(attributes, str):
            found[str(name)] = {"persona": [attributes]} if attributes.strip() else {}
        if not isinstance(attributes, dict):
            continue
        facts: dict[str, Any] = {}
        said = []
        for key, value in attributes.items():
            if isinstance(value, str) and len(value.split()) >= WORDS:
                said.append(value)
            elif value not in (None, "", [], {}):
                facts[key] = value
        found[str(name)] = facts | ({"persona": said} if said else {})
    return found


def _instructions(events: Any, turns: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """(turn, what its speaker was told just before); nothing where the events are not those of these turns."""
    listed = [e for e in events if isinstance(e, dict)] if isinstance(events, list) else []
    spoken = [e for e in listed if e.get("action") == "utter"]
    if len(spoken) != len(turns):
        return
    place, told = 0, dict[Any, str]()
    for event in listed:
        if event.get("action") == "instruct":
            words = event.get("actionLabel") or event.get("content")
            if isinstance(words, str) and words.strip() and isinstance(event.get("agent"), str):
                told[event.get("agent")] = words
        elif event.get("action") == "utter":
            agent = event.get("agent")
            if isinstance(agent, str) and (words := told.pop(agent, None)) is not None:
                yield place, words
            place += 1
