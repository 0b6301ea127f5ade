"""Tables of turns (CSV, Parquet, a dataset's rows) as rows of the session form: which column is what.

A table is `long` (one row a turn, the turns of a session share an id), holds one `messages` list a row, or one written
`transcript` a row with a line `speaker: text` a turn. Columns are found by their usual names, or said in the section
`columns` of a map:

    columns:
      session: conv_id          # long: rows of one session
      speaker: who
      text: msg
      turn: idx                 # optional, the order within a session
      messages: conversation    # or one list a row: objects with role/content, from/value or speaker/text
      transcript: dialog        # or one text a row
      turn_labels: [act]        # long: the other columns that belong to a turn
      session_labels: [goal]    # columns that belong to a session
      private: {age: user.age}  # column -> party or party.fact

Without `turn_labels` and `session_labels`, a further column of a long table that never changes within a session is a
label of the session, any other one of its turns; a further plain column of the other tables is a label of the session,
and what is no plain value is kept in `extra`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from assay.errors import BadInput, BadSessions

Row = dict[str, Any]
Placed = tuple[str, Row]
USUAL: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "turns", "dialogue", "dialog", "chat", "log"),
    "session": ("session", "session_id", "conversation_id", "conv_id", "dialogue_id", "dialog_id", "dialogue_name",
                "chat_id", "thread_id", "ticket_id", "id"),
    "speaker": ("speaker", "role", "from", "sender", "author", "party", "who"),
    "text": ("text", "utterance", "content", "message", "value", "body", "msg"),
    "turn": ("turn", "turn_id", "turn_idx", "turn_index", "utterance_idx", "index", "position", "timestamp", "time"),
    "transcript": ("transcript", "dialogue", "dialog", "conversation", "text"),
}  # fmt: skip
"""What a column is -> its usual names, likeliest first."""
SPEAKERS = {"human": "user", "gpt": "assistant", "bot": "assistant", "agent": "assistant", "customer": "user",
            "function": "tool", "developer": "system", "observation": "tool"}  # fmt: skip
"""Words for a party that mean one of assay's."""
LINE = re.compile(r"^\s*([A-Za-z][\w .'-]{0,40}?)\s*:\s?(.*)$")
"""A line of a transcript that begins a turn."""
SECTIONS = frozenset({*USUAL, "turn_labels", "session_labels", "private", "id"})
NOW = "say which column is what in --map FILE, section columns (docs/how-to/import-your-sessions.md)"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what; null where there is none."""

    session: str | None = None
    speaker: str | None = None
    text: str | None = None
    turn: str | None = None
    messages: str | None = None
    transcript: str | None = None
    turn_labels: tuple[str, ...] | None = None
    """None: to be found."""
    session_labels: tuple[str, ...] | None = None
    private: Mapping[str, str] = field(default_factory=dict)

    def used(self) -> set[str]:
        """Columns that are no label."""
        return {c for c in (self.session, self.speaker, self.text, self.turn, self.messages, self.transcript) if c}


def columns_of(names: Sequence[str], sample: Row, mapping: Mapping[str, Any] | None, where: str) -> Columns:
    """The columns of a table: those of the map's section `columns`, the others by their usual names.

    sample: one row, to tell a list of messages from a text. Raises BadInput for a map that names no column of the
    table, BadSessions where turns cannot be found.
    """
    given = dict((mapping or {}).get("columns") or {})
    named = [v for k, v in given.items() if isinstance(v, str)]
    named += [c for k in ("turn_labels", "session_labels") for c in given.get(k) or ()]
    named += list(given.get("private") or {})
    if missing := [c for c in named if c not in names]:
        raise BadInput(f"the table has no column {missing[0]!r}", where=where, now=f"one of {', '.join(names)}")
    by_lower = {n.casefold(): n for n in reversed(names)}

    def usual(kind: str, fits: Any = lambda value: True) -> str | None:
        if kind in given:
            return str(given[kind])
        found = (by_lower[u] for u in USUAL[kind] if u in by_lower)
        return next((n for n in found if fits(sample.get(n))), None)

    session = str(given["id"]) if "id" in given else usual("session", lambda v: not isinstance(v, list | dict))
    kept: dict[str, Any] = {k: tuple(given[k]) if k in given else None for k in ("turn_labels", "session_labels")}
    private = dict(given.get("private") or {})
    messages = usual("messages", _messages)
    if messages is not None:
        return Columns(session, messages=messages, private=private, **kept)
    speaker, text = usual("speaker", _plain), usual("text", _plain)
    if speaker is not None and text is not None and session is not None:
        return Columns(session, speaker, text, usual("turn", _plain), private=private, **kept)
    transcript = usual("transcript", lambda v: isinstance(v, str) and len(transcribed(v)) > 1)
    if transcript is None:
        raise BadSessions(
            "no turns: the columns are neither one row a turn (session, speaker, text) nor one conversation a row",
            where=f"{where}: {', '.join(names)}", now=NOW,
        )  # fmt: skip
    return Columns(session, transcript=transcript, private=private, **kept)


def check_columns(section: Any, where: str) -> None:
    """Raises BadInput for a section `columns` that is not as described above."""
    now = "columns: {session: NAME, speaker: NAME, text: NAME, turn_labels: [NAME], private: {NAME: party.fact}}"
    if not isinstance(section, dict) or set(section) - SECTIONS:
        raise BadInput("the section columns has something else in it", where=where, now=now)
    for key, value in section.items():
        lists = key in ("turn_labels", "session_labels")
        fits = isinstance(value, list) if lists else isinstance(value, dict if key == "private" else str)
        if not fits or not all(isinstance(v, str) for v in (value if lists else ())):
            raise BadInput(f"{key} is {value!r}", where=f"{where}, columns.{key}", now=now)
        if key == "private" and not all(isinstance(v, str) and v.partition(".")[0].strip() for v in value.values()):
            raise BadInput(f"no party in {value!r}", where=f"{where}, columns.private", now=now)


def session_rows(
    rows: Iterable[Placed], names: Sequence[str], mapping: Mapping[str, Any] | None, where: str,
    again: Callable[[], Iterable[Placed]] | None = None,
) -> Iterator[Placed]:  # fmt: skip
    """Rows of the session form of a table's rows. Raises BadInput, BadSessions, naming the row.

    again: reads the same rows once more. With it a table of one row a turn is counted first, and then read with only
    those sessions held whose last row has not come; without it all rows are held.
    """
    listed = iter(rows)
    first = next(listed, None)
    if first is None:
        raise BadSessions("0 sessions: the table has no rows", where=where)
    columns = columns_of(names, first[1], mapping, where)
    everything = _chained(first, listed)
    if columns.messages is None and columns.transcript is None:
        sizes = None if again is None else Counter(_text(row.get(columns.session or "")) for _, row in again())
        yield from _long(everything, columns, where, sizes)
        return
    for number, (place, row) in enumerate(everything, 1):
        yield place, _whole(row, columns, f"{where.rsplit('/', 1)[-1]}:{number}", place)


def _chained(first: Placed, rest: Iterator[Placed]) -> Iterator[Placed]:
    yield first
    yield from rest


def _long(
    rows: Iterable[Placed], columns: Columns, where: str, sizes: Mapping[str, int] | None
) -> Iterator[Placed]:  # fmt: skip
    """Sessions of a table with one row a turn, in the order of their first rows; turns by their column.

    sizes: rows of each session, where they are known; a session is handed on when it and all before it are whole.
    """
    grouped: dict[str, list[Placed]] = {}

    def made(name: str) -> Placed:
        own = grouped.pop(name)
        if columns.turn is not None:
            own = _ordered(own, columns.turn)
        return own[0][0], _session(name, own, columns)

    for place, row in rows:
        name = row.get(columns.session or "")
        if _empty(name):
            _fail("a row without a session", place)
        grouped.setdefault(_text(name), []).append((place, row))
        while sizes is not None and grouped and len(grouped[first := next(iter(grouped))]) == sizes[first]:
            yield made(first)
    while grouped:
        yield made(next(iter(grouped)))


def _ordered(rows: list[Placed], column: str) -> list[Placed]:
    """By number where all are numbers, else by text where none is missing, else as they stand."""
    values = [row.get(column) for _, row in rows]
    if any(_empty(v) for v in values):
        return rows
    try:
        keys: list[Any] = [float(v) for v in values]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        keys = [_text(v) for v in values]
    return [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]


def _session(name: str, rows: list[Placed], columns: Columns) -> Row:
    """One session of a long table."""
    first = rows[0][1]
    rest = [c for c in first if c not in columns.used() and c not in columns.private]
    steady = {c for c in rest if len({_key(row.get(c)) for _, row in rows}) == 1}
    of_session = columns.session_labels if columns.session_labels is not None else [
        c for c in rest if c in steady and c not in (columns.turn_labels or ())
    ]  # fmt: skip
    of_turn = columns.turn_labels if columns.turn_labels is not None else [
        c for c in rest if c not in of_session and c not in steady
    ]  # fmt: skip
    turns = []
    for place, row in rows:
        speaker, text = row.get(columns.speaker or ""), row.get(columns.text or "")
        if _empty(speaker):
            _fail("a turn without a speaker", place)
        turn: Row = {"speaker": party(_text(speaker)), "text": "" if text is None else _text(text)}
        turn["labels"] = {c: row[c] for c in of_turn if not _empty(row.get(c))}
        kept = {c: row[c] for c in rest if c not in of_turn and c not in of_session and not _empty(row.get(c))}
        if columns.turn is not None and not _empty(row.get(columns.turn)):
            kept[columns.turn] = row[columns.turn]
        if party(_text(speaker)) != _text(speaker):
            kept[columns.speaker or ""] = speaker
        turns.append({**turn, "extra": kept} if kept else turn)
    made: Row = {"id": name, "turns": turns, "private": _private(first, columns)}
    made["session_labels"] = {c: first[c] for c in of_session if not _empty(first.get(c))}
    return made


def _whole(row: Row, columns: Columns, default: str, place: str) -> Row:
    """One session of a table with a conversation a row."""
    given = row.get(columns.session or "")
    if columns.messages is not None:
        turns = [_message(m, f"{place}, {columns.messages}.{i}") for i, m in enumerate(_list(row[columns.messages]))]
    else:
        turns = transcribed(_text(row.get(columns.transcript or "") or ""))
    rest = {c: v for c, v in row.items() if c not in columns.used() and c not in columns.private and not _empty(v)}
    asked = columns.session_labels
    labels = {c: v for c, v in rest.items() if (c in asked if asked is not None else _plain(v))}
    extra = {c: v for c, v in rest.items() if c not in labels}
    named = not _empty(given) and not isinstance(given, list | dict)
    made: Row = {"id": _text(given) if named else default, "turns": turns, "private": _private(row, columns)}
    return {**made, "session_labels": labels, "extra": extra}


def _message(message: Any, place: str) -> Row:
    """One entry of a list of messages: role and content, from and value, or speaker and text."""
    if not isinstance(message, dict):
        _fail("a message is no object", place)
    from assay.importing.openai import text_of

    for who, what in (("role", "content"), ("from", "value"), ("speaker", "text")):
        if isinstance(message.get(who), str) and message[who].strip():
            text, parts = text_of(message.get(what), place)
            known = {who, what, "tool_calls", "tool_call_id", "name", "labels"}
            extra = {k: v for k, v in message.items() if k not in known and v is not None}
            if parts:
                extra[what] = message[what]
            speaker = party(message[who])
            if speaker != message[who]:
                extra[who] = message[who]
            turn: Row = {"speaker": speaker, "text": text}
            for name in ("tool_calls", "tool_call_id", "name", "labels"):
                if message.get(name) is not None:
                    turn[name] = message[name]
            return {**turn, "extra": extra} if extra else turn
    _fail("a message without role and content, from and value, or speaker and text", place)


def transcribed(text: str) -> list[Row]:
    """Turns of a written transcript; a line that begins no turn goes on with the one before."""
    turns: list[Row] = []
    for line in text.splitlines():
        found = LINE.match(line)
        if found is not None:
            turns.append({"speaker": party(found[1]), "text": found[2]})
        elif turns and line.strip():
            turns[-1]["text"] += "\n" + line
    return turns


def party(name: str) -> str:
    """A speaker in assay's words: human is user, gpt is assistant, ...; other names stay as they are."""
    plain = name.strip()
    low = plain.casefold()
    return SPEAKERS.get(low, low if low in ("user", "assistant", "system", "tool") else plain)


def _private(row: Row, columns: Columns) -> Row:
    """Facts of the columns that the map gives to a party."""
    found: dict[str, Row] = {}
    for column, target in columns.private.items():
        if not _empty(row.get(column)):
            owner, _, fact = target.partition(".")
            found.setdefault(owner, {})[fact or column] = row[column]
    return found


def _messages(value: Any) -> bool:
    """Whether a value is a list of messages, or its JSON."""
    try:
        listed = _list(value)
    except (BadSessions, ValueError):
        return False
    return bool(listed) and all(isinstance(m, dict) for m in listed)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list):
        raise BadSessions("not a list of messages", now=NOW)
    return value


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _fail(what: str, place: str) -> NoReturn:
    raise BadSessions(what, where=place, now=NOW)
