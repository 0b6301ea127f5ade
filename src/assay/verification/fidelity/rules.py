"""BR02 to BR05 as rules over one session: what of the brief was not tried, broken, cut short, or left the role."""

import re
from collections.abc import Iterator, Sequence

from assay.records.session import Session
from assay.records.verdict import Quote
from assay.verification.fidelity.briefs import Atom

STOP = re.compile(r"#{2,}\s*(?:STOP|TRANSFER|OUT-OF-SCOPE)\s*#{2,}|\[(?:END|STOP|DONE)\]|<\|[\w-]+\|>")
ROLE = re.compile(
    r"\[(?:provide|insert|your|enter|reservation|user|name|date|order)\b[^\]\n]{0,60}\]|</?(?:think|thinking|scratchpad)>"
    r"|^\s*(?:thought|reasoning|user response|assistant|agent|user)\s*:|\bas an ai\b|\bas a (?:large )?language model\b"
    r"|\bmy (?:instructions|brief|prompt) (?:say|tell|is|are)\b|\bsimulated user\b"
    r"|\bi(?:'m| am) (?:simulating|role-?playing)\b"
    r"|\bhow (?:can|may) i (?:help|assist) you\b|\bis there anything else i can (?:help|assist)\b",
    re.I | re.M,
)
FRAME = re.compile(
    r"\{\{?\s*[a-z][\w .-]{0,40}\}\}?|\[/?INST\]|<</?SYS>>|</?s>|^\s*(?:acts|customer|human)\s*:"
    r"|\b(?:acts|customer|human|assistant|user)\s*:\s*\w*\s*$|^#{2,}\s*(?:response|instruction|human|assistant|input)\b",
    re.I | re.M,
)
"""What a template or a model's frame leaves behind; in none of 65,000 user turns of eleven sets of dialogue."""
DEFER = re.compile(
    r"\b(?:get back to you|reach out (?:again|as soon|later|once)"
    r"|i'll (?:check|look (?:for|it up)|find|gather|contact|try to find|be in touch)"
    r"|(?:talk|contact you|be in touch) (?:soon|later)|follow up|never ?mind|some other time|come back later"
    r"|figuring out)\b",
    re.I,
)
ASKS = re.compile(
    r"\?|\bplease (?:provide|share|let me know|confirm)"
    r"|\bi(?:'ll| will)? need (?:your|the|to know)|\bonce you (?:have|provide|locate)\b",
    re.I,
)
LACKS = re.compile(
    r"\b(?:don['’]t|do not|cannot|can['’]t)\s+(?:actually |really )?(?:have|know|remember|recall|find)\s+"
    r"(?:my|the|that|any)\s+"
    r"(user id|name|email|e-mail|zip(?: code)?|address|phone(?: number)?"
    r"|(?:reservation|confirmation|order)(?: id| number| code)?)\b",
    re.I,
)
HELD = {
    "user id": r"\b[a-z]+_[a-z]+_\d+\b|\buser id\b",
    "name": r"\byou are (?-i:[A-Z])[a-z]+|\byour name is\b",
    "email": r"@[\w-]+\.", "e-mail": r"@[\w-]+\.", "zip": r"\b\d{5}\b", "zip code": r"\b\d{5}\b",
    "reservation": r"(?:reservation|confirmation)[^.]{0,20}\b(?-i:(?=[A-Z0-9]*\d)[A-Z0-9]{6})\b",
    "confirmation": r"(?:reservation|confirmation)[^.]{0,20}\b(?-i:(?=[A-Z0-9]*\d)[A-Z0-9]{6})\b",
    "order": r"#W\d+",
}  # fmt: skip
"""What the brief says where the user has what it says it lacks."""
SILENT = re.compile(
    r"\b(?:do not|don't|never|should not|avoid) (?:mention|mentioning|reveal|say|tell|bring up)\w*\b", re.I
)
ONLY_ASKED = re.compile(
    r"\b(?:only if|if and only if|only when|unless|if)\s+(?:the |an )?(?:agent|assistant|you are|you're|it)\b"
    r"[^,.]*\bask",
    re.I,
)
WANTS = r"\b(?:i want|i'd like|i would like|i need|please add|yes, (?:please )?add)\b"
UNWANTED = re.compile(
    r"\b(?:do not|don't) (?:want|need)(?: any| a| to (?:buy|get|add))? (?:\w+ (?:or|and) )?"
    r"(?:[a-z]+ )?([a-z]{4,})(?=\s*[.,;]|$)",
    re.I,
)
MANNER = re.compile(r"\bparaphras|\bthis instruction|\bgood at math|\b(?:calm|polite|brief|concise)\b", re.I)
"""Clauses that say how to speak, not what to get."""
_COMMON = """
    agent user want wants would like need needs wish know tell asks asked mention mentions your their them they
    this that with from have will into about also then first please make sure could should able there where when
    what which does option options only just more than much many possible using under over same other before
    after been were the and you for are not any all can how get its but one two say says try insist
"""
COMMON = frozenset(_COMMON.split())
"""Words that carry no meaning of their own in a brief."""


def content(text: str) -> set[str]:
    """Stems of the words that carry the meaning."""
    found = re.findall(r"[a-z0-9_]{3,}", text.lower())
    return {w[:5] for w in found if w not in COMMON}


def untried(session: Session, atoms: Sequence[Atom]) -> Iterator[Atom]:
    """Sub-goals of which the user's words hold less than a fifth: they were never tried."""
    said = content(" ".join(t.text for t in session.turns if t.speaker == "user"))
    for atom in atoms:
        wanted = content(atom.text)
        if (
            atom.kind == "goal"
            and not MANNER.search(atom.text)
            and len(wanted) >= 2
            and len(wanted & said) < 0.2 * len(wanted)
        ):
            yield atom


def broken(session: Session, brief: str, atoms: Sequence[Atom]) -> Iterator[tuple[Quote, str]]:
    """(quote, words of the brief) of what the user says against its brief, one a rule and turn."""
    silent = [(a, _hidden(a, brief, atoms)) for a in atoms if SILENT.search(a.text) or ONLY_ASKED.search(a.text)]
    unwanted = [(a, m[1]) for a in atoms for m in UNWANTED.finditer(a.text) if m[1] not in COMMON]
    heard = ""
    for i, turn in enumerate(session.turns):
        if turn.speaker != "user":
            heard += " " + turn.text if turn.speaker == "assistant" else ""
            continue
        for found in LACKS.finditer(turn.text):
            thing = found[1].lower().split(" ")[0] if found[1].lower() not in HELD else found[1].lower()
            held = re.search(HELD[thing], brief, re.I) if thing in HELD else None
            if held and not re.search(r"(?:do not|don't) (?:remember|know|have|recall)", brief, re.I):
                yield Quote(turn=i, quote=found[0]), held[0]
        for atom, hidden in silent:
            said = _first(turn.text, hidden)
            if said and not _first(heard, hidden) and not _asked(atom, heard):
                yield Quote(turn=i, quote=said), atom.text
        for atom, thing in unwanted:
            pattern = WANTS + rf"(?:(?!\bnot?\b|n't|without|[.!?]).)*\b{re.escape(thing)}\b"
            if found_one := re.search(pattern, turn.text, re.I):
                yield Quote(turn=i, quote=found_one[0]), atom.text


def _asked(atom: Atom, heard: str) -> bool:
    """Whether the partner asked where, when or which, for a rule that lets the user answer a question."""
    return bool(ONLY_ASKED.search(atom.text)) and bool(
        re.search(r"\b(?:where|when|what|which|why|reason)\b[^.?]*\?", heard, re.I)
    )


def _hidden(atom: Atom, brief: str, atoms: Sequence[Atom]) -> list[str]:
    """What must not be said unasked: after `asks`, names and codes; for `do not mention it`, what stands before it."""
    text = atom.text
    if asked := re.search(r"\bask\w*(?: you| for it| about it)?\s*,?\s*(.+)", text, re.I):
        return re.findall(r"\b(?:[A-Z]{3}|(?:[A-Z][a-z]+ )+\d{1,2}|[A-Z][a-z]+(?: [A-Z][a-z]+)+)\b", asked[1])
    silent = SILENT.search(text)
    rest = text[silent.end() :].lstrip() if silent else ""
    after = re.match(r"(?!it\b|this\b|that\b)(?:that |your |the )?([\w' -]{4,60})", rest)
    if after:
        return [after[1].split(" if ")[0].split(" unless ")[0].strip()]
    before = re.search(
        r"\b(?:tells?|says?) (?:you )?(?:that )?((?:\w+ ){1,3}?\w+) (?:can|is|are|has|have|will|could)", text, re.I
    )
    return [before[1]] if before else []


def _first(text: str, phrases: Sequence[str]) -> str | None:
    """The first of some phrases as it stands in a text."""
    for phrase in phrases:
        if found := re.search(rf"\b{re.escape(phrase)}\b", text, re.I):
            return found[0]
    return None


def early_end(session: Session) -> Quote | None:
    """The words with which the user put its request off while the partner still waited for it, and did not return."""
    turns = [i for i, t in enumerate(session.turns) if t.speaker == "user" and STOP.sub("", t.text).strip()]
    if len(turns) < 2 or not any(STOP.search(t.text) for t in session.turns[turns[-1] :] if t.speaker == "user"):
        return None
    for i in turns[-3:]:
        text = session.turns[i].text
        before = next((t.text for t in reversed(session.turns[:i]) if t.speaker == "assistant" and t.text), "")
        found = DEFER.search(text)
        later = [session.turns[j].text for j in turns if j > i]
        if found and ASKS.search(before) and not any("?" in t for t in later):
            return Quote(turn=i, quote=found[0])
    return None


def out_of_role(session: Session) -> Iterator[Quote]:
    """Words that no user says: a scratchpad, the assistant's voice, a placeholder, marks of a template or a chat frame,
    or a stop token before the end."""
    turns = [i for i, t in enumerate(session.turns) if t.speaker == "user"]
    for i in turns:
        text = session.turns[i].text
        if found := ROLE.search(text) or FRAME.search(text):
            yield Quote(turn=i, quote=found[0])
        elif (stop := STOP.search(text)) and (i != turns[-1] or text[stop.end() :].strip()):
            yield Quote(turn=i, quote=stop[0])
