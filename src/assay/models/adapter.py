"""Whether a LoRA adapter in GGUF form keeps answers independent of what runs beside them.

llama.cpp multiplies F32, F16 and BF16 adapters with one kernel for one row and with another for many rows, and the
two round differently. For Q8_0 they agree to the last bit (measured; tests/models/test_embedded.py), so assay writes
its adapters as Q8_0 with the rank padded to 32.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO

from assay.errors import BadInput

MAGIC = b"GGUF"
Q8_0 = 8
STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a scalar metadata value by its GGUF type number."""
MOST_ENTRIES = 100_000
"""A file that claims more tensors or keys than this is damaged."""


def tensor_types(path: Path) -> dict[str, int]:
    """Tensor name -> ggml type number, read from the head of a GGUF file. Raises BadInput for anything else."""
    try:
        with path.open("rb") as handle:
            return _read(handle)
    except (OSError, struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
        raise BadInput(f"not a GGUF adapter: {error}", where=str(path), now="make the adapter again") from error


def is_steady(path: Path) -> bool:
    """Whether every matrix of an adapter is Q8_0, so that batching and caching cannot change an answer."""
    return all(kind == Q8_0 for kind in tensor_types(path).values())


def _read(handle: BinaryIO) -> dict[str, int]:
    if handle.read(4) != MAGIC:
        raise ValueError("the file does not begin with GGUF")
    _, tensors, keys = _unpack(handle, "<IQQ")
    if max(tensors, keys) > MOST_ENTRIES:
        raise ValueError("more entries than an adapter has")
    for _ in range(keys):
        _string(handle)
        _skip(handle, _unpack(handle, "<I")[0])
    types = {}
    for _ in range(tensors):
        name = _string(handle)
        dimensions = _unpack(handle, "<I")[0]
        handle.seek(8 * dimensions, 1)
        types[name] = int(_unpack(handle, "<I")[0])
        handle.seek(8, 1)
    return types


def _skip(handle: BinaryIO, kind: int) -> None:
    if kind == STRING:
        _string(handle)
    elif kind == ARRAY:
        inner, count = _unpack(handle, "<IQ")
        if count > MOST_ENTRIES:
            raise ValueError("a longer array than an adapter has")
        for _ in range(count):
            _skip(handle, inner)
    else:
        handle.seek(SIZES[kind], 1)


def _string(handle: BinaryIO) -> str:
    length = _unpack(handle, "<Q")[0]
    if length > 1_000_000:
        raise ValueError("a longer text than an adapter has")
    return handle.read(length).decode("utf-8")


def _unpack(handle: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, handle.read(struct.calcsize(form)))
