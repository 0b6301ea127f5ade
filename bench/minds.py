"""Who thinks what in stories of false belief: a model alone, with explicit belief tracking, and tracking alone.

    python bench/minds.py tom_stories.jsonl.gz [N] [SEED] [MODEL] [CACHE]

Hi-ToM (orders of belief 0 to 4, with and without deception): N stories an order, drawn by SEED. Three forms: choice
among the listed places, yes or no about one place (the right one or another, by the seed), and words of one's own.
Arms: `alone` shows the whole story and the question as it is; `tracked` shows the sentences that the chain of people
witnessed together and the claims that they take, and asks where the object is (verification/minds/tracker.py; the
idea is SymbolicToM's). Tracking alone is measured on all 600. BigToM: N stories, each with its person aware and
unaware, first order; `tracked` leaves out the last sentence, what happened, where the person did not see it.

Unit: question; 95 % intervals, Clopper-Pearson. CACHE: a folder that keeps the answers.
"""

import asyncio
import gzip
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay.models.resolve import resolve
from assay.runs.calls import Calls
from assay.runs.ledger import Ledger
from assay.stats.intervals import clopper_pearson
from assay.verification.judges.fence import fence, mark_of
from assay.verification.judges.prompt import JudgePrompt, form_of, read_answer, request_of, shares
from assay.verification.minds.stories import chain_of, read_story
from assay.verification.minds.tracker import believed, heeded

UNAWARE = re.compile(r"\b(?:not|n't|never|unaware|without|fails? to|oblivious)\b|n't\b")
FORMS = ("choice", "yes_no", "free")


class Asked(NamedTuple):
    """One question in one arm and form."""

    group: str
    arm: str
    form: str
    item: str
    ask: JudgePrompt
    right: int
    """Position of the right option; -1 for words."""
    words: str = ""
    """The right words."""
    wrong: tuple[str, ...] = ()
    """Words that make an answer wrong."""


def prompt(item: str, lines: Sequence[str], question: str, options: Sequence[str] = ()) -> JudgePrompt:
    """A fenced story and a question about it."""
    turns = [("narrator", x) for x in lines]
    shut = fence(mark_of(0, item, turns), turns)
    ask = ("bench.1", "PT01", item, None, "belief", shut.text + shut.close, f"Question: {question}", tuple(options))
    return JudgePrompt(*ask, free=not options)


def hitom(row: dict[str, Any], seed: int) -> list[Asked]:
    """All forms and arms of one story."""
    labels, lines = row["session_labels"], [t["text"] for t in row["turns"]]
    story = read_story(lines)
    people, thing = chain_of(labels["question"])
    places = [x.split(". ")[1].strip() for x in labels["choices"].split(", ")]
    answer = labels["answer"]
    order = len(people)
    group = f"order {order}"
    rng = np.random.default_rng([seed, int(row["id"].rsplit("s", 1)[1])])
    named = [p for p in places if p != answer and any(p in x for x in lines)] or [p for p in places if p != answer]
    asserted = answer if rng.random() < 0.5 else named[int(rng.integers(len(named)))]
    heard = {e.step for e in heeded(story.events, people, story.trust())}
    kept = heard | (set(range(len(lines))) - {e.step for e in story.events})
    thought = " thinks that ".join(people)
    found = []
    for arm in ("alone", "tracked"):
        shown = lines if arm == "alone" else [x for i, x in enumerate(lines) if i in kept]
        where = labels["question"] if arm == "alone" else f"Where is the {thing}?"
        claim = f"the {thing} is in the {asserted}"
        if arm == "alone" and people:
            claim = f"{thought} thinks that {claim}"
        sure = f"Is it so that {claim}?"
        is_it = prompt(row["id"], shown, sure, ("yes", "no"))
        found += [
            Asked(group, arm, "choice", row["id"], prompt(row["id"], shown, where, places), places.index(answer)),
            Asked(group, arm, "yes_no", row["id"], is_it, int(asserted != answer)),
            Asked(group, arm, "free", row["id"], prompt(row["id"], shown, where), -1, answer,
                  tuple(p for p in places if p != answer)),
        ]  # fmt: skip
    return found


def bigtom(row: dict[str, Any], seed: int) -> list[Asked]:
    """Belief of one person, who saw what changed or did not; whether they did is read from one sentence."""
    labels = row["session_labels"]
    lines = re.split(r"(?<=[.!?])\s+", row["turns"][0]["text"].strip())
    rng = np.random.default_rng([seed, int(row["id"].rsplit("-", 1)[1])])
    found = []
    for event, aware in ((labels["aware_event"], True), (labels["not_aware_event"], False)):
        options = [labels["belief_a_aware"], labels["belief_a_not_aware"]]
        order = [int(i) for i in rng.permutation(2)]
        right = order.index(0 if aware else 1)
        saw = UNAWARE.search(event) is None
        for arm in ("alone", "tracked"):
            shown = [*lines, event] if arm == "alone" else lines if saw else lines[:-1]
            ask = prompt(row["id"], shown, labels["belief_q"], [options[i] for i in order])
            group = f"BigToM, {'true' if aware else 'false'} belief"
            found.append(Asked(group, arm, "choice", f"{row['id']}{aware}", ask, right))
    return found


def is_right(asked: Asked, answer: Any) -> bool | None:
    """Whether an answer is right; None where it says nothing."""
    said, words = answer
    if asked.form == "free":
        clean = words.replace(" ", "_").lower()
        if not clean.strip("_"):
            return None
        return asked.words in clean and not any(p in clean for p in asked.wrong if p not in asked.words)
    p = None if said is None else shares(len(asked.ask.options), said)
    return None if p is None else int(np.argmax(p)) == asked.right


def share(k: int, n: int) -> str:
    """k of n with its interval."""
    low, high = clopper_pearson(k, n)
    return f"{k}/{n} = {k / n:.2f} ({low:.2f} to {high:.2f})"


def tracking_alone(rows: Sequence[dict[str, Any]]) -> None:
    """Right answers of the tracker, which asks no model."""
    counts: dict[tuple[bool, int], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        labels = row["session_labels"]
        story = read_story([t["text"] for t in row["turns"]])
        people, thing = chain_of(labels["question"])
        held = counts[labels["deception"], labels["question_order"]]
        held[0] += believed(story.events, people, thing, story.trust()) == labels["answer"]
        held[1] += 1
    print("tracking alone, no model, all 600 stories")
    for (deception, order), (k, n) in sorted(counts.items()):
        print(f"  order {order}{', deception' if deception else ''}: {share(k, n)}")


async def answers(asked: Sequence[Asked], spec: str, ledger: Ledger) -> list[Any]:
    """The model's answers, one after another."""
    model = resolve(spec)
    calls, form = Calls(ledger, model), form_of(spec)
    found = []
    for i, a in enumerate(asked):
        found.append(read_answer(a.ask, form, await calls.complete(request_of(a.ask, form))))
        if i % 50 == 0:
            print(f"{i} of {len(asked)}", file=sys.stderr)
    await model.close()
    return found


def tell(asked: Sequence[Asked], found: Sequence[Any]) -> None:
    """Per group and arm the share of right answers by form, their conjunction, and structured minus open."""
    rows: dict[tuple[str, str], dict[str, dict[str, bool | None]]] = defaultdict(lambda: defaultdict(dict))
    for a, answer in zip(asked, found, strict=True):
        rows[a.group, a.arm][a.item][a.form] = is_right(a, answer)
    for (group, arm), items in sorted(rows.items()):
        for form in FORMS:
            held = [f[form] for f in items.values() if form in f]
            if held:
                print(f"{group}, {arm}, {form}: {share(sum(x is True for x in held), len(held))}; "
                      f"unparsed {sum(x is None for x in held)}")  # fmt: skip
        if any(len(f) > 1 for f in items.values()):
            joint = sum(all(x is True for x in f.values()) for f in items.values())
            gap = np.mean([(bool(f["choice"]) + bool(f["yes_no"])) / 2 - bool(f["free"]) for f in items.values()])
            print(f"{group}, {arm}, every form: {share(joint, len(items))}; structured minus open {gap:+.2f}")


def main(path: str, n: int, seed: int, spec: str, ledger: Ledger) -> None:
    """Print the tables."""
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle]
    stories = [r for r in rows if r["id"].startswith("hitom")]
    tracking_alone(stories)
    rng = np.random.default_rng(seed)
    asked = []
    for order in range(5):
        own = [r for r in stories if r["session_labels"]["question_order"] == order]
        asked += [a for i in sorted(rng.permutation(len(own))[:n]) for a in hitom(own[i], seed)]
    big = [r for r in rows if r["id"].startswith("bigtom")]
    asked += [a for i in sorted(rng.permutation(len(big))[:n]) for a in bigtom(big[i], seed)]
    print(f"{spec}, {n} stories an order and of BigToM, seed {seed}; choice by chance: 1 in 15, BigToM 1 in 2")
    tell(asked, asyncio.run(answers(asked, spec, ledger)))


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(given.get(5, spare))
        folder.mkdir(parents=True, exist_ok=True)
        with Ledger(folder) as held:
            main(sys.argv[1], int(given.get(2, 20)), int(given.get(3, 7)), given.get(4, "embedded-base"), held)
