"""Label-free classifiers of a turn: cheap, fixed readings of how something is said. English."""

import re
from collections.abc import Callable

_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d[\d.,:/]*")


def _set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


_GOOD = _set(
    "good great nice perfect excellent awesome wonderful lovely fantastic amazing love loved like liked enjoy enjoyed "
    "happy glad pleased cool fun best better beautiful interesting favorite favourite sweet sounds fine okay helpful "
    "appreciate thanks thank cheers delighted brilliant super excited exciting pretty safe easy funny hilarious "
    "delicious works"
)
_BAD = _set(
    "bad terrible awful horrible hate hated dislike disliked boring sad unhappy angry annoying annoyed upset "
    "disappointed disappointing wrong problem issue worse worst poor broken ridiculous unfortunately sorry "
    "unacceptable "
    "frustrated frustrating useless stupid sick tired afraid scared worried expensive difficult hard pain hurt fail "
    "failed never"
)
_NOT = _set("not no never don't doesn't didn't isn't wasn't won't can't cannot couldn't wouldn't haven't")
_FIRST = _set("i i'm i'd i've i'll me my mine myself we our us")
_HEDGES = _set("maybe perhaps probably possibly guess think might kinda sorta somewhat")
_WH = _set("what where when which who whom whose why how what's where's who's how's")
_AUXILIARY = _set("is are was were do does did can could will would should have has may am any anything shall")
_POLITE = re.compile(
    r"\b(please|pls|could you|would you|can you please|if you don't mind|may i|i appreciate|kindly|excuse me)\b"
)
_THANKS = re.compile(r"\b(thank|thanks|thankyou|thx|ty|cheers|appreciate it)\b")
_DISFLUENT = re.compile(r"\b(u+m+|u+h+|e+r+m?|h+m+|a+h+|oh|well|you know|i mean|like,)\b|\.\.\.|\u2026|--|\b(\w+) \2\b")
_CORRECTS = re.compile(
    r"\b(i meant|i mean|not that|i said|actually|wait|rather|instead|correction|let me correct|change that|"
    r"sorry,? (?:i|no|not|make)|no,? (?:i|it's|the|not|make))\b"
)
_GREETS = re.compile(r"^\W*(hi|hello|hey|good (?:morning|afternoon|evening)|howdy|greetings)\b")
_LEAVES = re.compile(r"\b(bye|goodbye|good bye|see you|take care|have a (?:good|great|nice|lovely))\b")
_YES = re.compile(r"^\W*(yes|yeah|yep|yup|sure|ok|okay|right|correct|exactly|absolutely|of course)\b")
_NO = re.compile(r"^\W*(no|nope|nah|not)\b")


def spoken(text: str) -> list[str]:
    """Lower-case words and numbers, curly apostrophes straightened."""
    return _WORDS.findall(text.lower().replace("\u2019", "'"))


def length(text: str) -> str:
    """Band of the number of words."""
    n = len(spoken(text))
    for top, name in ((0, "none"), (2, "1-2"), (5, "3-5"), (9, "6-9"), (14, "10-14"), (24, "15-24")):
        if n <= top:
            return name
    return "25 and more"


def sentiment(text: str) -> str:
    """positive, negative, mixed or neutral, by a small lexicon; a negation before a word turns it round."""
    words = spoken(text)
    up = down = 0
    for i, word in enumerate(words):
        turned = any(w in _NOT for w in words[max(0, i - 2) : i])
        up += word in (_BAD if turned else _GOOD)
        down += word in (_GOOD if turned else _BAD)
    return "mixed" if up and down else "positive" if up else "negative" if down else "neutral"


def politeness(text: str) -> str:
    """thanks, asks politely, both or neither."""
    low = text.lower().replace("\u2019", "'")
    thanks, polite = bool(_THANKS.search(low)), bool(_POLITE.search(low))
    return "both" if thanks and polite else "thanks" if thanks else "please" if polite else "neither"


def question(text: str) -> str:
    """What kind of question it holds: wh, yes or no, other, several marks, or none."""
    marks = text.count("?")
    words = spoken(text)
    if not marks:
        return "no mark, asks" if words[:1] and words[0] in _WH | _AUXILIARY else "none"
    if marks > 1:
        return "several"
    last = spoken(re.split(r"[.!?]", text[: text.rindex("?")])[-1])
    head = next((w for w in last if w in _WH | _AUXILIARY), "")
    return "wh" if head in _WH else "yes or no" if head else "other"


def disfluency(text: str) -> str:
    """Whether there are fillers, repeated words or breaks."""
    return "disfluent" if _DISFLUENT.search(text.lower()) else "fluent"


def person(text: str) -> str:
    """Where the speaker comes in: starts with I, elsewhere, or not at all."""
    words = spoken(text)
    own = [w in _FIRST for w in words]
    return "first word" if own[:1] == [True] else "elsewhere" if any(own) else "none"


def stance(text: str) -> str:
    """negates, hedges, both or neither."""
    words = set(spoken(text))
    no, hedge = bool(words & _NOT), bool(words & _HEDGES)
    return "both" if no and hedge else "negates" if no else "hedges" if hedge else "plain"


def opening(text: str) -> str:
    """How it begins."""
    low = text.lower().replace("\u2019", "'")
    words = spoken(text)
    for name, pattern in (("greeting", _GREETS), ("yes", _YES), ("no", _NO)):
        if pattern.search(low):
            return name
    first = words[0] if words else ""
    if _THANKS.match(low.lstrip()):
        return "thanks"
    if first in _FIRST:
        return "I"
    return "wh" if first in _WH else "auxiliary" if first in _AUXILIARY else "other" if words else "nothing"


def ending(text: str) -> str:
    """Its last mark."""
    last = text.strip()[-1:]
    return {".": "full stop", "?": "question mark", "!": "exclamation mark"}.get(last, "none" if last else "nothing")


def casing(text: str) -> str:
    """How letters are cased: all lower, starts lower, sentence case, many capitals."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "no letters"
    upper = sum(c.isupper() for c in letters)
    if not upper:
        return "all lower"
    if upper > len(letters) / 2 and len(letters) > 3:
        return "many capitals"
    return "starts lower" if letters[0].islower() else "sentence case"


CLASSIFIERS: dict[str, Callable[[str], str]] = {
    "length": length,
    "sentiment": sentiment,
    "politeness": politeness,
    "question": question,
    "disfluency": disfluency,
    "person": person,
    "stance": stance,
    "opening": opening,
    "ending": ending,
    "casing": casing,
}
"""Name -> classifier of one turn."""
ANY_LANGUAGE = frozenset({"length", "ending", "casing"})
"""Classifiers that read no word."""

BEHAVIOURS: dict[str, Callable[[str], bool]] = {
    "asks a question": lambda t: "?" in t,
    "says please or the like": lambda t: bool(_POLITE.search(t.lower().replace("\u2019", "'"))),
    "thanks": lambda t: bool(_THANKS.search(t.lower())),
    "corrects something": lambda t: bool(_CORRECTS.search(t.lower())),
    "greets": lambda t: bool(_GREETS.search(t.lower())),
    "says goodbye": lambda t: bool(_LEAVES.search(t.lower())),
    "is disfluent": lambda t: bool(_DISFLUENT.search(t.lower())),
    "negates": lambda t: bool(set(spoken(t)) & _NOT),
    "hedges": lambda t: bool(set(spoken(t)) & _HEDGES),
    "speaks of itself": lambda t: bool(set(spoken(t)) & _FIRST),
    "answers in three words or fewer": lambda t: len(spoken(t)) <= 3,
    "exclaims": lambda t: "!" in t,
    "begins in lower case": lambda t: t.strip()[:1].islower(),
    "ends without a mark": lambda t: t.strip()[-1:].isalnum(),
    "holds a number": lambda t: any(c.isdigit() for c in t),
}
"""RL06: what a turn may do; its rate is the share of turns that do."""
ANY_LANGUAGE_BEHAVIOURS = frozenset({
    "asks a question", "answers in three words or fewer", "exclaims", "begins in lower case", "ends without a mark",
    "holds a number",
})  # fmt: skip
"""Behaviours that read no word."""
