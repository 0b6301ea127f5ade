"""A dataset as JSON lines, in the session form that `assay import sessions` reads back."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.records.storage import atomic_write


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line (gzip by suffix, without a time, so that the bytes repeat); returns how many."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False) for row in rows]
    data = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
    atomic_write(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return len(lines)
