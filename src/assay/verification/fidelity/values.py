"""Values that a text states: identifiers, dates, amounts, numbers and names, each in one normal form."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {m: i + 1 for i, m in enumerate(MONTH_NAMES)}
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
IDENT = r"#?\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z_])[A-Za-z0-9]\w*(?:[-_]\w+)*\b"
ISO = r"\b\d{4}-\d{1,2}-\d{1,2}\b"
MONTH = r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2}(?:st|nd|rd|th)?\b(?:,?\s+\d{4})?"
MONEY = r"\$\s?\d[\d,]*(?:\.\d+)?"
NUMBER = r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])"
NAME = r"(?<=[a-z,:-] )[A-Z][a-z]+(?: [A-Z][a-z]+)+"
PATTERN = re.compile(
    "|".join(f"(?P<{k}>{v})" for k, v in (
        ("mail", MAIL), ("iso", ISO), ("money", MONEY), ("month", f"(?i:{MONTH})"), ("ident", IDENT),
        ("number", NUMBER), ("name", NAME),
    ))
)  # fmt: skip
ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|am|pm|x|k)?", re.I)


class Stated(NamedTuple):
    """A value as it stands in a text."""

    kind: str
    """mail, iso, month, money, ident, number or name."""
    quote: str
    """The words, verbatim."""
    key: str
    """Normal form: two statements of one value have one key."""


def stated(text: str) -> Iterator[Stated]:
    """The values in a text, in order; single digits, list numbers and times of day are no values."""
    for found in PATTERN.finditer(text):
        kind, quote = str(found.lastgroup), found[0]
        key = _key(kind, quote)
        if key is not None and not (kind == "number" and re.match(r"[.)]\s", text[found.end() :])):
            yield Stated(kind, quote, key)


def _key(kind: str, quote: str) -> str | None:
    """Normal form of a value, None for what is too common to be one."""
    if kind == "iso":
        _, month, day = (int(p) for p in quote.split("-"))
        return f"{month}/{day}"
    if kind == "month":
        numbers = re.findall(r"\d+", quote)
        return f"{MONTHS[quote[:3].lower()]}/{int(numbers[0])}"
    if kind in ("money", "number"):
        digits = quote.strip("$ ").replace(",", "")
        plain = digits.rstrip("0").rstrip(".") if "." in digits else digits
        return plain if kind == "money" or len(plain.replace(".", "")) > 1 else None
    if kind == "ident" and (ORDINAL.fullmatch(quote) or len(quote) < 4):
        return None
    return quote.lower().lstrip("#")


class Known:
    """What has been said or told so far."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.words: set[str] = set()
        self.keys: set[str] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Take a text's words, numbers and values in."""
        self.keys.update(v.key for v in stated(text))
        self.keys.update(n.replace(",", "").removesuffix(".00") for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text))
        found = re.findall(r"[a-z0-9]+", text.lower())
        self.words.update(found)
        self.keys.update(str(SMALL.index(w)) for w in found if w in SMALL)

    def holds(self, value: Stated) -> bool:
        """Whether a value was there: the same value, or for names and identifiers all of its words."""
        if value.key in self.keys:
            return True
        parts = re.findall(r"[a-z0-9]+", value.key)
        if value.kind == "name":
            return all(p in self.words for p in parts) or "".join(p[0] for p in parts) in self.words
        return value.kind in ("ident", "mail") and all(p in self.words for p in parts)
