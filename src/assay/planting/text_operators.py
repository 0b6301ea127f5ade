"""Operators that break a turn by its words: repeated, blank, generic and persona lines, marks, contradictions."""

from collections.abc import Callable, Iterator

import numpy as np

from assay.planting.contradiction import contradicted, sentences
from assay.planting.operator import Job, Operator, Scope, Unit, pattern
from assay.planting.run import ASIDE, Draft, Edit, watched
from assay.planting.truth import Kind
from assay.records import Session

GENERIC = ("Okay, sounds good.", "I see.", "That is interesting.", "Sure, no problem.", "I am not sure what to say.")
"""Lines that fit everywhere and say nothing."""
MARKS = ("[insert name here]", "{value}", "<|assistant|>", "acts: inform", "customer:", "[/INST]")
"""What is left in a text when a template or a model's frame shows through."""


def turn_units(job: Job, fits: Callable[[Session, int], bool]) -> list[Unit]:
    """Turns of the party under test that an operator can break."""
    return [
        Unit(session=n, turn=t)
        for n, session in enumerate(job.run.sessions)
        for t in watched(session)
        if fits(session, t)
    ]


def earlier(session: Session, turn: int) -> Iterator[int]:
    """Earlier turns of the same speaker, nearest first; one at a time, since most callers need the nearest only."""
    speaker = session.turns[turn].speaker
    return (i for i in range(turn - 1, -1, -1) if session.turns[i].speaker == speaker)


def put(draft: Draft, turn: int, text: str, name: str | None = None) -> list[Edit] | None:
    """Change a turn's words, once, and only if they differ."""
    return draft.set_text(turn, text, name) if draft.is_open(turn) and text != draft.text(turn) else None


def repeat_units(job: Job) -> list[Unit]:
    """Turns after another line of the same speaker."""

    def fits(session: Session, turn: int) -> bool:
        own = session.turns[turn].text
        return any(session.turns[i].text.strip() and session.turns[i].text != own for i in earlier(session, turn))

    return turn_units(job, fits)


def repeat_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """The nearest earlier line of the speaker that differs; that line then stays as it is."""
    turn = unit.turn or 0
    for source in earlier(draft.session, turn) if draft.is_open(turn) else ():
        if draft.text(source).strip() and draft.text(source) != draft.text(turn):
            draft.use(source)
            return draft.set_text(turn, draft.text(source))
    return None


def spoken_units(job: Job) -> list[Unit]:
    """Turns with words; one that calls a tool needs none."""

    def fits(session: Session, turn: int) -> bool:
        return bool(session.turns[turn].text.strip()) and not session.turns[turn].tool_calls

    return turn_units(job, fits)


def blank_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """No words at all."""
    return put(draft, unit.turn or 0, "")


def picked(job: Job, choices: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of several lines; a systematic fault takes the same one everywhere."""
    at = job.given.get("pick")
    return choices[(int(rng.integers(len(choices))) if at is None else at) % len(choices)]


def generic_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """A line that says nothing."""
    return put(draft, unit.turn or 0, picked(job, GENERIC, rng))


def blanked(text: str, slot: str, value: str) -> str:
    """A text with a slot's name in braces where its value was."""
    return pattern(value).sub(lambda _: "{" + slot + "}", text) if value else text


def mark_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """The name of a slot in the place of its value, or a mark after the words."""
    turn = unit.turn or 0
    text = draft.text(turn)
    slots = draft.session.turns[turn].labels.get("slots") if job.kind == "text" else None
    for slot, value in slots.items() if isinstance(slots, dict) else ():
        changed = blanked(text, str(slot), str(value))
        if changed != text:
            return put(draft, turn, changed)
    return put(draft, turn, f"{text} {picked(job, MARKS, rng)}")


def persona_lines(job: Job, session: Session) -> list[tuple[str, str]]:
    """(label name, line) of the persona and profile: as the verbaliser was told, else from the record."""
    if job.aids.persona is not None:
        return [("persona", line) for line in job.aids.persona(session)]
    lines = []
    for party, facts in session.private.items():
        for fact, value in facts.items():
            if fact == "persona" and party not in ASIDE:
                said = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]
                lines += [(f"private.{party}.{fact}", line) for v in said for line in sentences(v)]
    for top in ("profile", "persona"):
        values = session.session_labels.get(top)
        for key, value in values.items() if isinstance(values, dict) else ():
            lines.append((f"{top}.{key}", f"My {key.replace('_', ' ')} is {value}."))
    return lines


def of_speaker(session: Session, turn: int, lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Lines of the turn's own speaker; lines that name no party are the user's."""
    speaker = session.turns[turn].speaker
    return [(n, line) for n, line in lines if (n.split(".")[1] if n.startswith("private.") else "user") == speaker] or (
        [] if any(n.startswith("private.") for n, _ in lines) else lines
    )


def persona_units(job: Job) -> list[Unit]:
    """Spoken turns of a speaker with a persona."""
    found = []
    for number, session in enumerate(job.run.sessions):
        lines = persona_lines(job, session)
        for turn in watched(session) if lines else []:
            own = of_speaker(session, turn, lines)
            if own and session.turns[turn].text.strip():
                found.append(Unit(session=number, turn=turn, detail=own))
    return found


def persona_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """A line of the persona instead of what was to be said."""
    name, line = unit.detail[int(rng.integers(len(unit.detail)))]
    return put(draft, unit.turn or 0, line, name)


def then(text: str, sentence: str) -> str:
    """A text with a sentence after it."""
    stop = "" if not text.strip() or text.rstrip()[-1] in ".!?,;:)" else "."
    return f"{text}{stop} {sentence}" if text.strip() else sentence


def fact_contra_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """A line of the persona, turned into its opposite, after the words."""
    name, line = unit.detail[int(rng.integers(len(unit.detail)))]
    turn = unit.turn or 0
    return put(draft, turn, then(draft.text(turn), contradicted(line, rng)), name)


def is_statement(text: str) -> bool:
    """Whether a line asserts something that can be denied: a sentence of at least four words that asks nothing."""
    return any(not s.endswith("?") and len(s.split()) >= 4 for s in sentences(text))


def line_contra_units(job: Job) -> list[Unit]:
    """Turns whose speaker's line before was a statement."""

    def fits(session: Session, turn: int) -> bool:
        before = next(earlier(session, turn), None)
        return before is not None and is_statement(session.turns[before].text)

    return turn_units(job, fits)


def line_contra_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """A statement of the speaker's line before, turned into its opposite; that line then stays as it is."""
    turn = unit.turn or 0
    source = next(earlier(draft.session, turn))
    # what a fault added to that line is left alone: the opposite of an opposite would be no fault
    said = [x for x in sentences(draft.session.turns[source].text) if is_statement(x)]
    if not draft.is_open(turn) or not said:
        return None
    draft.use(source)
    line = said[int(rng.integers(len(said)))]
    return put(draft, turn, then(draft.text(turn), contradicted(line, rng)))


def end_units(job: Job) -> list[Unit]:
    """Sessions with at least four turns."""
    return [Unit(session=n, turn=None) for n, s in enumerate(job.run.sessions) if len(s.turns) >= 4]


def end_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """Everything after the first third to two thirds is gone."""
    n = len(draft.session.turns)
    return [draft.cut(int(rng.integers(max(2, n // 3), max(3, 2 * n // 3 + 1))))]


def make_operator(
    name: str,
    means: str,
    units: Callable[[Job], list[Unit]],
    make: Callable[[Job, Draft, Unit, np.random.Generator], list[Edit] | None],
    scope: Scope = "turn",
    label: str | None = None,
    *,
    kinds: tuple[Kind, ...] = ("text",),
) -> Operator:
    """An operator on the words, of one turn or of the session from a turn on."""
    breaks = label or f"the {scope}"
    return Operator(
        name=name, means=means, breaks=breaks, kinds=kinds, scope=scope, units=units, make=make, counts_as=label
    )


TEXT_OPERATORS = (
    make_operator("repeat", "the speaker's last line once more", repeat_units, repeat_make),
    make_operator("blank", "no words", spoken_units, blank_make),
    make_operator(
        "generic",
        "a line that fits everywhere and says nothing",
        spoken_units,
        generic_make,
        kinds=("text", "systematic"),
    ),
    make_operator("persona_copy", "a line of the persona instead of what was to be said", persona_units, persona_make),
    make_operator(
        "template_marks",
        "a template's or a model's marks left in",
        spoken_units,
        mark_make,
        kinds=("text", "systematic"),
    ),
    make_operator(
        "line_contra", "the opposite of what the speaker's last line said", line_contra_units, line_contra_make
    ),
    make_operator(
        "fact_contra", "the opposite of a fact of the persona", persona_units, fact_contra_make, "turn", "persona"
    ),
    make_operator("early_end", "the session stops in the middle", end_units, end_make, "session"),
)
"""Operators on the words, whose recall is counted per turn or session."""
