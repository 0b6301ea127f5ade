"""The verbaliser's prompt: one builder for training, reinforcement learning and run time.

The prompt is append-only. It starts with a header (manner, situation, goal) and then holds, per turn,

    assistant: <what the assistant said>
    acts: <what the user is about to do>
    customer: <what the user said>

so that the prompt of turn t plus its answer is a byte prefix of the prompt of turn t+1: an engine with a
prefix cache reads every token once, and a model trained on whole sessions has seen exactly these bytes.
Property test: tests/simulation/test_prompt.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STOP = "\n"
"""Where an answer ends. A turn is one line by construction, so this is framing, not a mark in the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the verbaliser is told once, at the top. Holds nothing behind a disclosure gate."""

    manner: tuple[str, ...] = ()
    """How this person talks, e.g. ("brief", "polite", "casual")."""
    situation: tuple[str, ...] = ()
    """Context values in words, e.g. ("chat", "at work")."""
    goal: str = ""
    """The goal as a phrase, e.g. "return a product"."""
    partner: tuple[str, ...] = ()
    """What the assistant knows, in mindreaders mode only; empty, it leaves no trace in the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing the user does in a turn."""

    name: str
    """The core act in words, e.g. "inform"."""
    slots: Mapping[str, str] | None = None
    """Slot -> value that the words must carry; an empty value is a slot that is asked for."""
    detail: str = ""
    """A phrase for acts without slots, e.g. the goal in "state goal(return a product)"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One earlier or current user turn as the verbaliser sees it."""

    assistant: str | None
    """The assistant turn before it; None where the user speaks first."""
    acts: tuple[Act, ...]
    """What the user does in this turn."""
    customer: str | None = None
    """What the user said; None for the turn that is to be worded now."""


def one_line(text: str) -> str:
    """Collapse every run of white space, line ends included, so that text can't imitate the frame."""
    return " ".join(text.split())


def render_header(header: Header) -> str:
    """The first three lines (four for a mindreader) and the blank line under them."""
    partner = f"the assistant knows: {'; '.join(one_line(p) for p in header.partner)}\n" if header.partner else ""
    return (
        f"customer: {', '.join(one_line(m) for m in header.manner) or 'plain'}\n"
        f"situation: {', '.join(one_line(s) for s in header.situation) or 'not known'}\n"
        f"goal: {one_line(header.goal) or 'not known'}\n{partner}\n"
    )


def render_act(act: Act) -> str:
    """`inform(order number = AB-104, item = kettle)`, `request(refund amount)`, `thank`."""
    inside = [
        f"{one_line(name)} = {one_line(value)}" if value else one_line(name)
        for name, value in (act.slots or {}).items()
    ]
    if act.detail:
        inside.insert(0, one_line(act.detail))
    return f"{act.name}({', '.join(inside)})" if inside else act.name


def render_exchange(exchange: Exchange) -> str:
    """The lines of one turn; open-ended (`customer:`) when its words are still to come."""
    said = "" if exchange.assistant is None else f"assistant: {one_line(exchange.assistant)}\n"
    acts = "; ".join(render_act(act) for act in exchange.acts)
    frame = f"{said}acts: {acts}\ncustomer:"
    return frame if exchange.customer is None else f"{frame}{render_answer(exchange.customer)}"


def render_answer(text: str) -> str:
    """The bytes a finished turn adds after `customer:`."""
    return f" {one_line(text)}{STOP}"


def render(header: Header, exchanges: Sequence[Exchange]) -> str:
    """The whole prompt, whose last exchange has no `customer` yet (or has, for a training sequence)."""
    return render_header(header) + "".join(render_exchange(e) for e in exchanges)
