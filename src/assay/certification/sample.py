"""Draw labels for people: certify, tune and planted ones mixed blind in one random permutation."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from assay.certification import questions
from assay.certification.bound import grid, planned_beta
from assay.errors import BadInput
from assay.records.base import digest
from assay.records.label import Label, key_of
from assay.records.session import Session

COLUMNS = ("sample_id", "session", "turn", "name", "question", "options", "context")
"""Columns of a sample, in order."""

POOLED = "pooled"
"""Name of the one claim over all asked names."""

Codebook = Mapping[str, Mapping[str, str]]
"""Label name -> value -> one-line meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is drawn, fixed before anybody answers."""

    n: int
    """`certify` labels."""
    names: tuple[str, ...] = ()
    """Label names asked for; empty: all."""
    tune: int = 0
    """`tune` labels on top, which trust may be fitted on."""
    planted: int = 0
    """Wrong labels mixed in blind, on top."""
    claims: tuple[str, ...] = (POOLED,)
    """`pooled`, or the names that get a claim each."""
    alpha: float = 0.05
    """Largest share of wrong labels among the accepted ones."""
    delta: float = 0.05
    """Risk of a false certificate."""
    early_stop: bool = False
    """Whether answers may be looked at after every one (betting bound) instead of once (Clopper-Pearson)."""
    codebook: Codebook = field(default_factory=dict)
    """Meanings shown with the question; a name that it lists is a closed question."""


def listed(labels: Sequence[Label], names: Sequence[str]) -> list[Label]:
    """The labels a claim is about: those asked for, without rejected ones, which nobody is offered anyway."""
    return [x for x in labels if x.tier != "rejected" and (not names or x.name in names)]


def draw(
    labels: Sequence[Label], sessions: Mapping[str, Session], design: Design, rng: np.random.Generator
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Rows of the CSV and the roles that stay with the run (sample.json).

    The certify labels are a simple random sample without replacement of all listed ones; tune and planted labels are
    drawn from the rest. A planted item asks about a real label; only its hidden truth is a wrong value, another one of
    the same name, uniform. Raises BadInput for n < 1, an unknown name, or more draws than labels.

    *Guarantee*: every listed label is among the certify draws with the same probability n / N, whatever its score.
    """
    asked = _checked(labels, design)
    by_id = dict(sorted((x.id, x) for x in asked))
    ids = list(by_id)
    order = [ids[i] for i in rng.permutation(len(ids))]
    certify, rest = order[: design.n], order[design.n :]
    tune, rest = rest[: design.tune], rest[design.tune :]
    planted = _plant(by_id, rest, design.planted, rng)
    truth = {i: by_id[i].value for i in (*certify, *tune)} | planted
    role = dict.fromkeys(certify, "certify") | dict.fromkeys(tune, "tune") | dict.fromkeys(planted, "planted")
    universe = questions.universe(asked, sessions, design.codebook)
    rows, items, taken, drawn = [], [], set[str](), list(role)
    for position in rng.permutation(len(role)):
        label = by_id[drawn[position]]
        values = universe[questions.group(label, sessions)]
        sample_id = _fresh_id(rng, taken)
        rows.append(
            {
                "sample_id": sample_id,
                "session": label.session,
                "turn": "" if label.turn is None else str(label.turn),
                "name": label.name,
                "question": questions.question(label, design.codebook, closed=bool(values)),
                "options": questions.options(values, rng),
                "context": questions.context(sessions[label.session], label.turn),
            }
        )
        items.append({"sample_id": sample_id, "label": label.id, "role": role[label.id], "truth": truth[label.id]})
    return rows, _roles(asked, design, items)


def grids(
    asked: Sequence[Label], draws: int, risk: Mapping[str, float], alpha: float, planted: int
) -> dict[str, tuple[float, ...]]:
    """Claim -> thresholds from strict to loose. A function of the scores and the design alone, never of an answer."""
    found = {}
    for claim, delta in risk.items():
        scores = [x.rank_score for x in asked if claim in (POOLED, x.name)]
        beta = planned_beta(planted, delta / 2)
        level = delta / 2 if beta else delta
        found[claim] = grid(scores, draws, len(asked), alpha, level, beta)
    return found


def hashes(asked: Sequence[Label]) -> dict[str, str]:
    """sha256 of (id, score) and of (id, value) of all listed labels: what the draw was fixed on."""
    ordered = sorted(asked, key=lambda x: x.id)
    return {
        "scores_hash": digest([[x.id, x.rank_score] for x in ordered]),
        "labels_hash": digest([[x.id, key_of(x.value)] for x in ordered]),
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
    total = design.n + design.tune + design.planted
    if total > len(asked):
        raise BadInput(
            f"a sample of {total} labels (n + tune + planted) from {len(asked)} that are not rejected",
            now=f"draw at most {len(asked)}, or make more sessions",
        )
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


def _roles(asked: Sequence[Label], design: Design, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The object of sample.json: items in the order of the permutation, with role and hidden truth."""
    risk = {claim: design.delta / len(design.claims) for claim in design.claims}
    chosen = {k: v for k, v in asdict(design).items() if k != "codebook"}
    return {
        "schema": 1,
        **{k: list(v) if isinstance(v, tuple) else v for k, v in chosen.items()},
        "listed": len(asked),
        **hashes(asked),
        "grids": {k: list(v) for k, v in grids(asked, design.n, risk, design.alpha, design.planted).items()},
        "items": items,
    }
