"""The entries of a JSON file, one held at a time: JSON lines, or one array however long; one object is held whole.

An array is read with the decoder of the standard library on a window of the text that grows until the next entry is
whole in it. No package is needed for that; of a file that is one object (a log of Inspect, a results file of tau2) all
is held, which takes about ten times the file's size in memory.
"""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from assay.errors import BadInput, BadSessions
from assay.records.storage import LARGEST_WHOLE, LONGEST_LINE, read_lines

WINDOW = 1 << 20
"""Bytes that are read at once."""
FIRST_LINE = 16 * WINDOW
"""Characters up to which a first line is looked at as a whole."""
BLANK = " \t\r\n"
NUMBER = "+-.0123456789Ee"


def records_of(file: Path) -> Iterator[tuple[str, Any]]:
    """(where, JSON value) of every entry: lines of JSON, or the entries of one array, or one object over many lines.

    An array of messages (objects with a role) is one entry, a chat. Raises BadSessions, naming the line or entry, for
    text that is no JSON and for a file without any entry; BadInput for one that cannot be read.
    """
    text = Text(file)
    first = text.peek()
    if not first:
        raise BadSessions("0 sessions: nothing to read", where=str(file))
    if first == "[" and not _lines_of_arrays(file):
        yield from _array(text, file)
        return
    yield from _lines(file)


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    # one line may be a whole file of one object
    every = read_lines(file, longest=LARGEST_WHOLE)
    lines = ((n, t.removeprefix("\ufeff")) for n, t in every if t.strip("\ufeff \t\r\n"))
    number, head = next(lines, (0, ""))
    if not number:
        raise BadSessions("0 sessions: nothing to read", where=str(file))
    try:
        value = json.loads(head)
    except (ValueError, RecursionError) as error:
        whole = _whole(chain([head], (t for _, t in lines)), file)
        if whole is None:
            raise BadSessions(f"not JSON: {error}", where=f"{file}, line {number}") from error
        yield f"{file}, entry 1", whole
        return
    yield f"{file}, line {number}", value
    for number, line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadSessions(f"not JSON: {error}", where=f"{file}, line {number}") from error
        yield f"{file}, line {number}", value


def _whole(lines: Iterator[str], file: Path) -> Any:
    """One JSON value over many lines, or None where it is not one. Raises BadInput for more than is read whole."""
    held, size = list[str](), 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > LARGEST_WHOLE:
            raise _too_large("one JSON object", LARGEST_WHOLE, file)
    try:
        return json.loads("".join(held))
    except (ValueError, RecursionError):
        return None


def _lines_of_arrays(file: Path) -> bool:
    """Whether a file that begins with [ holds an array a line, and more than one line: its first line says so."""
    text = Text(file)
    if len(line := text.line(FIRST_LINE)) > FIRST_LINE or not text.peek():
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _array(text: "Text", file: Path) -> Iterator[tuple[str, Any]]:
    """The entries of one array; the array itself where it is a chat."""
    text.skip(1)
    chat, number = list[Any](), 0
    for number, value in enumerate(_entries(text, file), 1):
        said = isinstance(value, dict) and "role" in value
        if number == len(chat) + 1 and said:
            chat.append(value)
            if text.passed > LARGEST_WHOLE:
                raise _too_large("one chat", LARGEST_WHOLE, file)
            continue
        # not all are messages after all: entries like any others
        yield from ((f"{file}, entry {i}", held) for i, held in enumerate(chat, 1))
        chat = []
        yield f"{file}, entry {number}", value
    if not number:
        raise BadSessions("0 sessions: an empty array", where=str(file))
    if chat:
        yield f"{file}, entry 1", chat


def _entries(text: "Text", file: Path) -> Iterator[Any]:
    """Values between [ and ]; raises BadSessions for anything that is not one array."""
    number = 0
    while (now := text.peek()) != "]" or number:
        number += 1
        if number > 1:
            if now == "]":
                break
            if now != ",":
                raise _broken(file, number, "a comma or ] is missing" if now else "the array ends early")
            text.skip(1)
            text.peek()
        yield text.value(file, number)
    text.skip(1)
    if text.peek():
        raise _broken(file, number + 1, "something stands after the array")


def _too_large(what: str, most: int, file: Path) -> BadInput:
    return BadInput(f"{what} of more than {most:,} characters is not read", where=str(file),
                    now="give one session a line, or an array of them")  # fmt: skip


def _broken(file: Path, number: int, what: str) -> BadSessions:
    return BadSessions(f"not JSON: {what}", where=f"{file}, entry {number}")


class Text:
    """A file's text through a window that moves on; gunzipped by suffix, its mark of byte order left out."""

    def __init__(self, file: Path) -> None:
        self.file, self.window, self.at, self.ended = file, "", 0, False
        self.passed = 0
        """Characters that were read so far."""
        self.chunks = self._read()

    def _read(self) -> Iterator[str]:
        decoder, line = codecs.getincrementaldecoder("utf-8-sig")(), 1
        try:
            with gzip.open(self.file, "rb") if self.file.suffix == ".gz" else self.file.open("rb") as handle:
                while block := handle.read(WINDOW):
                    yield decoder.decode(block)
                    line += block.count(b"\n")
                yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise BadInput("not UTF-8 text", where=f"{self.file}, line {line}", now="save the file as UTF-8") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            what = f"the gzip file ends early or is damaged ({error})"
            raise BadInput(what, where=str(self.file), now="fetch or copy the file again") from error
        except OSError as error:
            raise BadInput(f"cannot read the file: {error.strerror or error}", where=str(self.file)) from error

    def more(self, chars: int = 1) -> bool:
        """Read on by at least so many characters; False where there are no more."""
        held, size = [self.window[self.at :]], 0
        while size < chars and not self.ended:
            piece = next(self.chunks, None)
            self.ended = piece is None
            held.append(piece or "")
            size += len(piece or "")
        self.window, self.at = "".join(held), 0
        self.passed += size
        return size > 0

    def peek(self) -> str:
        """The next character that is no blank, where the text then stands; empty at the end."""
        while True:
            while self.at < len(self.window):
                if self.window[self.at] not in BLANK:
                    return self.window[self.at]
                self.at += 1
            if not self.more():
                return ""

    def skip(self, chars: int) -> None:
        """Move on within what was peeked at."""
        self.at += chars

    def line(self, most: int) -> str:
        """Text up to the next line end, or of a longer line one more than `most` characters."""
        self.peek()
        while (end := self.window.find("\n", self.at)) < 0 and len(self.window) - self.at <= most and self.more():
            pass
        end = len(self.window) if end < 0 else end
        found = self.window[self.at : min(end, self.at + most + 1)]
        self.at += len(found)
        return found

    def value(self, file: Path, number: int) -> Any:
        """The JSON value that stands here. Raises BadSessions where none does."""
        decoder = json.JSONDecoder()
        while True:
            try:
                value, end = decoder.raw_decode(self.window, self.at)
            except RecursionError as error:
                raise _broken(file, number, "nested too deeply") from error
            except ValueError as error:
                if len(self.window) - self.at > LONGEST_LINE:
                    raise _too_large("an entry", LONGEST_LINE, file) from error
                # twice as much each time, so that a long entry is not read too often
                if self.more(max(WINDOW, len(self.window) - self.at)):
                    continue
                raise _broken(file, number, str(error).split(":")[0]) from error
            # a number may go on beyond the window
            if not self.window[end:].strip(NUMBER) and self.more():
                continue
            self.at = end
            return value
