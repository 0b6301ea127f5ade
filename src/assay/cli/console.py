"""What the commands share: progress on stderr, one JSON object on stdout."""

import json
import re
import sys
import time
from typing import Any

import typer

JSON = typer.Option(False, "--json", help="Print one JSON object on stdout.")
ENGINE = typer.Option(
    "local", "--engine", help="local, or ray: a Ray cluster (RAY_ADDRESS, else this machine); ray:actors=8,rate=200."
)
QUIET = typer.Option(False, "-q", "--quiet", help="No progress.")
VERBOSE = typer.Option(False, "-v", "--verbose", help="More on stderr.")


class Bars:
    """Progress with rate and time left: a live line on a terminal, a line now and then elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty()
        self.stage = ""
        self.begun = 0.0
        self.first = 0
        self.last = 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Draw the state of a stage."""
        if stage == "sending":
            # where text goes is said even with -q
            say(note)
            return
        if self.quiet:
            return
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.begun, self.first, self.last = stage, now, done, 0.0
        end = done >= total
        if not end and now - self.last < (0.1 if self.live else 5.0):
            return
        self.last = now
        rate = (done - self.first) / (now - self.begun) if now > self.begun else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate > 0 and not end else ""
        speed = f" {rate:.1f}/s" if rate > 0 else ""
        text = f"{stage:<10}{done}/{total}{speed}{left}{'  ' + plain(note) if note else ''}"
        if self.live:
            sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if end else ""))
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()


UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing, what turns the order of letters round, and what no output can encode."""


def plain(text: str) -> str:
    """Text as a terminal may have it: what it would obey is written as \\uXXXX, as in JSON."""
    return UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def say(text: str, quiet: bool = False) -> None:
    """A message for people, on stderr."""
    if not quiet:
        sys.stderr.write(plain(text) + "\n")
        sys.stderr.flush()


def result(value: dict[str, Any], as_json: bool, text: str) -> None:
    """The result: JSON on stdout, or words."""
    sys.stdout.write(plain(json.dumps(value, ensure_ascii=False, allow_nan=False) if as_json else text) + "\n")
    sys.stdout.flush()
