"""Chats in the form of OpenAI's API and fine-tuning files, as rows of the session form.

One JSON object a line with `messages`, or one JSON array of such objects, or of messages (one chat). Content that is a
list of parts is joined from its texts; a part that is no text (an image, audio) leaves `[type]` in the turn and is kept
whole in the turn's `extra`. Everything else of a message and of a chat is kept in `extra`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import BadSessions
from assay.importing.json_stream import records_of

SPEAKERS = {"function": "tool", "developer": "system"}
"""Roles that go by another name in the session form."""
KNOWN = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})


def openai_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row of the session form) of every chat in a file. Raises BadSessions naming file and entry."""
    file = Path(path)
    for where, record in records_of(file):
        chat = {"messages": record} if isinstance(record, list) else record
        if isinstance(chat, dict) and "messages" not in chat and "role" in chat:
            chat = {"messages": [chat]}
        if not isinstance(chat, dict) or not isinstance(chat.get("messages"), list):
            raise BadSessions("no list of messages", where=where, now='one {"messages": [...]} a line')
        yield where, _row(chat, f"{file.name}:{where.rsplit(' ', 1)[-1]}", where)


def _row(chat: dict[str, Any], default: str, where: str) -> dict[str, Any]:
    """One chat in the session form; a prompt (system, developer) is a turn as any other."""
    given = chat.get("id")
    named = isinstance(given, str | int) and not isinstance(given, bool) and str(given).strip()
    rest = {k: v for k, v in chat.items() if k not in ("messages", "id") or (k == "id" and not named)}
    turns = [turn_of(m, f"{where}, messages.{i}") for i, m in enumerate(chat["messages"])]
    return {"id": str(given) if named else default, "turns": turns, "extra": rest}


def turn_of(message: Any, where: str) -> dict[str, Any]:
    """One message as a turn of the session form. Raises BadSessions naming the message."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str) or not message["role"].strip():
        raise BadSessions("a message without a role", where=where, now='{"role": "user", "content": "..."}')
    role, extra = message["role"], {k: v for k, v in message.items() if k not in KNOWN}
    text, parts = text_of(message.get("content"), where)
    if parts:
        extra["content"] = message["content"]
    turn: dict[str, Any] = {"speaker": SPEAKERS.get(role, role), "text": text, "extra": extra}
    for name in ("tool_calls", "tool_call_id", "name"):
        if message.get(name) is not None:
            turn[name] = message[name]
    if role in SPEAKERS:
        extra["role"] = role
    return turn


def text_of(content: Any, where: str) -> tuple[str, bool]:
    """(text, whether parts other than text were in it). Raises BadSessions for content of another type."""
    if content is None:
        return "", False
    if isinstance(content, str):
        return content, False
    if not isinstance(content, list):
        raise BadSessions("content is neither text nor a list of parts", where=f"{where}.content")
    words, other = [], False
    for part in content:
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            words.append(part["text"])
            other = other or bool(set(part) - {"type", "text"})
        else:
            kind = part.get("type") if isinstance(part, dict) else None
            words.append(f"[{kind if isinstance(kind, str) else 'part'}]")
            other = True
    return "\n".join(words), other
