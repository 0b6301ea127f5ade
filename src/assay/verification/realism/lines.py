"""One party's own lines, session by session: what realism compares."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from assay.errors import BadSessions
from assay.records.session import Session
from assay.verification.realism.nulls import Text

NOT_PEOPLE = frozenset({"assistant", "tool", "action", "narrator", "system"})
"""Speakers that no simulated user is."""


class Lines(NamedTuple):
    """The own lines of one session."""

    session: str
    """Id of the session."""
    texts: tuple[str, ...]
    """The words of each line, in order."""
    before: tuple[str | None, ...]
    """The turn before each line; None where there is none."""
    labels: tuple[Mapping[str, Any], ...]
    """Labels of each line."""
    session_labels: Mapping[str, Any]
    """Labels of the session."""
    group: str
    """Scenario, persona or service that several sessions share, else empty."""
    names: tuple[str, ...]
    """Names that the speaker's turns carry."""


def parties(sessions: Sequence[Session], speaker: str | None) -> frozenset[str] | None:
    """Whose lines count: the named speaker's; by default the user's, or where no session has one, everybody's (None).

    Raises BadSessions when nobody of that name speaks.
    """
    heard = {t.speaker for s in sessions for t in s.turns if t.text.strip()}
    if speaker is not None:
        if speaker not in heard:
            raise BadSessions(f"nobody called {speaker!r} speaks", now=f"speakers: {', '.join(sorted(heard)[:12])}")
        return frozenset({speaker})
    if "user" in heard:
        return frozenset({"user"})
    if not heard - NOT_PEOPLE:
        raise BadSessions(
            "nobody speaks in the user's place", now="name the speaker whose lines are simulated with --speaker"
        )
    return None


def lines_of(sessions: Sequence[Session], chosen: Collection[str] | None) -> list[Lines]:
    """Own lines of each session that has any; blank lines are left out."""
    out = []
    for session in sessions:
        kept = [
            (i, t)
            for i, t in enumerate(session.turns)
            if t.text.strip() and (t.speaker in chosen if chosen is not None else t.speaker not in NOT_PEOPLE)
        ]
        if not kept:
            continue
        names = dict.fromkeys(str(n) for _, t in kept for n in (t.name, t.labels.get("name")) if n)
        out.append(
            Lines(
                session.id,
                tuple(t.text for _, t in kept),
                tuple(session.turns[i - 1].text if i else None for i, _ in kept),
                tuple(t.labels for _, t in kept),
                session.session_labels,
                group_of(session),
                tuple(names),
            )
        )
    return out


def group_of(session: Session) -> str:
    """What folds never cut through: services of the session, its scenario, or nothing."""
    services = session.session_labels.get("services")
    if session.scenario is not None:
        return f"scenario {session.scenario}"
    if isinstance(services, list):
        # sessions overlap in some of their services: as one group they would leave no fold
        services = " + ".join(sorted(map(str, services)))
    return f"service {services}" if isinstance(services, str) and services else ""


def turn_texts(sessions: Sequence[Lines], pairs: Collection[str] = ()) -> list[Text]:
    """One text a line. Sessions named in `pairs` get pair ids line by line."""
    return [
        Text(text, own.session, own.group, f"{own.session}/{i}" if own.session in pairs else "")
        for own in sessions
        for i, text in enumerate(own.texts)
    ]


def session_texts(sessions: Sequence[Lines], pairs: Collection[str] = ()) -> list[Text]:
    """One text a session, one line a turn; line ends inside a turn become spaces."""
    return [
        Text(
            "\n".join(" ".join(t.split("\n")) for t in own.texts), own.session, own.group,
            own.session if own.session in pairs else "",
        )
        for own in sessions
    ]  # fmt: skip


def common_pairs(real: Sequence[Lines], simulated: Sequence[Lines]) -> frozenset[str]:
    """Ids of sessions that are regenerated line by line: every session has its counterpart of equal length, or none."""
    sizes = {own.session: len(own.texts) for own in real}
    others = {own.session: len(own.texts) for own in simulated}
    return frozenset(sizes) if sizes == others else frozenset()
