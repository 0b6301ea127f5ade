"""Sentences that say the opposite of a sentence, and a person's facts as another one would tell them."""

import re
from collections.abc import Callable

import numpy as np

DENIALS = (
    "It is not true that {line}.",
    "I never said that {line}, and it is not so.",
    "No, it is not so that {line}.",
)
"""Frames that contradict a statement by denying it; taken where no rule turns the sentence itself."""
SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
LONGEST = 240
"""Characters of the longest sentence that is put into a line."""

OPPOSITES = {
    "always": "never", "never": "always", "love": "hate", "loves": "hates", "hate": "love", "hates": "loves",
    "like": "can't stand", "likes": "can't stand", "enjoy": "dislike", "enjoys": "dislikes", "married": "single",
    "single": "married", "favorite": "least favorite", "favourite": "least favourite", "favorites": "least favorites",
}  # fmt: skip
"""Words whose exchange turns a statement into its opposite."""
NEGATED_VERBS = re.compile(
    r"\b(?P<verb>am|is|are|was|were|can|could|will|would|should|must)\b(?!\s+not\b)|\b(?P<short>i'm|it's|he's|she's)\b",
    re.IGNORECASE,
)
PLAIN_VERBS = re.compile(
    r"\b(?P<who>i|we|they|you)\s+(?P<adverb>(?:also|really|usually|often|only|just)\s+)?"
    r"(?P<verb>have|work|live|play|want|need|know|think|drive|eat|drink|own|go|read|speak|study|teach|watch|wear|travel|"
    r"collect|cook|do|sing|dance|run|swim|make|take|sell|write|spend|attend|listen|volunteer|believe|prefer|feel|get)\b",
    re.IGNORECASE,
)
SAYS_NO = re.compile(
    r"\b(not|no|none|nothing|nobody|cannot|don't|doesn't|didn't|isn't|aren't|wasn't|can't|won't)\b", re.I
)


def sentences(text: str) -> list[str]:
    """The sentences of a text that are short enough to be said, in order; a longer one is cut at a word."""
    found = [m[0].strip() for m in SENTENCE.finditer(text)]
    return [s if len(s) <= LONGEST else s[:LONGEST].rsplit(" ", 1)[0] for s in found if any(c.isalnum() for c in s)]


def turned(line: str) -> str | None:
    """The sentence with one word changed so that it says the opposite, by rule; None where no rule fits.

    Sentences that hold a negation are left alone: turning them by rule would need their syntax.
    """
    if SAYS_NO.search(line):
        return None
    rules: tuple[Callable[[str], str | None], ...] = (_opposite, _auxiliary, _plain)
    return next((said for rule in rules if (said := rule(line)) is not None and said != line), None)


def _opposite(line: str) -> str | None:
    for match in re.finditer(r"\w+", line):
        other = OPPOSITES.get(match[0].lower())
        follows_verb = re.search(r"\b(would|'d)\s*$", line[: match.start()], re.I)
        if other is not None and not (match[0].lower() == "like" and follows_verb):
            return line[: match.start()] + other + line[match.end() :]
    return None


def _auxiliary(line: str) -> str | None:
    match = NEGATED_VERBS.search(line)
    return None if match is None else f"{line[: match.end()]} not{line[match.end() :]}"


def _plain(line: str) -> str | None:
    match = PLAIN_VERBS.search(line)
    return None if match is None else f"{line[: match.start('verb')]}do not {match['verb']}{line[match.end() :]}"


def contradicted(line: str, rng: np.random.Generator) -> str:
    """A sentence that cannot be true together with `line`: turned by rule, else denied by one of three frames."""
    said = turned(line)
    if said is not None:
        return said if said[-1] in ".!?" else f"{said}."
    bare = line.strip().rstrip(".!")
    if bare[:1].isupper() and not bare.startswith(("I ", "I'")):
        bare = bare[0].lower() + bare[1:]
    return DENIALS[int(rng.integers(len(DENIALS)))].format(line=bare)


SECOND_PERSON = {
    "i": "you", "i'm": "you're", "i've": "you've", "i'll": "you'll", "i'd": "you'd", "me": "you", "my": "your",
    "mine": "yours", "myself": "yourself", "am": "are", "we": "you", "our": "your", "us": "you",
}  # fmt: skip
"""First person -> second."""


def to_second_person(line: str) -> str:
    """A statement about oneself as the other party would say it."""
    said = re.sub(r"\w+(?:'\w+)?", lambda m: SECOND_PERSON.get(m[0].lower(), m[0]), line.strip().rstrip(".!"))
    return re.sub(r"\byou was\b", "you were", said)


CONTENT = re.compile(r"\w{4,}")


def stems(text: str) -> set[str]:
    """Words of four letters or more, cut to five."""
    return {w[:5] for w in CONTENT.findall(text.lower())}
