"""A model behind an OpenAI-compatible HTTP endpoint: a thin client with bounded patience.

Transient faults (429, 5xx, time-outs, cut connections, broken JSON, empty answers) are tried again with growing,
jittered pauses; everything else, and the last try, ends in one ProviderFailed. The key is read from the environment
at each call and is neither stored nor shown.
"""

import asyncio
import email.utils
import ipaddress
import json
import math
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from assay.errors import BadInput, ProviderFailed
from assay.models.model import Answer, Request
from assay.models.wire import FRAME, Broken, Empty, read_chat, request_body

LEAST_SECRET = 6
"""Characters of a header's value from which on it is taken for a secret."""
SLOTS = 8
"""Requests in flight by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often an endpoint is tried. Times are in seconds."""

    tries: int = 6
    """Most requests sent for one answer."""
    connect: float = 10.0
    """Longest wait for a connection."""
    stall: float = 60.0
    """Longest silence while an answer is awaited or read."""
    total: float = 180.0
    """Longest time of one request."""
    first_pause: float = 0.5
    """Pause before the second try; doubles with each one, with jitter."""
    longest_pause: float = 60.0
    """Longest pause, a Retry-After included; asked to wait longer, the call fails at once."""
    most_bytes: int = 1_000_000
    """Largest answer that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a hosted model is."""

    model: str
    """Name of the model, as the endpoint knows it."""
    url: str
    """Base URL without the path of the call, e.g. http://127.0.0.1:8080/v1."""

    @property
    def host(self) -> str:
        """Host and port, for messages and the cache key."""
        return urlsplit(self.url).netloc

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this machine, so that no text leaves it."""
        name = urlsplit(self.url).hostname or ""
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def endpoint_of(rest: str) -> Endpoint:
    """The endpoint of `NAME` or `NAME@URL`. Raises BadInput for a missing or malformed URL, or one with a password."""
    found = re.fullmatch(r"(.*?)@(\w+://.*)", rest)
    name, url = (found[1], found[2]) if found else (rest, os.environ.get("OPENAI_BASE_URL", ""))
    where = f"openai:{name}"
    if not url:
        raise BadInput("no address for the model", where=where, now=f"set OPENAI_BASE_URL, or say openai:{name}@URL")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadInput(f"not an http address: {url!r}", where=where, now="e.g. http://127.0.0.1:8080/v1") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not name:
        raise BadInput(f"not an http address: {url!r}", where=where, now="e.g. http://127.0.0.1:8080/v1")
    if parts.query or parts.fragment:
        # keys stand there as well, and what comes after them is no path
        raise BadInput("a query in the model's address", where=where, now="put the key in OPENAI_API_KEY")
    if "@" in parts.netloc:
        # arguments are written to run.json; a key among them would be stored
        raise BadInput("a password in the model's address", where=where, now="put the key in OPENAI_API_KEY")
    return Endpoint(model=name, url=url.rstrip("/"))


class Fault(Exception):
    """One try that failed. `again` says whether another may help, `pause` what the endpoint asked for."""

    def __init__(
        self, what: str, *, again: bool = True, pause: float | None = None, empty: Answer | None = None
    ) -> None:
        self.what, self.again, self.pause, self.empty = what, again, pause, empty
        super().__init__(what)


class PatientClient:
    """Sends a request until it is answered or patience is at its end; what all models behind HTTP share."""

    MEND = "check the model's name, the address and the key (OPENAI_BASE_URL, OPENAI_API_KEY)"
    """What to do about a fault that another try does not mend."""

    def __init__(self, name: str, host: str, *, slots: int | None = None, patience: Patience | None = None) -> None:
        self.name, self.host, self.slots = name, host, slots or SLOTS
        self.patience = patience or Patience()
        self._session: tuple[asyncio.AbstractEventLoop, aiohttp.ClientSession] | None = None

    async def insist(self, request: Request, once: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the first try that has one. Raises ProviderFailed after the last.

        An empty answer is tried once more, and then taken where the request allows it.
        """
        # jitter from the request, not from a global generator: same run, same pauses
        rng = np.random.default_rng(request.seed())
        began = time.monotonic()
        for tried in range(1, self.patience.tries + 1):
            try:
                return replace(await once(), retries=tried - 1)
            except Fault as fault:
                if fault.empty is not None and request.may_be_empty and tried > 1:
                    return replace(fault.empty, retries=tried - 1)
                pause = self._pause(fault, tried, rng)
                if pause is None:
                    failure = self._failure(fault, tried, time.monotonic() - began)
                    failure.retries = tried - 1
                    raise failure from fault
                await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last fault has no pause")

    def _pause(self, fault: Fault, tried: int, rng: np.random.Generator) -> float | None:
        if not fault.again or tried >= self.patience.tries:
            return None
        grown = self.patience.first_pause * 2.0 ** (tried - 1) * (0.5 + float(rng.random()))
        if fault.pause is None:
            return min(grown, self.patience.longest_pause)
        return None if fault.pause > self.patience.longest_pause else max(fault.pause, 0.0)

    def _failure(self, fault: Fault, tried: int, seconds: float) -> ProviderFailed:
        tries = "1 try" if tried == 1 else f"{tried} tries in {seconds:.0f} s"
        now = "run the same command again to go on: what was answered is kept" if fault.again else self.MEND
        if fault.pause is not None and fault.pause > self.patience.longest_pause:
            now = f"the endpoint asks to wait {fault.pause:.0f} s; run the same command again after that"
        return ProviderFailed(f"{self.name} gave no answer: {fault.what} ({tries})", where=self.host, now=now)

    async def send(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> bytes:
        """The bytes of one answer with status 200 to 299. Raises Fault for everything else."""
        try:
            async with self._client().request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as response:
                data = await self._read(response)
                status, answered = response.status, response.headers
        except TimeoutError as error:
            raise Fault(f"no answer within {self.patience.stall:.0f} s of silence") from error
        except aiohttp.ClientConnectorError as error:
            raise Fault(f"cannot connect: {error.strerror or type(error).__name__}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Fault(f"the connection was cut: {type(error).__name__}") from error
        data = without_secrets(data, headers)
        if not 200 <= status < 300:
            raise _status_fault(status, data, answered.get("Retry-After"))
        return data

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts, size = [], 0
        async for part in response.content.iter_chunked(65_536):
            size += len(part)
            if size > self.patience.most_bytes:
                response.close()
                raise Fault(f"an answer of more than {self.patience.most_bytes:,} bytes", again=False)
            parts.append(part)
        return b"".join(parts)

    def _client(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session[0] is not loop or self._session[1].closed:
            waits = aiohttp.ClientTimeout(
                total=self.patience.total, sock_connect=self.patience.connect, sock_read=self.patience.stall
            )
            client = aiohttp.ClientSession(
                timeout=waits, connector=aiohttp.TCPConnector(limit=self.slots), cookie_jar=aiohttp.DummyCookieJar()
            )
            self._session = (loop, client)
        return self._session[1]

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session[1].close()


class EndpointModel(PatientClient):
    """`openai:NAME[@URL]`."""

    def __init__(self, endpoint: Endpoint, *, slots: int | None = None, patience: Patience | None = None) -> None:
        super().__init__(f"openai:{endpoint.model}", endpoint.host, slots=slots, patience=patience)
        self.endpoint = endpoint
        self._names_it = False
        """Whether an answer has named the model that was asked."""

    def identity(self) -> dict[str, Any]:
        """Model name, address and framing of raw prompts. What runs behind the name is the host's own secret."""
        path = urlsplit(self.endpoint.url).path
        return {"model": self.name, "host": self.endpoint.host, "path": path, "frame": FRAME}

    async def complete(self, request: Request) -> Answer:
        """Answer a request. Raises ProviderFailed after the last try, BadInput for what endpoints cannot do."""
        if request.grammar:
            raise BadInput("grammars need the embedded model", where=self.name)
        body = request_body(self.endpoint.model, request)
        again = 0

        async def once() -> Answer:
            nonlocal again
            url = f"{self.endpoint.url}/chat/completions"
            try:
                data = await self.send("POST", url, body, _headers())
            except Fault as fault:
                if "response_format" not in body or not re.match(r"HTTP (400|422)", fault.what):
                    raise
                # an endpoint that holds nobody to a schema: the words of the prompt ask for the same form
                del body["response_format"]
                again += 1
                data = await self.send("POST", url, body, _headers())
            try:
                return self._of_this_model(read_chat(data))
            except Empty as error:
                raise Fault(str(error), empty=error.answer) from error
            except Broken as error:
                raise Fault(str(error)) from error

        try:
            answer = await self.insist(request, once)
        except ProviderFailed as failure:
            failure.retries += again
            raise
        return replace(answer, retries=answer.retries + again)

    def _of_this_model(self, answer: Answer) -> Answer:
        """The answer, unless it names another model, of an endpoint that has named this one before.

        Raises Fault. Many endpoints call a model by a name of their own, always: they are taken at their word.
        """
        said, asked = answer.raw.get("model"), self.endpoint.model.lower()
        if not isinstance(said, str) or not said:
            return answer
        right = asked in said.lower() or said.lower() in asked
        if not right and self._names_it:
            raise Fault(f"an answer of another model ({said[:80]!r})")
        self._names_it = self._names_it or right
        return answer


def without_secrets(data: bytes, headers: Mapping[str, str]) -> bytes:
    """What came back, with the values of the request's headers taken out: an endpoint that says a key again (in an
    error, mostly) must not bring it into the ledger, a message or a page."""
    for value in headers.values():
        for secret in {value, value.rpartition(" ")[2]}:
            if len(secret) >= LEAST_SECRET:
                for form in {secret, json.dumps(secret)[1:-1]}:
                    data = data.replace(form.encode(), b"***")
    return data


def _headers() -> dict[str, str]:
    key = os.environ.get("OPENAI_API_KEY", "")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _status_fault(status: int, data: bytes, retry_after: str | None) -> Fault:
    again = status in (408, 409, 425, 429) or status >= 500
    said = _said(data)
    return Fault(f"HTTP {status}{f': {said}' if said else ''}", again=again, pause=_seconds(retry_after))


def _said(data: bytes) -> str:
    """What an error page says, one short line."""
    text = data[:2000].decode("utf-8", "replace")
    try:
        error = json.loads(text).get("error", {})
        text = str(error.get("message", "") if isinstance(error, dict) else error)
    except (ValueError, AttributeError, RecursionError):
        text = "" if "<" in text else text
    return " ".join(text.split())[:200]


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds: a number or a date; None when absent or unreadable."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
        return None if math.isnan(seconds) else seconds
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
