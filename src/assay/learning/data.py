"""Public sets of human sessions -> training sequences in the verbaliser's own prompt.

The prompt builder is passed in (`PromptBuilder`, met by `assay.simulation.prompt`), so that a trained adapter has seen
exactly the bytes it meets at run time and `learning` imports no other stage. Only the user's words are targets.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Row = dict[str, Any]


class PromptBuilder(Protocol):
    """What is needed of the prompt module: three record types and two renderers."""

    @property
    def Header(self) -> Callable[..., Any]:
        """Makes a header from manner, situation, goal."""

    @property
    def Act(self) -> Callable[..., Any]:
        """Makes an act from name, slots, detail."""

    @property
    def Exchange(self) -> Callable[..., Any]:
        """Makes an exchange from assistant, acts, customer."""

    def render(self, header: Any, exchanges: Sequence[Any]) -> str:
        """The whole prompt."""

    def render_answer(self, text: str) -> str:
        """The bytes a finished turn adds."""


@dataclass(slots=True)
class TurnAct:
    """One act of a user turn, before it is varied."""

    name: str
    """Core act in words."""
    slots: list[tuple[str, str]] = field(default_factory=list)
    """(slot in words, surface value); an empty value is a slot asked for."""
    detail: str = ""
    """Goal phrase of `state goal`."""


@dataclass(slots=True)
class HumanTurn:
    """One user turn of a public set with the assistant turn before it."""

    assistant: str | None
    acts: list[TurnAct]
    text: str
    target: bool = True
    """False where the acts promise a value that the words do not carry: context, never a target."""


@dataclass(slots=True)
class HumanSession:
    """One session of a public set."""

    id: str
    licence: str
    services: tuple[str, ...]
    goals: tuple[str, ...]
    """The session's intents in words."""
    turns: list[HumanTurn]


@dataclass(frozen=True, slots=True)
class TrainingText:
    """One training text: `spans` are the (start, end) characters of the user's words, the only targets."""

    id: str
    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Terciles:
    """Words per act (`wordiness`) at one and two thirds of the training sessions."""

    low: float
    high: float


PLAIN_ACTS = {
    "AFFIRM": "confirm",
    "AFFIRM_INTENT": "confirm",
    "NEGATE": "reject",
    "NEGATE_INTENT": "reject",
    "REQUEST_ALTS": "ask alternative",
    "SELECT": "choose",
    "THANK_YOU": "thank",
    "GOODBYE": "bye",
}
"""Acts of SGD without slots -> core act in words."""
DIGITS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), start=1))
GREETING = re.compile(r"^(hi|hello|hey|good (morning|evening|afternoon))\b", re.I)
THANKS = re.compile(r"\bthank", re.I)
BYE = re.compile(r"\b(good\s?bye|bye)\b", re.I)
LOOKING = re.compile(r"\b(restaurant|looking for|place to eat|somewhere to eat)\b", re.I)
POLITE = re.compile(r"\b(please|thanks?|thank you|could you|would you|appreciate)\b", re.I)


def read_rows(path: Path, split: str) -> Iterator[Row]:
    """Sessions of one split of a `*.jsonl.gz` set. Raises OSError when the file can't be read."""
    with gzip.open(path, "rt", encoding="utf8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] == split:
                yield row


def in_words(name: str) -> str:
    """`FindRestaurants` -> `find restaurants`, `party_size` -> `party size`."""
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").split()).lower()


def surface(text: str, value: str, span: str | None) -> tuple[str, bool]:
    """How a value is worded in a turn, and whether it stands there verbatim (yes/no values count as worded)."""
    if span:
        return span, True
    if value in ("True", "False"):
        return ("yes" if value == "True" else "no"), True
    spelt = DIGITS.get(int(value), value) if value.isdecimal() else value
    for form in (value, spelt):
        found = re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text, re.I)
        if found:
            return found[0], True
    return value, False


def _sgd_acts(turn: Row) -> tuple[list[TurnAct], bool]:
    """Core acts of one SGD user turn, and whether all their values stand in the text."""
    text, labels = turn["text"], turn["labels"]
    spans = {(s, n): text[a:b] for s, found in labels.get("slot_spans", {}).items() for n, a, b in found}
    acts: list[TurnAct] = [TurnAct("greet")] if GREETING.search(text) else []
    whole = True
    for act in labels["acts"]:
        kind, slot = act["act"], in_words(act["slot"])
        if kind == "INFORM_INTENT":
            acts.append(TurnAct("state goal", detail=in_words(act["values"][0])))
        elif kind == "REQUEST":
            _merge(acts, "request", (slot, ""))
        elif kind in ("INFORM", "SELECT") and act["values"]:
            if act["values"][0] == "dontcare":
                _merge(acts, "no preference", (slot, ""))
                continue
            value, there = surface(text, act["values"][0], spans.get((act["service"], act["slot"])))
            whole = whole and there
            _merge(acts, "inform" if kind == "INFORM" else "choose", (slot, value))
        elif not any(a.name == PLAIN_ACTS[kind] for a in acts):
            acts.append(TurnAct(PLAIN_ACTS[kind]))
    return acts, whole


def _merge(acts: list[TurnAct], name: str, slot: tuple[str, str]) -> None:
    """Add a slot to the act of that name, or a new act."""
    for act in acts:
        if act.name == name and slot[0] not in dict(act.slots):
            act.slots.append(slot)
            return
    acts.append(TurnAct(name, [slot]))


def _camrest_acts(turn: Row, first: bool) -> tuple[list[TurnAct], bool]:
    """Core acts of one CamRest user turn; thanks and goodbyes, which have no act there, by their own words."""
    text = turn["text"]
    acts: list[TurnAct] = [TurnAct("greet")] if GREETING.search(text) else []
    if first and LOOKING.search(text):
        acts.append(TurnAct("state goal", detail="find restaurants"))
    whole = True
    for act in turn["labels"]["acts"]:
        if act["intent"] == "request":
            _merge(acts, "request", (act["slot"], ""))
        elif act["value"] == "dontcare":
            _merge(acts, "no preference", (act["slot"], ""))
        else:
            value, there = surface(text, act["value"], text[act["start"] : act["end"]] if "start" in act else None)
            whole = whole and there
            _merge(acts, "inform", (act["slot"], value))
    if THANKS.search(text):
        acts.append(TurnAct("thank"))
    if BYE.search(text):
        acts.append(TurnAct("bye"))
    return acts, whole


def read_sgd(path: Path, split: str) -> list[HumanSession]:
    """Sessions of Schema-Guided Dialogue. Raises OSError, KeyError on a file of another form."""
    found = []
    for row in read_rows(path, split):
        labels = row["session_labels"]
        goals = tuple(dict.fromkeys(in_words(i.split("/")[1]) for i in labels["intents"]))
        turns = _turns(row, lambda turn, first: _sgd_acts(turn))
        found.append(HumanSession("sgd/" + row["id"], row["licence"], tuple(labels["services"]), goals, turns))
    return found


def read_camrest(path: Path, split: str) -> list[HumanSession]:
    """Sessions of CamRest676. Raises OSError, KeyError on a file of another form."""
    return [
        HumanSession(row["id"], row["licence"], ("camrest",), ("find restaurants",), _turns(row, _camrest_acts))
        for row in read_rows(path, split)
    ]


PERSUADED: dict[str, TurnAct] = {
    "acknowledgement": TurnAct("acknowledge"),
    "greeting": TurnAct("greet"),
    "thank": TurnAct("thank"),
    "closing": TurnAct("bye"),
    "disagree-donation": TurnAct("reject"),
    "agree-donation": TurnAct("confirm"),
}
"""Acts of PersuasionForGood that are core acts as they stand -> the act."""
LONGEST_REMARK = 14
"""Words of a PersuasionForGood turn; longer ones do more than their act says."""


def read_persuasion(path: Path, split: str = "annotated300") -> list[HumanSession]:
    """Single turns of PersuasionForGood with one act that is a core act, each as a session of its own.

    Raises OSError, KeyError on a file of another form.
    """
    found = []
    for row in read_rows(path, split):
        before: str | None = None
        for number, turn in enumerate(row["turns"]):
            acts = turn["labels"].get("acts") or []
            known = [PERSUADED[a] for a in acts if a in PERSUADED]
            short = len(turn["text"].split()) <= LONGEST_REMARK
            if turn["speaker"] == "user" and len(acts) == len(known) == 1 and short and before is not None:
                text = " ".join(turn["text"].split())
                turns = [HumanTurn(before, [TurnAct(known[0].name)], text)]
                found.append(HumanSession(f"{row['id']}/{number}", row["licence"], ("persuasion",), (), turns))
            before = turn["text"] if turn["speaker"] != "user" else before
    return found


def _turns(row: Row, acts_of: Callable[[Row, bool], tuple[list[TurnAct], bool]]) -> list[HumanTurn]:
    """User turns with the assistant turn before each, up to the first that has no act."""
    turns: list[HumanTurn] = []
    before: str | None = None
    for turn in row["turns"]:
        if turn["speaker"] != "user":
            before = turn["text"]
            continue
        acts, whole = acts_of(turn, not turns)
        if not acts:
            break
        turns.append(HumanTurn(before, acts, " ".join(turn["text"].split()), whole))
    return turns


def wordiness(session: HumanSession) -> float:
    """Words per act beside the values: how much a person says for what they do."""
    values = sum(len(v.split()) for t in session.turns for a in t.acts for _, v in a.slots if v not in ("yes", "no"))
    acts = sum(len(t.acts) + sum(max(len(a.slots) - 1, 0) for a in t.acts) for t in session.turns)
    return (sum(len(t.text.split()) for t in session.turns) - values) / acts


def terciles(sessions: Sequence[HumanSession]) -> Terciles:
    """The cuts between brief, medium and talkative. Raises ValueError without sessions."""
    if not sessions:
        raise ValueError("terciles need at least one session")
    low, high = np.quantile([wordiness(s) for s in sessions], (1 / 3, 2 / 3))
    return Terciles(float(low), float(high))


def manner(session: HumanSession, cuts: Terciles) -> tuple[str, ...]:
    """How a person talks, measured on their own turns; a word only where the person leans that way."""
    mean, texts = wordiness(session), [t.text for t in session.turns]
    words = ["brief" if mean <= cuts.low else "medium" if mean <= cuts.high else "talkative"]
    rest = [t.text for t in session.turns if all(a.name != "thank" for a in t.acts)] or texts
    polite = sum(bool(POLITE.search(t)) for t in rest) / len(rest)
    words += ["polite"] if polite >= 0.3 else ["plain"] if polite <= 0.1 else []
    loose = sum(t[:1].islower() or t[-1:] not in ".?!" for t in texts) / len(texts)
    words += ["casual"] if loose >= 0.4 else ["careful"] if loose <= 0.1 else []
    return tuple(words)


def sequence(
    builder: PromptBuilder, session: HumanSession, header: Mapping[str, Any], start: int, fits: Callable[[str], bool]
) -> TrainingText | None:
    """The longest run of turns from `start` whose text fits; None when not even one turn with a target does.

    `header` holds the keyword arguments of `builder.Header`.
    """
    top = builder.Header(**header)
    done: list[Any] = []
    text, spans = "", []
    for turn in session.turns[start:]:
        acts = tuple(builder.Act(name=a.name, slots=dict(a.slots), detail=a.detail) for a in turn.acts)
        asked = builder.render(top, [*done, builder.Exchange(assistant=turn.assistant, acts=acts)])
        answered = asked + builder.render_answer(turn.text)
        if not fits(answered):
            break
        done.append(builder.Exchange(assistant=turn.assistant, acts=acts, customer=turn.text))
        text = answered
        if turn.target:
            spans.append((len(asked), len(answered)))
    return TrainingText(session.id, text, tuple(spans)) if spans else None
