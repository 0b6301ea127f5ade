"""Adapter files: damaged ones are refused; the steady encoding keeps the numbers."""

import struct
from pathlib import Path

import numpy as np
import pytest

from assay.errors import BadInput
from assay.models.adapter import F16, F32, Q8_0, is_steady, q8_0, read_head, steadied


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def adapter_file(matrices: dict[str, np.ndarray], kind: int = F32, alpha: float = 8.0) -> bytes:
    """A GGUF adapter with these matrices."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(matrices), 3)
    head += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += text("tags") + struct.pack("<IIQ", 9, 8, 2) + text("one") + text("two")
    head += text("adapter.lora.alpha") + struct.pack("<If", 6, alpha)
    data = b""
    for name, matrix in matrices.items():
        head += text(name) + struct.pack("<IQQIQ", 2, matrix.shape[1], matrix.shape[0], kind, len(data))
        data += matrix.astype("<f4" if kind == F32 else "<f2").tobytes()
        data += bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + data


def small(rank: int = 9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"w.lora_a": rng.normal(size=(rank, 64)), "w.lora_b": rng.normal(size=(96, rank))}


def decoded(data: bytes, rows: int, columns: int) -> np.ndarray:
    blocks = np.frombuffer(data, np.uint8).reshape(-1, 34)
    scale = blocks[:, :2].copy().view(np.float16).astype(float)
    return (blocks[:, 2:].copy().view(np.int8) * scale).reshape(rows, columns)


@pytest.mark.parametrize(
    "body",
    [b"", b"GGUF", b"nonsense" * 9, adapter_file(small())[:200], b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60)],
)
def test_a_damaged_adapter_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(body)
    with pytest.raises(BadInput, match="not a usable GGUF adapter"):
        steadied(path)


def test_cut_off_in_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(adapter_file(small())[:-500])
    with pytest.raises(BadInput, match="not a usable GGUF adapter"):
        steadied(path)


@pytest.mark.parametrize("kind", [F32, F16])
def test_the_product_of_the_matrices_stays(tmp_path: Path, kind: int) -> None:
    path, matrices = tmp_path / "a.gguf", small(rank=9)
    path.write_bytes(adapter_file(matrices, kind, alpha=8.0))
    assert not is_steady(read_head(path))
    steady = tmp_path / "b.gguf"
    steady.write_bytes(steadied(path))
    head = read_head(steady)
    assert is_steady(head)
    assert {name: shape for name, (shape, _, _) in head.tensors.items()} == {"w.lora_a": (32, 64), "w.lora_b": (96, 32)}
    body = steady.read_bytes()
    found = {}
    for name, ((rows, columns), type_number, place) in head.tensors.items():
        assert type_number == Q8_0
        assert place % 32 == 0
        found[name] = decoded(body[place : place + rows * columns // 32 * 34], rows, columns)
    alpha = struct.unpack("<f", head.values["adapter.lora.alpha"][1])[0]
    want = matrices["w.lora_b"] @ matrices["w.lora_a"] * (8.0 / 9)
    got = found["w.lora_b"] @ found["w.lora_a"] * (alpha / 32)
    assert np.abs(got - want).max() < 0.02 * np.abs(want).max()


def test_q8_0_is_within_half_a_step_and_takes_zeros() -> None:
    matrix = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    matrix[2] = 0
    back = decoded(q8_0(matrix), 4, 64)
    step = np.abs(matrix.reshape(-1, 32)).max(axis=1).repeat(32).reshape(4, 64) / 127
    assert (np.abs(back - matrix) <= 0.6 * step + 1e-12).all()
    assert (back[2] == 0).all()
    with pytest.raises(ValueError, match="multiple of 32"):
        q8_0(matrix[:, :40])
