"""Which labels people are asked about: simple draws, draws from two strata, and whole sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.certification.design import Design
from assay.errors import BadInput
from assay.records.label import Label

INSIDE, OUTSIDE = "inside", "outside"
"""The strata of a draw with `top` and `outside`."""


@dataclass(frozen=True, slots=True)
class Picked:
    """Ids of the labels of a draw."""

    certify: list[str]
    tune: list[str]
    rest: list[str]
    """What is left for planted labels, in random order."""
    draws: list[tuple[str, str]]
    """(label id, stratum) of every draw from strata, repeats included; empty for other designs."""


def check_ways(asked: Sequence[Label], design: Design) -> None:
    """Raises BadInput for a design that cannot be drawn."""
    if not 0 < design.top <= 1 or not 0 <= design.outside < 1:
        raise BadInput(
            f"top = {design.top}, outside = {design.outside}", now="top is a share in (0, 1], outside one in [0, 1)"
        )
    if design.outside and design.top >= 1:
        raise BadInput("there is nothing outside the best 100 %", now="give --top below 1, or leave --outside out")
    if design.unit not in ("label", "session") or design.about not in ("run", "new_sessions"):
        raise BadInput(f"unit {design.unit!r}, about {design.about!r}", now="label or session; run or new_sessions")
    if design.about == "new_sessions" and design.unit != "session":
        raise BadInput("a claim on new sessions from single labels", now="draw whole sessions: --unit session")
    if design.unit == "session":
        sessions = len({x.session for x in asked})
        if design.tune or design.planted or design.outside:
            raise BadInput(
                "tune, planted and outside are drawn by label, not by session",
                now="draw them as a sample of their own, or use --unit label",
            )
        if design.n > sessions:
            raise BadInput(f"{design.n} sessions from {sessions}", now=f"draw at most {sessions}")
        return
    total = design.n + design.tune + design.planted
    if total > len(asked):
        raise BadInput(
            f"a sample of {total} labels (n + tune + planted) from {len(asked)} that are not rejected",
            now=f"draw at most {len(asked)}, or make more sessions",
        )


def chosen(whole: Sequence[Label], asked: Sequence[Label], design: Design, rng: np.random.Generator) -> Picked:
    """Draw. whole: labels of the names asked for; asked: those of them that the claim is about.

    *Guarantee*: every listed label has the same chance of being among the certify draws; with strata, each draw falls
    in a stratum with the design's chance and then on each of its labels alike, independently of the others.
    """
    ids = sorted(x.id for x in asked)
    if design.unit == "session":
        return _whole_sessions(asked, design.n, rng)
    draws: list[tuple[str, str]] = []
    if design.outside:
        inside = set(ids)
        others = sorted(x.id for x in whole if x.id not in inside)
        for _ in range(design.n):
            stratum = OUTSIDE if rng.random() < design.outside else INSIDE
            pool = others if stratum == OUTSIDE else ids
            draws.append((pool[int(rng.integers(len(pool)))], stratum))
        certify = list(dict.fromkeys(i for i, _ in draws))
        taken = set(certify)
        everything = sorted(x.id for x in whole)
        order = [i for i in (everything[k] for k in rng.permutation(len(everything))) if i not in taken]
        return Picked(certify, order[: design.tune], order[design.tune :], draws)
    order = [ids[k] for k in rng.permutation(len(ids))]
    certify, rest = order[: design.n], order[design.n :]
    if len(ids) < len(whole):
        # what trust is fitted on and what is planted may come from anywhere
        held = set(certify)
        everything = sorted(x.id for x in whole)
        rest = [i for i in (everything[k] for k in rng.permutation(len(everything))) if i not in held]
    if design.n > len(ids):
        raise BadInput(f"{design.n} draws from {len(ids)} listed labels", now="draw fewer, or list more with --top")
    return Picked(certify, rest[: design.tune], rest[design.tune :], draws)


def _whole_sessions(asked: Sequence[Label], n: int, rng: np.random.Generator) -> Picked:
    by_session: dict[str, list[Label]] = {}
    for x in asked:
        by_session.setdefault(x.session, []).append(x)
    names = sorted(by_session)
    drawn = [names[k] for k in rng.permutation(len(names))[:n]]
    order = [x.id for s in drawn for x in sorted(by_session[s], key=lambda x: (x.turn is None, x.turn or 0, x.name))]
    return Picked(order, [], [], [])


def session_grid(scores: Sequence[float]) -> tuple[float, ...]:
    """The threshold of a claim on whole sessions: the one that accepts all listed labels.

    A stricter one accepts few labels of many sessions, which then say little, and the walk would stop there; `top`
    shortens the list instead.
    """
    return (float(min(scores)),) if len(scores) else ()
