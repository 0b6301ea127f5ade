"""The positive control: what a discriminator must tell from real turns before its answer on others means anything."""

from collections.abc import Sequence

import numpy as np

from assay.verification.realism.nulls import Text
from assay.verification.realism.signals import opening, politeness, question, spoken

TEMPLATES: dict[str, tuple[str, ...]] = {
    "greeting": ("Hello.", "Hello, I need help."),
    "thanks": ("Thank you for your help.", "Thanks, that is all."),
    "question": ("What is the {word}?", "Can you tell me the {word}?"),
    "yes": ("Yes, please do that.", "Yes, that works for me."),
    "no": ("No, I do not want that.", "No, thanks."),
    "short": ("It is {word}.", "The answer is {word}."),
    "statement": ("I would like to have {word}.", "I am looking for {word}, please."),
}
"""What a turn seems to do -> the sentences that stand for it."""

STUCK = 3
"""Lines that the speaker of `repeated` has."""


def act_of(text: str) -> str:
    """What a turn seems to do, from its surface."""
    first = opening(text)
    if question(text) != "none":
        return "question"
    if first in ("greeting", "yes", "no"):
        return first
    if politeness(text) in ("thanks", "both"):
        return "thanks"
    return "short" if len(spoken(text)) <= 4 else "statement"


def repeated(texts: Sequence[Text], rng: np.random.Generator) -> list[Text]:
    """Each line replaced by one of three lines that real speakers said: a control in any language."""
    said = list(dict.fromkeys(line for text in texts for line in text.text.split("\n") if line.strip()))
    kept = [said[i] for i in rng.choice(len(said), min(STUCK, len(said)), replace=False)]
    return [
        t._replace(text="\n".join(kept[int(rng.integers(len(kept)))] for _ in t.text.split("\n"))) for t in texts
    ]  # fmt: skip


def degenerate(texts: Sequence[Text], rng: np.random.Generator) -> list[Text]:
    """Each line replaced by a template sentence for what it seems to do, around its longest word.

    Sessions, groups and numbers of lines stay; pairs are dropped where a text has none.
    """
    out = []
    for text in texts:
        lines = []
        for line in text.text.split("\n"):
            choices = TEMPLATES[act_of(line)]
            word = max(spoken(line) or ["it"], key=len)
            lines.append(choices[int(rng.integers(len(choices)))].format(word=word))
        out.append(text._replace(text="\n".join(lines)))
    return out
