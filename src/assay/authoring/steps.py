"""Labelled sessions as sequences of core acts: what a policy is fitted from, without a word of the text."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.errors import BadSessions
from assay.records.act_maps import ActsMap
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session, Turn

CoreActReader = Callable[[str, str | None], Mapping[str, float]]
"""(text, previous text) -> probability per core act."""
MapOf = Callable[[Session], ActsMap | None]
"""Session -> how its acts are read; None where nothing is known of its set."""

READ_FROM = 0.5
"""Probability from which a reader's core act counts as done."""
FEWEST_SESSIONS = 5
"""Labelled sessions below which nothing is fitted: there would be less than one per fold."""
INFORMING = frozenset({"inform", "state_goal"})
"""Core acts whose slots count as told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn as acts."""

    party: Literal["user", "assistant"]
    """Whose turn it is."""
    acts: frozenset[str]
    """Its acts; empty where they are not known or no act stands for them."""
    asks: frozenset[str] = frozenset()
    """Slots that it requests, where the labels name them."""
    tells: frozenset[str] = frozenset()
    """Slots that it informs about, where the labels name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One session as acts."""

    session: str
    """Id of the session: what likelihoods are clustered by."""
    steps: tuple[Step, ...]
    """Turns of user and assistant, in order."""
    services: frozenset[str] = frozenset()
    """Services (domains) it is about, where a session label names them."""
    given: str = ""
    """Value of the session latent that the policy is conditioned on, if any."""


@dataclass(slots=True)
class Corpus:
    """Labelled sessions as acts, with what was counted while reading them."""

    talks: list[Talk] = field(default_factory=list)
    """Sessions with at least one user turn whose act is known."""
    sessions: int = 0
    """Sessions read."""
    user_turns: int = 0
    """User turns of `talks`."""
    silent_turns: int = 0
    """Of those, turns whose labels name no act that a core act stands for: heard, never predicted."""
    read_turns: int = 0
    """Assistant turns without labels whose acts a reader told."""
    sources: Counter[str] = field(default_factory=Counter)
    """Set or source -> sessions of `talks`."""
    licences: Counter[str] = field(default_factory=Counter)
    """Licence -> sessions of `talks`."""

    @property
    def slots_named(self) -> bool:
        """Whether the labels name slots that assistants ask for."""
        return any(s.asks for talk in self.talks for s in talk.steps)

    @property
    def acts(self) -> tuple[str, ...]:
        """User acts that the labels name at least once, core acts in their usual order, others after them."""
        seen = {a for talk in self.talks for s in talk.steps if s.party == "user" for a in s.acts}
        return tuple(sorted(seen, key=lambda a: (list(CORE_ACTS).index(a) if a in CORE_ACTS else len(CORE_ACTS), a)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How sessions are read as acts."""

    map_of: MapOf
    """Session -> map of its acts."""
    read: CoreActReader | None = None
    """Reads assistant turns that carry no label; None leaves their acts unknown."""
    services: str | None = None
    """Session label that names the services; versions (`Hotels_1`, `Hotels_2`) count as one."""
    given: str | None = None
    """Session label, dots for nested keys, whose value the policy is conditioned on."""


def corpus_of(sessions: Iterable[Session], reading: Reading) -> Corpus:
    """Sessions as acts. Speakers other than user and assistant are passed over.

    Raises BadSessions when no user turn carries an act, when acts are named that no map knows (listed with counts and
    what to write), when fewer than FEWEST_SESSIONS sessions are labelled, and when all labels name one act.
    """
    corpus, unknown, labels = Corpus(), Counter[tuple[str, str]](), Counter[str]()
    for session in sessions:
        corpus.sessions += 1
        acts_map = reading.map_of(session)
        labels.update({name for t in session.turns if t.speaker == "user" for name in t.labels})
        if acts_map is None or not _labelled(session, acts_map):
            continue
        talk = Talk(
            session=session.id,
            steps=_steps(session, acts_map, reading.read, corpus, unknown),
            services=services_of(session, reading.services),
            given=_given(session, reading.given),
        )
        if any(s.party == "user" and s.acts for s in talk.steps):
            corpus.talks.append(talk)
            corpus.user_turns += sum(s.party == "user" for s in talk.steps)
            corpus.silent_turns += sum(s.party == "user" and not s.acts for s in talk.steps)
            corpus.sources[acts_map.set] += 1
            corpus.licences[session.licence or "not stated"] += 1
    _refuse_unknown(unknown)
    _refuse_poor(corpus, labels)
    return corpus


def _labelled(session: Session, acts_map: ActsMap) -> bool:
    return any(t.speaker == "user" and acts_map.named(t.labels) for t in session.turns)


def _steps(
    session: Session, acts_map: ActsMap, read: CoreActReader | None, corpus: Corpus, unknown: Counter[tuple[str, str]]
) -> tuple[Step, ...]:
    """The turns of user and assistant as acts."""
    steps = []
    previous: str | None = None
    for turn in session.turns:
        if turn.speaker in ("user", "assistant"):
            step = _step(turn, acts_map, unknown)
            if read is not None and turn.speaker == "assistant" and not step.acts and not acts_map.named(turn.labels):
                shares = read(turn.text, previous)
                step = Step(party="assistant", acts=frozenset(a for a, p in shares.items() if p >= READ_FROM))
                corpus.read_turns += bool(step.acts)
            steps.append(step)
            previous = turn.text
    return tuple(steps)


def _step(turn: Turn, acts_map: ActsMap, unknown: Counter[tuple[str, str]]) -> Step:
    acts: set[str] = set()
    asks: set[str] = set()
    tells: set[str] = set()
    for name, slot in acts_map.named(turn.labels) or ():
        core = acts_map.core(name, turn.speaker)
        if core is None:
            unknown[turn.speaker, name] += 1
            continue
        acts.update(core)
        if slot and "request" in core:
            asks.add(slot)
        if slot and INFORMING & set(core):
            tells.add(slot)
    party: Literal["user", "assistant"] = "user" if turn.speaker == "user" else "assistant"
    return Step(party=party, acts=frozenset(acts), asks=frozenset(asks), tells=frozenset(tells))


def services_of(session: Session, label: str | None) -> frozenset[str]:
    """The services that a session label names, without their version numbers (`Hotels_2` is `Hotels`)."""
    held = None if label is None else session.session_labels.get(label)
    names = [] if held is None else list(held) if isinstance(held, list | tuple) else [held]
    return frozenset(str(n).rstrip("0123456789").rstrip("_") or str(n) for n in names)


def _given(session: Session, label: str | None) -> str:
    value: Any = session.session_labels
    for key in (label or "").split("."):
        if not key:
            return ""
        value = value.get(key) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _refuse_unknown(unknown: Counter[tuple[str, str]]) -> None:
    """Acts that no map knows, most frequent first, and the lines that would make them known."""
    if not unknown:
        return
    listed = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name or '(empty)'} ({n}, {party})" for (party, name), n in listed[:30])
    more = f" and {len(listed) - 30} more" if len(listed) > 30 else ""
    names = dict.fromkeys(name for (_, name), _ in listed[:30])
    lines = "".join(f"\n       {name!r}: " for name in names)
    raise BadSessions(
        f"{len(listed)} acts that no map knows: {shown}{more}",
        now="write a map and give it as --acts MAP.yaml, with a core act (or null) after each name:\n     acts:"
        f"{lines}\n     core acts: {', '.join(CORE_ACTS)}",
    )


def _refuse_poor(corpus: Corpus, labels: Counter[str]) -> None:
    """Sessions that nothing can be fitted from."""
    if not corpus.talks:
        have = ", ".join(f"{name} (in {n} sessions)" for name, n in sorted(labels.items())) or "none at all"
        raise BadSessions(
            f"no user turn of the {corpus.sessions} sessions carries a dialogue act; labels of user turns: {have}",
            now="give --acts MAP.yaml with `label: NAME` and `acts:`, or sessions of a set that assay knows",
        )
    if len(corpus.talks) < FEWEST_SESSIONS:
        raise BadSessions(
            f"dialogue acts in {len(corpus.talks)} of {corpus.sessions} sessions; fitting needs {FEWEST_SESSIONS}",
            now="label more sessions: below some hundred the hand-written policy is hard to beat",
        )
    if len(corpus.acts) < 2:
        raise BadSessions(
            f"every labelled user turn is {corpus.acts[0]!r}: there is no choice to learn",
            now="a policy needs labels that tell at least two acts apart; look at the map of acts",
        )
