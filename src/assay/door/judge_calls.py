"""The calls of a judge's reading: sent within a budget, session by session, and counted per check."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from assay.door.making import opened
from assay.models.model import Answer, PromptTooLong, Request
from assay.runs.engine import Progress, run_units
from assay.runs.ledger import Ledger
from assay.runs.purse import Price
from assay.verification.judges import prompt as one
from assay.verification.judges import sheet as many
from assay.verification.judges.cost import Call, Cost, cost_of, total
from assay.verification.judges.prompt import Answers, Form
from assay.verification.judges.sheet import Sheet
from assay.verification.judges.sheets import Filled, spread

MARGIN = 1.1
"""What a session may cost beyond its plan before it would not have been begun."""


class ToAsk(Protocol):
    """What is to be asked of one judge."""

    @property
    def judge(self) -> str:
        """Its name."""
        ...

    @property
    def form(self) -> Form:
        """How it answers."""
        ...

    @property
    def calls(self) -> list[Call]:
        """What is sent, in order."""
        ...

    @property
    def filled(self) -> Sequence[Filled]:
        """Where the answers of sheets belong; empty where each call is one question."""
        ...


class Purse:
    """What a reading has spent, from the token counts of its answers."""

    def __init__(self, most: float | None, price: Price) -> None:
        self.most, self.price, self.spent = most, price, 0.0
        self.costs: dict[str, list[Cost]] = {}
        self.sessions: dict[str, set[str]] = {}

    def holds(self, planned: Cost, reserved: float) -> bool:
        """Whether a session of this plan can still be begun."""
        return self.most is None or self.spent + reserved + MARGIN * planned.usd(self.price) <= self.most

    def pay(self, call: Call, form: Form, answer: Answer) -> None:
        """Count the answer to one call."""
        self.count(call.code, call.session, counted(answer, cost_of([call], form)[call.code]))

    def count(self, code: str, session: str, cost: Cost) -> None:
        """Count the cost of one answer."""
        self.spent += cost.usd(self.price)
        self.costs.setdefault(code, []).append(cost)
        self.sessions.setdefault(code, set()).add(session)

    def by_check(self) -> dict[str, dict[str, Any]]:
        """Check -> what was counted, in sum and per session."""
        out = {}
        for code, costs in sorted(self.costs.items()):
            sum_, n = total([{code: c} for c in costs]), len(self.sessions[code])
            out[code] = {**sum_.row(), "sessions": n,
                         "per_session": {k: round(v / n, 1) for k, v in sum_.row().items()}}  # fmt: skip
        return out


def counted(answer: Answer, planned: Cost) -> Cost:
    """What an answer took; tokens that the provider did not count are taken as planned."""
    whole = planned.prompt if answer.prompt_tokens is None else answer.prompt_tokens
    made = planned.generated if answer.completion_tokens is None else answer.completion_tokens
    return Cost(1, whole, whole - (answer.cached_tokens or 0), made)


def request_of(call: Call, form: Form) -> Request:
    """What is sent for a question or a sheet."""
    return many.request_of(call, form) if isinstance(call, Sheet) else one.request_of(call, form)


async def ask_all(
    asked: ToAsk, order: list[list[int]], costs: Sequence[Mapping[str, Cost]], ledger: Ledger, purse: Purse,
    progress: Progress,
) -> dict[int, tuple[Answers, str]]:  # fmt: skip
    """Answers by position of the question, for the sessions that the purse could pay; a session's calls in a row."""
    answers: dict[int, tuple[Answers, str]] = {}
    sent = asked.calls
    if not sent:
        return answers
    async with opened(asked.judge, ledger) as calls:
        assert calls is not None

        async def work(held: tuple[int, ...]) -> None:
            for i in held:
                try:
                    answer = await calls.complete(request_of(sent[i], asked.form))
                except PromptTooLong:
                    answers.update(_read(asked, sent[i], i, Answer(text="")))
                    continue
                purse.pay(sent[i], asked.form, answer)
                answers.update(_read(asked, sent[i], i, answer))

        begun = 0
        while begun < len(order):
            wave: list[tuple[str, tuple[int, ...]]] = []
            reserved = 0.0
            # with money to count, no more sessions at a time than answers can be waited for
            for held, cost in list(zip(order, costs, strict=True))[begun:]:
                whole = total([cost])
                if not purse.holds(whole, reserved) or (purse.most is not None and len(wave) >= calls.model.slots):
                    break
                reserved += MARGIN * whole.usd(purse.price)
                wave.append((str(begun + len(wave)), tuple(held)))
            if not wave:
                break
            outcome = await run_units(wave, work, slots=calls.model.slots, stage="read", progress=progress)
            for error in outcome.failed.values():
                raise error
            begun += len(wave)
    return answers


def _read(asked: ToAsk, call: Call, i: int, answer: Answer) -> dict[int, tuple[Answers, str]]:
    """Position -> answer, of one call."""
    if not isinstance(call, Sheet):
        return {i: one.read_answer(call, asked.form, answer)}
    return dict(spread(asked.filled[i], many.read_answer(call, asked.form, answer)))
