"""Take personal data out of sessions: e-mail addresses, phone and card numbers, IBANs, and listed names.

A value gets the same pseudonym wherever it stands, in words, private facts, labels and tool calls, so that checks that
compare them still can. Card numbers pass the Luhn test, IBANs their check digits; phone numbers are digits in a form
that people write them in. What is personal in other ways (a street, a name that nobody listed) is not found.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.records.session import Session

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
CARD = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")
PHONE = re.compile(
    r"(?<![\w.,:/-])(?<!\d )(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|\(\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}|\d{3}[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d{4,8}"
    r"|0\d(?:[ .]?\d{2}){4})(?![\w-])(?! \d)"
)
KEPT = frozenset({"source", "licence", "split", "language", "scenario_hash", "speaker"})
"""Fields that say what a session is, not what was said."""


def luhn(digits: str) -> bool:
    """Whether the digits of a card number fit its last one."""
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def iban(text: str) -> bool:
    """Whether an IBAN's check digits fit (ISO 13616)."""
    plain = text.replace(" ", "")
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


class Redactor:
    """Replaces personal data by pseudonyms, the same for the same value; counts what it replaced."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self._given: dict[tuple[str, str], str] = {}
        self._used: Counter[str] = Counter()
        listed = sorted({n.strip() for n in names if n.strip()}, key=lambda n: (-len(n), n))
        words = "|".join(re.escape(n) for n in listed)
        self._names = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I) if words else None

    def text(self, text: str) -> str:
        """A text without personal data."""
        text = EMAIL.sub(lambda m: self._pseudonym("email", m[0]), text)
        text = IBAN.sub(lambda m: self._pseudonym("iban", m[0]) if iban(m[0]) else m[0], text)
        text = CARD.sub(self._card, text)
        text = PHONE.sub(lambda m: self._pseudonym("phone", m[0]), text)
        return self._names.sub(lambda m: self._pseudonym("name", m[0]), text) if self._names else text

    def _card(self, found: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", found[0])
        return self._pseudonym("card", digits) if luhn(digits) and digits[0] != "0" else found[0]

    def _pseudonym(self, kind: str, value: str) -> str:
        """`[email-1]`: the same for the same value; numbers compare by their digits, words without case."""
        form = value.casefold() if kind in ("email", "name") else re.sub(r"[^A-Z0-9+]", "", value)
        self.counts[kind] += 1
        if (kind, form) not in self._given:
            self._used[kind] += 1
            self._given[kind, form] = f"[{kind}-{self._used[kind]}]"
        return self._given[kind, form]

    def value(self, value: Any) -> Any:
        """A JSON value, keys too, without personal data; numbers stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(k): v if k in KEPT else self.value(v) for k, v in value.items()}
        return [self.value(v) for v in value] if isinstance(value, list | tuple) else value

    def session(self, session: Session) -> Session:
        """A session without personal data, its id included."""
        return Session.model_validate(self.value(session.model_dump(mode="json")))

    def row(self) -> dict[str, Any]:
        """Kind -> how many were replaced, and how many different ones."""
        return {k: {"replaced": n, "different": self._used[k]} for k, n in sorted(self.counts.items())}


def read_names(path: str | Path) -> list[str]:
    """Names of a file, one a line. Raises BadInput when it cannot be read or is empty."""
    try:
        names = [n.strip() for n in Path(path).read_text(encoding="utf-8-sig").splitlines() if n.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read the names: {error}", where=str(path), now="one name a line, UTF-8") from error
    if not names:
        raise BadInput("no names in the file", where=str(path), now="one name a line")
    return names
