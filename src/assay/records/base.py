"""What all records share: frozen, strict, without NaN, with one canonical JSON form."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

Json = None | bool | int | float | str | list[Any] | dict[str, Any]


def rounded(value: Any) -> Any:
    """Round every float in a JSON value to 6 significant digits, the precision that is stored."""
    # most of what is stored is text, and every record passes through here
    if value is None or type(value) is str:
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    return value


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, unicode as is, no NaN."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex, 64 characters) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def digest_rows(rows: Iterable[Any]) -> str:
    """`digest` of the list of the rows, without holding them."""
    sha, between = hashlib.sha256(b"["), b""
    for row in rows:
        sha.update(between + canonical(row).encode("utf-8", "surrogatepass"))
        between = b","
    sha.update(b"]")
    return sha.hexdigest()


class Record(BaseModel):
    """Base of everything that touches disk."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    SCHEMA: ClassVar[int] = 1

    def row(self) -> dict[str, Any]:
        """The record as a JSON object with floats rounded as stored."""
        row: dict[str, Any] = rounded(self.model_dump(mode="json", by_alias=True))
        return row

    def line(self) -> str:
        """The record as one line of JSON, without the line end."""
        return json.dumps(self.row(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
