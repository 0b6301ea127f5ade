"""LB02 by a judge: it sees a value and says whether words of the record say it, with a quote.

A judge that is told what to answer tells it of any value. So each label is judged beside other values of its name, by
the same prompt: support counts only where the judge supports the label and not the others. That one comparison takes
out a judge's leniency, its liking for a letter, and most of what a transcript could whisper to it; and since the other
values are planted wrong labels, the same answers measure the judge (trial.py).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from assay.records.base import digest
from assay.records.session import Session
from assay.records.verdict import Quote, Verdict
from assay.verification.check import Corpus
from assay.verification.judges.fence import verbatim, visible
from assay.verification.judges.prompt import Answers, Form, JudgePrompt, shares
from assay.verification.judges.targets import (
    Options,
    Target,
    clauses,
    drawn,
    is_guarded,
    opening,
    options_of,
    plain,
    shown_turns,
)

STATUSES = ("supported", "contradicted", "not_evidenced")
WORDS = (
    "supported: words of the record say it", "contradicted: they say something else", "not evidenced: neither",
)  # fmt: skip
"""The options, each with what it means: the polarity, stated once."""
OTHERS = 3
"""Other values that are judged beside the label's own."""
FORM_ID = "LB02.1"


class Claim(NamedTuple):
    """One prompt about one label: a value, its own or another, or the quote for its own."""

    target: Target
    shown: str
    """The value that the judge sees."""
    ask: JudgePrompt
    pool: int = 0
    """Other values that the name has, shown or not."""

    @property
    def place(self) -> tuple[str, int | None, str]:
        """The label that it is about."""
        return (self.target.session.id, self.target.turn, self.target.name)


def claims(corpus: Corpus, labels: int, form: Form, options: Options | None = None) -> list[Claim]:
    """Prompts about a seeded random subset of `labels` labels: goal, act and slots, or the given labels of others.

    Per label its own value and up to OTHERS other values of its name, drawn by the seed; and, where the model can't
    answer in JSON, one more for the quote. The calls do not depend on any answer, so a plan counts them exactly.
    """
    known = options_of(corpus) if options is None else options
    known = {name: values for name, values in known.items() if name != "core_act" or corpus.blueprint is None}
    return [claim for target in drawn(corpus, labels, known) for claim in _claims(corpus.seed, target, known, form)]


def _claims(seed: int, target: Target, options: Options, form: Form) -> Iterator[Claim]:
    rng = np.random.default_rng([seed, 2, int(digest([target.session.id, target.turn, target.name])[:16], 16)])
    words = options[target.name]
    others = [v for v in words if v != target.value]
    chosen = [others[i] for i in rng.permutation(len(others))[:OTHERS]]
    prefix, where = opening(seed, target), shown_turns(target)
    own = target.session.turns
    for value in (target.value, *chosen):
        question = f"Claim: {claim_of(target, words[value])}."
        more = {"options": WORDS, "quoting": form == "json", "options_first": True}
        yield Claim(target, value, _prompt(target, prefix, question, **more), len(others))
    if form == "options":
        at = [target.turn] if target.turn is not None else [i for i in where if own[i].speaker == "user"]
        question = f"Claim: {claim_of(target, words[target.value])}.\nThe words that say it, or none."
        quotable = clauses(visible(own[i].text).text for i in at)
        yield Claim(target, target.value, _prompt(target, prefix, question, quotable=quotable), len(others))


def _prompt(target: Target, prefix: str, question: str, **more: object) -> JudgePrompt:
    return JudgePrompt(
        FORM_ID, "LB02", target.session.id, target.turn, target.name, prefix, question, **more  # type: ignore[arg-type]
    )  # fmt: skip


def claim_of(target: Target, words: str) -> str:
    """What is claimed of a label, in words."""
    seen = visible(words).text
    if not target.session.authored or target.name not in ("goal", "act", "core_act"):
        where = "of the last line " if target.turn is not None else ""
        return f'the {plain(target.name)} {where}is "{seen}"'
    return f"the customer {seen}" if target.name == "goal" else f"in the last line the customer does this: {seen}"


class Read(NamedTuple):
    """What a judge said of one label, over the values that it was shown."""

    claims: tuple[Claim, ...]
    """One per value, the label's own first."""
    said: tuple[tuple[float, ...] | None, ...]
    """Per value: probability of supported, contradicted, not evidenced; None where there was no answer."""
    quotes: tuple[str, ...]
    """Per value: what it quoted."""
    form: Form


def readings(asked: Sequence[Claim], answers: Sequence[tuple[Answers, str]], form: Form) -> list[Read]:
    """The answers gathered by label, in order of the prompts."""
    grouped: dict[tuple[str, int | None, str], list[tuple[Claim, tuple[Answers, str]]]] = {}
    for claim, answer in zip(asked, answers, strict=True):
        grouped.setdefault(claim.place, []).append((claim, answer))
    found = []
    for rows in grouped.values():
        values = [(c, a) for c, a in rows if c.ask.options]
        quote = next((a[1] for c, a in rows if not c.ask.options), None)
        said = [None if a[0] is None else shares(len(STATUSES), a[0]) for _, a in values]
        quotes = [a[1] if quote is None else quote if i == 0 else "" for i, (_, a) in enumerate(values)]
        found.append(
            Read(tuple(c for c, _ in values), tuple(None if s is None else tuple(s) for s in said), tuple(quotes), form)
        )
    return found


def judged(read: Read, label: int = 0, hidden: frozenset[int] = frozenset()) -> tuple[str, float | None]:
    """(status, score) of the label if its value were the `label`-th that the judge was shown; quotes aside.

    With probabilities: the odds of `supported`, normalised over the values; more than half decides. In JSON: supported
    where the judge supports this value and none of the others, contradicted where it contradicts this one and not all:
    a judge that says the same of every value says nothing. `unparsed` where an answer is missing. `hidden`: positions
    of values to leave out, as if they had not been shown.
    """
    kept = [i for i in range(len(read.said)) if i not in hidden]
    said = [s for i in kept if (s := read.said[i]) is not None]
    if len(said) < len(kept):
        return "unparsed", None
    label = kept.index(label)
    if read.form == "json":
        firsts = [STATUSES[max(range(len(s)), key=lambda k, s=s: s[k])] for s in said]  # type: ignore[misc]
        status = firsts[label]
        if status == "supported" and any(f == "supported" for i, f in enumerate(firsts) if i != label):
            status = "not_evidenced"
        if status == "contradicted" and set(firsts) == {"contradicted"}:
            status = "not_evidenced"
        return status, {"supported": 1.0, "contradicted": 0.0}.get(status)
    odds = [math.log(max(s[0], 1e-12)) - math.log(max(1.0 - s[0], 1e-12)) for s in said]
    raw = [math.exp(o - max(odds)) for o in odds]
    share = [r / math.fsum(raw) for r in raw]
    if share[label] > 0.5:
        return "supported", share[label]
    return ("contradicted" if max(share) > 0.5 else "not_evidenced"), share[label]


def verdicts(found: Sequence[Read], by: str, independent: bool) -> Iterator[Verdict]:
    """LB02 per label. `supported` needs a quote that really stands in the turn; without one it is `unparsed`.

    A model that continues the prompt may answer `none` for the quote: that takes its support back.
    """
    for read in found:
        own = read.claims[0]
        status, score = judged(read)
        place, quote = stands(own.target, read.quotes[0])
        reason = "no option letter in the answer" if status == "unparsed" else None
        if status == "supported" and quote is None:
            none = read.form == "options" and read.quotes[0].casefold() == "none"
            status, reason = ("not_evidenced", None) if none else ("unparsed", "no verbatim quote")
            score = None if status == "unparsed" else score
        guard = is_guarded(own.target)
        yield Verdict(
            code="LB02", session=own.place[0], turn=own.place[1], name=own.place[2], status=status, score=score,
            read=own.shown if status == "supported" else None,
            evidence=(Quote(turn=place, quote=quote),) if quote is not None and place is not None else (),
            by=by, independent=independent and not guard and status != "unparsed", guard=guard, reason=reason,
            prompts=tuple(c.ask.id for c in read.claims),
        )  # fmt: skip


def stands(target: Target, quote: str) -> tuple[int | None, str | None]:
    """(turn, words) of a quote as it really stands in the label's turn, or in a shown turn of a session label."""
    turns: Sequence[int] = [target.turn] if target.turn is not None else shown_turns(target)
    for i in turns:
        words = verbatim(_turn(target.session, i), quote)
        if words is not None:
            return i, words
    return None, None


def _turn(session: Session, i: int) -> str:
    return session.turns[i].text
