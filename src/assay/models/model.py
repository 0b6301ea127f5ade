"""What a language model is to assay: a request, an answer, and one protocol.

Requests and answers are plain frozen values. A model states in `identity()` everything that changes its answers,
so that a call can be found again by its content (runs/ledger.py).
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from assay.errors import BadInput
from assay.records.base import digest

Message = tuple[str, str]
"""(role, content); role is system, user, assistant or tool."""

SCORED_TOKENS = 40
"""Most likely first tokens asked for when options are scored."""


class PromptTooLong(BadInput):
    """A prompt beyond the model's context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Sampling parameters. None is not sent, and the model's own default applies."""

    temperature: float | None = None
    """0 takes the most likely token."""
    top_p: float | None = None
    """Share of probability that is sampled from."""
    max_tokens: int = 64
    """Longest answer, in tokens."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these."""
    seed: int | None = None
    """Seed of the draw; None derives one from the request, so that repeats differ and reruns don't."""

    def sent(self) -> dict[str, Any]:
        """The parameters that are sent, seed aside."""
        values: dict[str, Any] = {"max_tokens": self.max_tokens}
        if self.temperature is not None:
            values["temperature"] = self.temperature
        if self.top_p is not None:
            values["top_p"] = self.top_p
        if self.stop:
            values["stop"] = list(self.stop)
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: a raw `prompt` to go on from, or chat `messages`; exactly one of the two."""

    prompt: str | None = None
    """Raw text to be continued."""
    messages: tuple[Message, ...] = ()
    """A chat, oldest first."""
    sampling: Sampling = field(default_factory=Sampling)
    """How the answer is drawn."""
    n_probs: int = 0
    """Number of most likely first tokens to report with their log-probabilities; 0 for none."""
    grammar: str = ""
    """GBNF grammar the answer must follow (embedded models only)."""
    schema: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema the answer must follow; models that can't be held to one are left to the words of the prompt."""
    extras: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Position in `messages` -> further fields of that message: tool_calls, tool_call_id."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Tools that may be called, in the OpenAI form; for endpoints and functions that take tools."""
    session: str = ""
    """Conversation that the call belongs to, for an assistant that keeps conversations of its own."""
    may_be_empty: bool = False
    """Whether an empty answer is an answer: an assistant under test may say nothing. Not part of the key."""
    repeat: int = 0
    """Index of this draw among equal requests; repeats are calls of their own."""
    purpose: str = "call"
    """What the call is for, e.g. word or read. Counted in usage, not part of the key."""

    def __post_init__(self) -> None:
        if (self.prompt is None) == (not self.messages):
            raise ValueError("a request has either a prompt or messages")

    def content(self) -> dict[str, Any]:
        """Everything of the request that changes the answer, as a JSON value."""
        value: dict[str, Any] = {"sampling": self.sampling.sent(), "repeat": self.repeat}
        if self.prompt is None:
            value["messages"] = [list(m) for m in self.messages]
        else:
            value["prompt"] = self.prompt
        if self.sampling.seed is not None:
            value["seed"] = self.sampling.seed
        if self.extras:
            value["extras"] = {str(at): dict(more) for at, more in self.extras.items()}
        if self.tools:
            value["tools"] = [dict(tool) for tool in self.tools]
        if self.session:
            value["session"] = self.session
        if self.n_probs:
            value["n_probs"] = self.n_probs
        if self.grammar:
            value["grammar"] = self.grammar
        if self.schema:
            value["schema"] = dict(self.schema)
        return value

    def seed(self) -> int:
        """The seed that is sent, 0 to 2**31 - 1: the given one for the first draw, else derived from the content."""
        if self.sampling.seed is not None and self.repeat == 0:
            return self.sampling.seed % 2**31
        return int(digest(self.content())[:8], 16) % 2**31


def key_of(identity: Mapping[str, Any], request: Request) -> str:
    """sha256 (hex) of everything that changes the answer: the model's identity and the request's content."""
    return digest({"model": dict(identity), "request": request.content()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said."""

    text: str
    """The words. Empty only where an embedded model ended at once; an endpoint that says nothing raises."""
    finish_reason: str | None = None
    """stop, length, or what the provider says."""
    prompt_tokens: int | None = None
    """Tokens of the prompt, cached ones included; None where the provider does not count."""
    cached_tokens: int | None = None
    """Prompt tokens that were not read again."""
    completion_tokens: int | None = None
    """Tokens that were generated."""
    top_logprobs: Mapping[str, float] | None = None
    """Token -> natural-log probability of the first generated token, before temperature."""
    retries: int = 0
    """Tries before this answer that failed."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The provider's answer as it came."""
    key: str = ""
    """Key of the call in the ledger; set by runs.calls."""

    @property
    def tool_calls(self) -> tuple[Mapping[str, Any], ...]:
        """Calls of tools in the answer, as they came; empty for words."""
        try:
            calls = self.raw["choices"][0]["message"].get("tool_calls") or ()
        except (KeyError, IndexError, TypeError, AttributeError):
            return ()
        return tuple(c for c in calls if isinstance(c, Mapping)) if isinstance(calls, list | tuple) else ()

    def keyed(self, key: str) -> "Answer":
        """The same answer with its ledger key."""
        return replace(self, key=key)


@runtime_checkable
class Model(Protocol):
    """A language model. Implementations: embedded, endpoint, python callable, scripted."""

    @property
    def name(self) -> str:
        """The name the model was asked for by."""
        ...

    @property
    def slots(self) -> int:
        """Calls in flight that pay off."""
        ...

    def identity(self) -> dict[str, Any]:
        """Everything that changes an answer: model, digests of weights and adapter, host. No keys, no paths."""
        ...

    async def complete(self, request: Request) -> Answer:
        """Answer a request.

        Raises ProviderFailed when the model cannot be reached, keeps failing or says nothing where it must;
        BadInput when the request itself is not possible (a grammar on an endpoint, a prompt beyond the context).
        """
        ...

    async def close(self) -> None:
        """Release what the model holds. Safe to call twice."""
        ...


Complete = Callable[[Request], Awaitable[Answer]]
"""`Model.complete` or `Calls.complete`."""


def options_request(prompt: str, *, purpose: str = "read") -> Request:
    """The call whose first-token log-probabilities score options after a prompt."""
    return Request(
        prompt=prompt, sampling=Sampling(temperature=0.0, max_tokens=1), n_probs=SCORED_TOKENS, purpose=purpose
    )


def option_scores(answer: Answer, options: Sequence[str]) -> dict[str, float | None]:
    """Natural-log probability of each option as the first token, e.g. letters A, B, C.

    Tokens that differ only by white space around the option are added up. An option that is not among the
    reported tokens is None: its probability is unknown (and below the least one reported), not zero.
    """
    found: dict[str, list[float]] = {option: [] for option in options}
    for token, logprob in (answer.top_logprobs or {}).items():
        if token.strip() in found:
            found[token.strip()].append(logprob)
    return {option: math.log(math.fsum(map(math.exp, ps))) if ps else None for option, ps in found.items()}


async def score_options(
    complete: Complete, prompt: str, options: Sequence[str], *, purpose: str = "read"
) -> dict[str, float | None]:
    """Log-probability of each single-token option right after a prompt; None where it is not among the top 40."""
    return option_scores(await complete(options_request(prompt, purpose=purpose)), options)
