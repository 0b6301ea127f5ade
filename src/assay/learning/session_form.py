"""Sessions in assay's own form -> human sessions to train on, with the user's acts mapped to core acts."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import BadInput, BadSessions
from assay.learning.data import HumanSession, HumanTurn, Row, TurnAct, in_words, surface
from assay.learning.sft_config import DataSource
from assay.records.core_acts import CORE_ACTS
from assay.records.storage import read_lines

WITH_VALUES = ("inform", "choose", "correct", "state_goal")
"""Core acts that give values, in the order in which they get the slots of a turn."""


@dataclass(slots=True)
class SessionForm:
    """Reads one file; counts what it could not use."""

    source: DataSource
    path: Path
    unmapped: Counter[str] = field(default_factory=Counter)
    """Act of the file without a core act -> turns at which a session was cut for it."""
    labelled: int = 0
    """User turns that carry the label of the acts."""

    def rows(self) -> Iterator[Row]:
        """Every session as a JSON object. Raises BadSessions, naming file and line."""
        try:
            for number, text in read_lines(self.path):
                yield _row(text, f"{self.path}, line {number}")
        except BadSessions:
            raise
        except BadInput as error:
            raise BadSessions(error.what, where=error.where, now=error.now) from error

    def sessions(self, wanted: Callable[[Row], bool]) -> list[HumanSession]:
        """The wanted sessions; those whose first user turn has no mapped act have no turns.

        Raises BadSessions where no user turn carries the acts' label, or none of its values is mapped.
        """
        found = [self._session(row) for row in self.rows() if wanted(row)]
        if found and not any(s.turns for s in found):
            what = f"no user turn has the label {self.source.act!r}"
            if self.labelled:
                what = f"no act is mapped to a core act; the acts are {', '.join(sorted(self.unmapped)[:20])}"
            raise BadSessions(
                what, where=str(self.path), now="name the label in `act` and map its values in `acts` of that file"
            )
        return found

    def _session(self, row: Row) -> HumanSession:
        labels = row.get("session_labels") or {}
        goal = labels.get(self.source.goal)
        goals = tuple(in_words(str(g)) for g in _listed(goal))
        turns: list[HumanTurn] = []
        before: str | None = None
        for turn in row["turns"]:
            if turn["speaker"] != "user":
                before = turn["text"]
                continue
            made = self._turn(turn, before, goals)
            if made is None:
                break
            turns.append(made)
        licence = row.get("licence") or self.source.licence or ""
        services = tuple(str(s) for s in _listed(labels.get(self.source.service)))
        return HumanSession(str(row["id"]), licence, services, goals, turns)

    def _turn(self, turn: Row, before: str | None, goals: tuple[str, ...]) -> HumanTurn | None:
        """A turn with its core acts; None where an act has no core act, since the frame needs every act."""
        labels = turn.get("labels") or {}
        names = [str(a) for a in _listed(labels.get(self.source.act))]
        self.labelled += bool(names)
        core = [self.source.acts.get(name, name) for name in names]
        missing = [n for n, c in zip(names, core, strict=True) if c not in CORE_ACTS]
        if missing or not names or not turn["text"].strip():
            self.unmapped.update(missing)
            return None
        acts = {c: TurnAct(CORE_ACTS[c].words) for c in core}
        if "state_goal" in acts and goals:
            acts["state_goal"].detail = goals[0]
        slots = labels.get(self.source.slots)
        whole = _place(acts, slots if isinstance(slots, dict) else {}, turn["text"])
        return HumanTurn(before, list(acts.values()), " ".join(turn["text"].split()), whole)


def _place(acts: dict[str, TurnAct], slots: dict[str, Any], text: str) -> bool:
    """Give the slots of a turn to its acts; whether every value stands in the words.

    Slots without a value are asked for where the turn asks. Values of a turn that gives none are context only.
    """
    giver = next((acts[c] for c in WITH_VALUES if c in acts), None)
    whole = True
    for name, value in slots.items():
        if value in (None, "") and "request" in acts:
            acts["request"].slots.append((in_words(name), ""))
        elif value not in (None, "") and giver is not None:
            shown, there = surface(text, str(value), None)
            giver.slots.append((in_words(name), shown))
            whole = whole and there
    return whole


def _listed(value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _row(text: str, where: str) -> Row:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise BadSessions(f"not JSON: {error}", where=where, now="one JSON object a line") from error
    turns = row.get("turns") if isinstance(row, dict) else None
    if not isinstance(turns, list) or "id" not in row:
        raise BadSessions("not a session: it needs `id` and `turns`", where=where, now="one session a line")
    for turn in turns:
        if not (isinstance(turn, dict) and isinstance(turn.get("speaker"), str) and isinstance(turn.get("text"), str)):
            raise BadSessions("a turn needs `speaker` and `text`", where=where, now="see docs/reference/files.md")
    return dict(row)
