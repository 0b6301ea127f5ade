"""An endpoint on loopback in which each of seven things goes wrong in a tenth of the requests."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fake_user
import numpy as np

from assay.models import Request
from assay.records.base import digest

KINDS = ("429", "500", "stall", "cut", "garbage", "wrong model", "half-open")
GARBAGE = (
    b"<html>it works</html>", b"", b"{", b'{"choices": []}', b'{"choices": [{"message": {"content": 5}}]}',
    b"\xff\xfe\x00",
    b'{"choices": [{"message": {"content": "x"}, "finish_reason": NaN}]}', b"[" * 5000,
    b'{"choices": [{"message": {"content": "x"}, "n": 1e999}]}', b'{"choices": [{"message": {"content": null}}]}',
    b'{"choices": [{"message": {"content": "x"}, "n": ' + b"9" * 5000 + b"}]}", b"null", b'"text"',
)  # fmt: skip
"""Bodies of status 200 that hold no answer."""
NO_HTTP = (b"HTTP/9.9 nonsense\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")  # fmt: skip


def tokens(body: dict[str, Any]) -> tuple[int, int]:
    """What a call costs here: by its content, so that anybody can add it up."""
    mark = int(digest([body["messages"], body["seed"]])[:8], 16)
    return 20 + mark % 100, 3 + mark // 100 % 9


class Chaos:
    """`share` of the requests go wrong in each way; counts what it did."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.rng = share, np.random.default_rng(seed)
        self.did: Counter[str] = Counter()
        self.asked: dict[str, tuple[int, int]] = {}
        """Call, by its content -> tokens, of every call ever answered well."""
        self.seen: dict[str, str] = {}
        """Number that a client gave its request (header X-Attempt) -> what was done with it."""
        self.calls: dict[str, str] = {}
        """That number -> its call, by its content."""
        self.cost: dict[str, tuple[int, int]] = {}
        """Call, by its content -> tokens, of every call that came."""

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open until something goes wrong on it."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")
                )
                attempt = next((x[10:].strip().decode() for x in head.split(b"\r\n") if x[:10] == b"X-Attempt:"), "")
                if not await self.serve(json.loads(await reader.readexactly(size)), writer, attempt):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve(self, body: dict[str, Any], writer: asyncio.StreamWriter, attempt: str = "") -> bool:
        """One answer, or what comes instead; whether the connection goes on."""
        drawn = int(self.rng.random() / self.share) if self.share else len(KINDS)
        kind = KINDS[drawn] if drawn < len(KINDS) else "good"
        self.did[kind] += 1
        call = digest([body["messages"], body["seed"]])
        self.cost[call] = tokens(body)
        if attempt:
            self.seen[attempt], self.calls[attempt] = kind, call
        if kind == "429":
            await self.put(writer, 429, b'{"error": {"message": "slow"}}', b"Retry-After: 0.01\r\n")
        elif kind == "500":
            await self.put(writer, 500, b"<html>oops</html>")
        elif kind == "stall":
            await asyncio.sleep(0.4)
            await self.put(writer, 200, self.answer(body, "tiny"))
            return False
        elif kind == "half-open":
            # nothing is read and nothing is written any more, and the socket stays
            await asyncio.sleep(3600)
        elif kind == "cut":
            data = self.answer(body, "tiny")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data[: len(data) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        elif kind == "garbage":
            if self.rng.random() < 0.25:
                writer.write(NO_HTTP[int(self.rng.integers(len(NO_HTTP)))])
                await writer.drain()
                return False
            await self.put(writer, 200, GARBAGE[int(self.rng.integers(len(GARBAGE)))])
        else:
            if kind == "good":
                self.asked[call] = tokens(body)
            await self.put(writer, 200, self.answer(body, "tiny" if kind == "good" else "somebody-else-7b"))
        return True

    async def put(self, writer: asyncio.StreamWriter, status: int, body: bytes, more: bytes = b"") -> None:
        """Write an HTTP answer."""
        writer.write(b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n" % (status, more, len(body)) + body)
        await writer.drain()

    def answer(self, body: dict[str, Any], model: str) -> bytes:
        """A chat completion in the scripted user's words."""
        words = fake_user.speak(Request(prompt=body["messages"][-1]["content"], repeat=body["seed"] % 7)) or "Hm."
        prompt, made = tokens(body)
        message = {"message": {"role": "assistant", "content": words}, "finish_reason": "stop"}
        usage = {"prompt_tokens": prompt, "completion_tokens": made}
        return json.dumps({"model": model, "choices": [message], "usage": usage}).encode()


@contextmanager
def chaotic(share: float, seed: int = 0) -> Iterator[tuple[Chaos, str]]:
    """The server on a loop of its own thread, and the model's name with its address."""
    chaos, loop = Chaos(share, seed), asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(chaos.client, "127.0.0.1", 0)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield chaos, f"openai:tiny@http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:

        async def stop() -> None:
            server.close()
            rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
