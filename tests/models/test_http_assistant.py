"""An assistant described in YAML: bad descriptions first, then a real HTTP interface on loopback, with and without
conversations of its own."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import assay
from assay.errors import BadInput, ProviderFailed
from assay.models.endpoint import Patience
from assay.models.http_assistant import HttpModel, filled, read_spec
from assay.models.model import Request, key_of
from assay.records.storage import read
from assay.runs.ledger import Ledger

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))
from bot_server import serving

QUICK = Patience(tries=3, connect=2, stall=1, total=3, first_pause=0.01, longest_pause=1)


def written(folder: Path, text: str) -> Path:
    path = folder / "bot.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a mapping"),
        ("- url", "not a mapping"),
        ("url: [", "not YAML"),
        ("method: POST", "url"),
        ("url: ftp://x/y", "not an http address"),
        ("url: nonsense", "not an http address"),
        ("url: http://me:secret@x/y", "a password in the address"),
        ("url: http://x/y\nmethod: SHOUT", "method"),
        ("url: http://x/y\nurll: http://x", "urll"),
        ("url: http://x/y\nrequest: {a: '{{goal}}'}", "no mark {{goal}}"),
        ("url: http://x/y\nheaders: {A: 'Bearer ${NO_SUCH_KEY_HERE}'}", "no NO_SUCH_KEY_HERE"),
        ("url: http://x/y\ntimeout: -1", "timeout"),
        ("url: http://x/y\nstart: {url: nowhere}", "start.url"),
    ],
)
def test_a_bad_description_is_refused_and_named(text: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        read_spec(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.now


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read it"):
        read_spec(tmp_path / "none.yaml")


def test_marks_are_filled_in() -> None:
    values = {"last_user": "hi", "transcript": [{"role": "user", "content": "hi"}], "session_id": "s1", "turn": 1}
    template = {"a": "{{ last_user }}", "b": ["{{transcript}}"], "c": "{{turn}}/{{session_id}}: {{transcript}}", "d": 3}
    assert filled(template, values) == {"a": "hi", "b": [values["transcript"]], "c": "1/s1: user: hi", "d": 3}


class Shop:
    """A bot that keeps conversations by id and remembers how often it was spoken to in each."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.closed: list[str] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.fail: int = 0

    async def start(self, request: web.Request) -> web.Response:
        name = f"conv-{len(self.open)}"
        self.open[name] = 0
        return web.json_response({"conversation": {"id": name}})

    async def stop(self, request: web.Request) -> web.Response:
        self.closed.append(request.match_info["id"])
        return web.Response(status=204)

    async def talk(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.fail:
            self.fail -= 1
            return web.json_response({"error": "busy"}, status=503, headers={"Retry-After": "0.01"})
        self.seen.append((request.headers.get("Authorization", ""), body))
        name = body["conversation"]
        self.open[name] = self.open.get(name, 0) + 1
        return web.json_response(
            {"data": [{"reply": {"text": f"Could you give me your order number? ({self.open[name]})"}}]}
        )


@pytest.fixture
def shop() -> Iterator[tuple[Shop, str]]:
    made = Shop()
    routes = [("POST", "/start", made.start), ("DELETE", "/c/{id}", made.stop), ("POST", "/talk", made.talk)]
    with serving(routes) as address:
        yield made, address


DESCRIBED = """
url: ADDRESS/talk
headers: {Authorization: "Bearer ${BOT_TEST_KEY}"}
request: {conversation: "{{session_id}}", text: "{{last_user}}", so_far: "{{transcript}}", n: "{{turn}}"}
answer: data.0.reply.text
start: {url: ADDRESS/start, answer: conversation.id}
stop: {url: "ADDRESS/c/{{session_id}}", method: DELETE}
roles: {user: human}
fields: {content: text}
tries: 3
"""


def described(folder: Path, address: str) -> str:
    return f"http:{written(folder, DESCRIBED.replace('ADDRESS', address))}"


def test_a_run_against_a_described_assistant(
    shop: tuple[Shop, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, address = shop
    monkeypatch.setenv("BOT_TEST_KEY", "s3cret")
    made.fail = 2
    out = tmp_path / "run"
    assay.author("returns", out, n=4, seed=3, model="template", assistant=described(tmp_path, address))
    assert assay.simulate(out) == 4
    sessions = list(read(out, "sessions"))
    assert len(made.open) == 4
    assert sorted(made.closed) == sorted(made.open), "every conversation is closed"
    key, body = made.seen[0]
    assert key == "Bearer s3cret"
    assert body["so_far"][0] == {"role": "assistant", "text": sessions[0].turns[0].text}
    assert body["so_far"][1]["role"] == "human"
    assert body["n"] == 1
    for s in sessions:
        lines = [t.text for t in s.turns if t.speaker == "assistant"][1:]
        assert lines == [f"Could you give me your order number? ({i + 1})" for i in range(len(lines))]
        assert {t.realised_by for t in s.turns if t.speaker == "assistant"} == {"http"}
    stored = "".join(p.read_bytes().decode("latin-1") for p in out.rglob("*") if p.is_file())
    assert "s3cret" not in stored, "no secret is written"
    before = (out / "sessions.jsonl").read_bytes()
    assert assay.simulate(out) == 4
    assert (out / "sessions.jsonl").read_bytes() == before
    usage = json.loads((out / "usage.json").read_text())["by_purpose"]
    assert usage["assist_start"]["answered"] == usage["assist_stop"]["answered"] == 4


def test_a_broken_off_session_begins_a_new_conversation(
    shop: tuple[Shop, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side remembers half a session: going on with it would answer another transcript."""
    made, address = shop
    monkeypatch.setenv("BOT_TEST_KEY", "k")
    out = tmp_path / "run"
    assay.author("returns", out, n=1, seed=3, model="template", assistant=described(tmp_path, address))

    good = made.talk
    calls = []

    async def breaks(request: web.Request) -> web.Response:
        calls.append(1)
        return await good(request) if len(calls) < 2 else web.Response(status=400)

    with serving([("POST", "/start", made.start), ("DELETE", "/c/{id}", made.stop), ("POST", "/talk", breaks)]) as bad:
        text = (tmp_path / "bot.yaml").read_text()
        (tmp_path / "bot.yaml").write_text(text.replace(address, bad))
        with pytest.raises(ProviderFailed):
            assay.simulate(out)
    (tmp_path / "bot.yaml").write_text(text)
    assert assay.simulate(out) == 1
    (session,) = read(out, "sessions")
    assert session.turns[2].text.endswith("(1)"), "it was spoken to for the first time"
    assert len(made.open) == 2
    assert len(made.closed) == 2


def test_faults_that_no_retry_mends_say_so(shop: tuple[Shop, str], tmp_path: Path) -> None:
    _, address = shop
    path = written(tmp_path, f"url: {address}/talk\nrequest: {{conversation: x}}\nanswer: data.0.words\n")
    model = HttpModel(f"http:{path}", read_spec(path), patience=QUICK)

    async def ask() -> None:
        try:
            await model.complete(Request(messages=(("user", "hi"),)))
        finally:
            await model.close()

    with pytest.raises(ProviderFailed, match=r"the answer has no data\.0\.words \(1 try\)") as caught:
        asyncio.run(ask())
    assert str(path) in caught.value.now


def test_the_description_is_part_of_the_key_and_the_secret_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K1", "one")
    request = Request(messages=(("user", "hi"),))
    keys = []
    for text, secret in (("a", "one"), ("a", "two"), ("b", "one")):
        monkeypatch.setenv("K1", secret)
        path = written(tmp_path, f"url: http://x/y\nheaders: {{A: '${{K1}}'}}\nrequest: {{t: {text}}}\n")
        keys.append(key_of(HttpModel("http:x", read_spec(path)).identity(), request))
    assert keys[0] == keys[1] != keys[2]


def test_tools_and_extras_come_back_from_the_ledger(tmp_path: Path) -> None:
    tools = ({"type": "function", "function": {"name": "f", "parameters": {}}},)
    request = Request(
        messages=(("user", "hi"), ("assistant", ""), ("tool", "{}")),
        extras={1: {"tool_calls": [{"id": "c", "function": {"name": "f"}}]}, 2: {"tool_call_id": "c"}},
        tools=tools,
    )
    assert key_of({}, request) != key_of({}, Request(messages=request.messages))
    with Ledger(tmp_path) as ledger:
        ledger.start("k", {"model": "m"}, request)
        stored = ledger.call("k")["request"]
        assert stored["tools"] == list(tools)
        assert stored["extras"]["2"] == {"tool_call_id": "c"}
        assert stored["messages"][2] == ["tool", "{}"]
        assert ledger.forget(["k"]) == 1
