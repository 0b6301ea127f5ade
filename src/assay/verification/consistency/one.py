"""CO01 to CO04 as checks: verdicts per line and per session on whether a speaker is its persona all along."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.models.embeddings import Embedder, available, bundled
from assay.records.base import digest
from assay.records.session import Session
from assay.records.verdict import Quote, Status, Verdict
from assay.verification.check import Corpus
from assay.verification.consistency.fit import KINDS, LEAST_LINES, Overlap, Person, Talk, person_of, shipped
from assay.verification.consistency.lines import LineAnswer, LineQuestion, LineReader, by_rules
from assay.verification.consistency.persona import parties, persona_facts, persona_name
from assay.verification.consistency.reading import spoken, talk_of

LAG = 10
"""Earlier own lines against which a line is read (METHODS 4)."""
BEARS = 0.5
"""Nearness from which on a line bears on a fact: cosine plus 0.3 weighted overlap. In the development part of
PersonaChat 73 % of the own facts and 4 % of a stranger's are reached by some line."""
AGREES = 0.65
"""Nearness from which on a line answers a fact's question as the fact does: 56 % of own facts, 0.6 % of
a stranger's."""
FITS, DOES_NOT = 0.5, 0.05
"""Probability that the persona fits throughout: from FITS on supported, below DOES_NOT contradicted. About 2 % of real
speakers fall below DOES_NOT."""
BACKGROUND, LEAST_BACKGROUND = 40, 20
"""Other personas of the corpus to compare with; with fewer than the least, the shipped ones."""
MOST_FACTS = 40
"""Facts of a persona that are read; a longer one is read by its first ones."""


NUMBER = re.compile(r"[\d.,]+")


@dataclass(frozen=True, slots=True)
class Speaker:
    """One party of a session with the persona it was given."""

    session: Session
    party: str
    facts: tuple[str, ...]
    turns: tuple[int, ...]

    @property
    def name(self) -> str:
        """The label its verdicts are about."""
        return persona_name(self.session, self.party)


def told_facts(session: Session, party: str) -> tuple[str, ...]:
    """Facts that a line can fit or contradict: not the context, no bare numbers but ages, no bands of a trait.

    Of sessions that assay made only what the party was told in private: their persona and profile labels are latents
    that shape what is done, and their wording is the business of LB01 and LB02.
    """
    held = session.private.get(party, {})
    found = []
    for fact in persona_facts(session, party):
        number = fact.attribute and NUMBER.fullmatch(fact.text.rstrip(".").rsplit(" ", 1)[-1])
        if fact.source.startswith("context") or (number and not fact.source.endswith("age")):
            continue
        if not session.authored or fact.source in held:
            found.append(fact.text)
    return tuple(found[:MOST_FACTS])


def speakers_of(session: Session) -> list[Speaker]:
    """The parties with a told persona, the user first."""
    found = [(p, told_facts(session, p)) for p in parties(session)]
    return [Speaker(session, p, facts, tuple(spoken(session, p))) for p, facts in found if facts]


def prompt_to_line(corpus: Corpus, reader: LineReader = by_rules) -> Iterator[Verdict]:
    """CO01 by line: contradicted where a line contradicts a fact of its speaker's persona; and 1 - contradicted lines
    / lines for the session. A session without a persona gets one `not_applicable: no_persona`.
    """
    for session in corpus.sessions:
        found = speakers_of(session)
        if not found:
            yield _not("CO01", session, "no_persona")
        for one in found:
            asked = [LineQuestion(one.facts, session.turns[i].text, True) for i in one.turns]
            yield from _line_verdicts("CO01", one, one.turns, reader(asked))


def line_to_line(corpus: Corpus, reader: LineReader = by_rules) -> Iterator[Verdict]:
    """CO02 by line from a speaker's second on: contradicted where it contradicts one of the ten own lines before it.

    Speakers: the user, and every party with a persona. A session in which none says two lines gets one
    `not_applicable: one_line`.
    """
    for session in corpus.sessions:
        held = [p for p in dict.fromkeys(["user", *parties(session)]) if len(spoken(session, p)) > 1]
        if not held:
            yield _not("CO02", session, "one_line")
        for party in held:
            turns = tuple(spoken(session, party))
            texts = [session.turns[i].text for i in turns]
            asked = [LineQuestion(tuple(texts[max(0, k - LAG) : k]), texts[k], False) for k in range(1, len(texts))]
            one = Speaker(session, party, (), turns)
            yield from _line_verdicts("CO02", one, turns[1:], reader(asked))


def _line_verdicts(code: str, one: Speaker, turns: Sequence[int], answers: Sequence[LineAnswer]) -> Iterator[Verdict]:
    for i, answer in zip(turns, answers, strict=True):
        text = one.session.turns[i].text
        quote = answer.quote if answer.quote and answer.quote in text else text
        fault = answer.contradicts is True
        status: Status = "unparsed" if answer.contradicts is None else "contradicted" if fault else "supported"
        yield Verdict(
            code=code, session=one.session.id, turn=i, name=one.name, status=status,
            score=None if status == "unparsed" else 0.0 if fault else 1.0,
            evidence=(Quote(turn=i, quote=quote),) if fault else (),
            by=f"line rules: {answer.rule}" if answer.rule else "line rules",
            independent=fault or code == "CO02", reason="no verdict in the answer" if status == "unparsed" else None,
        )  # fmt: skip


def persona_fit(corpus: Corpus, embedder: Embedder | None = None) -> Iterator[Verdict]:
    """CO01 by session, CO03 and CO04: how the speaker's lines as a whole fit its persona, against other personas.

    CO01's score is the probability that the persona fits throughout, equal priors (fit.py); CO03 the share of facts
    that some line says, with no contradiction; CO04 the share of facts on which any line bears. Not applicable without
    a persona, with fewer than four lines that say something (CO01), and where the embedder is not installed.
    """
    if embedder is None and not available():
        for session in corpus.sessions:
            yield from (_not(code, session, "no_embedder") for code in ("CO01", "CO03", "CO04"))
        return
    reads = embedder or bundled()
    people = _People(corpus, reads)
    for session in corpus.sessions:
        found = speakers_of(session)
        if not found:
            yield from (_not(code, session, "no_persona") for code in ("CO03", "CO04"))
        for one in found:
            if not one.turns:
                yield from (_not(code, session, "no_lines", one.name) for code in ("CO01", "CO03", "CO04"))
                continue
            talk = talk_of(session, one.turns, reads)
            yield _fit_verdict(one, talk, people)
            yield from _coverage(one, talk, people.person(one.facts))


class _People:
    """Personas of a corpus, embedded once, and the background of each."""

    def __init__(self, corpus: Corpus, embedder: Embedder) -> None:
        self.embedder = embedder
        self.held: dict[tuple[str, ...], Person] = {}
        found = {(one.party, one.facts) for s in corpus.sessions for one in speakers_of(s)}
        self.ranked = sorted(found, key=lambda f: digest([corpus.seed, "background", *f[1]]))

    def person(self, facts: tuple[str, ...]) -> Person:
        """The embedded persona."""
        if facts not in self.held:
            self.held[facts] = person_of(facts, self.embedder.embed(facts))
        return self.held[facts]

    def background(self, one: Speaker) -> tuple[Sequence[Person], str]:
        """Personas of the same party that share no fact, and what they are called."""
        own, others = set(one.facts), []
        for party, facts in self.ranked:
            if party == one.party and not own & set(facts):
                others.append(facts)
                if len(others) == BACKGROUND:
                    break
        if len(others) < LEAST_BACKGROUND:
            return shipped().background, "shipped personas"
        return [self.person(f) for f in others], f"{len(others)} personas of the set"


def _fit_verdict(one: Speaker, talk: Talk, people: _People) -> Verdict:
    if len(one.turns) < LEAST_LINES:
        return _not("CO01", one.session, "too_short", one.name)
    background, called = people.background(one)
    p = shipped().probabilities(people.person(one.facts), talk, background)
    fits = float(f"{p[0]:.6g}")
    status: Status = "supported" if fits >= FITS else "contradicted" if fits < DOES_NOT else "not_evidenced"
    worst = KINDS[int(p.argmax())]
    at = one.turns[len(one.turns) // 2 if worst == "from_middle" else 0]
    return Verdict(
        code="CO01", session=one.session.id, name=one.name, status=status, score=fits,
        evidence=(Quote(turn=at, quote=one.session.turns[at].text),) if status == "contradicted" else (),
        by=f"persona-fit-1 against {called}: {worst}", independent=True,
    )  # fmt: skip


def nearness(person: Person, talk: Talk) -> NDArray[np.float64]:
    """(facts, pieces) cosine plus 0.3 weighted overlap."""
    overlap = Overlap(person.stems, shipped().rarity).matrix(talk.stems)
    return np.asarray(person.vectors @ talk.vectors.T + 0.3 * overlap)


def _coverage(one: Speaker, talk: Talk, person: Person) -> Iterator[Verdict]:
    near = nearness(person, talk)
    best, reach = near.argmax(axis=1), near.max(axis=1)
    denied = _denied(one)
    agrees = [k for k in range(len(one.facts)) if reach[k] >= AGREES and k not in denied]
    quotes = tuple(
        Quote(turn=i, quote=one.session.turns[i].text)
        for i in dict.fromkeys(one.turns[talk.line[best[k]]] for k in agrees)
    )
    shares = {"CO03": len(agrees) / len(one.facts), "CO04": float((reach >= BEARS).mean())}
    statuses: Mapping[str, Status] = {
        "CO03": "contradicted" if denied else "supported" if agrees else "not_evidenced",
        "CO04": "supported" if shares["CO04"] else "not_evidenced",
    }
    against = tuple(Quote(turn=i, quote=one.session.turns[i].text) for i in sorted(set(denied.values())))
    for code, share in shares.items():
        yield Verdict(
            code=code, session=one.session.id, name=one.name, status=statuses[code],
            score=float(f"{share:.6g}"), evidence=against if statuses[code] == "contradicted" else quotes,
            by=f"persona-fit-1: {len(one.facts)} facts", independent=True,
        )  # fmt: skip


def _denied(one: Speaker) -> dict[int, int]:
    """Fact -> turn whose line contradicts it."""
    found: dict[int, int] = {}
    for i in one.turns:
        answer = by_rules([LineQuestion(one.facts, one.session.turns[i].text, True)])[0]
        if answer.contradicts and answer.which is not None:
            found.setdefault(answer.which, i)
    return found


def _not(code: str, session: Session, reason: str, name: str = "persona") -> Verdict:
    return Verdict(code=code, session=session.id, name=name, status="not_applicable", reason=reason)
