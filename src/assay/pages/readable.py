"""One session as it is read: turns with their labels, verdicts and the quotes they rest on."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from assay.pages.beliefs import Belief, beliefs_of
from assay.pages.numbers import shown_tier
from assay.pages.words import TIERS, act_means, reason
from assay.records import Label, Session, Turn, Verdict, labels_of
from assay.records.label import key_of

MOST_TEXT = 20_000
"""Characters of one turn that are shown."""
PARTIES = ("user", "assistant")
WITHHELD = "(text withheld)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What may be shown."""

    text: bool = True
    """Whether transcript text, quotes and private facts are shown."""
    hidden: frozenset[str] = frozenset()
    """Label names whose values could be transcript text; withheld without `text`."""

    def value(self, name: str, value: Any) -> str:
        """A label's value, or that it is withheld."""
        return key_of(value) if self.text or name not in self.hidden else "(withheld)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One verdict in words."""

    code: str
    status: str
    score: float | None
    read: str | None
    by: str
    kind: str
    """independent, in-house or guard."""
    reason: str
    about: str
    """What it is about, where that is not the label it stands under."""
    quotes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One label."""

    name: str
    value: str
    means: str
    tier: str
    """Tier or unchecked; `unmade` where labels.jsonl is not there."""
    source: str
    reasons: tuple[str, ...]
    rank: float | None
    trust: float | None
    suggested: str | None
    distribution: tuple[tuple[str, float], ...]
    words: tuple[Word, ...]
    codes: str
    """`LB01:supported CO05:contradicted`, for the filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a turn's text, quoted by checks or not."""

    text: str
    by: tuple[str, ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn."""

    n: int
    speaker: str
    party: str
    pieces: tuple[Piece, ...]
    cut: int
    """Characters that are not shown."""
    realised_by: str
    read_act: str
    tools: str
    chips: tuple[Chip, ...]
    words: tuple[Word, ...]
    """Verdicts about the turn as a whole, or about something that is no label."""
    unknown: tuple[str, ...] = ()
    """Labels that are true, but not yet knowable once this turn was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """One session."""

    id: str
    goal: str
    end: str
    mode: str
    source: str
    licence: str
    language: str
    failure: str
    turns: tuple[Said, ...]
    groups: tuple[tuple[str, tuple[Chip, ...]], ...]
    """(group, session-level labels)."""
    facts: tuple[tuple[str, tuple[tuple[str, str, int | None], ...]], ...]
    """(party, (fact, value, turn at which it was disclosed))."""
    sub_goals: tuple[tuple[str, str], ...]
    words: tuple[Word, ...]
    tiers: tuple[tuple[str, int], ...]
    against: tuple[str, ...]
    """Codes of checks that found a fault in this session."""
    notes: str
    """`IA01:contradicted`: verdicts that stand under no label, for the filter."""
    beliefs: tuple[Belief, ...] = ()
    """What could be known of the session's labels, turn by turn."""


@dataclass(slots=True)
class _Sorted:
    """Verdicts by where they are shown."""

    label: dict[tuple[str, int | None], list[Verdict]] = field(default_factory=dict)
    turn: dict[int, list[Verdict]] = field(default_factory=dict)
    session: list[Verdict] = field(default_factory=list)


def readable(
    session: Session,
    labels: Sequence[Label],
    verdicts: Sequence[Verdict],
    privacy: Privacy,
    blueprint: Mapping[str, Any] | None = None,
) -> Readable:
    """Everything that is shown of one session."""
    rows = list(labels) or _unmade(session)
    by_place = {(row.name, row.turn) for row in rows}
    told = _sort(verdicts, by_place, len(session.turns))
    chips = [
        (row, _chip(row, told.label.get((row.name, row.turn), []), privacy, blueprint, bool(labels))) for row in rows
    ]
    turns = tuple(_turn(i, t, session, chips, told, verdicts, privacy) for i, t in enumerate(session.turns))
    beliefs = beliefs_of(verdicts)
    turns = tuple(_marked(turn, beliefs) for turn in turns)
    tiers = Counter(chip.tier for _, chip in chips)
    loose = [*told.session, *(v for found in told.turn.values() for v in found)]
    disclosed = {(d.party, d.fact): d.turn for d in reversed(session.disclosures)}
    return Readable(
        id=session.id,
        goal=_goal(session, privacy),
        end=session.end or "",
        mode=session.mode or "",
        source=session.source or "",
        licence=session.licence or "",
        language=session.language,
        failure=(session.failure or "") if privacy.text else "failed" if session.failure else "",
        turns=turns,
        groups=_groups([(row, chip) for row, chip in chips if row.turn is None]),
        facts=_facts(session, disclosed, privacy),
        sub_goals=tuple((k.replace(".", ": ", 1).replace("_", " "), v) for k, v in session.sub_goals.items()),
        words=tuple(_word(v, privacy, about=True) for v in told.session),
        tiers=tuple((t, tiers[t]) for t in (*TIERS, "unmade") if tiers[t]),
        against=tuple(sorted({v.code for v in verdicts if v.status == "contradicted"})),
        notes=" ".join(sorted({f"{v.code}:{v.status}" for v in loose})),
        beliefs=beliefs,
    )


def _marked(turn: Said, beliefs: Sequence[Belief]) -> Said:
    """A turn of the user with the labels that are not yet knowable there."""
    unknown = tuple(b.name for b in beliefs if not b.known_at(turn.n)) if turn.party == "user" else ()
    return replace(turn, unknown=unknown) if unknown else turn


def _unmade(session: Session) -> list[Label]:
    return [
        Label(id=g.id, session=g.session, turn=g.turn, name=g.name, kind=g.kind, value=g.value, source=g.source)
        for g in labels_of(session)
    ]


def _goal(session: Session, privacy: Privacy) -> str:
    goal = session.session_labels.get("goal")
    return privacy.value("goal", goal) if isinstance(goal, str) else ""


def _sort(verdicts: Sequence[Verdict], places: set[tuple[str, int | None]], turns: int) -> _Sorted:
    """Under the label they name, else under their turn, else under the session."""
    told = _Sorted()
    for v in verdicts:
        if v.name is not None and (v.name, v.turn) in places:
            told.label.setdefault((v.name, v.turn), []).append(v)
        elif v.name is not None and (v.name, None) in places:
            told.label.setdefault((v.name, None), []).append(v)
        elif v.turn is not None and 0 <= v.turn < turns:
            told.turn.setdefault(v.turn, []).append(v)
        else:
            told.session.append(v)
    return told


def _word(v: Verdict, privacy: Privacy, *, about: bool = False) -> Word:
    kind = "guard, not counted" if v.guard else "independent" if v.independent else "in-house, not counted"
    subject = (v.name or "") if about else ""
    if about and v.turn is not None:
        subject = f"{subject}, turn {v.turn}".removeprefix(", ")
    return Word(
        code=v.code,
        status=v.status,
        score=v.score,
        read=v.read if v.read is None or privacy.text or (v.name or "") not in privacy.hidden else None,
        by=v.by,
        kind=kind,
        reason=reason(v.reason) if v.reason else "",
        about=subject,
        quotes=tuple((q.turn, q.quote) for q in v.evidence) if privacy.text else (),
    )


def _chip(
    row: Label, found: Sequence[Verdict], privacy: Privacy, blueprint: Mapping[str, Any] | None, made: bool
) -> Chip:
    open_values = privacy.text or row.name not in privacy.hidden
    return Chip(
        name=row.name,
        value=privacy.value(row.name, row.value),
        means=act_means(row.name, key_of(row.value), blueprint),
        tier=shown_tier(row) if made else "unmade",
        source=row.source,
        reasons=tuple(reason(c).split(":")[0] for c in row.reasons)
        if row.tier not in ("certified", "provisional")
        else (),
        rank=row.rank_score if made and shown_tier(row) != "unchecked" else None,
        trust=row.trust,
        suggested=key_of(row.suggested) if row.suggested is not None and open_values else None,
        distribution=tuple(sorted(row.distribution.items(), key=lambda kv: -kv[1])[:4]) if open_values else (),
        words=tuple(_word(v, privacy) for v in found),
        codes=" ".join(f"{code}:{status}" for code, status in row.verdicts.items()),
    )


def _turn(
    n: int,
    turn: Turn,
    session: Session,
    chips: Sequence[tuple[Label, Chip]],
    told: _Sorted,
    verdicts: Sequence[Verdict],
    privacy: Privacy,
) -> Said:
    act = turn.extra.get("act") if session.authored else None
    text = turn.text[:MOST_TEXT]
    return Said(
        n=n,
        speaker=turn.speaker if turn.speaker in PARTIES or not turn.name else f"{turn.speaker} ({turn.name})",
        party=turn.speaker if turn.speaker in PARTIES else "other",
        pieces=tuple(pieces(text, n, verdicts)) if privacy.text else (Piece(text=WITHHELD),),
        cut=len(turn.text) - len(text),
        realised_by=turn.realised_by or "",
        read_act=act if isinstance(act, str) else "",
        tools=json.dumps(turn.tool_calls, ensure_ascii=False, indent=1) if turn.tool_calls and privacy.text else "",
        chips=tuple(chip for row, chip in chips if row.turn == n),
        words=tuple(_word(v, privacy, about=v.name is not None) for v in told.turn.get(n, [])),
    )


def pieces(text: str, turn: int, verdicts: Sequence[Verdict]) -> list[Piece]:
    """The text cut where quotes begin and end; overlapping quotes share a piece, and the worst status names it."""
    spans: list[tuple[int, int, str, str]] = []
    for v in verdicts:
        for q in v.evidence:
            at = text.find(q.quote) if q.turn == turn and q.quote else -1
            if at >= 0:
                spans.append((at, at + len(q.quote), f"{v.code} {v.name or ''}".strip(), v.status))
    cuts = sorted({0, len(text), *(s[0] for s in spans), *(s[1] for s in spans)})
    out = []
    for start, end in pairwise(cuts):
        over = [s for s in spans if s[0] <= start and end <= s[1]]
        status = "contradicted" if any(s[3] == "contradicted" for s in over) else over[0][3] if over else ""
        out.append(Piece(text=text[start:end], by=tuple(dict.fromkeys(s[2] for s in over)), status=status))
    return out or [Piece(text="")]


def _groups(chips: Sequence[tuple[Label, Chip]]) -> tuple[tuple[str, tuple[Chip, ...]], ...]:
    groups: dict[str, list[Chip]] = {}
    for row, chip in chips:
        stem = row.name.split(".", 1)[0] if "." in row.name else "session"
        groups.setdefault(stem, []).append(chip)
    return tuple((name, tuple(rows)) for name, rows in groups.items())


def _facts(
    session: Session, disclosed: Mapping[tuple[str, str], int], privacy: Privacy
) -> tuple[tuple[str, tuple[tuple[str, str, int | None], ...]], ...]:
    out = []
    for party, facts in session.private.items():
        rows = tuple(
            (fact, _fact(value) if privacy.text else "(withheld)", disclosed.get((party, fact)))
            for fact, value in facts.items()
        )
        if rows:
            out.append((party, rows))
    return tuple(out)


def _fact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(_fact(v) for v in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def values_from_text(sessions: Sequence[Session]) -> frozenset[str]:
    """Label names whose values may be text of a transcript or a private fact: what `text=False` must not show.

    A name is withheld when it is open-ended (kind `string`), a slot, or when a value of it stands word for word in its
    session or among its private facts; acts and goals that assay drew come from the blueprint and are shown.
    """
    found: set[str] = set()
    for session in sessions:
        words = "\n".join(t.text for t in session.turns).casefold()
        private = {_fact(v).casefold() for facts in session.private.values() for v in facts.values()}
        for given in labels_of(session):
            if given.name in found or (session.authored and given.name in ("act", "core_act", "goal")):
                continue
            values = given.value if isinstance(given.value, list) else [given.value]
            keys = [key_of(v).casefold() for v in values]
            if (
                given.kind == "string"
                or given.name.startswith("slots.")
                or any(k in words or k in private for k in keys if k)
            ):
                found.add(given.name)
    return frozenset(found)
