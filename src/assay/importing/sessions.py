"""The session form: JSON lines, one session a line, gzip by suffix, read one at a time.

What is refused, naming file, line and field: lines that are not JSON objects, missing or mistyped fields, an id that
was already read, a turn above MAX_TURN_BYTES, NaN and infinities, control characters (unless they are to be stripped),
a damaged gzip, and input without any session. Right-to-left text, emoji and every other character are kept as they
are; lone surrogates, which no UTF-8 file can hold, become U+FFFD and are counted in the warnings.
"""

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from assay.errors import BadInput, BadSessions
from assay.importing.maps import SourceMap, parse_map, shipped_map
from assay.importing.parties import by_party, leaves
from assay.importing.report import Counts, ImportReport
from assay.records.label import flatten, is_structured, key_of
from assay.records.session import Session, Turn
from assay.records.storage import read_lines

MAX_TURN_BYTES = 1_000_000
"""Largest text of one turn, in UTF-8 bytes; a longer one is a file pasted into a turn."""

PERSONA = "persona"
"""Fact of a party that becomes a session label, scored by whether that party's lines fit it."""

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
ODD_RAW = re.compile(r"\x7f|\\u(?:00[01]|007f|d[89a-f])|\\[bf]", re.I)
SURROGATE = re.compile("[\ud800-\udfff]")

OWN_SESSION = frozenset({"kept", "extra", "scenario", "scenario_hash", "disclosures"})
"""Fields that only a session written by assay carries all of."""
PLAIN_SESSION = ("source", "licence", "split", "language")
READ_SESSION = frozenset({"id", "turns", "session_labels", "private", *PLAIN_SESSION})
READ_TURN = frozenset({"speaker", "text", "labels"})
PLAIN_TURN = frozenset({"tool_calls", "tool_call_id", "name", "time", "realised_by"})


def import_rows(
    rows: Iterable[tuple[str, dict[str, Any]]],
    mapping: dict[str, Any] | None = None,
    *,
    report: ImportReport | None = None,
) -> Iterator[Session]:
    """Sessions of rows that another reader brought into the session form: (where, row), under the same rules.

    Raises BadSessions as `import_sessions` does, naming the place that came with the row.
    """
    given, report, seen = parse_map(mapping), ImportReport() if report is None else report, set()
    for where, row in rows:
        reader = _Reader(where, given, report, "refuse")
        try:
            text = json.dumps({k: v for k, v in row.items() if k != "extra"})
            kept = reader._clean(DECODER.decode(json.dumps(row.get("extra") or {})), "")  # refuses NaN and infinities
        except (ValueError, RecursionError) as error:
            reader.fail(f"not JSON: {error}", "")
        session = reader.session(text)
        if session.id in seen:
            reader.fail(f"the id {session.id!r} was already used", "", "make ids unique")
        seen.add(session.id)
        yield session.model_copy(update={"extra": {**session.extra, **kept}}) if kept else session


def import_sessions(
    paths: str | Path | Iterable[str | Path],
    mapping: dict[str, Any] | None = None,
    *,
    report: ImportReport | None = None,
    control: Literal["refuse", "strip"] = "refuse",
) -> Iterator[Session]:
    """Sessions of one or several files in the session form, one at a time, in the order of the files.

    `mapping` is the content of a map file (importing/maps.py); it is laid over the shipped map of each session's
    source. `report` is filled as sessions are taken. With `control="strip"` control characters are taken out and
    counted as a warning, else they are refused. Raises BadSessions, naming file, line and field.
    """
    files = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    given = parse_map(mapping)
    report = ImportReport() if report is None else report
    seen: dict[str, str] = {}
    for path in files:
        for number, text in _lines(path):
            reader = _Reader(f"{path}, line {number}", given, report, control)
            session = reader.session(text)
            if session.id in seen:
                reader.fail(f"the id {session.id!r} was already used in {seen[session.id]}", "", "make ids unique")
            seen[session.id] = f"{path.name}, line {number}"
            yield session
    if not seen:
        raise BadSessions(
            "0 sessions: nothing to read", where=", ".join(map(str, files)) or "no file", now="one JSON object a line"
        )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a file; every way in which reading fails is a BadSessions."""
    number = 0
    try:
        for number, text in read_lines(path):
            yield number, text.removeprefix("\ufeff") if number == 1 else text
    except BadSessions:
        raise
    except BadInput as error:
        now = error.now
        if path.suffix != ".gz" and _starts_as_gzip(path):
            now = "the file is gzipped: let its name end in .gz"
        raise BadSessions(error.what, where=error.where, now=now) from error
    except zlib.error as error:
        raise BadSessions(
            f"the gzip file is damaged ({error})", where=f"{path}, after line {number}", now="fetch it again"
        ) from error


def _starts_as_gzip(path: Path) -> bool:
    """Whether a file's first bytes are those of a gzip file."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def _finite(text: str) -> float:
    """A JSON number; one too large for a float is refused."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is too large")
    return value


def _no_constant(text: str) -> NoReturn:
    """NaN and infinities are not JSON."""
    raise ValueError(f"{text} is not JSON")


DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


class _Reader:
    """Reads one line; knows where it is, so that every error can say so."""

    def __init__(self, where: str, given: SourceMap, report: ImportReport, control: str) -> None:
        self.where, self.given, self.report, self.control = where, given, report, control
        self.session_id = ""

    def fail(self, what: str, place: str, now: str = "") -> NoReturn:
        """Raise BadSessions for a place in this line."""
        of = f" (session {self.session_id!r})" if self.session_id else ""
        raise BadSessions(what, where=f"{self.where}{', ' if place else ''}{place}{of}", now=now)

    def session(self, text: str) -> Session:
        """The session of one line, counted in the report."""
        raw = self._parse(text)
        self.session_id = self._id(raw)
        if ODD_RAW.search(text):
            raw = self._clean(raw, "")
        turns = tuple(self._turn(turn, f"turns.{i}") for i, turn in enumerate(self._list(raw, "turns")))
        labels = self._dict(raw, "session_labels", "")
        private = self._dict(raw, "private", "")
        source = raw.get("source") if isinstance(raw.get("source"), str) else None
        source_map = self.given.over(shipped_map(source))
        self.report.read.sessions += 1
        self.report.read.turns += len(raw["turns"])
        self._count_labels(self.report.read, [labels, *(t.get("labels") or {} for t in raw["turns"])])
        self.report.read.facts += sum(1 if k.startswith("gold_") else _facts(v) for k, v in private.items())
        if raw.keys() >= OWN_SESSION:
            session = self._own(raw, turns)
            self.report.read.facts += len(raw["kept"])
            self._account(session, 0, ())
            return session
        parted = by_party(private, turns, source_map, self.where)
        session = self._build(raw, turns, labels, {"private": parted.facts, "kept": parted.kept})
        self._account(session, parted.empty, parted.guessed)
        return self._derived(session, source_map)

    def _parse(self, text: str) -> dict[str, Any]:
        """The JSON object of a line."""
        try:
            raw = DECODER.decode(text.strip())
        except RecursionError:
            self.fail("not JSON: nested too deeply", "")
        except ValueError as error:
            place = f"column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            self.fail(f"not JSON: {what}", place, "one JSON object a line; write control characters as \\uXXXX")
        if not isinstance(raw, dict):
            self.fail(f"not a session: {_kind(raw)}, expected an object", "", "one JSON object a line")
        return raw

    def _id(self, raw: dict[str, Any]) -> str:
        """The id as text; numbers are taken as their digits."""
        value = raw.get("id")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            self.fail("missing field id" if value is None else f"id is {_kind(value)}, expected text", "id")
        return SURROGATE.sub("\ufffd", value)

    def _list(self, raw: dict[str, Any], name: str) -> list[Any]:
        """A required list."""
        value = raw.get(name)
        if not isinstance(value, list):
            self.fail(f"missing field {name}" if value is None else f"{name} is {_kind(value)}, expected a list", name)
        return value

    def _dict(self, raw: dict[str, Any], name: str, place: str) -> dict[str, Any]:
        """A table that may be missing or null."""
        value = raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fail(f"{name} is {_kind(value)}, expected an object", f"{place}{name}")
        return value

    def _turn(self, raw: Any, place: str) -> Turn:
        """One turn; fields that assay does not read are kept in `extra`."""
        if not isinstance(raw, dict):
            self.fail(f"a turn is {_kind(raw)}, expected an object", place)
        speaker, text = raw.get("speaker"), raw.get("text")
        if not isinstance(speaker, str) or not speaker.strip():
            what = "missing field speaker" if "speaker" not in raw else f"speaker is {_kind(speaker)}, expected text"
            self.fail(what, f"{place}.speaker", "user, assistant, tool, action, narrator, or a name")
        if text is None and raw.get("tool_calls"):
            text = ""
        if not isinstance(text, str):
            what = "missing field text" if "text" not in raw else f"text is {_kind(text)}, expected text"
            self.fail(what, f"{place}.text", "a turn that says nothing has the text ''")
        size = len(text) if len(text) * 4 <= MAX_TURN_BYTES else len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_TURN_BYTES:
            self.fail(
                f"a turn of {size:,} bytes; at most {MAX_TURN_BYTES:,} are read",
                f"{place}.text",
                "cut it, or move what was pasted into it elsewhere",
            )
        fields: dict[str, Any] = {"speaker": speaker, "text": text, "labels": self._dict(raw, "labels", f"{place}.")}
        extra = dict(raw["extra"]) if isinstance(raw.get("extra"), dict) else {}
        for name, value in raw.items():
            if name in READ_TURN or (name == "extra" and isinstance(value, dict)):
                continue
            if name in PLAIN_TURN and value is None:
                continue
            (fields if _fits(name, value) else extra)[name] = value
        return Turn(**fields, extra=extra)

    def _build(
        self, raw: dict[str, Any], turns: tuple[Turn, ...], labels: dict[str, Any], private: dict[str, Any]
    ) -> Session:
        """The session record; fields that assay does not read are kept in `extra`."""
        extra = {k: v for k, v in raw.items() if k not in READ_SESSION}
        fields = {}
        for name in PLAIN_SESSION:
            if isinstance(raw.get(name), str):
                fields[name] = raw[name]
            elif raw.get(name) is not None:
                extra[name] = raw[name]
        return Session(id=self.session_id, turns=turns, session_labels=labels, extra=extra, **fields, **private)

    def _own(self, raw: dict[str, Any], turns: tuple[Turn, ...]) -> Session:
        """A session that assay wrote, as it was."""
        try:
            return Session.model_validate({**raw, "id": self.session_id, "turns": turns})
        except ValidationError as error:
            first = error.errors()[0]
            self.fail(first["msg"], ".".join(map(str, first["loc"])))

    def _clean(self, value: Any, place: str) -> Any:
        """A JSON value without lone surrogates, and without control characters or refused for them."""
        if isinstance(value, str):
            return self._clean_text(value, place) if ODD.search(value) else value
        if isinstance(value, dict):
            pairs = ((str(self._clean(k, place)), v) for k, v in value.items())
            return {k: self._clean(v, f"{place}.{k}".lstrip(".")) for k, v in pairs}
        if isinstance(value, list):
            return [self._clean(v, f"{place}.{i}".lstrip(".")) for i, v in enumerate(value)]
        return value

    def _clean_text(self, text: str, place: str) -> str:
        """One text without what no file can hold and no reader can see."""
        if SURROGATE.search(text):
            self.report.notes["lone surrogates were replaced by U+FFFD"] += 1
            text = SURROGATE.sub("\ufffd", text)
        found = CONTROL.search(text)
        if found is None:
            return text
        if self.control == "strip":
            self.report.notes["control characters were taken out"] += 1
            return CONTROL.sub("", text)
        self.fail(
            f"control character U+{ord(found[0]):04X} at position {found.start()}",
            place,
            "take control characters other than tab and line ends out of the texts, then import again",
        )

    def _count_labels(self, counts: Counts, tables: Iterable[dict[str, Any]]) -> None:
        """Add the flattened label values of some tables to a count."""
        for table in tables:
            for name, value in table.items():
                counts.labels += sum(1 for _ in flatten(name, value))

    def _account(self, session: Session, empty: int, guessed: tuple[str, ...]) -> None:
        """Count what the session holds."""
        report, made = self.report, self.report.made
        made.sessions += 1
        made.turns += len(session.turns)
        self._count_labels(made, [session.session_labels, *(t.labels for t in session.turns)])
        for party, facts in session.private.items():
            report.facts[party] += len(facts)
            made.facts += len(facts)
        made.facts += len(session.kept) + empty
        report.kept_facts += len(session.kept)
        report.empty_facts += empty
        for key in guessed:
            report.notes[f"the private key {key!r} names no party: given to the user; say whose it is in --map"] += 1

    def _derived(self, session: Session, source_map: SourceMap) -> Session:
        """The session with the labels that follow from its map and from its personas."""
        turns = tuple(self._mapped_turn(turn, source_map) for turn in session.turns)
        labels = {**session.session_labels, **self._mapped(session.session_labels, source_map)}
        for name, value in personas(session.private).items():
            if name not in labels:
                labels[name] = value
                self.report.personas += 1
        return session.model_copy(update={"turns": turns, "session_labels": labels})

    def _mapped_turn(self, turn: Turn, source_map: SourceMap) -> Turn:
        """A turn with the labels that the map makes of its lists of objects."""
        made = self._mapped(turn.labels, source_map)
        return turn.model_copy(update={"labels": {**turn.labels, **made}}) if made else turn

    def _mapped(self, labels: dict[str, Any], source_map: SourceMap) -> dict[str, list[str]]:
        """Sets of one key of the objects in each list of objects that the map names."""
        made: dict[str, list[str]] = {}
        for raw_name, raw in labels.items():
            for name, value in flatten(raw_name, raw):
                if name not in source_map.labels and is_structured(value):
                    self.report.structured[name] += 1
                    continue
                for new, key in source_map.labels.get(name, {}).items():
                    if isinstance(value, list | tuple) and new not in labels:
                        found = (v.get(key) for v in value if isinstance(v, dict))
                        made[new] = sorted({key_of(v) for v in found if v is not None})
                        self.report.mapped[new] += 1
        return made


def personas(private: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Session labels of the personas: `persona` for the user or the only party that has one, else `persona.<party>`."""
    found = {party: facts[PERSONA] for party, facts in private.items() if facts.get(PERSONA)}
    main = "user" if "user" in found else next(iter(found), "")
    return {PERSONA if party == main else f"{PERSONA}.{party}": value for party, value in found.items()}


def _facts(value: Any) -> int:
    """Facts in a private value, dicts flattened."""
    return sum(1 for _ in leaves("", value))


def _fits(name: str, value: Any) -> bool:
    """Whether a field of a turn is one that assay reads and has its type."""
    if name == "tool_calls":
        return isinstance(value, list) and all(isinstance(v, dict) for v in value)
    if name == "time":
        return isinstance(value, str | float | int) and not isinstance(value, bool)
    return name in PLAIN_TURN and isinstance(value, str)


def _kind(value: Any) -> str:
    """A JSON value's type, in words."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)
