"""Draw labels for people: certify, tune and planted ones mixed blind in one random permutation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from assay.certification import questions
from assay.certification.bound import grid, planned_beta
from assay.certification.design import POOLED, Design
from assay.certification.drawing import Picked, check_ways, chosen, session_grid
from assay.errors import BadInput
from assay.records.base import digest_rows
from assay.records.label import Label, key_of
from assay.records.session import Session

COLUMNS = ("sample_id", "session", "turn", "name", "question", "options", "context")
"""Columns of a sample, in order."""


def listed(labels: Sequence[Label], names: Sequence[str], least: float | None = None) -> list[Label]:
    """The labels a claim is about: those asked for, without rejected ones, which nobody is offered anyway.

    least: rank score from which on a label is listed, where the draw was told so (`top`).
    """
    found = [x for x in labels if x.tier != "rejected" and (not names or x.name in names)]
    return found if least is None else [x for x in found if x.rank_score >= least]


def least_of(labels: Sequence[Label], top: float) -> float | None:
    """Rank score from which on labels belong to the best `top` of them; labels of one score stay together."""
    if top >= 1 or not labels:
        return None
    ordered = sorted((x.rank_score for x in labels), reverse=True)
    return ordered[max(0, math.ceil(top * len(ordered) - 1e-9) - 1)]


def draw(
    labels: Sequence[Label], sessions: Mapping[str, Session], design: Design, rng: np.random.Generator
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Rows of the CSV and the roles that stay with the run (sample.json).

    The certify labels are a simple random sample without replacement of all listed ones; tune and planted labels are
    drawn from the rest. A planted item asks about a real label; only its hidden truth is a wrong value, another one of
    the same name, uniform. Raises BadInput for n < 1, an unknown name, or more draws than labels.

    *Guarantee*: every listed label is among the certify draws with the same probability n / N, whatever its score.
    """
    whole = _checked(labels, design)
    asked = listed(whole, (), least_of(whole, design.top))
    by_id = {x.id: x for x in sorted(whole, key=lambda x: x.id)}
    picked = chosen(whole, asked, design, rng)
    certify, tune, rest = picked.certify, picked.tune, picked.rest
    planted = _plant(by_id, rest, design.planted, rng)
    truth = {i: by_id[i].value for i in (*certify, *tune)} | planted
    role = dict.fromkeys(certify, "certify") | dict.fromkeys(tune, "tune") | dict.fromkeys(planted, "planted")
    universe = questions.universe(whole, sessions, design.codebook)
    rows, items, taken, drawn = [], [], set[str](), list(role)
    # asked for in the run's order: of a large run only a part of the sessions is at hand at a time
    wanted = {by_id[i].session for i in role}
    spoken = {name: sessions[name] for name in dict.fromkeys(x.session for x in labels) if name in wanted}
    # whole sessions are asked about one after another, in the order in which they were drawn
    for position in range(len(role)) if design.unit == "session" else rng.permutation(len(role)):
        label = by_id[drawn[position]]
        values = universe[questions.group(label, spoken)]
        sample_id = _fresh_id(rng, taken)
        rows.append(
            {
                "sample_id": sample_id,
                "session": label.session,
                "turn": "" if label.turn is None else str(label.turn),
                "name": label.name,
                "question": questions.question(label, design.codebook, closed=bool(values)),
                "options": questions.options(values, rng),
                "context": questions.context(spoken[label.session], label.turn),
            }
        )
        items.append({"sample_id": sample_id, "label": label.id, "role": role[label.id], "truth": truth[label.id]})
    return rows, _roles(whole, asked, design, items, picked)


def grids(
    asked: Sequence[Label], sample: Mapping[str, Any], risk: Mapping[str, float], alpha: float
) -> dict[str, tuple[float, ...]]:
    """Claim -> thresholds from strict to loose. A function of the scores and the design alone, never of an answer.

    sample: the design's `n`, `planted`, `outside` and `unit`, as `draw` returned them.
    """
    found = {}
    planted, draws = int(sample["planted"]), round(int(sample["n"]) * (1 - float(sample.get("outside", 0.0))))
    for claim, delta in risk.items():
        scores = [x.rank_score for x in asked if claim in (POOLED, x.name)]
        if sample.get("unit", "label") == "session":
            found[claim] = session_grid(scores)
            continue
        beta = planned_beta(planted, delta / 2)
        level = delta / 2 if beta else delta
        found[claim] = grid(scores, draws, len(asked), alpha, level, beta)
    return found


def hashes(asked: Sequence[Label]) -> dict[str, str]:
    """sha256 of (id, score) and of (id, value) of all listed labels: what the draw was fixed on."""
    ordered = sorted(asked, key=lambda x: x.id)
    return {
        "scores_hash": digest_rows([x.id, x.rank_score] for x in ordered),
        "labels_hash": digest_rows([x.id, key_of(x.value)] for x in ordered),
    }


def _checked(labels: Sequence[Label], design: Design) -> list[Label]:
    """The listed labels, or BadInput."""
    known = sorted({x.name for x in labels})
    unknown = [name for name in (*design.names, *design.claims) if name not in known and name != POOLED]
    if unknown:
        raise BadInput(f"no label is called {unknown[0]!r}", now=f"one of {', '.join(known) or '(there are none)'}")
    if design.n < 0 or design.n + design.tune < 1 or design.tune < 0 or design.planted < 0:
        raise BadInput(
            f"a sample of n = {design.n}, tune = {design.tune}, planted = {design.planted}",
            now="n is at least 1, or 0 for a sample of `tune` labels alone; tune and planted are at least 0",
        )
    asked = listed(labels, design.names)
    check_ways(asked, design)
    return asked


def _plant(by_id: Mapping[str, Label], rest: Sequence[str], count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Label id -> wrong value, for `count` labels of the rest whose name takes another value."""
    pools: dict[str, dict[str, Any]] = {}
    for label in by_id.values():
        pools.setdefault(label.name, {})[key_of(label.value)] = label.value
    able = [i for i in rest if len(pools[by_id[i].name]) > 1][:count]
    if len(able) < count:
        raise BadInput(
            f"{count} wrong labels to plant, but only {len(able)} of the labels left can be made wrong",
            now="ask for fewer planted or sampled labels; a name with one value has no wrong one",
        )
    planted = {}
    for i in able:
        others = sorted(k for k in pools[by_id[i].name] if k != key_of(by_id[i].value))
        planted[i] = pools[by_id[i].name][others[int(rng.integers(len(others)))]]
    return planted


def _fresh_id(rng: np.random.Generator, taken: set[str]) -> str:
    """An opaque id that says nothing of role, label or order."""
    while (name := f"q{int(rng.integers(16**8)):08x}") in taken:
        pass
    taken.add(name)
    return name


def _roles(
    whole: Sequence[Label], asked: Sequence[Label], design: Design, items: list[dict[str, Any]], picked: Picked
) -> dict[str, Any]:
    """The object of sample.json: items in the order of the permutation, with role and hidden truth."""
    risk = {claim: design.delta / len(design.claims) for claim in design.claims}
    found = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(design).items() if k != "codebook"}
    ids = {i["label"]: i["sample_id"] for i in items}
    return {
        "schema": 1,
        **found,
        "least": least_of(whole, design.top),
        "listed": len(asked),
        "population": len(whole),
        **hashes(asked),
        "grids": {k: list(v) for k, v in grids(asked, found, risk, design.alpha).items()},
        "draws": [[ids[i], stratum] for i, stratum in picked.draws],
        "items": items,
    }
