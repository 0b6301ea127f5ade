"""A run as planting sees it: where every label stands, which values it takes, and a draft of a faulty session."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from assay.errors import BadInput
from assay.records import Blueprint, Session, Turn, canonical
from assay.records.label import flatten, is_structured, key_of

Reword = Callable[[Session, int, Mapping[str, Any]], str | None]
"""(session, turn, labels of that turn with the wrong value put in) -> the turn's words as they would then be, or None.

A wrong session-level value is put in under its own name (`goal`, `persona`)."""

Group = tuple[str, str]
"""(label name, level): labels of one name at one level, `session` or the speaker, share their values."""

ASIDE = ("tool", "action", "narrator")
"""Speakers that are no party."""


class Place(NamedTuple):
    """Where one label stands."""

    session: int
    turn: int | None
    name: str
    path: tuple[str, ...]
    value: Any
    raw: Any

    @property
    def key(self) -> tuple[int, int | None, str]:
        """What tells it from every other label of the run."""
        return self.session, self.turn, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Aids:
    """What the door may hand in beside the sessions; all of it optional."""

    confusable: Mapping[tuple[str, str], Any] | None = None
    """(name, value as a distribution key) -> the value most often taken for it."""
    pools: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Name -> values beyond those seen in the run."""
    core_of: Mapping[str, str] = field(default_factory=dict)
    """Fine act -> core act, beyond the pairs seen in the run."""
    gates: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(party, fact) -> the other party's acts that open it; empty: never."""
    kept: Callable[[str], bool] | None = None
    """Whether the owner itself must keep a fact of this name in sessions that say no gate; null: every fact."""
    persona: Callable[[Session], Sequence[str]] | None = None
    """The lines of the persona as the verbaliser was told them."""
    reword: Reword | None = None
    """Words a turn from a wrong latent; without it the kinds that need a model can't be made."""
    at_once: int = 8
    """Threads that call `reword` at the same time; what it returns must depend on its arguments alone."""
    rewords_persona: bool = False
    """Whether `reword` heeds a wrong `persona`; without it no persona is swapped midway in our own sessions."""

    @classmethod
    def of(cls, blueprint: Blueprint, *, reword: Reword | None = None) -> "Aids":
        """Pools, core acts and gates of a blueprint. Values drawn from a pattern or range come from the run alone."""
        pools: dict[str, Sequence[Any]] = {"act": tuple(blueprint.user_acts), "goal": tuple(blueprint.goals)}
        for name, drawn in blueprint.attributes():
            shares = [drawn.values] if drawn.values else list((drawn.when or {}).values())
            pools[name] = tuple(dict.fromkeys(v for s in shares for v, p in s.items() if p > 0))
        return cls(
            pools={name: values for name, values in pools.items() if values},
            core_of={name: act.like for name, act in blueprint.user_acts.items()},
            gates={
                (party, name): frozenset() if fact.may_never_surface else frozenset(fact.gate.heard)
                for party, facts in blueprint.facts.items()
                for name, fact in facts.items()
                if fact.may_never_surface or fact.gate.heard
            },
            reword=reword,
        )


def leaves(name: str, raw: Any, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], Any, Any]]:
    """(flat name, path, flat value, raw value) of every label in a value, named as `records.label.flatten` names it."""
    if isinstance(raw, dict):
        for key, inner in raw.items():
            yield from leaves(f"{name}.{key}", inner, (*path, key))
    elif raw is not None and not is_structured(raw):
        _, value = next(iter(flatten(name, raw)))
        yield name, path, value, raw


def with_value(labels: Mapping[str, Any], path: Sequence[str], raw: Any) -> dict[str, Any]:
    """A copy of nested labels in which the value at a path is another; the order of keys is kept."""
    first, *rest = path
    return {**labels, first: with_value(labels[first], rest, raw) if rest else raw}


class Run:
    """Sessions, with an index of their labels. Raises BadInput for no sessions or an id that is there twice."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = list(sessions)
        twice = [i for i, n in Counter(s.id for s in self.sessions).items() if n > 1]
        if not self.sessions or twice:
            raise BadInput(
                f"session id {twice[0]!r} is there {Counter(s.id for s in self.sessions)[twice[0]]} times"
                if twice
                else "0 sessions, so there is nothing to plant a fault in",
                now="give sessions whose ids differ",
            )
        self.by_id = sorted(range(len(self.sessions)), key=lambda n: self.sessions[n].id)
        self.places: list[Place] = []
        self.counts: dict[Group, Counter[str]] = {}
        self.raws: dict[Group, dict[str, Any]] = {}
        self.core_of: dict[str, str] = {}
        for number, session in enumerate(self.sessions):
            self._index(number, session)

    def _index(self, number: int, session: Session) -> None:
        for turn, labels in [(None, session.session_labels), *((i, t.labels) for i, t in enumerate(session.turns))]:
            for top, raw in labels.items():
                for name, path, value, leaf in leaves(top, raw, (top,)):
                    place = Place(number, turn, name, path, value, leaf)
                    self.places.append(place)
                    group, key = self.group(place), key_of(value)
                    self.counts.setdefault(group, Counter())[key] += 1
                    # two lists may be one set: the least one stands for it, whatever the order of the sessions
                    raws = self.raws.setdefault(group, {})
                    raws[key] = min(raws[key], leaf, key=canonical) if key in raws else leaf
            act, core = labels.get("act"), labels.get("core_act")
            if isinstance(act, str) and isinstance(core, str):
                self.core_of[act] = min(self.core_of.get(act, core), core)

    def group(self, place: Place) -> Group:
        """The labels whose values a label may take."""
        level = "session" if place.turn is None else self.sessions[place.session].turns[place.turn].speaker
        return place.name, level

    def owned(self, place: Place) -> bool:
        """Whether this is a label that somebody vouches for: in our own sessions only the user's turns are authored."""
        session = self.sessions[place.session]
        return place.turn is None or not session.authored or session.turns[place.turn].speaker == "user"

    def names(self) -> list[str]:
        """All label names, sorted."""
        return sorted({name for name, _ in self.counts})


def watched(session: Session) -> list[int]:
    """Turns of the party whose lines are under test: the user's, or everybody's where no user speaks."""
    user = [i for i, t in enumerate(session.turns) if t.speaker == "user"]
    return user or [i for i, t in enumerate(session.turns) if t.speaker not in ASIDE]


class Edit(NamedTuple):
    """One changed field, as it will stand in the truth."""

    turn: int | None
    name: str | None
    before: Any
    after: Any


class Draft:
    """A session in the making. Words of a turn are changed at most once; a turn whose words were used stays."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._texts: dict[int, str] = {}
        self._labels: dict[int | None, dict[str, Any]] = {}
        self._set: set[tuple[int | None, str]] = set()
        self._used: set[int] = set()
        self._private: dict[str, dict[str, Any]] = {}
        self._cut: int | None = None

    def text(self, turn: int) -> str:
        """The words of a turn as they stand now."""
        return self._texts.get(turn, self.session.turns[turn].text)

    def is_open(self, turn: int) -> bool:
        """Whether the words of a turn may still be changed."""
        return turn not in self._texts and turn not in self._used

    def use(self, turn: int) -> None:
        """Keep a turn as it is, because another one now depends on it."""
        self._used.add(turn)

    def is_given(self, turn: int | None, name: str) -> bool:
        """Whether a label still has the value it came with."""
        return (turn, name) not in self._set

    def labels(self, turn: int | None) -> dict[str, Any]:
        """The labels of a turn, or of the session, as they stand now."""
        given = self.session.session_labels if turn is None else self.session.turns[turn].labels
        return self._labels.get(turn, given)

    def set_text(self, turn: int, text: str, *names: str | None) -> list[Edit]:
        """Change the words; one edit per label that this breaks."""
        before = self.session.turns[turn].text
        self._texts[turn] = text
        return [Edit(turn, name, before, text) for name in names or (None,)]

    def set_label(self, turn: int | None, name: str, path: Sequence[str], raw: Any) -> Edit:
        """Change a label."""
        labels = self.labels(turn)
        before: Any = labels
        for key in path:
            before = before[key]
        self._labels[turn] = with_value(labels, path, raw)
        self._set.add((turn, name))
        return Edit(turn, name, before, raw)

    def set_private(self, party: str, fact: str, value: Any) -> Edit:
        """Change what a party privately knows."""
        held = self._private.get(party, self.session.private[party])
        self._private[party] = {**held, fact: value}
        return Edit(None, f"private.{party}.{fact}", held[fact], value)

    def cut(self, turn: int) -> Edit:
        """End the session before a turn."""
        self._cut = turn
        return Edit(turn, None, [t.row() for t in self.session.turns[turn:]], [])

    def build(self) -> Session:
        """The faulty session; turns that were not touched are the very same objects."""
        changed: dict[str, Any] = {}
        if None in self._labels:
            changed["session_labels"] = self._labels[None]
        if self._private:
            changed["private"] = {**self.session.private, **self._private}
        if self._texts or self._cut is not None or set(self._labels) - {None}:
            changed["turns"] = tuple(self._turn(i, t) for i, t in enumerate(self.session.turns[: self._cut]))
        return self.session.model_copy(update=changed) if changed else self.session

    def _turn(self, number: int, turn: Turn) -> Turn:
        changed: dict[str, Any] = {}
        if number in self._texts:
            changed["text"] = self._texts[number]
        if number in self._labels:
            changed["labels"] = self._labels[number]
        return turn.model_copy(update=changed) if changed else turn
