"""One prompt of a judge: what it is about, its exact words, and how its answer is held to a form.

Two forms. `options`: the model continues the prompt, the log-probabilities of the letters of the options are the
answer (the embedded model). `json`: the model is asked in a chat and held to a JSON schema where its backend can
(endpoints; functions of yours are asked for the same and may fail to keep to it). A prompt states once what each
answer means, carries an id and a digest, and opens with the fenced transcript, so that the prompts of a session share
what comes first.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from assay.models.model import SCORED_TOKENS, Answer, Request, Sampling
from assay.models.names import is_embedded
from assay.records.base import digest

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Form = Literal["options", "json"]
"""How a judge answers."""
FLOOR = -30.0
"""Log-probability of an option that a judge answering in JSON did not choose."""
MOST_TOKENS = 160
"""Longest answer in JSON, in tokens."""
QUOTE_TOKENS = 48
"""Longest quote of a model that continues the prompt, in tokens."""
FREE_TOKENS = 24
"""Longest answer in words, in tokens."""

Answers = Mapping[str, float] | None
"""Letter -> natural-log probability; None where the answer had no option in it."""


class JudgePrompt(NamedTuple):
    """One question to a judge."""

    form_id: str
    """Which question it is, with its version: LB01.1, LB02.1."""
    code: str
    """Check that asks."""
    session: str
    """Session that it is about."""
    turn: int | None
    """Turn that it is about, null for the session."""
    name: str
    """Label that it is about."""
    prefix: str
    """Fenced transcript: what the prompts of a session share."""
    question: str
    """What follows it, without the options."""
    options: tuple[str, ...] = ()
    """Words of the options, in the order of their letters; none: the answer is a quote."""
    quotable: tuple[str, ...] = ()
    """Parts of the shown text that may be quoted, where the answer is a quote."""
    quoting: bool = False
    """Whether an answer in JSON holds a quote beside its option."""
    free: bool = False
    """Whether the answer is a few words of the judge's own."""
    options_first: bool = False
    """Whether the options stand before the question, so that questions with the same options share them."""
    within: str = ""
    """The call and the number in it where it is a question of a sheet; empty: a call of its own."""

    @property
    def body(self) -> str:
        """Transcript, question and options."""
        listed = "".join(f"{letter}) {words}\n" for letter, words in zip(LETTERS, self.options, strict=False))
        parts = (listed, f"{self.question}\n") if self.options_first else (f"{self.question}\n", listed)
        return self.prefix + "".join(parts)

    @property
    def text(self) -> str:
        """The exact prompt for a model that continues it."""
        return f"{self.body}{'Answer:' if self.options or self.free else 'Words:'}"

    @property
    def digest(self) -> str:
        """First 16 characters of the sha256 of the exact prompt."""
        return digest(self.text)[:16]

    @property
    def id(self) -> str:
        """Form and digest: what a record of this prompt is called."""
        return self.within or f"{self.form_id}:{self.digest}"


Judge = Callable[[Sequence[JudgePrompt]], Sequence[Answers]]
"""The seam: prompts with options in, for each the log-probability of its letters out (door.judging.judge_of)."""


def form_of(model: str) -> Form:
    """The form in which a model of this name answers."""
    return "options" if is_embedded(model) or model.partition(":")[0] == "scripted" else "json"


def request_of(prompt: JudgePrompt, form: Form) -> Request:
    """The call of a prompt. Temperature 0."""
    purpose = "read"
    if form == "options":
        if prompt.options:
            sampling = Sampling(temperature=0.0, max_tokens=1)
            return Request(prompt=prompt.text, sampling=sampling, n_probs=SCORED_TOKENS, purpose=purpose)
        if prompt.free:
            sampling = Sampling(temperature=0.0, max_tokens=FREE_TOKENS, stop=("\n",))
            return Request(prompt=prompt.text, sampling=sampling, purpose=purpose, may_be_empty=True)
        sampling = Sampling(temperature=0.0, max_tokens=QUOTE_TOKENS, stop=("\n",))
        return Request(prompt=prompt.text, sampling=sampling, grammar=quote_grammar(prompt.quotable), purpose=purpose)
    keys = 'a JSON object {"quote": words of the record that show it, verbatim, or "", "answer": letter}'
    short = 'a JSON object {"answer": a few words}' if prompt.free else 'a JSON object {"answer": letter}'
    tail = keys if prompt.quoting else short
    return Request(
        messages=(("system", f"You judge a record that others made. Answer with {tail}."), ("user", prompt.body)),
        sampling=Sampling(temperature=0.0, max_tokens=MOST_TOKENS),
        schema=schema_of(prompt),
        purpose=purpose,
    )


def schema_of(prompt: JudgePrompt) -> dict[str, Any]:
    """JSON schema of an answer: the letter of an option, after a quote where one is asked for."""
    fields: dict[str, Any] = {"quote": {"type": "string"}} if prompt.quoting else {}
    letters = {"enum": list(LETTERS[: len(prompt.options)])} if prompt.options else {}
    fields["answer"] = {"type": "string", **letters}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def quote_grammar(quotable: Sequence[str]) -> str:
    """GBNF grammar under which only these words, or `none`, can be said."""
    ways = " | ".join(f"{json.dumps(' ' + q, ensure_ascii=False)}" for q in (*quotable, "none"))
    return f"root ::= {ways}"


def read_answer(prompt: JudgePrompt, form: Form, answer: Answer) -> tuple[Answers, str]:
    """(letter -> log-probability or None, words) of an answer. A judge in JSON that chose has no doubt."""
    if form == "options":
        return (answer.top_logprobs, "") if prompt.options else (None, answer.text.strip())
    found = _object(answer.text)
    letter = found.get("answer") if found is not None else None
    quote = found.get("quote") if found is not None else ""
    quote = quote if isinstance(quote, str) else ""
    if prompt.free:
        return None, letter.strip() if isinstance(letter, str) else ""
    letters = LETTERS[: len(prompt.options)]
    if not isinstance(letter, str) or len(letter.strip()) != 1 or letter.strip() not in letters:
        return None, quote
    return {x: 0.0 if x == letter.strip() else FLOOR for x in letters}, quote


def _object(text: str) -> dict[str, Any] | None:
    """The one JSON object that an answer is, code fences aside; None for anything else."""
    body = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def shares(options: int, answer: Mapping[str, float]) -> list[float] | None:
    """Probability of each of `options` options by an answer's letters, adding up to 1; None without any letter.

    Of tokens that differ by white space, brackets or a dot the likeliest counts; a letter beyond the reported tokens
    gets the least probability reported.
    """
    found: dict[str, float] = {}
    for token, logp in answer.items():
        letter = token.strip().rstrip(").")
        if math.isfinite(logp) and len(letter) == 1 and letter in LETTERS[:options]:
            found[letter] = max(found.get(letter, -math.inf), logp)
    if not found:
        return None
    floor = min(v for v in (*answer.values(), *found.values()) if math.isfinite(v))
    logps = [found.get(letter, floor) for letter in LETTERS[:options]]
    top = max(logps)
    raw = [math.exp(v - top) for v in logps]
    total = math.fsum(raw)
    return [v / total for v in raw]
