"""Does a line contradict the persona or an earlier line? The question, and the reader by rules that answers it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.verification.consistency.claims import first_clash


@dataclass(frozen=True, slots=True)
class LineQuestion:
    """One line against texts that it must not contradict."""

    against: tuple[str, ...]
    """Facts of the persona, or earlier lines of the same speaker."""
    line: str
    """What is said now."""
    of_persona: bool
    """Whether `against` are facts about the speaker, whatever their grammar."""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What a reader says of one line."""

    contradicts: bool | None
    """None: the reader's answer could not be parsed."""
    which: int | None = None
    """Index into `against`."""
    quote: str = ""
    """Words of the line that contradict; must stand in it."""
    rule: str = ""
    """Why, in a word."""


LineReader = Callable[[Sequence[LineQuestion]], Sequence[LineAnswer]]
"""Anything that answers line questions in order: the rules below, or a language model behind a judge."""


def by_rules(questions: Sequence[LineQuestion]) -> list[LineAnswer]:
    """Answers by the rules of `claims`: polarity, numbers, facts of one value, diet. Never unparsed."""
    answers = []
    for question in questions:
        found = first_clash(question.against, question.line, of_speaker=question.of_persona)
        if found is None:
            answers.append(LineAnswer(False))
        else:
            which, why = found
            answers.append(LineAnswer(True, which, why.said if why.said in question.line else question.line, why.rule))
    return answers
