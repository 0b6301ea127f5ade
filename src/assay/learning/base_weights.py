"""The frozen weights under an adapter: where they come from, their digest, their shape, and what training them takes.

`embedded` is the engine's own quantised file, made dense once into a cache folder: training then sees what will run.
Nothing here imports torch or transformers at the top.
"""

import importlib.util
import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import BadInput, StorageFailed
from assay.models.embedded import WEIGHTS_SHA256, file_sha256, weights_path

EXTRA = {"torch": "torch==2.13.0", "transformers": "'transformers>=5'", "peft": "'peft>=0.17'",
         "accelerate": "'accelerate>=1'", "gguf": "'gguf>=0.17'"}  # fmt: skip
"""Package of the extra `learn` -> what pip is asked for."""
VOTES_EXTRA = {**EXTRA, "trl": "trl==1.16.0", "datasets": "'datasets>=4.7'"}
"""The same with what training on rewards needs."""
MARK = "assay-base.json"
"""File that says which GGUF weights a dense folder was made from."""
GIB = 2.0**30
LEAST_GIB = 0.9
"""Python, torch, transformers and some thousand sessions, without a model, in GiB."""
LAYER_COPIES, SQUARE_COPIES = 62, 13
"""fp32 copies of a layer's (length, hidden) activations and of its heads' (length, length) scores that a step leaves in
the allocator, from above. Measured with SmolLM2-135M in bf16: 5.1 GiB at 400 tokens, 1.3 GiB at 160."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Frozen weights that are ready to be trained on."""

    folder: Path
    """Hugging Face form."""
    sha256: str
    """Of the GGUF file that the engine runs, else of the folder's safetensors."""
    name: str
    """For people."""
    shape: dict[str, Any]
    """config.json."""

    @property
    def runs_embedded(self) -> bool:
        """Whether the embedded engine runs these weights."""
        return self.sha256 == WEIGHTS_SHA256

    @property
    def heads(self) -> tuple[int, int]:
        """(heads, key and value heads)."""
        heads = int(self.shape["num_attention_heads"])
        return heads, int(self.shape.get("num_key_value_heads") or heads)


def need_extra(packages: Mapping[str, str] | None = None) -> None:
    """Raises BadInput, with the command that installs them, when packages of the extra `learn` are missing."""
    packages = EXTRA if packages is None else packages
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"training needs packages that are not installed: {', '.join(missing)}",
            where="assay learn",
            now=f"pip install {' '.join(packages.values())}",
        )


def hush() -> None:
    """Keep the libraries' own bars and advice off the screen: progress is ours."""
    import warnings

    from transformers.utils import logging

    # peft asks transformers under a name that will go away; nothing a user could act on
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*", category=FutureWarning)
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def check_base(base: str) -> None:
    """Raises BadInput when `base` is no folder of a Llama model in Hugging Face form, or the engine is missing."""
    if base == "embedded":
        weights_path()
        return
    folder = Path(base)
    config = folder / "config.json"
    if not config.is_file():
        what = "no such folder" if not folder.is_dir() else "no config.json in the folder"
        raise BadInput(f"base: {what}", where=base, now="give `embedded`, or a folder in Hugging Face form")
    if not (folder / "model.safetensors").is_file():
        raise BadInput("base: no model.safetensors in the folder", where=base, now="give a folder in Hugging Face form")
    kind = _shape(folder).get("model_type")
    if kind != "llama":
        now = "give a model of the Llama architecture: the adapter's file knows no other"
        raise BadInput(f"base: the model is of type {kind!r}", where=base, now=now)


def open_base(base: str) -> Base:
    """The weights of a plan, made dense first where that has not been done on this machine.

    Raises BadInput as `check_base` does, StorageFailed when the cache cannot be written.
    """
    check_base(base)
    if base != "embedded":
        folder = Path(base).resolve()
        mark = folder / MARK
        made_from = json.loads(mark.read_text())["weights_sha256"] if mark.is_file() else None
        sha256 = made_from or file_sha256(folder / "model.safetensors")
        return Base(folder=folder, sha256=str(sha256), name=folder.name, shape=_shape(folder))
    weights = weights_path()
    found = file_sha256(weights)
    if found != WEIGHTS_SHA256:
        raise BadInput(
            f"the embedded weights have another digest: {found}", where=str(weights), now="install them anew"
        )
    folder = cache_folder() / found[:16]
    if not (folder / MARK).is_file():
        _make_dense(weights, folder, found)
    return Base(folder=folder, sha256=found, name="SmolLM2-135M-Instruct (Q4_1, dequantised)", shape=_shape(folder))


def cache_folder() -> Path:
    """Where dense weights are kept: below XDG_CACHE_HOME, else ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay" / "base"


def _make_dense(weights: Path, folder: Path, sha256: str) -> None:
    """Write GGUF weights as fp32 safetensors with their tokenizer; the folder appears in one move."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for left in folder.parent.glob(f"{folder.name}.*.part"):
        # of a process that was killed while it wrote
        if not Path("/proc", left.name.split(".")[-2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    where = {"gguf_file": weights.name}
    try:
        part.mkdir(parents=True)
        model = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **where)
        # a fresh model of the same shape: the loaded one carries flags of quantised weights, which refuse training
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        dense = AutoModelForCausalLM.from_config(model.config)
        dense.load_state_dict({k: v.float() for k, v in model.state_dict().items()}, strict=False)
        dense.save_pretrained(part)
        AutoTokenizer.from_pretrained(weights.parent, **where).save_pretrained(part)
        (part / MARK).write_text(json.dumps({"weights": weights.name, "weights_sha256": sha256}) + "\n")
        if not folder.exists():
            part.rename(folder)
    except OSError as error:
        raise StorageFailed(
            f"could not write the dense weights: {error.strerror or error}", where=str(folder),
            now="free 600 MB there, or point XDG_CACHE_HOME elsewhere",
        ) from error  # fmt: skip
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _shape(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"base: config.json cannot be read: {error}", where=str(folder), now="fetch it again") from error
    return dict(found)


def fast_bf16() -> bool:
    """Whether this processor multiplies bf16 itself (AVX512-BF16 or AMX). Without that bf16 is 20 times slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(flags.split()))


def chosen_device(asked: str) -> Literal["cpu", "cuda"]:
    """cpu or cuda. Raises BadInput when cuda is asked for and there is none."""
    import torch

    there = bool(torch.cuda.is_available())
    if asked == "cuda" and not there:
        raise BadInput("device: cuda is asked for, and torch sees no GPU", now="set `device: auto` or `cpu`")
    return "cuda" if there and asked != "cpu" else "cpu"


def chosen_half(asked: str, device: str) -> bool:
    """Whether the frozen weights are kept in bf16."""
    return asked == "bf16" or (asked == "auto" and (device == "cuda" or fast_bf16()))


def chosen_threads(asked: int | str) -> int:
    """Threads: those asked for, else one per usable core."""
    if isinstance(asked, int):
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parameters(shape: dict[str, Any]) -> int:
    """Numbers in a Llama model of that shape."""
    hidden, layers, wide = (int(shape[k]) for k in ("hidden_size", "num_hidden_layers", "intermediate_size"))
    heads = int(shape["num_attention_heads"])
    kv = int(shape.get("num_key_value_heads") or heads)
    attention = 2 * hidden * hidden + 2 * hidden * hidden * kv // heads
    tied = bool(shape.get("tie_word_embeddings", True))
    return int(shape["vocab_size"]) * hidden * (1 if tied else 2) + layers * (attention + 3 * hidden * wide)


def memory_gib(shape: dict[str, Any], *, longest: int, rank: int, half: bool) -> float:
    """Memory that training takes at its peak, in GiB, from above: weights, adapter with optimizer, one text's backward.

    Texts of a batch are read one after the other, so that the batch does not matter. Half of a text counts as targets.
    """
    hidden, layers, wide = (int(shape[k]) for k in ("hidden_size", "num_hidden_layers", "intermediate_size"))
    weights = parameters(shape) * (2 if half else 4)
    # loading keeps the file's fp32 beside the model for a moment
    loading = weights + parameters(shape) * 4
    adapter = layers * rank * (6 * hidden + 3 * (hidden + wide)) * 4 * 4
    square = SQUARE_COPIES * int(shape["num_attention_heads"]) * longest
    kept = layers * longest * 4 * (LAYER_COPIES * hidden + 4 * wide + square)
    words = longest / 2 * int(shape["vocab_size"]) * 4 * 4
    return LEAST_GIB + max(loading, weights + adapter + kept + words) / GIB


def free_gib(device: str = "cpu") -> float:
    """Memory that is free for this process, in GiB: the machine's, or what its control group leaves; else infinite."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0]) / GIB
    found = math.inf
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
        found = int(lines["MemAvailable"].split()[0]) * 1024 / GIB
    except (OSError, KeyError, ValueError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        most, used = (group / "memory.max").read_text().strip(), (group / "memory.current").read_text()
        found = min(found, (int(most) - int(used)) / GIB) if most != "max" else found
    except (OSError, ValueError):
        pass
    return found


def need_memory(shape: dict[str, Any], *, longest: int, rank: int, half: bool, device: str = "cpu") -> float:
    """What `memory_gib` says; raises BadInput when there is less."""
    needed, free = memory_gib(shape, longest=longest, rank=rank, half=half), free_gib(device)
    if needed > free:
        raise BadInput(
            f"training would take about {needed:.1f} GiB, and {free:.1f} GiB are free",
            now="lower `longest` or `rank`, take a smaller base, or free memory",
        )
    return needed


def need_group_memory(shape: dict[str, Any], *, longest: int, rank: int, group: int, device: str = "cpu") -> float:
    """As `need_memory`, for a step that reads `group` texts of `longest` tokens at once, in fp32."""
    none = memory_gib(shape, longest=1, rank=rank, half=False)
    needed = none + group * (memory_gib(shape, longest=longest, rank=rank, half=False) - none)
    free = free_gib(device)
    if needed > free:
        raise BadInput(
            f"training would take about {needed:.1f} GiB, and {free:.1f} GiB are free",
            now="lower `group`, `batch` or `longest`, take a smaller base, or free memory",
        )
    return needed
