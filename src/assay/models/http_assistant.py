"""An assistant behind an HTTP interface of its own, described in a YAML file: `http:FILE.yaml`.

    url: https://bot.example/v1/talk
    headers: {Authorization: "Bearer ${BOT_KEY}"}
    request: {conversation: "{{session_id}}", text: "{{last_user}}"}
    answer: reply.text

Marks in url, headers and request: `{{last_user}}`, `{{transcript}}` (a list of messages where it stands alone, else
text), `{{session_id}}`, `{{turn}}`. `${NAME}` is read from the environment at each call and stored nowhere.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import yaml
from pydantic import Field, ValidationError

from assay.errors import BadInput
from assay.models.endpoint import Fault, Patience, PatientClient
from assay.models.model import Answer, Request
from assay.records.base import Record, digest
from assay.records.yaml_text import load_yaml

MARK = re.compile(r"\{\{\s*(\w+)\s*\}\}")
SECRET = re.compile(r"\$\{(\w+)\}")
MARKS = ("last_user", "transcript", "session_id", "turn")
"""What can stand in a request."""
START, STOP = "start", "stop"
"""Roles of the one message of a call that opens or closes a conversation."""
Method = Literal["POST", "PUT", "PATCH", "GET", "DELETE"]


class HttpCall(Record):
    """One kind of call."""

    url: str
    """http or https address; marks are filled in."""
    method: Method = "POST"
    """HTTP method."""
    request: Any = None
    """Body, sent as JSON; null for none."""
    answer: str = ""
    """Dotted path to the text in the JSON that comes back, e.g. `choices.0.message.content`; empty: the whole body."""


class HttpSpec(HttpCall):
    """The whole file: the call of every turn, and what is around it."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of all calls; `${NAME}` is an environment variable."""
    start: HttpCall | None = None
    """Sent before the first turn; its answer is the session id. Without it the session id is made up."""
    stop: HttpCall | None = None
    """Sent when a session is over; its answer is not read, and its failure loses nothing."""
    roles: dict[Literal["user", "assistant"], str] = Field(default_factory=dict)
    """What the two parties are called in `{{transcript}}`."""
    fields: dict[Literal["role", "content"], str] = Field(default_factory=dict)
    """What the two fields of a message are called in `{{transcript}}`."""
    timeout: float = Field(default=60.0, gt=0, le=600)
    """Longest silence, in seconds."""
    tries: int = Field(default=6, ge=1, le=20)
    """Most requests sent for one answer."""
    slots: int = Field(default=4, ge=1, le=64)
    """Requests in flight."""

    @property
    def keeps_conversations(self) -> bool:
        """Whether what it answers depends on more than the request: it is told which conversation a call belongs to."""
        return self.start is not None or "session_id" in MARK.findall(json.dumps(self.row()))


def read_spec(path: str | Path) -> HttpSpec:
    """The description in a YAML file. Raises BadInput naming the file and the field."""
    file = Path(path)
    try:
        value = load_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"cannot read it: {error.strerror}", where=str(file), now="--assistant http:FILE.yaml"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(
            f"not YAML: {' '.join(str(error).split())[:300]}", where=str(file), now="mend the file"
        ) from error
    if not isinstance(value, dict):
        raise BadInput(
            "not a mapping of url, request, answer, ...", where=str(file), now="see docs: use your own model"
        )
    try:
        spec = HttpSpec.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadInput(f"{field}: {first['msg']}", where=str(file), now="mend that field") from error
    _check(spec, str(file))
    return spec


def _check(spec: HttpSpec, where: str) -> None:
    for part, call in (("", spec), ("start.", spec.start), ("stop.", spec.stop)):
        if call is None:
            continue
        try:
            parts = urlsplit(MARK.sub("x", call.url))
        except ValueError as error:
            raise BadInput(
                f"{part}url: not an address: {error}", where=where, now="e.g. http://127.0.0.1:9000/chat"
            ) from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                f"{part}url: not an http address: {call.url!r}", where=where, now="e.g. http://127.0.0.1:9000/chat"
            )
        if "@" in parts.netloc:
            raise BadInput(f"{part}url: a password in the address", where=where, now="put it in headers as ${NAME}")
    text = json.dumps(spec.row())
    for mark in MARK.findall(text):
        if mark not in MARKS:
            raise BadInput(f"no mark {{{{{mark}}}}}", where=where, now=f"one of {', '.join(MARKS)}")
    for name in SECRET.findall(json.dumps(spec.headers)):
        if name not in os.environ:
            raise BadInput(f"headers: the environment has no {name}", where=where, now=f"export {name}=...")


class HttpModel(PatientClient):
    """`http:FILE.yaml`."""

    def __init__(
        self, name: str, spec: HttpSpec, *, slots: int | None = None, patience: Patience | None = None
    ) -> None:
        patience = patience or Patience(tries=spec.tries, stall=spec.timeout)
        super().__init__(name, urlsplit(spec.url).netloc, slots=slots or spec.slots, patience=patience)
        self.spec = spec
        self.MEND = f"check url, headers and answer in {name.partition(':')[2]}"

    def identity(self) -> dict[str, Any]:
        """Host, and a digest of the description, secrets unread."""
        return {"model": "http", "host": self.host, "description": digest(self.spec.row())}

    async def complete(self, request: Request) -> Answer:
        """Answer a request. Raises ProviderFailed after the last try."""
        role = request.messages[0][0] if request.messages else ""
        calls = {START: self.spec.start, STOP: self.spec.stop}
        call = calls.get(role, self.spec)
        if call is None:
            raise BadInput(f"the description has no {role}", where=self.name)
        values = _values(self.spec, request)

        async def once() -> Answer:
            url = MARK.sub(lambda m: quote(_as_text(values[m[1]]), safe=""), call.url)
            data = await self.send(call.method, url, filled(call.request, values), _headers(self.spec))
            if role == STOP:
                return Answer(text="stopped")
            text = _text(data, call.answer)
            answer = Answer(text=text, finish_reason="stop", raw={"text": text})
            if not text.strip():
                raise Fault("an empty answer", empty=answer)
            return answer

        return await self.insist(request, once)


def _values(spec: HttpSpec, request: Request) -> dict[str, Any]:
    """Mark -> what it stands for in this call."""
    said = [(r, c) for r, c in request.messages if r in ("user", "assistant")] or [("user", request.prompt or "")]
    role, content = spec.fields.get("role", "role"), spec.fields.get("content", "content")
    names = {"user": "user", "assistant": "assistant"} | {str(k): v for k, v in spec.roles.items()}
    return {
        "last_user": next((c for r, c in reversed(said) if r == "user"), ""),
        "transcript": [{role: names[r], content: c} for r, c in said],
        "session_id": request.session,
        "turn": sum(r == "user" for r, _ in said),
    }


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A template with its marks filled in: a mark that is a whole text becomes the value itself, else its text."""
    if isinstance(template, dict):
        return {k: filled(v, values) for k, v in template.items()}
    if isinstance(template, list):
        return [filled(v, values) for v in template]
    if not isinstance(template, str):
        return template
    whole = MARK.fullmatch(template.strip())
    if whole:
        return values[whole[1]]
    return MARK.sub(lambda m: _as_text(values[m[1]]), template)


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(": ".join(map(str, message.values())) for message in value)
    return str(value)


def _headers(spec: HttpSpec) -> dict[str, str]:
    return {k: SECRET.sub(lambda m: os.environ.get(m[1], ""), v) for k, v in spec.headers.items()}


def _text(data: bytes, path: str) -> str:
    """The text at a dotted path of a JSON answer. Raises Fault where it is not there."""
    body = data.decode("utf-8", "replace")
    if not path:
        return body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Fault(f"an answer that is not whole JSON ({len(data)} bytes)") from error
    for step in re.sub(r"\[(\d+)\]", r".\1", path.removeprefix("$.")).split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Fault(f"the answer has no {path}", again=False) from error
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise Fault(f"{path} is a {type(value).__name__} and no text", again=False)
    return str(value)
