"""A real misbehaving endpoint on loopback: every call ends in the right answer or in one clear error."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from assay.errors import BadInput, ProviderFailed
from assay.models import Request, Sampling, resolve
from assay.models.endpoint import EndpointModel, Patience, endpoint_of
from assay.models.wire import NEXT_LINE

QUICK = Patience(tries=4, connect=2, stall=0.3, total=3, first_pause=0.01, longest_pause=2)
ASK = Request(prompt="assistant: Hi?\nacts: thank\ncustomer:", sampling=Sampling(temperature=0.8))


def good(text: str = "Thanks a lot.", **more: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
    }


class BadServer:
    """Serves `faults` to the first requests, in order, then good answers."""

    def __init__(self, *faults: str) -> None:
        self.faults, self.seen, self.headers = list(faults), [], []
        self.times: list[float] = []
        self.flying = self.most = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.times.append(asyncio.get_running_loop().time())
        self.seen.append(await request.json())
        self.headers.append(dict(request.headers))
        fault = self.faults.pop(0) if self.faults else "none"
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            return await getattr(self, f"do_{fault}")(request)
        finally:
            self.flying -= 1

    async def do_none(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.005)
        return web.json_response(good())

    async def do_429(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.3"})

    async def do_429_long(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=429, headers={"Retry-After": "3600"})

    async def do_500(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="<html>oops</html>")

    async def do_no_schema(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)

    async def do_401(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "bad key"}}, status=401)

    async def do_404(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no such model"}}, status=404)

    async def do_302(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://example.invalid/"})

    async def do_stall(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(2)
        return web.json_response(good())

    async def do_stall_midway(self, request: web.Request) -> web.StreamResponse:
        response = await self._begin(request, b'{"choices": [')
        await asyncio.sleep(2)
        return response

    async def do_cut(self, request: web.Request) -> web.StreamResponse:
        response = await self._begin(request, b'{"choices": [{"mess')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def do_truncated(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=json.dumps(good()).encode()[:-20], content_type="application/json")

    async def do_empty(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(good("  "))

    async def do_null(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"choices": [{"message": {"content": None}, "finish_reason": "length"}]})

    async def do_no_choices(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"choices": []})

    async def do_list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([1, 2])

    async def do_content_is_a_number(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"choices": [{"message": {"content": 3}}]})

    async def do_huge(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(good("x" * 2_000_000))

    async def do_no_usage(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"choices": good()["choices"]})

    async def _begin(self, request: web.Request, part: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(part)
        return response


@asynccontextmanager
async def served(*faults: str, patience: Patience = QUICK) -> AsyncIterator[tuple[BadServer, EndpointModel]]:
    bad = BadServer(*faults)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", bad.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    model = EndpointModel(endpoint_of(f"tiny@http://127.0.0.1:{port}/v1"), slots=4, patience=patience)
    try:
        yield bad, model
    finally:
        await model.close()
        await runner.cleanup()


def run(body: Callable[[], Any]) -> Any:
    return asyncio.run(body())


TRANSIENT = ["429", "500", "stall", "stall_midway", "cut", "truncated"]
TRANSIENT += ["empty", "null", "no_choices", "list", "content_is_a_number"]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_one_fault_then_the_right_answer(fault: str) -> None:
    async def body() -> None:
        async with served(fault) as (bad, model):
            answer = await model.complete(ASK)
            assert (answer.text, answer.retries, len(bad.seen)) == ("Thanks a lot.", 1, 2)
            assert bad.seen[0] == bad.seen[1], "a retry must send the same bytes"

    run(body)


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_fault_without_end_is_one_clear_error(fault: str) -> None:
    async def body() -> None:
        async with served(*[fault] * 9) as (bad, model):
            with pytest.raises(ProviderFailed, match=r"openai:tiny gave no answer: .*4 tries") as caught:
                await model.complete(ASK)
            assert len(bad.seen) == QUICK.tries
            assert "127.0.0.1" in caught.value.where
            assert caught.value.now

    run(body)


@pytest.mark.parametrize(("fault", "says"), [("401", "bad key"), ("404", "no such model"), ("302", "HTTP 302")])
def test_what_retries_cannot_mend_is_not_retried(fault: str, says: str) -> None:
    async def body() -> None:
        async with served(fault) as (bad, model):
            with pytest.raises(ProviderFailed, match=says):
                await model.complete(ASK)
            assert len(bad.seen) == 1

    run(body)


def test_an_answer_of_2_mb_is_refused() -> None:
    async def body() -> None:
        async with served("huge") as (bad, model):
            with pytest.raises(ProviderFailed, match="more than 1,000,000 bytes"):
                await model.complete(ASK)
            assert len(bad.seen) == 1

    run(body)


def test_retry_after_is_honoured_and_bounded() -> None:
    async def body() -> None:
        async with served("429") as (bad, model):
            await model.complete(ASK)
            assert bad.times[1] - bad.times[0] >= 0.3
        async with served("429_long") as (bad, model):
            with pytest.raises(ProviderFailed, match="asks to wait 3600 s"):
                await model.complete(ASK)
            assert len(bad.seen) == 1

    run(body)


def test_many_calls_through_many_faults_lose_nothing() -> None:
    async def body() -> None:
        kinds = ["429", "500", "cut", "truncated", "empty", "null"] * 2
        async with served(*kinds, patience=Patience(tries=14, stall=1, first_pause=0.001)) as (bad, model):
            asked = [Request(prompt="p", repeat=i) for i in range(20)]
            answers = await asyncio.gather(*[model.complete(r) for r in asked])
            assert [a.text for a in answers] == ["Thanks a lot."] * 20
            assert sum(a.retries for a in answers) == len(kinds)
            assert len(bad.seen) == 20 + len(kinds)
            assert bad.most <= model.slots

    run(body)


def test_what_is_sent_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    async def body() -> None:
        async with served("none", "no_usage", "none") as (bad, model):
            answer = await model.complete(ASK)
            assert (answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens) == (9, 4, 3)
            uncounted = await model.complete(ASK)
            assert (uncounted.prompt_tokens, uncounted.completion_tokens) == (None, None), "not counted is not zero"
            await model.complete(Request(messages=(("user", "héllo 🙂"),), sampling=Sampling(seed=7, stop=("\n",))))
            raw, _, chat = bad.seen
            assert [m["role"] for m in raw["messages"]] == ["system", "user"]
            assert raw["messages"][0]["content"] == NEXT_LINE
            assert chat["messages"] == [{"role": "user", "content": "héllo 🙂"}]
            assert (chat["seed"], chat["stop"], chat["model"]) == (7, ["\n"], "tiny")
            assert "temperature" not in chat
            assert bad.headers[0]["Authorization"] == "Bearer sk-secret"
            assert "sk-secret" not in json.dumps([dict(answer.raw), model.identity()]) + repr(vars(model))

    run(body)


def test_nobody_listens() -> None:
    async def body() -> None:
        model = EndpointModel(endpoint_of("tiny@http://127.0.0.1:9/v1"), patience=QUICK)
        with pytest.raises(ProviderFailed, match="cannot connect"):
            await model.complete(ASK)
        await model.close()

    run(body)


def test_one_model_in_two_event_loops() -> None:
    async def ask(model: EndpointModel) -> str:
        bad = BadServer()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", bad.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model.endpoint = endpoint_of(f"tiny@http://127.0.0.1:{runner.addresses[0][1]}/v1")
        answer = await model.complete(ASK)
        await model.close()
        await runner.cleanup()
        return answer.text

    model = EndpointModel(endpoint_of("tiny@http://127.0.0.1:9/v1"), patience=QUICK)
    assert asyncio.run(ask(model)) == asyncio.run(ask(model)) == "Thanks a lot."


@pytest.mark.parametrize("spec", ["openai:x@ftp://host", "openai:x@http://", "openai:@http://h/v1"])
def test_a_malformed_address_is_bad_input(spec: str) -> None:
    with pytest.raises(BadInput, match="http address"):
        resolve(spec)


def test_no_address_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(BadInput, match="no address"):
        resolve("openai:gpt-x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1/")
    model = resolve("openai:org/gpt@2025")
    assert model.identity()["model"] == "openai:org/gpt@2025"
    assert model.identity()["host"] == "127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://127.0.0.1:8", True), ("http://[::1]:8/v1", True), ("http://localhost", True), ("https://a.com", False)],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert endpoint_of(f"m@{url}").is_loopback is loopback


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput, match="OPENAI_API_KEY") as caught:
        resolve("openai:tiny@http://user:secret@127.0.0.1:9/v1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("faults", [(), ("no_schema",)])
def test_an_endpoint_that_holds_nobody_to_a_schema_is_asked_without_one(faults: tuple[str, ...]) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}

    async def go() -> None:
        async with served(*faults) as (bad, model):
            assert (await model.complete(Request(messages=(("user", "Hi"),), schema=schema))).text == "Thanks a lot."
            asked = [s.get("response_format", {}).get("json_schema", {}).get("schema") for s in bad.seen]
            assert asked == [schema, None][: 1 + len(faults)]

    asyncio.run(go())


def test_a_request_that_is_wrong_for_another_reason_is_one_error_with_a_schema_too() -> None:
    async def go() -> None:
        async with served(*["no_schema"] * 8) as (bad, model):
            with pytest.raises((BadInput, ProviderFailed), match="not supported"):
                await model.complete(Request(messages=(("user", "Hi"),), schema={"type": "object"}))
            assert len(bad.seen) == 2

    asyncio.run(go())
