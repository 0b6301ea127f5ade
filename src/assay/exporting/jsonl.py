"""A dataset as JSON lines, in the session form that `assay import sessions` reads back."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assay.records.storage import atomic_write


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line (gzip by suffix, without a time, so that the bytes repeat); returns how many."""
    n = 0

    def lines() -> Iterator[bytes]:
        nonlocal n
        for row in rows:
            n += 1
            text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            yield text.encode("utf-8", "surrogatepass") + b"\n"

    atomic_write(path, gzip.compress(b"".join(lines()), mtime=0) if path.suffix == ".gz" else lines())
    return n
