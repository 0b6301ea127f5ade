"""LoRA adapters in GGUF form, and the one encoding in which they keep answers independent of what runs beside them.

llama.cpp multiplies F32, F16 and BF16 matrices with one kernel for one row and with another for many rows, and the
two round differently: a session then gets other words with another session beside it. For Q8_0 both agree to the last
bit (tests/models/test_embedded.py). So every adapter is loaded as Q8_0: rows of 8-bit numbers in blocks of 32 with one
scale each. The rank is padded with zeros to a multiple of 32, which changes no product.
"""

import hashlib
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from assay.errors import BadInput

MAGIC = b"GGUF"
F32, F16, Q8_0 = 0, 1, 8
"""ggml type numbers of tensors."""
BLOCK = 32
"""Numbers that share a scale in Q8_0; also the alignment of tensors in a file without another one."""
FLOAT, STRING, ARRAY = 6, 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a scalar metadata value by its GGUF type number."""
ALPHA = "adapter.lora.alpha"
BASE = "assay.base.sha256"
"""Key of the digest of the weights that an adapter was trained on; files of others may lack it."""
NAME = "general.name"
MOST_ENTRIES = 100_000
"""A file that claims more tensors or keys than this is damaged."""

Matrix = npt.NDArray[np.float32]


@dataclass(slots=True)
class AdapterFile:
    """What a GGUF adapter holds."""

    version: int
    values: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Key -> (type number, value as in the file)."""
    tensors: dict[str, tuple[tuple[int, ...], int, int]] = field(default_factory=dict)
    """Name -> (rows, columns), type number, place in the file."""


def is_steady(adapter: AdapterFile) -> bool:
    """Whether every matrix is Q8_0 already."""
    return all(kind == Q8_0 for _, kind, _ in adapter.tensors.values())


def read_head(path: Path) -> AdapterFile:
    """Metadata and tensor list of a GGUF adapter. Raises BadInput for anything else."""
    try:
        with path.open("rb") as handle:
            return _head(handle)
    except (OSError, struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
        raise _bad(path, str(error)) from error


def text_of(adapter: AdapterFile, key: str) -> str | None:
    """A text of the file's head, or None where it has none of that key."""
    kind, value = adapter.values.get(key, (0, b""))
    return value[8:].decode("utf-8", "replace") if kind == STRING else None


def check_base(path: Path, weights: str, *, silent: Collection[str] | None = None) -> None:
    """Raises BadInput when the file is no adapter, or was trained on weights of another sha256.

    A file that does not say on which weights it was trained could be anybody's: it is refused too, unless its own
    sha256 is in `silent`, or `silent` is None.
    """
    made_for = text_of(read_head(path), BASE)
    if made_for is None and silent is not None and hashlib.sha256(path.read_bytes()).hexdigest() not in silent:
        raise BadInput(
            f"the adapter does not say on which weights it was trained (no {BASE} in its head)",
            where=str(path),
            now=f"make it with `assay learn sft`, or write {BASE} = {weights} into its head if that is its base",
        )
    if made_for not in (None, weights):
        raise BadInput(
            f"the adapter was trained on another base: {made_for[:16]}..., and this engine runs {weights[:16]}...",
            where=str(path),
            now="use an adapter of the embedded model (base: embedded in `assay learn sft`)",
        )


def steadied(path: Path) -> bytes:
    """The adapter as a GGUF file with Q8_0 matrices.

    Raises BadInput for matrices that are neither F32 nor F16, or whose columns are no multiple of 32.
    """
    adapter = read_head(path)
    names = sorted(adapter.tensors)
    try:
        body = path.read_bytes()
        matrices = {name: _padded(name, _matrix(body, *adapter.tensors[name])) for name in names}
        kind, alpha = adapter.values[ALPHA]
        before = min(adapter.tensors[names[0]][0])
        after = min(matrices[names[0]].shape)
        # the engine divides alpha by the rank it finds in the file
        adapter.values[ALPHA] = (kind, struct.pack("<f", struct.unpack("<f", alpha)[0] * after / before))
        return _file(adapter, {name: q8_0(matrix) for name, matrix in matrices.items()}, matrices)
    except (OSError, struct.error, KeyError, ValueError, IndexError) as error:
        raise _bad(path, str(error)) from error


def q8_0(matrix: Matrix) -> bytes:
    """Rows in blocks of 32: a scale (F16) and 32 signed bytes each. Columns must be a multiple of 32."""
    rows, columns = matrix.shape
    if columns % BLOCK:
        raise ValueError(f"{columns} columns are no multiple of {BLOCK}")
    blocks = matrix.reshape(rows * columns // BLOCK, BLOCK).astype(np.float32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 0)
    numbers = np.rint(blocks * inverse).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), numbers.view(np.uint8)], axis=1).tobytes()


def _padded(name: str, matrix: Matrix) -> Matrix:
    axis = 0 if name.endswith("lora_a") else 1
    missing = -matrix.shape[axis] % BLOCK
    return np.pad(matrix, ((0, missing), (0, 0)) if axis == 0 else ((0, 0), (0, missing)))


def _matrix(body: bytes, shape: tuple[int, ...], kind: int, place: int) -> Matrix:
    if kind not in (F32, F16) or len(shape) != 2:
        raise ValueError("only F32 and F16 matrices can be turned into Q8_0")
    dtype = np.dtype("<f4" if kind == F32 else "<f2")
    found = np.frombuffer(body, dtype, count=shape[0] * shape[1], offset=place)
    return found.reshape(shape).astype(np.float32)


def _file(adapter: AdapterFile, data: dict[str, bytes], matrices: dict[str, Matrix]) -> bytes:
    out = [MAGIC, struct.pack("<IQQ", adapter.version, len(data), len(adapter.values))]
    for key, (kind, value) in adapter.values.items():
        out += [_packed(key), struct.pack("<I", kind), value]
    place = 0
    for name, body in data.items():
        rows, columns = matrices[name].shape
        out += [_packed(name), struct.pack("<IQQIQ", 2, columns, rows, Q8_0, place)]
        place += len(body) + -len(body) % BLOCK
    head = b"".join(out)
    parts = [head, bytes(-len(head) % BLOCK)]
    for body in data.values():
        parts += [body, bytes(-len(body) % BLOCK)]
    return b"".join(parts)


def _head(handle: BinaryIO) -> AdapterFile:
    if handle.read(4) != MAGIC:
        raise ValueError("the file does not begin with GGUF")
    version, tensors, keys = _unpack(handle, "<IQQ")
    if max(tensors, keys) > MOST_ENTRIES:
        raise ValueError("more entries than an adapter has")
    found = AdapterFile(version)
    for _ in range(keys):
        key, kind = _string(handle), _unpack(handle, "<I")[0]
        begin = handle.tell()
        _skip(handle, kind)
        end = handle.tell()
        handle.seek(begin)
        found.values[key] = (kind, handle.read(end - begin))
    for _ in range(tensors):
        name, dimensions = _string(handle), _unpack(handle, "<I")[0]
        shape = _unpack(handle, f"<{dimensions}Q")[::-1]
        kind, place = _unpack(handle, "<IQ")
        found.tensors[name] = (shape, int(kind), int(place))
    start = handle.tell() + -handle.tell() % BLOCK
    found.tensors = {name: (shape, kind, start + place) for name, (shape, kind, place) in found.tensors.items()}
    return found


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
        _unpack(handle, f"<{SIZES[kind]}s")


def _string(handle: BinaryIO) -> str:
    length = _unpack(handle, "<Q")[0]
    if length > 1_000_000:
        raise ValueError("a longer text than an adapter has")
    return str(_unpack(handle, f"<{length}s")[0].decode("utf-8"))


def _packed(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _unpack(handle: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, handle.read(struct.calcsize(form)))


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput(f"not a usable GGUF adapter: {reason}", where=str(path), now="make the adapter again")
