"""A reader asked again, in other words and with its options in another order (RE01 to RE05).

Asking is apart from reading, as in model_reader: `questions` makes the prompts, the caller gets the answers, `studies`
says of each label name how far the answers agree (RE02), beside chance (RE04), and what makes them differ. Temperature
is 0 and option probabilities are read, so a seed would change nothing: it is no facet here (RE05).
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.errors import NotEnoughData
from assay.stats.generalizability import indicators, study
from assay.stats.reliability import (
    Ratings,
    fleiss,
    item_interval,
    krippendorff,
    modal_share,
    permuted_agreement,
    ratings,
)
from assay.verification import model_reader
from assay.verification.check import Corpus
from assay.verification.judges.prompt import JudgePrompt, shares

WORDINGS = 3
"""Ways in which each question is put."""
LEAST_LABELS = 3
"""Labels of a name below which nothing is said of it."""
ONE_DRAW = "one draw, repeated: probabilities are read at temperature 0, so another seed gives the same answer"

REWORDED: tuple[tuple[re.Pattern[str], tuple[str, str]], ...] = tuple(
    (re.compile(pattern), others)
    for pattern, others in (
        (r"What does the customer want\?", ("What is the customer here for?", "Which request does the customer have?")),
        (
            r"What does the customer do in the last line\?",
            ("Which of these does the customer's last line do?", "The customer's last line serves to do what?"),
        ),
        (
            r"Which (?P<name>.+) does the customer name in the last line\?",
            ("What {name} is named by the customer in the last line?", "The customer's last line names which {name}?"),
        ),
        (
            r"Which (?P<name>.+) fits (?P<what>the record|the last line)\?",
            ("What is the {name} of {what}?", "Choose the {name} that {what} has."),
        ),
    )
)
"""A question as model_reader puts it, and two ways to ask the same."""


class Draw(NamedTuple):
    """One way of asking about one label."""

    question: model_reader.Question
    wording: int
    ask: JudgePrompt


def questions(corpus: Corpus, labels: int) -> list[Draw]:
    """Every way of asking about a seeded random subset of `labels` labels: WORDINGS x model_reader.ORDERS each."""
    return [
        Draw(question, wording, question.ask._replace(question=reworded(question.ask.question, wording)))
        for question in model_reader.questions(corpus, labels)
        for wording in range(WORDINGS)
    ]


def reworded(question: str, wording: int) -> str:
    """The same question in other words; wording 0 is the question itself. One that is not known gets a lead-in."""
    if wording == 0:
        return question
    head, _, body = question.partition(": ")
    for pattern, others in REWORDED:
        if found := pattern.fullmatch(body):
            return f"{head}: {others[wording - 1].format(**found.groupdict())}"
    return f"{head}: {('Please decide', 'Say')[wording - 1]}: {body}"


def studies(
    draws: Sequence[Draw], answers: Sequence[Mapping[str, float] | None], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Label name -> what its answers say of the reader; `pooled` over all names first.

    answers: letter -> log-probability per draw, None where none could be read; labels with such a draw are left out and
    counted. Each row: labels, draws per label, unparsed, right (share of single answers that are the recorded value: no
    measure of the reader where labels are wrong), modal_share, entropy (nats), krippendorff {value, ci, permuted},
    fleiss, shares of variance by item, wording, order and their interactions, dependability of one answer and of all
    answers together; `reason` where nothing can be said.
    """
    told: dict[tuple[str, int | None, str], dict[tuple[int, int], str]] = defaultdict(dict)
    recorded: dict[tuple[str, int | None, str], str] = {}
    unparsed: dict[tuple[str, int | None, str], int] = defaultdict(int)
    for draw, answer in zip(draws, answers, strict=True):
        q = draw.question
        place = (q.session, q.turn, q.name)
        recorded[place] = q.value
        found = None if answer is None else shares(len(q.values), answer)
        if found is None:
            unparsed[place] += 1
        else:
            told[place][draw.wording, q.order] = q.values[int(np.argmax(found))]
    names = sorted({name for _, _, name in recorded})
    rng = np.random.default_rng([seed, 6])
    groups = {"pooled": list(recorded), **{n: [p for p in recorded if p[2] == n] for n in names}}
    return {name: _study(places, told, recorded, unparsed, rng) for name, places in groups.items()}


def _study(
    places: Sequence[Any], told: Mapping[Any, Mapping[tuple[int, int], str]], recorded: Mapping[Any, str],
    unparsed: Mapping[Any, int], rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    whole = [p for p in places if not unparsed.get(p) and told.get(p)]
    row: dict[str, Any] = {"labels": len(whole), "unparsed": sum(unparsed.get(p, 0) > 0 for p in places)}
    if len(whole) < LEAST_LABELS:
        return {**row, "reason": f"{len(whole)} labels answered in full, {LEAST_LABELS} needed"}
    ways = sorted({way for p in whole for way in told[p]})
    whole = [p for p in whole if len(told[p]) == len(ways)]
    # values of one name are not those of another, whatever they are called
    values = {v: i for i, v in enumerate(sorted({(p[2], told[p][w]) for p in whole for w in ways}))}
    codes = np.array([[values[p[2], told[p][w]] for w in ways] for p in whole])
    row |= {
        "draws": len(ways),
        "right": float(np.mean([told[p][w] == recorded[p] for p in whole for w in ways])),
    }
    wordings, orders = sorted({w for w, _ in ways}), sorted({o for _, o in ways})
    shaped = codes.reshape(len(whole), len(wordings), len(orders))
    found = study(indicators(shaped, len(values)), ("item", "wording", "order"))
    row |= {
        "shares": found.shares(), "dependability": found.dependability(),
        "dependability_of_all": found.dependability({"wording": len(wordings), "order": len(orders)}),
        "seed": ONE_DRAW,
    }  # fmt: skip
    try:
        data = ratings(np.repeat(np.arange(len(whole)), len(ways)), codes.ravel())
    except NotEnoughData as error:
        return {**row, "reason": error.what}
    return {**row, **_agreement(data, rng)}


def _agreement(data: Ratings, rng: np.random.Generator) -> dict[str, Any]:
    share, entropy = modal_share(data)
    chance = permuted_agreement(data, "krippendorff", rng, draws=500)
    interval = item_interval(data, "krippendorff", rng)
    return {
        "modal_share": float(share.mean()), "entropy": float(entropy.mean()), "fleiss": fleiss(data),
        "krippendorff": {
            "value": krippendorff(data), "ci": list(interval) if interval else None,
            "permuted": {"mean": chance.mean, "range": [chance.low, chance.high], "p": chance.p},
        },
    }  # fmt: skip
