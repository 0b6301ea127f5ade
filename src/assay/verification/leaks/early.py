"""IA01: a party's turn uses a private fact before any turn that could have told it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, strings
from assay.verification.leaks.chance import Chance
from assay.verification.leaks.heard import ASIDE, EXACT, FORM, Heard, Line
from assay.verification.leaks.meaning import Meaning, stems
from assay.verification.leaks.paraphrase import Paraphrases, Said
from assay.verification.leaks.severity import severity
from assay.verification.leaks.watched import Atom, Fact, sentences_of, watched_facts

VALUES = f"{EXACT}, {FORM}"


class Leak(NamedTuple):
    """One use of a fact before its time."""

    turn: int
    quote: str
    """Empty where the use is in a tool call and no word of it is in the turn's text."""
    by: str
    value: str
    """The words of the fact that were used."""


def early_facts(corpus: Corpus) -> Iterator[Verdict]:
    """IA01: a party's turn uses a private fact before any turn that could have told it.

    One verdict a private fact: supported, contradicted, or not_applicable with `empty`, `common_value` (nothing in it
    that could be looked for), `public` (both parties see it), `too_common`, `guessable` or `partner_knows`; a session
    without private facts gets one (`no_private_facts`).

    Sessions made by assay have a disclosure ledger: the owner may use a fact from the turn of its disclosure, the
    partner after it or once a record holds it. In foreign sessions the owner may speak at any time, unless the fact is
    named a secret; the partner only after it was said, after a tool that it called has answered it, or where its own
    private facts hold the same. A value is found word for word (`by` "exact match") or by its normal form (`by`
    "normal form"): numbers in digits or words, money, units, dates, times, identifiers; also in what a party hands to
    a tool. A value that partners say in other sessions, whose facts do not hold it, too often for 2 % of the sessions
    is `guessable`; with fewer than 50 such sessions its form decides (`too_common`).
    """
    parts = {made: [s for s in corpus.sessions if s.authored is made] for made in (True, False)}
    backs = {made: Background(part) for made, part in parts.items()}
    for session in corpus.sessions:
        facts = watched_facts(session)
        if not facts:
            yield verdict(session, "private", "not_applicable", reason="no_private_facts")
            continue
        found = Found(session, facts, backs[session.authored])
        for fact in facts:
            yield _one(found, fact)


class Background:
    """What the sessions of a run, made by assay or not, say of how much a leak tells."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.chance = Chance(sessions)
        self.meaning = Meaning(sessions)
        self.paraphrases = Paraphrases(sessions, self.meaning)


class Found:
    """A session under test."""

    def __init__(self, session: Session, facts: Sequence[Fact], back: Background) -> None:
        self.session = session
        self.back = back
        self.heard = Heard(session)
        self.unwatched = back.chance.unwatched([(a, f.party) for f in facts for a in f.atoms])
        self.own = {p: Line("\n".join(strings(f))) for p, f in session.private.items()}
        self.sentences = {p: [x for text in strings(f) for x in sentences_of(text)] for p, f in session.private.items()}


def _one(found: Found, fact: Fact) -> Verdict:
    """The verdict on one fact."""
    session, heard = found.session, found.heard
    if fact.reason is not None:
        return verdict(session, fact.name, "not_applicable", reason=fact.reason)
    reasons: list[str] = []
    leaks: list[tuple[Leak, Atom]] = []
    for held in fact.atoms:
        reason = _unwatched(found, held, fact)
        if reason is not None:
            reasons.append(reason)
        elif (leak := first_leak(heard, fact, held, found.own)) is not None:
            leaks.append((leak, held))
    if leaks:
        leak, held = min(leaks, key=lambda k: (k[0].turn, k[0].by, k[0].value))
        weight = severity(session, taken_up(heard, leak.turn, held))
        return verdict(session, fact.name, "contradicted", leak=leak, weight=weight)
    partner_knows = "partner_knows" in reasons and len(reasons) == len(fact.atoms)
    if not fact.sentences or partner_knows:
        if len(reasons) == len(fact.atoms):
            return verdict(session, fact.name, "not_applicable", reason=min(reasons, default="common_value"))
        return verdict(session, fact.name, "supported")
    said, close = found.back.paraphrases.first(heard, fact, found.sentences, _opened(session, fact))
    if said is not None:
        leak = Leak(said.piece.turn, said.piece.quote, found.back.meaning.by, said.sentence)
        weight = severity(session, echoed(found, said))
        return verdict(session, fact.name, "contradicted", leak=leak, weight=weight, score=close)
    return verdict(session, fact.name, "supported", by=f"{VALUES}, {found.back.meaning.by}", score=close)


def echoed(found: Found, said: Said) -> bool:
    """Whether another party takes a leaked sentence up later: two of its content words in one of its sentences."""
    wanted = stems(said.sentence)
    later = (p for p in found.back.meaning.pieces[found.session.id] if p.turn > said.piece.turn)
    return any(p.speaker != said.piece.speaker and len(p.stems & wanted) >= 2 for p in later)


def _opened(session: Session, fact: Fact) -> dict[str, int | None]:
    """Party -> first turn at which it may say a fact, for those whose time a ledger or the name `secret` fixes."""
    if session.authored and fact.fact != "persona":
        told, known = told_from(session, fact.party, fact.fact)
        return {p: told if p == fact.party else known for p in {t.speaker for t in session.turns} | {fact.party}}
    return {fact.party: None} if fact.secret else {}


def _unwatched(found: Found, held: Atom, fact: Fact) -> str | None:
    """Why a value is not watched, or None."""
    partners = [p for p in found.own if p != fact.party]
    if not fact.secret and partners and all(found.own[p].holds(held) is not None for p in partners):
        return "partner_knows"
    return found.unwatched.get((held, fact.party))


def told_from(session: Session, party: str, fact: str) -> tuple[int | None, int | None]:
    """(first turn at which the owner, at which its partner may use a fact); None: never. For sessions made by assay.

    Shared views (`how` view: mindreaders and script) do not open a fact to the partner: that is what IA01 is to find.
    """
    told = next(
        (d.turn for d in session.disclosures if (d.party, d.fact) == (party, fact)),
        None,
    )
    known = [
        k.from_turn
        for k in session.knowledge
        if (k.party, k.fact) == (party, fact) and k.from_turn is not None and k.how != "view"
    ]
    return told, min([*known, *([] if told is None else [told])], default=None)


def first_leak(heard: Heard, fact: Fact, held: Atom, own: dict[str, Line]) -> Leak | None:
    """The first use of a value that nothing could have told, in words or in what is handed to a tool; or None."""
    session = heard.session
    uses = heard.find(held)
    uses += [(i, "", hit[1]) for i, line in heard.calls.items() if (hit := line.holds(held)) is not None]
    if session.authored and fact.fact != "persona":
        told, known = told_from(session, fact.party, fact.fact)
        for i, quote, by in sorted(uses):
            speaker = session.turns[i].speaker
            opened = told if speaker == fact.party else known
            if speaker not in ASIDE and (opened is None or i < opened):
                return Leak(i, quote, by, held.text)
        return None
    knowing = {p for p in own if own[p].holds(held) is not None}
    if not fact.secret:
        knowing.add(fact.party)
    for i, quote, by in sorted(uses):
        speaker = session.turns[i].speaker
        if speaker in ASIDE:
            knowing |= heard.hears(i) or heard.parties
        elif (speaker not in knowing and not heard.cut_before(speaker, i)) or (fact.secret and speaker == fact.party):
            return Leak(i, quote, by, held.text)
        elif quote:
            knowing |= heard.parties
    return None


def taken_up(heard: Heard, turn: int, held: Atom) -> bool:
    """Whether another party says a value later on, or anybody hands it to a tool from that turn on."""
    speaker = heard.session.turns[turn].speaker
    if any(i >= turn and line.holds(held) is not None for i, line in heard.calls.items()):
        return True
    turns = heard.session.turns
    return any(
        i > turn and turns[i].speaker != speaker and turns[i].speaker not in ASIDE for i, _, _ in heard.find(held)
    )


def verdict(
    session: Session, name: str, status: Any, *, leak: Leak | None = None, by: str = VALUES, reason: str | None = None,
    weight: Any = None, score: float = 0.0,
) -> Verdict:  # fmt: skip
    """A verdict of IA01: independent where nothing guided the words, a guard where a gate did."""
    applies = status != "not_applicable"
    evidence = (Quote(turn=leak.turn, quote=leak.quote),) if leak is not None and leak.quote else ()
    return Verdict(
        code="IA01", session=session.id, turn=leak.turn if leak else None, name=name, status=status, evidence=evidence,
        score=round(1 - score, 6) if applies and (leak is None or score) else 0.0 if applies else None,
        by=leak.by if leak else by,
        reason=reason, read=leak.value if leak else None, severity=weight,
        independent=applies and (not session.authored or status == "contradicted"),
        guard=session.authored and status == "supported",
    )  # fmt: skip
