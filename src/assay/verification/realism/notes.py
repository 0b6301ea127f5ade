"""What somebody must know of two sets of sessions before reading a comparison of them."""

import re
from collections import Counter
from collections.abc import Sequence

from assay.verification.realism.lines import Lines
from assay.verification.realism.signals import spoken

COPIED = 8
"""Words from which a whole session is no longer said twice by chance."""
ENGLISH = 0.12
"""Share of function words from which a side reads as English: sets of people have 0.3 to 0.45, German has 0.03."""
FEW = 50
"""Sessions a side below which little can be shown."""
_FUNCTION = frozenset(
    word
    for line in (
        "the a an i you it is to of and in for that on my me do can have would like what with be are was this not at",
        "your please yes no thanks",
    )
    for word in line.split()
)
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u4e00-\u9fff]")


def reads_as_english(side: Sequence[Lines]) -> bool:
    """Whether the words of a side are English, by its function words; with fewer than 50 words it is believed."""
    words = [w for own in side for t in own.texts for w in spoken(t)]
    if len(words) < FEW and not _spaceless(side):
        return True
    return sum(w in _FUNCTION for w in words) >= ENGLISH * len(words)


def _spaceless(side: Sequence[Lines]) -> bool:
    """Whether most letters are of scripts that put no spaces between words."""
    letters = [c for own in side for t in own.texts for c in t if c.isalpha()]
    return sum(bool(_SPACELESS.match(c)) for c in letters) > len(letters) / 2


def notes(simulated: Sequence[Lines], real: Sequence[Lines], english: bool, paired: bool) -> list[str]:
    """What limits the comparison, in sentences; empty where nothing does."""
    out = []
    held = Counter(o.texts for o in real)
    copied = sum(o.texts in held for o in simulated if sum(len(t.split()) for t in o.texts) >= COPIED)
    if copied:
        of = "All" if copied == len(simulated) else f"{copied} of the"
        out.append(
            f"{of} {len(simulated)} simulated sessions stand word for word among the real ones"
            + (": is it one set given twice?" if copied > len(simulated) / 2 else ", which hides differences.")
        )
    if paired:
        out.append(
            "Both sides have the same ids with the same numbers of turns: each session is taken for a rewording of the "
            "real one of its id. If they are not, give them other ids."
        )
    reads = [reads_as_english(side) for side in (simulated, real)]
    if reads[0] != reads[1]:
        which = "simulated" if reads[0] else "real"
        out.append(f"Only the {which} sessions read as English: the language gives them away.")
    if not english:
        out.append(
            "Not in English: parts that read English words are left out, and the control repeats three real lines."
        )
    if any(_spaceless(side) for side in (simulated, real)):
        out.append("This script puts no spaces between words: words per turn are clauses at best.")
    if all(len(o.texts) == 1 for side in (simulated, real) for o in side):
        out.append("Every session has one turn, so that by session and by turn are one comparison.")
    if not paired and min(len(simulated), len(real)) < FEW:
        out.append(
            f"{len(simulated)} simulated and {len(real)} real sessions are few: only large differences can be shown."
        )
    return out
