"""IA01: a party's turn uses a private fact before any turn that could have told it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus, strings
from assay.verification.leaks.chance import Chance
from assay.verification.leaks.heard import ASIDE, EXACT, FORM, Heard, Line
from assay.verification.leaks.severity import severity
from assay.verification.leaks.watched import Atom, Fact, watched_facts

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
    chances = {made: Chance([s for s in corpus.sessions if s.authored is made]) for made in (True, False)}
    for session in corpus.sessions:
        facts = watched_facts(session)
        if not facts:
            yield verdict(session, "private", "not_applicable", reason="no_private_facts")
            continue
        heard = Heard(session)
        own = {p: Line("\n".join(strings(f))) for p, f in session.private.items()}
        for fact in facts:
            yield _one(heard, fact, chances[session.authored], own)


def _one(heard: Heard, fact: Fact, chance: Chance, own: dict[str, Line]) -> Verdict:
    """The verdict on one fact."""
    session = heard.session
    if fact.reason is not None:
        return verdict(session, fact.name, "not_applicable", reason=fact.reason)
    reasons: list[str] = []
    leaks: list[tuple[Leak, Atom]] = []
    for held in fact.atoms:
        reason = _unwatched(session, held, fact, chance, own)
        if reason is not None:
            reasons.append(reason)
        elif (leak := first_leak(heard, fact, held, own)) is not None:
            leaks.append((leak, held))
    if leaks:
        leak, held = min(leaks, key=lambda k: (k[0].turn, k[0].by, k[0].value))
        weight = severity(session, taken_up(heard, leak.turn, held))
        return verdict(session, fact.name, "contradicted", leak=leak, weight=weight)
    if len(reasons) == len(fact.atoms):
        return verdict(
            session,
            fact.name,
            "not_applicable",
            reason=min(reasons, default="common_value"),
        )
    return verdict(session, fact.name, "supported")


def _unwatched(session: Session, held: Atom, fact: Fact, chance: Chance, own: dict[str, Line]) -> str | None:
    """Why a value is not watched, or None."""
    partners = [p for p in own if p != fact.party]
    if not fact.secret and partners and all(own[p].holds(held) is not None for p in partners):
        return "partner_knows"
    return chance.unwatched(held, fact.party, len(fact.atoms))


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
    weight: Any = None,
) -> Verdict:  # fmt: skip
    """A verdict of IA01: independent where nothing guided the words, a guard where a gate did."""
    applies = status != "not_applicable"
    evidence = (Quote(turn=leak.turn, quote=leak.quote),) if leak is not None and leak.quote else ()
    return Verdict(
        code="IA01", session=session.id, turn=leak.turn if leak else None, name=name, status=status, evidence=evidence,
        score=None if not applies else 0.0 if status == "contradicted" else 1.0, by=leak.by if leak else by,
        reason=reason, read=leak.value if leak else None, severity=weight,
        independent=applies and (not session.authored or status == "contradicted"),
        guard=session.authored and status == "supported",
    )  # fmt: skip
