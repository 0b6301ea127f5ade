"""Logs of Inspect AI (`.eval` or `.json`), as rows of the session form.

A sample is a session; of several epochs each is one, and its id ends in `#epoch`. Scores are labels of the session
(`score.<scorer>`), plain metadata too; the target is kept and not watched (`gold_target`); metadata `private` in the
session form is private. A sample that assay's own task made (assay.inspect_task) holds its session record, which is
taken as it is, with the scores beside its labels. Reasoning is not said, so that it stands in no turn's text. Text kept
as an attachment is put back. Events, usage and times are not read; everything else of a sample is kept in `extra`.
"""

import json
import math
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from assay.errors import BadSessions
from assay.importing.json_stream import records_of
from assay.importing.openai import turn_of

ZSTD = 93
"""Compression of newer `.eval` files, which zipfile of this Python cannot read."""
LARGEST = 512 * 1024 * 1024
"""Bytes of one unpacked sample: more is refused (zip bombs)."""
LEFT_OUT = frozenset({"messages", "events", "events_data", "attachments", "scores", "metadata", "target", "id", "epoch",
                      "model_usage", "role_usage", "timelines"})  # fmt: skip
OWN = "assay:session"
"""Key in a sample's store: the session record that assay.inspect_task left there."""
NOW = "give a log of `inspect eval`; with --log-format json it can always be read"


def inspect_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row of the session form) of every sample in a log. Raises BadSessions naming file and sample."""
    file = Path(path)
    try:
        with file.open("rb") as handle:
            zipped = handle.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise BadSessions(f"cannot read the log: {error.strerror}", where=str(file)) from error
    head, samples = _eval(file) if zipped else _json(file)
    source = f"inspect log: {_word(head.get('task'))}, {_word(head.get('model'))}"
    found = 0
    epochs = (head.get("config") or {}).get("epochs") if isinstance(head.get("config"), dict) else None
    for where, sample in samples:
        if not isinstance(sample, dict) or not isinstance(sample.get("messages"), list):
            raise BadSessions("a sample without a list messages", where=where, now=NOW)
        found += 1
        yield where, _row(sample, source, where, many=isinstance(epochs, int) and epochs > 1)
    if not found:
        raise BadSessions("0 sessions: the log has no samples", where=str(file), now=NOW)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"


def _json(file: Path) -> tuple[dict[str, Any], Iterator[tuple[str, Any]]]:
    """Head and samples of a log in JSON."""
    entries = list(records_of(file))
    log = entries[0][1]
    if len(entries) != 1 or not isinstance(log, dict) or not isinstance(log.get("eval"), dict):
        raise BadSessions("not a log of Inspect", where=str(file), now=NOW)
    samples = log.get("samples")
    if not isinstance(samples, list):
        raise BadSessions("the log has no samples: it was written without them, or was not finished", where=str(file),
                          now=NOW)  # fmt: skip
    return log["eval"], ((f"{file}, samples.{i}", s) for i, s in enumerate(samples))


def _eval(file: Path) -> tuple[dict[str, Any], Iterator[tuple[str, Any]]]:
    """Head and samples of an `.eval` file."""
    try:
        with zipfile.ZipFile(file) as packed:
            infos = packed.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise BadSessions(f"the .eval file is damaged: {error}", where=str(file), now="copy it again") from error
    heads = [i for i in infos if i.filename in ("header.json", "_journal/start.json")]
    if not heads:
        raise BadSessions("not a log of Inspect: no header in it", where=str(file), now=NOW)
    head = _member(file, min(heads, key=lambda i: i.filename != "header.json"))
    plan = head.get("eval") if isinstance(head, dict) else None
    samples = [i for i in infos if i.filename.startswith("samples/") and i.filename.endswith(".json")]
    return plan if isinstance(plan, dict) else {}, ((f"{file}, {i.filename}", _member(file, i)) for i in samples)


def _member(file: Path, info: zipfile.ZipInfo) -> Any:
    """One JSON file of the archive, of any compression that Inspect has used."""
    where = f"{file}, {info.filename}"
    if info.file_size > LARGEST:
        raise BadSessions(f"a sample of {info.file_size:,} bytes; at most {LARGEST:,} are read", where=where)
    try:
        if info.compress_type == ZSTD:
            with file.open("rb") as handle:
                data = _zstd(_raw(handle, info), info.file_size, where)
        else:
            with zipfile.ZipFile(file) as packed, packed.open(info) as member:
                data = member.read(info.file_size + 1)
        return json.loads(data)
    except (zipfile.BadZipFile, OSError, ValueError, RecursionError, struct.error, RuntimeError) as error:
        raise BadSessions(f"the .eval file is damaged: {error}", where=where, now="copy it again") from error


def _raw(handle: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """The packed bytes of a member: behind its local head, whose name and extra field have lengths of their own."""
    handle.seek(info.header_offset)
    name, extra = struct.unpack("<26xHH", handle.read(30))
    handle.seek(info.header_offset + 30 + name + extra)
    return handle.read(info.compress_size)


def _zstd(data: bytes, size: int, where: str) -> bytes:
    try:
        import pyarrow
    except ImportError as error:
        raise BadSessions(
            "this .eval file is packed with zstandard, which needs pyarrow", where=where,
            now="pip install 'assay[parquet]', or: inspect log convert LOG --to json --output-dir DIR",
        ) from error  # fmt: skip
    try:
        return bytes(pyarrow.decompress(data, decompressed_size=size, codec="zstd", asbytes=True))
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error


def _row(sample: dict[str, Any], source: str, where: str, *, many: bool) -> dict[str, Any]:
    """One sample in the session form."""
    kept = sample.get("attachments")
    attachments: dict[str, Any] = kept if isinstance(kept, dict) else {}
    store = sample["store"] if isinstance(sample.get("store"), dict) else {}
    if isinstance(own := store.get(OWN), dict) and isinstance(own.get("turns"), list):
        own = _restored(own, attachments)
        labels = own["session_labels"] if isinstance(own.get("session_labels"), dict) else {}
        return {**own, "id": _id(sample, many, where), "session_labels": labels | _scores(sample.get("scores"))}
    messages = [_restored(m, attachments) for m in sample["messages"]]
    turns = [turn_of(_spoken(m), f"{where}, messages.{i}") for i, m in enumerate(messages)]
    for turn, message in zip(turns, messages, strict=True):
        if isinstance(message.get("content"), list):
            turn.setdefault("extra", {})["content"] = message["content"]
    metadata: dict[str, Any] = sample["metadata"] if isinstance(sample.get("metadata"), dict) else {}
    private = metadata.get("private")
    row: dict[str, Any] = {"id": _id(sample, many, where), "turns": turns, "source": source}
    row["private"] = {**(private if isinstance(private, dict) else {})}
    if sample.get("target") not in (None, "", []):
        row["private"]["gold_target"] = sample["target"]
    plain = {k: v for k, v in metadata.items() if isinstance(v, str | int | float | bool)}
    row["session_labels"] = plain | _scores(sample.get("scores"))
    if many and isinstance(sample.get("epoch"), int):
        row["session_labels"]["epoch"] = sample["epoch"]
    row["extra"] = {k: v for k, v in sample.items() if k not in LEFT_OUT and v is not None}
    if rest := {k: v for k, v in metadata.items() if k not in plain and (k != "private" or not row["private"])}:
        row["extra"]["metadata"] = rest
    return row


def _id(sample: dict[str, Any], many: bool, where: str) -> str:
    given = sample.get("id")
    if not isinstance(given, str | int) or isinstance(given, bool) or not str(given).strip():
        raise BadSessions("a sample without an id", where=where, now=NOW)
    return f"{given}#{sample.get('epoch')}" if many else str(given)


def _scores(scores: Any) -> dict[str, Any]:
    """`score.<scorer>` -> value; a table of values is flattened by the labels' own rule. NaN is Inspect's unscored."""
    found = {}
    for name, score in scores.items() if isinstance(scores, dict) else ():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):
            value = {k: v for k, v in value.items() if not _unscored(v)} or None
        if value is not None and not _unscored(value):
            found[f"score.{name}"] = value
    return found


def _unscored(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _restored(value: Any, attachments: dict[str, Any]) -> Any:
    """A value with its attachments put back."""
    if isinstance(value, str) and value.startswith("attachment://"):
        return attachments.get(value.removeprefix("attachment://"), value)
    if isinstance(value, dict):
        return {k: _restored(v, attachments) for k, v in value.items()}
    return [_restored(v, attachments) for v in value] if isinstance(value, list) else value


def _spoken(message: Any) -> Any:
    """A message without its reasoning, and without a name for the tool that goes by `function`."""
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, list):
        content = [p for p in content if not (isinstance(p, dict) and p.get("type") == "reasoning")]
    named = {"name": message["function"]} if isinstance(message.get("function"), str) else {}
    return {**message, **named, "content": content}
