"""A language model as an annotator: option log-probabilities, in several orders of the options, blind.

All values of a label are listed in a random order that is rotated from draw to draw, so that no value keeps its letter.
Names with more values than a prompt can list are asked in two rounds: blocks first, then the winners of the blocks.
Transcripts stand behind a fence (judges/fence.py).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.records.base import digest
from assay.records.label_schema import Asked, AskedLabel
from assay.records.session import Session
from assay.verification.annotators.naming import Floats, Reading
from assay.verification.judges.prompt import Judge, JudgePrompt, shares
from assay.verification.judges.targets import Target, opening, plain

FORM_ID = "LABEL.1"
BLOCK = 20
"""Options of one prompt at most."""


class Draw(NamedTuple):
    """One target in one order of options."""

    target: int
    order: int


def prompt_of(label: AskedLabel, target: Asked, session: Session, values: Sequence[str], seed: int) -> JudgePrompt:
    """The exact prompt about one target with these options in this order."""
    ask = (
        label.question or f"Which {plain(label.name)} fits {'the record' if target.turn is None else 'the last line'}?"
    )
    prefix = opening(seed, Target(session, target.turn, label.name, ""))
    words = tuple(label.values[v] for v in values)
    return JudgePrompt(FORM_ID, "LB01", target.session, target.turn, label.name, prefix, f"Question: {ask}", words)


def orders(label: AskedLabel, target: Asked, number: int, seed: int) -> list[str]:
    """The values in the order of one draw: a permutation of the target's own, rotated by a share of its length."""
    rng = np.random.default_rng([seed, int(digest([target.session, target.turn, label.name])[:16], 16)])
    order = rng.permutation(len(label.values))
    values = list(label.values)
    return [values[i] for i in np.roll(order, number * max(1, len(values) // 3))]


def first_prompts(
    label: AskedLabel, targets: Sequence[Asked], sessions: Mapping[str, Session], chosen: Sequence[int], draws: int,
    seed: int,
) -> list[JudgePrompt]:  # fmt: skip
    """The prompts of the first round, for a plan of what a reading costs."""
    return [
        prompt_of(label, targets[i], sessions[targets[i].session], block, seed)
        for i in chosen
        for number in range(draws)
        for block in _blocks(orders(label, targets[i], number, seed))
    ]


def read_options(
    label: AskedLabel, targets: Sequence[Asked], sessions: Mapping[str, Session], judge: Judge, *,
    chosen: Sequence[int], draws: int, seed: int, name: str,
) -> Reading:  # fmt: skip
    """Some targets (`chosen`, indices) read in `draws` orders; the others are nan.

    Of a set the model names one value: the first; that others are absent is what the consensus finds out of it.
    """
    wanted = [Draw(i, number) for i in chosen for number in range(draws)]
    blocks = {d: _blocks(orders(label, targets[d.target], d.order, seed)) for d in wanted}
    flat = [(d, block) for d in wanted for block in blocks[d]]
    first = _ask(label, targets, sessions, judge, flat, seed)
    by_draw: dict[Draw, dict[str, float]] = {d: {} for d in wanted}
    failed = {d for (d, _), row in zip(flat, first, strict=True) if row is None}
    best: list[tuple[Draw, list[str]]] = []
    for d in wanted:
        rows = [(b, row) for (e, b), row in zip(flat, first, strict=True) if e == d and row is not None]
        if d in failed:
            continue
        if len(rows) == 1:
            by_draw[d] = dict(rows[0][1] or {})
        else:
            best.append((d, [max(row, key=lambda v, row=row: row[v]) for _, row in rows if row]))  # type: ignore[misc]
    for (d, _), row in zip(best, _ask(label, targets, sessions, judge, best, seed), strict=True):
        if row is None:
            failed.add(d)
        else:
            by_draw[d] = row
    layers = tuple(_layer(label, len(targets), number, by_draw, failed) for number in range(draws))
    stack = np.stack(layers)
    told: NDArray[np.bool_] = np.asarray(np.isfinite(stack).any(axis=2))
    sums = np.nansum(stack, axis=0) / np.maximum(told.sum(axis=0), 1)[:, None]
    mean = np.where((told.sum(axis=0) > 0)[:, None], sums, np.nan)
    about = {"targets": len(chosen), "draws": draws, "calls": len(flat) + len(best), "unreadable": len(failed)}
    return Reading(annotator=name, p=mean, draws=layers, about=about)


def _blocks(values: Sequence[str]) -> list[list[str]]:
    parts = -(-len(values) // BLOCK)
    return [list(values[k::parts]) for k in range(parts)]


def _ask(
    label: AskedLabel, targets: Sequence[Asked], sessions: Mapping[str, Session], judge: Judge,
    asked: Sequence[tuple[Draw, Sequence[str]]], seed: int,
) -> list[dict[str, float] | None]:  # fmt: skip
    """Value -> share among the options asked, None where the answer holds no option."""
    places = [targets[d.target] for d, _ in asked]
    prompts = [
        prompt_of(label, place, sessions[place.session], values, seed)
        for place, (_, values) in zip(places, asked, strict=True)
    ]
    found: list[dict[str, float] | None] = []
    for (_, values), answer in zip(asked, judge(prompts) if prompts else [], strict=True):
        row = None if answer is None else shares(len(values), answer)
        found.append(None if row is None else dict(zip(values, row, strict=True)))
    return found


def _layer(
    label: AskedLabel, n: int, number: int, by_draw: Mapping[Draw, Mapping[str, float]], failed: set[Draw]
) -> Floats:
    out = np.full((n, len(label.values)), np.nan)
    for d, row in by_draw.items():
        if d.order == number and d not in failed:
            out[d.target] = [row.get(v, 0.0) for v in label.values]
            if label.kind == "set":
                # shares among options say which value it would name, not how likely each is present
                out[d.target] = np.arange(len(label.values)) == out[d.target].argmax()
    return out
