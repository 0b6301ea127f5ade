"""Turns with core acts for the utility benchmark: of three public corpora, and of sessions made by assay.

Every turn has one main act, so that a turn of a simulated session (which is authored with one act) and a real turn
(which may do several things) have the same kind of label. The main act of several is the first in `MAIN`: what is asked
for or told comes before the plain answer it comes with (`Yes, and where is it?` is a request), an answer before thanks,
and a goodbye before the thanks it is wrapped in. The order was fixed before any classifier was trained.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.learning import data
from assay.learning.data import HumanSession, HumanTurn, TurnAct

MAIN = (
    "state_goal", "ask_alternative", "request", "correct", "inform", "no_preference", "complain", "withhold", "choose",
    "reject", "confirm", "bye", "thank", "acknowledge", "greet",
)  # fmt: skip
"""Core acts of users, the one that names a turn first."""
PERSUADED: dict[str, str] = {
    "greeting": "greet",
    "closing": "bye",
    "thank": "thank",
    "acknowledgement": "acknowledge",
    "ask-org-info": "request",
    "task-related-inquiry": "request",
    "personal-related-inquiry": "request",
    "ask-donation-procedure": "request",
    "ask-persuader-donation-intention": "request",
    "agree-donation": "confirm",
    "confirm-donation": "confirm",
    "disagree-donation": "reject",
    "disagree-donation-more": "reject",
    "provide-donation-amount": "inform",
}
"""Act of PersuasionForGood -> core act. Left out, because they are no core act or more than one: the three reactions to
the donation (opinions), the three answers to inquiries (yes, no or information), `off-task`, `other` and
`you-are-welcome`."""
ASKED = {
    "ask-org-info": "the organisation",
    "task-related-inquiry": "the cause",
    "personal-related-inquiry": "you",
    "ask-donation-procedure": "how to donate",
    "ask-persuader-donation-intention": "your own donation",
}
"""What those acts ask for, in words of the prompt."""
AMOUNT = re.compile(r"\$ ?\d+(?:\.\d+)?|\d*\.?\d+ (?:cents?|dollars?)|\b(?:one|two|five|ten) (?:cents?|dollars?)", re.I)
LONGEST = 25
"""Words of a PersuasionForGood turn that the adapter may be trained on."""


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A user turn with its core acts."""

    text: str
    acts: tuple[str, ...]
    """Core acts, the main one first."""
    session: str
    before: str = ""
    """The assistant turn it answers; empty where there is none."""
    place: int = 0
    """How many user turns its session has before it."""

    @property
    def act(self) -> str:
        """The main act."""
        return self.acts[0]


def in_order(acts: Iterable[str]) -> tuple[str, ...]:
    """Distinct core acts, the main one first. Raises ValueError for a name that is no user's core act."""
    return tuple(sorted(set(acts), key=MAIN.index))


def of_sessions(sessions: Iterable[HumanSession]) -> list[LabelledTurn]:
    """The turns of sessions read by `assay.learning.data`."""
    return [
        LabelledTurn(t.text, in_order(a.name.replace(" ", "_") for a in t.acts), s.id, t.assistant or "", i)
        for s in sessions
        for i, t in enumerate(s.turns)
    ]


def sgd(folder: Path, split: str) -> list[LabelledTurn]:
    """User turns of SGD with the acts that the corpus names."""
    return of_sessions(data.read_sgd(folder / "sgd.jsonl.gz", split))


def camrest(folder: Path, split: str) -> list[LabelledTurn]:
    """User turns of CamRest676: its acts, the goal in the first turn (by the set's protocol), closing words by rule.

    A turn without an act of the corpus and without thanks or a goodbye is left out: its annotation is missing.
    """
    found = []
    for row in data.read_rows(folder / "camrest676.jsonl.gz", split):
        before, place = "", 0
        for turn in row["turns"]:
            if turn["speaker"] != "user":
                before = turn["text"]
                continue
            acts = camrest_acts(turn, place == 0)
            if acts:
                found.append(LabelledTurn(" ".join(turn["text"].split()), acts, row["id"], before, place))
            place += 1
    return found


def camrest_acts(turn: dict[str, Any], first: bool) -> tuple[str, ...]:
    """Core acts of one CamRest676 user turn, the main one first; none when it is not annotated."""
    acts = {"request" if a["intent"] == "request" else "no_preference" if a.get("value") == "dontcare" else "inform"
            for a in turn["labels"]["acts"]}  # fmt: skip
    if first and acts:
        acts.add("state_goal")
    if data.THANKS.search(turn["text"]):
        acts.add("thank")
    if data.BYE.search(turn["text"]):
        acts.add("bye")
    return in_order(acts)


def persuasion_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The 300 annotated sessions of PersuasionForGood."""
    return data.read_rows(folder / "persuasionforgood.jsonl.gz", "annotated300")


def half(name: str) -> str:
    """`train` or `test`: PersuasionForGood has no split, so its sessions are halved by a checksum of their names."""
    return "test" if zlib.crc32(name.encode()) % 2 else "train"


def persuasion(folder: Path, split: str) -> list[LabelledTurn]:
    """Sentences of the persuaded party with an act that is a core act (the corpus annotates by the sentence)."""
    found = []
    for row in persuasion_rows(folder):
        if half(row["id"]) != split:
            continue
        before, place, heard = "", 0, False
        for turn in row["turns"]:
            if turn["speaker"] != "user":
                place += heard
                before, heard = turn["text"], False
                continue
            heard = True
            acts = turn["labels"].get("acts") or []
            if acts and all(a in PERSUADED for a in acts):
                text = " ".join(turn["text"].split())
                found.append(LabelledTurn(text, in_order(PERSUADED[a] for a in acts), row["id"], before, place))
    return found


def persuasion_named(folder: Path) -> tuple[int, int]:
    """(sentences with an act that is a core act, sentences with any act) of the whole annotated part."""
    acts = [t["labels"].get("acts") for r in persuasion_rows(folder) for t in r["turns"] if t["speaker"] == "user"]
    named = [a for a in acts if a]
    return sum(all(x in PERSUADED for x in a) for a in named), len(named)


def persuasion_sessions(folder: Path) -> list[HumanSession]:
    """PersuasionForGood as training sessions: runs of turns (sentences joined) whose every act is a core act."""
    found = []
    for row in persuasion_rows(folder):
        for number, run in enumerate(_runs(row)):
            found.append(HumanSession(f"persuasion/{row['id']}/{number}", row["licence"], ("persuasion",), (), run))
    return found


def _runs(row: dict[str, Any]) -> Iterator[list[HumanTurn]]:
    run: list[HumanTurn] = []
    said: list[str] = []
    heard: list[dict[str, Any]] = []
    for turn in [*row["turns"], {"speaker": "end", "text": "", "labels": {}}]:
        if turn["speaker"] == "user":
            heard.append(turn)
            continue
        if heard:
            made = _turn(said, heard)
            if made is not None:
                run.append(made)
            elif run:
                yield run
                run = []
            said, heard = [], []
        said.append(turn["text"])
    if run:
        yield run


def _turn(said: Sequence[str], heard: Sequence[dict[str, Any]]) -> HumanTurn | None:
    """One joined turn; None where an act of it has no core act, or it is long, or nobody spoke before."""
    text = " ".join(" ".join(t["text"].split()) for t in heard)
    acts: list[TurnAct] = []
    for name in (a for t in heard for a in t["labels"].get("acts") or ["none"]):
        if name not in PERSUADED or not said or len(text.split()) > LONGEST:
            return None
        act = TurnAct(PERSUADED[name].replace("_", " "))
        if name in ASKED:
            act.slots.append((ASKED[name], ""))
        if name == "provide-donation-amount":
            amount = AMOUNT.search(text)
            if amount is None:
                return None
            act.slots.append(("amount", amount[0]))
        same = next((a for a in acts if a.name == act.name), None)
        if same is None:
            acts.append(act)
        elif act.slots and act.slots[0] not in same.slots:
            same.slots += act.slots
    return HumanTurn(" ".join(said[-2:]), acts, text)


def simulated(folders: Sequence[Path]) -> list[LabelledTurn]:
    """User turns of run folders made by assay, labelled with what was authored; turns worded by template included."""
    found = []
    for folder in folders:
        with (folder / "sessions.jsonl").open(encoding="utf8") as lines:
            for line in lines:
                row = json.loads(line)
                found += _simulated(row, f"{folder.name}/{row['id']}")
    return found


def _simulated(row: dict[str, Any], name: str) -> Iterator[LabelledTurn]:
    before, place = "", 0
    for turn in row["turns"]:
        if turn["speaker"] == "user":
            yield LabelledTurn(turn["text"], (turn["labels"]["core_act"],), name, before, place)
            place += 1
        else:
            before = turn["text"]


Reader = Callable[[Path, str], list[LabelledTurn]]
CORPORA: dict[str, tuple[Reader, tuple[str, ...], tuple[str, ...]]] = {
    "sgd": (sgd, ("train",), ("test",)),
    "camrest676": (camrest, ("train",), ("validation", "test")),
    "persuasionforgood": (persuasion, ("train",), ("test",)),
}
"""Corpus -> (reader, splits that may be trained on, splits that are tested on)."""


def turns_of(folder: Path, corpus: str, part: str) -> list[LabelledTurn]:
    """Turns of the `train` or `test` part of a corpus. Raises KeyError for another name, OSError for no file."""
    reader, train, test = CORPORA[corpus]
    return [t for split in (train if part == "train" else test) for t in reader(folder, split)]
