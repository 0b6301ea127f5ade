"""The OpenAI chat wire format: bodies out, answers in. Pure functions."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from assay.models.model import Answer, Request
from assay.records.base import digest

NEXT_LINE = (
    "You write the lines of one customer in a service chat. The user message is the chat so far, ending where the "
    "customer's next line belongs. Answer with that line only: no name, no quotes, no explanation."
)
"""System line put before a raw prompt, since chat endpoints do not continue text."""

MOST_TOKENS = 10_000_000_000
"""Largest number of tokens believed of one answer; sums of 10^8 such answers still fit the ledger's integers."""

FRAME = digest(NEXT_LINE)[:16]
"""Digest of the system line: part of the key, since it changes the answer."""


class Broken(Exception):
    """An answer that is not in the wire format, or holds no text."""


class Empty(Broken):
    """An answer in the wire format with neither words nor calls of tools; `answer` is all the same what came."""

    def __init__(self, what: str, answer: Answer) -> None:
        self.answer = answer
        super().__init__(what)


def request_body(model: str, request: Request) -> dict[str, Any]:
    """The JSON body of a chat completion. A raw prompt becomes one user message under NEXT_LINE."""
    messages = request.messages or (("system", NEXT_LINE), ("user", request.prompt or ""))
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": r, "content": c, **request.extras.get(i, {})} for i, (r, c) in enumerate(messages)],
        **request.sampling.sent(),
        "seed": request.seed(),
    }
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.schema:
        body["response_format"] = response_format(request.schema)
    if request.n_probs:
        # 20 is the most the format allows
        body |= {"logprobs": True, "top_logprobs": min(request.n_probs, 20)}
    return body


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that holds an answer to a JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)}}


def read_chat(data: bytes) -> Answer:
    """The Answer in the bytes of a chat completion. Raises Broken when there is none, Empty when it holds no text."""
    try:
        raw = json.loads(data, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Broken(f"an answer that is not whole JSON ({len(data)} bytes)") from error
    try:
        return read_answer(raw)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Broken(f"an answer that is not a chat completion ({_shape(raw)})") from error


def read_answer(raw: dict[str, Any]) -> Answer:
    """An Answer from a completion or chat completion object. Raises Empty where there are neither words nor calls."""
    choice = raw["choices"][0]
    text = choice["text"] if "text" in choice else choice["message"].get("content")
    if not isinstance(text, str | None):
        raise TypeError("content is not a text")
    answer = build_answer(raw, choice, text or "")
    if not answer.text.strip() and not answer.tool_calls:
        raise Empty(f"an empty answer (finish reason: {choice.get('finish_reason')})", answer)
    return answer


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One completion object out of the parts of a stream; an error part is returned as it came."""
    text: list[str] = []
    probs: list[Any] = []
    whole: dict[str, Any] = {}
    finish = None
    for part in parts:
        if "error" in part:
            return part
        whole |= {k: v for k, v in part.items() if k != "choices"}
        for choice in part.get("choices") or []:
            said = choice["text"] if "text" in choice else (choice.get("delta") or {}).get("content")
            text.append(said or "")
            probs += (choice.get("logprobs") or {}).get("content") or []
            finish = choice.get("finish_reason") or finish
    if finish is None:
        return {"error": {"message": "the stream ended early"}}
    logprobs = {"content": probs} if probs else None
    whole["choices"] = [{"text": "".join(text), "finish_reason": finish, "logprobs": logprobs}]
    return whole


def build_answer(raw: dict[str, Any], choice: dict[str, Any], text: str) -> Answer:
    """An Answer with the usage and first-token log-probabilities that the object reports."""
    usage = raw.get("usage") or {}
    first = ((choice.get("logprobs") or {}).get("content") or [None])[0]
    return Answer(
        text=text,
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=_count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        top_logprobs=None if first is None else top_logprobs(first),
        raw=raw,
    )


def top_logprobs(first: dict[str, Any]) -> dict[str, float]:
    """Token -> log-probability out of one entry of a `logprobs.content` list."""
    found: dict[str, float] = {}
    for entry in first.get("top_logprobs") or []:
        # tokens that print alike (byte pieces) keep the likelier one
        found[entry["token"]] = max(float(entry["logprob"]), found.get(entry["token"], float("-inf")))
    return {token: value for token, value in found.items() if math.isfinite(value)}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is too large")
    return value


def _no_constant(text: str) -> NoReturn:
    """NaN and infinities are not JSON, and no ledger could keep them."""
    raise ValueError(f"{text} is not JSON")


def _shape(raw: Any) -> str:
    if isinstance(raw, dict):
        return f"an object with {', '.join(sorted(map(str, raw))[:6])}"
    return f"a {type(raw).__name__}"
