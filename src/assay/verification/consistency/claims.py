"""Do two statements of one person exclude each other? Rules on polarity, numbers and facts that have one value."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from assay.verification.consistency.lexicon import COMMON, stem

WORDS = re.compile(r"[a-z0-9$%]+")
SPLIT = re.compile(r"(?<=[.!?;])[\"')\]]*\s+|\n+")
CLAUSES = re.compile(
    r"\s*[,;:]\s+|\s+[-–—]+\s+|\s+(?=(?:but|although|though|because|if|unless|except|while|whereas)\b)"
)
"""Where a denial stops: it does not reach into the next clause."""
SUPPOSED = re.compile(
    r"^(?:if|unless|when|whether|except|maybe|perhaps)\b|\b(?:wish|would like|someday|one day|hope to)\b"
)
"""Clauses that state nothing."""
IDIOMS = re.compile(
    r"\b(?:(?:could|can) not (?:agree more|wait|help but|imagine|believe)|not (?:only|just|bad|much|sure|to mention)"
    r"|no (?:problem|doubt|wonder|worries|idea|matter)|nothing (?:more|better|but)|never mind|why not|or not)\b"
)
"""Negations that deny nothing."""
SHORT_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(a), b)
    for a, b in (
        (r"\bcan't\b|\bcannot\b|\bcant\b", "can not"), (r"\bwon't\b|\bwont\b", "will not"), (r"n't\b", " not"),
        (r"\bdont\b", "do not"), (r"\bdoesnt\b", "does not"), (r"\bdidnt\b", "did not"), (r"\bim\b", "i am"),
        (r"\bive\b", "i have"), (r"'m\b", " am"), (r"'ve\b", " have"), (r"'re\b", " are"), (r"'ll\b", " will"),
        (r"'d\b", " would"), (r"\b(it|he|she|that|there|who|what)'s\b", r"\1 is"), (r"'s\b", ""),
    )
)  # fmt: skip
"""Short forms -> words."""
DENIALS = re.compile(
    r"^(?:no\W+)?(?:it is not (?:true|so|the case|right) that|i never said (?:that )?|i did not say (?:that )?"
    r"|that is not true\W+|it is false that|it is a lie that)\s*"
)
"""Openings that deny what follows."""
DENIED_AFTER = re.compile(r"\W+(?:and )?(?:it|that) is not (?:so|true)\W*$")
NEGATIVE = frozenset({"not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without", "hardly", "zero"})
OPPOSITES: dict[str, tuple[str, int]] = {
    "love": ("like", 1), "loves": ("like", 1), "loved": ("like", 1), "loving": ("like", 1), "like": ("like", 1),
    "likes": ("like", 1), "enjoy": ("like", 1), "enjoys": ("like", 1), "adore": ("like", 1), "prefer": ("like", 1),
    "fan": ("like", 1), "fond": ("like", 1), "hate": ("like", -1), "hates": ("like", -1), "dislike": ("like", -1),
    "dislikes": ("like", -1), "loathe": ("like", -1), "despise": ("like", -1), "detest": ("like", -1),
    "favorite": ("favour", 1), "favourite": ("favour", 1), "favorites": ("favour", 1), "favourites": ("favour", 1),
    "married": ("marri", 1), "single": ("marri", -1), "divorced": ("marri", -1),
    "unmarried": ("marri", -1), "tall": ("tall", 1), "short": ("tall", -1), "old": ("old", 1), "young": ("old", -1),
    "rich": ("rich", 1), "poor": ("rich", -1), "employed": ("employ", 1), "unemployed": ("employ", -1),
    "outgoing": ("outgo", 1), "shy": ("outgo", -1), "extrovert": ("outgo", 1), "introvert": ("outgo", -1),
    "healthy": ("health", 1), "sick": ("health", -1), "early": ("early", 1), "late": ("early", -1),
    "hot": ("hot", 1), "cold": ("hot", -1), "easy": ("easy", 1), "hard": ("easy", -1), "difficult": ("easy", -1),
    "cheap": ("cheap", 1), "expensive": ("cheap", -1), "indoors": ("indoor", 1), "outdoors": ("indoor", -1),
}  # fmt: skip
"""Word -> (what it is about, sign)."""
COUNTING = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty"""
TENS = "thirty forty fifty sixty seventy eighty ninety"
NUMBERS = {w: n for n, w in enumerate(COUNTING.split())} | {w: 10 * n for n, w in enumerate(TENS.split(), start=3)}
"""Number word -> number."""
FILLERS = frozenset(
    [
        "do",
        "does",
        "did",
        "can",
        "will",
        "would",
        "could",
        "should",
        "am",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "so",
        "that",
        "it",
        "really",
    ]
)
ONE_VALUE: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "favour",
        re.compile(
            r"\bmy favou?rite (?P<of>\w+(?: \w+)?) (?:is|are|was) (?:the |a |an )?(?P<value>\w+(?: \w+){0,2})"
        ),
    ),
    ("name", re.compile(r"\bmy (?P<of>name) is (?P<value>\w+)")),
    ("age", re.compile(r"\bi am (?:a |an |about |almost )*(?P<value>\d+|\w+(?: \w+)?) years? (?P<of>old)\b")),
    ("age", re.compile(r"\bmy (?P<of>age) is (?P<value>\d+)")),
    ("live", re.compile(r"\bi (?P<of>live) in (?:the |a |an )?(?P<value>\w+(?: \w+)?)")),
    ("born", re.compile(r"\bi was (?P<of>born) in (?:the )?(?P<value>\w+(?: \w+)?)")),
)  # fmt: skip
"""Facts of which a person has one: (kind, pattern with what it is of and its value)."""
COUNTED = re.compile(
    r"\bi (?:have|own|got|have got|am expecting|raise) (?P<n>\d+|[a-z]+) (?:\w+ ){0,1}?(?P<what>[a-z]{3,})\b"
)
FLESH = frozenset(
    [
        "meat",
        "steak",
        "beef",
        "pork",
        "bacon",
        "chicken",
        "burger",
        "burgers",
        "ham",
        "turkey",
        "ribs",
        "sausage",
        "hamburger",
        "hamburgers",
    ]
)
EATS = re.compile(r"\bi (?:\w+ ){0,2}(?:eat|eating|love|like|enjoy|grill|cook|ate|had)\b")
NO_FLESH = re.compile(r"\bi (?:am|have been) (?:\w+ ){0,2}(?:vegan|vegetarian)\b|\bi do not eat (?:any )?meat\b")
CONTAINED = 0.75
"""Least share of the shorter statement's content words in the other for the two to be about the same."""


ALIKE = 0.5
"""Least share of both statements' content words that they have in common."""
SAME = 0.8
"""The same for sentences of several clauses: only one that is nearly repeated is denied as a whole."""
NOT_LIKING = frozenset(
    {"would", "look", "looks", "feel", "feels", "is", "are", "sound", "sounds", "something", "things"}
)
"""Words after which `like` is no verb of liking."""
SPEAKER = frozenset({"i", "my", "me", "we", "our", "mine"})
SHARED_BY_MANY = frozenset({"like", "favour"})
"""Content that says nothing of the matter by itself."""


class Clash(NamedTuple):
    """Why two statements exclude each other."""

    rule: str
    """polarity, number, value, diet."""
    said: str
    """The sentence of the second text, verbatim."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One clause, normalised."""

    text: str
    """In plain words, lower case."""
    content: frozenset[str]
    """Stems of what it is about."""
    denied: bool
    """Whether it denies that."""
    poles: tuple[tuple[str, int], ...]
    """Words of a pair of opposites in it: (pair, sign)."""
    person: bool
    """Whether it speaks of the speaker."""
    whole: bool = False
    """Whether it is a sentence of several clauses, in which a denial need not reach everything."""


def sentences_of(text: str) -> list[str]:
    """Sentences of a text, verbatim, questions left out."""
    found = [piece.strip() for piece in SPLIT.split(text)]
    return [p for p in found if any(c.isalnum() for c in p) and not p.rstrip("\"') ").endswith("?")]


def normal(sentence: str) -> str:
    """Lower case, short forms written out, no punctuation but commas."""
    text = sentence.lower().replace("’", "'").strip()
    for pattern, plain in SHORT_FORMS:
        text = pattern.sub(plain, text)
    return " ".join(text.split())


@lru_cache(maxsize=65536)
def claims(sentence: str) -> tuple[Claim, ...]:
    """The clauses of a sentence as claims; a sentence that is denied as a whole is one claim."""
    text = normal(sentence)
    bare = DENIED_AFTER.sub("", text)
    opened = DENIALS.match(bare)
    if opened or bare != text:
        return (_claim(bare[opened.end() :] if opened else bare, denied=True),)
    found = [_claim(c, denied=False) for c in CLAUSES.split(IDIOMS.sub(" ", text)) if not SUPPOSED.search(c)]
    if len(found) == 1:
        return tuple(found)
    return (*found, _claim(IDIOMS.sub(" ", text), denied=False, whole=True))


def _claim(text: str, *, denied: bool, whole: bool = False) -> Claim:
    words = WORDS.findall(re.sub(r"\b(?:can|could) not stand\b", "hate", text))
    content: set[str] = set()
    poles: dict[str, int] = {}
    for at, word in enumerate(words):
        if word in NEGATIVE:
            # in "no, i ..." it answers; it does not deny what it opens
            denied ^= not (at == 0 and word == "no" and len(words) > 3)
        elif word == "least" and at + 1 < len(words) and words[at + 1].startswith("favo"):
            denied = not denied
        elif word in OPPOSITES and not (word == "like" and at and words[at - 1] in NOT_LIKING):
            about, sign = OPPOSITES[word]
            content.add(about)
            poles[about] = sign * poles.get(about, 1)
        elif word not in COMMON and word not in FILLERS:
            content.add(stem(word))
    return Claim(text, frozenset(content), denied, tuple(sorted(poles.items())), bool(SPEAKER & set(words)), whole)


def clash(first: str, second: str, *, of_speaker: bool = False) -> Clash | None:
    """Why the second text of a person excludes its first, or None. Sentence by sentence; questions are no claims.

    `of_speaker`: the first text is about the speaker whatever its grammar (a sentence of a persona: `She has two
    dogs`). Else both must speak of the speaker.
    """
    held = [a for sentence in sentences_of(first) for a in claims(sentence) if a.person or of_speaker]
    for said in sentences_of(second) if held else ():
        for b in claims(said):
            for a in held:
                if (b.person or (of_speaker and b.denied)) and (rule := _excludes(a, b)) is not None:
                    return Clash(rule, said)
    return None


def _excludes(a: Claim, b: Claim) -> str | None:
    if not a.content & b.content:
        return "diet" if _diet(a, b) or _diet(b, a) else None
    other = dict(b.poles)
    opposed = sum(sign != other.get(about, sign) for about, sign in a.poles)
    if (a.denied != b.denied) != bool(opposed % 2) and _same_matter(a, b):
        return "polarity"
    if not (a.denied or b.denied):
        if _values_differ(a, b):
            return "value"
        if _numbers_differ(a, b):
            return "number"
    if _diet(a, b) or _diet(b, a):
        return "diet"
    return None


def _same_matter(a: Claim, b: Claim) -> bool:
    small, large = sorted((a.content, b.content), key=len)
    common = small & large
    if not common - SHARED_BY_MANY:
        return False
    if len(common) < CONTAINED * len(small) or len(common) < (SAME if a.whole or b.whole else ALIKE) * len(
        small | large
    ):
        return False
    # one word in common is enough only where neither says more
    return len(common) >= 2 or len(large) == 1


@lru_cache(maxsize=65536)
def _values(text: str) -> dict[tuple[str, str], str]:
    return dict(_found_values(text))


def _found_values(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for kind, pattern in ONE_VALUE:
        for found in pattern.finditer(text):
            of = "" if kind == "age" else " ".join(stem(w) for w in found["of"].split())
            yield (kind, of), found["value"]


def _values_differ(a: Claim, b: Claim) -> bool:
    mine = _values(a.text)
    return any(place in mine and _differ(place[0], mine[place], value) for place, value in _values(b.text).items())


def _differ(kind: str, held: str, value: str) -> bool:
    if kind == "age" and (_number(held) is None or _number(value) is None):
        return False
    one, other = _stems(held), _stems(value)
    return bool(one) and bool(other) and not one & other


def _stems(text: str) -> set[str]:
    return {stem(w) for w in text.split() if w not in COMMON} | {
        str(n) for w in text.split() if (n := _number(w)) is not None
    }


def _number(text: str) -> int | None:
    total = [int(w) if w.isdigit() else NUMBERS.get(w) for w in text.split()]
    return None if not total or any(n is None for n in total) else sum(n for n in total if n is not None)


@lru_cache(maxsize=65536)
def _counts(text: str) -> dict[str, int]:
    return {stem(m["what"]): n for m in COUNTED.finditer(text) if (n := _number(m["n"])) is not None}


def _numbers_differ(a: Claim, b: Claim) -> bool:
    mine = _counts(a.text)
    return any(mine.get(what, n) != n for what, n in _counts(b.text).items())


@lru_cache(maxsize=65536)
def _eats_flesh(text: str) -> bool:
    return bool(FLESH & set(WORDS.findall(text))) and EATS.search(text) is not None


@lru_cache(maxsize=65536)
def _shuns_flesh(text: str) -> bool:
    return NO_FLESH.search(text) is not None


def _diet(a: Claim, b: Claim) -> bool:
    return not b.denied and _shuns_flesh(a.text) and _eats_flesh(b.text)


def first_clash(earlier: Sequence[str], said: str, *, of_speaker: bool = False) -> tuple[int, Clash] | None:
    """(which, why) of the latest earlier text that a text excludes, or None."""
    for k in range(len(earlier) - 1, -1, -1):
        if (found := clash(earlier[k], said, of_speaker=of_speaker)) is not None:
            return k, found
    return None
