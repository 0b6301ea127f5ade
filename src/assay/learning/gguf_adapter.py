"""A peft LoRA folder -> one GGUF file that llama.cpp loads as an adapter. Needs numpy, safetensors and gguf, no torch.

Layouts: peft stores A as (rank, in) and B as (out, rank), and so does the file. llama.cpp turns neighbouring pairs in
its rotary embedding where transformers turns halves, and permutes the rows of q and k when it converts a model; the B
matrices of q and k must go the same way. Without that an adapter loads, runs, and is silently bad.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[Any]

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Layer name in transformers -> in GGUF, for the Llama architecture."""
KEY = re.compile(r"layers\.(\d+)\.(self_attn\.\w+|mlp\.\w+)\.lora_([AB])\.weight$")


def permute_heads(matrix: Matrix, heads: int) -> Matrix:
    """Rows of each head from halves to neighbouring pairs.

    `matrix` has shape (heads * d, rank) with d even; so has the result. Raises ValueError for other shapes.
    """
    rows, rank = matrix.shape
    if rows % (2 * heads):
        raise ValueError(f"{rows} rows cannot be split into {heads} heads of even size")
    return matrix.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)


def tensor_name(key: str) -> tuple[str, str, str]:
    """(GGUF name, layer name, A or B) of a peft key. Raises ValueError for a layer that has no place in the file."""
    found = KEY.search(key)
    if found is None or found[2] not in NAMES:
        raise ValueError(f"no GGUF name for the adapter tensor {key!r}; only linear layers of a Llama model have one")
    return f"blk.{found[1]}.{NAMES[found[2]]}.weight.lora_{found[3].lower()}", found[2], found[3]


def converted(tensors: dict[str, Matrix], heads: int, kv_heads: int) -> dict[str, Matrix]:
    """peft tensors -> GGUF tensors in fp16, sorted by name. Raises ValueError for an unknown layer."""
    result: dict[str, Matrix] = {}
    for key, matrix in tensors.items():
        name, layer, side = tensor_name(key)
        if side == "B" and layer == "self_attn.q_proj":
            matrix = permute_heads(matrix, heads)
        elif side == "B" and layer == "self_attn.k_proj":
            matrix = permute_heads(matrix, kv_heads)
        result[name] = np.ascontiguousarray(matrix, dtype=np.float16)
    return dict(sorted(result.items()))


def write_adapter(
    adapter: Path, out: Path, *, name: str, heads: int = 9, kv_heads: int = 3, about: Mapping[str, str] | None = None
) -> int:
    """Write the adapter of a peft folder to `out` in one move; the bytes written.

    `heads` and `kv_heads` are the base model's (SmolLM2-135M: 9 and 3). `about` are further texts for the file's head,
    such as `assay.base.sha256`, by which the engine refuses the adapter of another base. Raises OSError when
    the folder has no adapter and ValueError when it adapts layers that the file cannot hold.
    """
    import gguf
    from safetensors.numpy import load_file

    alpha = float(json.loads((adapter / "adapter_config.json").read_text())["lora_alpha"])
    tensors = converted(load_file(adapter / "adapter_model.safetensors"), heads, kv_heads)
    part = out.with_name(out.name + ".part")
    writer = gguf.GGUFWriter(part, "llama")
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for key, text in (about or {}).items():
        writer.add_string(key, text)
    for key, matrix in tensors.items():
        writer.add_tensor(key, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, out)
    return out.stat().st_size


def read_adapter(path: Path, out: Path, *, heads: int, kv_heads: int) -> Path:
    """Write a GGUF adapter as a peft folder, so that training goes on from it: the opposite of `write_adapter`.

    Numbers come back as fp32 of the file's fp16. Raises OSError where the file cannot be read and ValueError for a file
    that holds something else.
    """
    import gguf
    from safetensors.numpy import save_file

    reader = gguf.GGUFReader(path)
    layers = {name: layer for layer, name in NAMES.items()}
    tensors: dict[str, Matrix] = {}
    rank = 0
    for tensor in reader.tensors:
        found = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight\.lora_([ab])", tensor.name)
        if found is None or found[2] not in layers:
            raise ValueError(f"no adapter of linear layers: {tensor.name!r}")
        layer, side = layers[found[2]], found[3].upper()
        matrix = np.asarray(tensor.data, np.float32).reshape(tuple(int(n) for n in reversed(tensor.shape)))
        if side == "B" and layer in ("self_attn.q_proj", "self_attn.k_proj"):
            rows, rank = matrix.shape
            own = heads if layer == "self_attn.q_proj" else kv_heads
            matrix = matrix.reshape(own, rows // own // 2, 2, rank).swapaxes(1, 2).reshape(rows, rank)
        key = f"base_model.model.model.layers.{found[1]}.{layer}.lora_{side}.weight"
        tensors[key] = np.ascontiguousarray(matrix)
        rank = matrix.shape[1] if side == "B" else matrix.shape[0]
    out.mkdir(parents=True, exist_ok=True)
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    about = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": alpha, "lora_dropout": 0.0,
        "bias": "none", "target_modules": sorted({layer.split(".")[1] for layer in NAMES}), "inference_mode": True,
    }  # fmt: skip
    save_file(tensors, str(out / "adapter_model.safetensors"), metadata={"format": "pt"})
    (out / "adapter_config.json").write_text(json.dumps(about, indent=1))
    return out
