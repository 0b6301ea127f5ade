"""Judges of persona sessions: one for the reward of training, others for what is measured.

Reward: rules on polarity, numbers and single values (CO01, CO02) and weighted word overlap with the facts (CO03, CO04).
Evaluation: values of assay's own personas (`learning.own_reading`), or for other people's facts the fitted persona
model on sentence meanings. CO05, which is a rule and no judge, counts in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.learning.own_personas import is_own
from assay.learning.own_reading import read_talk
from assay.learning.persona_frames import Frame, Talk
from assay.learning.persona_reward import Mark, Scores
from assay.models.embeddings import available
from assay.records.session import Session, Turn
from assay.verification.annotators.human_turns import HumanTurnReader
from assay.verification.check import Corpus
from assay.verification.consistency.fit import Overlap, shipped
from assay.verification.consistency.lexicon import stems
from assay.verification.consistency.lines import LineQuestion, by_rules
from assay.verification.consistency.one import persona_fit
from assay.verification.consistency.scores import degenerate_share
from assay.verification.degenerate import turn_faults

SAYS, BEARS = 0.5, 0.2
"""Weighted overlap of a line with a fact from which on it says it, or bears on it."""
GENERIC = ("That sounds great.", "I see.", "Yes, sure.", "Okay, thank you.")


@dataclass(frozen=True, slots=True)
class Measured:
    """One session as the evaluation reads it, shares in [0, 1]; None where the judge cannot tell."""

    persona: str
    inconsistent: float | None
    """Asked lines that contradict the persona or an earlier own line; for people's facts, the probability that the
    lines do not fit the persona."""
    against_persona: float | None
    against_self: float | None
    wrong_of_answers: float | None
    """Of the lines that bear on what was asked, those that contradict the persona; None where none bears."""
    answered: float | None
    """Questions answered as the persona does (CO03)."""
    coverage: float | None
    """Facts on which any line bears (CO04)."""
    degenerate: float
    """CO05."""
    act: float
    """Lines in which the blind reader finds the act that was to be worded."""


def session_of(talk: Talk) -> Session:
    """A spoken frame as a session, the persona in the user's private facts."""
    turns = []
    for i, (beat, line) in enumerate(zip(talk.frame.beats, talk.lines, strict=True)):
        turns.append(Turn(speaker="assistant", text=beat.assistant))
        about = beat.about
        asked = {} if about is None else {"about": talk.frame.persona.traits[about].name}
        turns.append(Turn(speaker="user", text=line, labels={"core_act": beat.act, "number": i, **asked}))
    return Session(
        id=talk.frame.id, turns=tuple(turns), private={"user": {"persona": list(talk.frame.persona.told)}},
        language="en",
    )  # fmt: skip


def by_words(talk: Talk) -> Scores:
    """The reward's judge: line rules and weighted word overlap; no model."""
    facts, lines, frame = talk.frame.persona.facts, talk.lines, talk.frame
    against = by_rules([LineQuestion(facts, x, True) for x in lines])
    selves = by_rules([LineQuestion(tuple(lines[:i]), lines[i], False) for i in range(1, len(lines))])
    near = Overlap([stems(f) for f in facts], shipped().rarity).matrix([stems(x) for x in lines])
    wrong = [a.contradicts is True for a in against]
    session = session_of(talk)
    faults = list(turn_faults(session).values())
    marks = []
    for i, beat in enumerate(frame.beats):
        says = bool((near[:, i] if beat.about is None else near[beat.about : beat.about + 1, i]).max() >= SAYS)
        free = beat.about is None and bool(frame.asked)
        self_wrong = i > 0 and selves[i - 1].contradicts is True
        marks.append(Mark(wrong[i] or self_wrong, faults[i] is not None, says or free))
    if frame.asked:
        answers = [(i, b.about) for i, b in enumerate(frame.beats) if b.about is not None]
        said = [near[about, i] >= SAYS and not wrong[i] for i, about in answers]
        borne = [near[about].max() >= BEARS for about in frame.asked]
    else:
        said = [bool((row >= SAYS).any()) for row in near]
        borne = [bool((row >= BEARS).any()) for row in near]
    later = max(len(lines) - 1, 1)
    return Scores(
        co01=1.0 - sum(wrong) / len(lines), co02=1.0 - sum(a.contradicts is True for a in selves) / later,
        co03=float(np.mean(said)), coverage=float(np.mean(borne)), degenerate=degenerate_share(session, "user"),
        marks=tuple(marks),
    )  # fmt: skip


def measured(talks: Sequence[Talk]) -> list[Measured]:
    """The evaluation: values for assay's own personas, sentence meanings for other people's."""
    acts = _acts(talks)
    if is_own([t.frame.persona for t in talks]):
        return [_by_values(t, a) for t, a in zip(talks, acts, strict=True)]
    return _by_meaning(talks, acts)


def judge_name(frames: Sequence[Frame]) -> str:
    """What measures sessions of these frames."""
    if is_own([f.persona for f in frames]):
        return "values of the attributes"
    return "persona-fit-1 on sentence meanings" if available() else "none: the sentence embeddings are not installed"


def _by_values(talk: Talk, act: float) -> Measured:
    r = read_talk(talk)
    bears = r.against_persona + round(r.answered * r.asked)
    return Measured(
        persona=talk.frame.persona.id, inconsistent=r.inconsistent / r.asked,
        against_persona=r.against_persona / r.asked, against_self=r.against_self / r.asked,
        wrong_of_answers=r.against_persona / bears if bears else None, answered=r.answered,
        coverage=r.borne, degenerate=degenerate_share(session_of(talk), "user"), act=act,
    )  # fmt: skip


def _by_meaning(talks: Sequence[Talk], acts: Sequence[float]) -> list[Measured]:
    sessions = [session_of(t).model_copy(update={"id": str(i)}) for i, t in enumerate(talks)]
    held: dict[tuple[str, str], float] = {}
    if available():
        for v in persona_fit(Corpus(sessions=tuple(sessions))):
            if v.score is not None and v.turn is None:
                held[v.session, v.code] = v.score
    found = []
    for i, (talk, act) in enumerate(zip(talks, acts, strict=True)):
        fits = held.get((str(i), "CO01"))
        found.append(Measured(
            persona=talk.frame.persona.id, inconsistent=None if fits is None else 1.0 - fits, against_persona=None,
            against_self=None, wrong_of_answers=None, answered=held.get((str(i), "CO03")),
            coverage=held.get((str(i), "CO04")), degenerate=degenerate_share(sessions[i], "user"), act=act,
        ))  # fmt: skip
    return found


def _acts(talks: Sequence[Talk]) -> list[float]:
    """Share of each session's lines in which the blind reader finds the act."""
    reader = HumanTurnReader.load()
    rows = [(line, b.assistant) for t in talks for line, b in zip(t.lines, t.frame.beats, strict=True)]
    wanted = [b.act for t in talks for b in t.frame.beats]
    read = reader.read(rows)
    hits = iter([reader.judge(p, act)[0] == "supported" for p, act in zip(read, wanted, strict=True)])
    return [float(np.mean([next(hits) for _ in t.lines])) for t in talks]


def _generic(frame: Frame) -> tuple[str, ...]:
    return tuple(GENERIC[i % len(GENERIC)] for i in range(len(frame.beats)))


def _copier(frame: Frame) -> tuple[str, ...]:
    told = frame.persona.told
    return tuple(told[i % len(told)] for i in range(len(frame.beats)))


def _told_all(frame: Frame) -> tuple[str, ...]:
    return (", ".join(frame.persona.told),) * len(frame.beats)


SCRIPTED: dict[str, Callable[[Frame], tuple[str, ...]]] = {
    "generic speaker": _generic, "persona copier": _copier, "persona repeater": _told_all,
    "blank speaker": lambda frame: ("...",) * len(frame.beats),
}  # fmt: skip
"""Speakers who would fool a judge that looks for contradictions alone."""


def scripted(frames: Sequence[Frame]) -> dict[str, list[Talk]]:
    """What such speakers say in the frames."""
    return {name: [Talk(f, speak(f)) for f in frames] for name, speak in SCRIPTED.items()}


def means(rows: Sequence[Measured]) -> dict[str, Any]:
    """Mean of every figure with its 95 % interval clustered by persona; None where no session has it."""
    from assay.stats.intervals import cluster_mean

    found: dict[str, Any] = {}
    for name in FIGURES:
        held = [(getattr(r, name), r.persona) for r in rows if getattr(r, name) is not None]
        if not held:
            found[name] = None
            continue
        one = cluster_mean([v for v, _ in held], [p for _, p in held])
        found[name] = {"point": one.point, "low": one.low, "high": one.high, "n": len(held)}
    return found


FIGURES = (
    "inconsistent",
    "against_persona",
    "against_self",
    "wrong_of_answers",
    "answered",
    "coverage",
    "degenerate",
    "act",
)
"""What is measured of a session."""
