"""Planting: known faults in a copy of a run, with an exact record of what broke."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from assay.errors import BadInput
from assay.planting.label_operators import LABEL_OPERATORS, draw_pairs
from assay.planting.operator import Job, Operator, Unit
from assay.planting.persona_operators import PERSONA_OPERATORS
from assay.planting.private_operators import PRIVATE_OPERATORS
from assay.planting.run import Aids, Draft, Edit, Reword, Run, with_value
from assay.planting.text_operators import TEXT_OPERATORS
from assay.planting.truth import Planted
from assay.records import Session, Turn, digest

OPERATORS: dict[str, Operator] = {
    o.name: o for o in (*LABEL_OPERATORS, *PRIVATE_OPERATORS, *TEXT_OPERATORS, *PERSONA_OPERATORS)
}
"""Every operator by name."""

Made = tuple[Unit, list[Edit]]
"""A unit that was broken, and the fields that changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How planting went."""

    operator: str
    """Operator."""
    kind: str
    """Kind of fault."""
    eligible: int
    """Units that the operator could break."""
    asked: int
    """Units that the rate asks for."""
    planted: int
    """Units that were broken."""
    no_ops: int
    """Drawn units in which nothing would have changed; others were drawn in their place."""

    def row(self) -> dict[str, Any]:
        """As a JSON object."""
        return {f: getattr(self, f) for f in ("operator", "kind", "eligible", "asked", "planted", "no_ops")}


@dataclass(slots=True, kw_only=True)
class Order:
    """What is to be planted."""

    operator: str
    """Name of the operator."""
    kind: str
    """label, text or systematic."""
    rate: float | Mapping[str | None, float]
    """Share of the eligible units in (0, 1]; or by label name, where names without one are left alone."""
    seed: int
    """Seed of the run, >= 0."""
    names: frozenset[str] | None = None
    """Label names; null: what the operator breaks."""
    round: int = 0
    """Number of the copy, so that several copies of one run differ."""
    aids: Aids = field(default_factory=Aids)
    """What the door hands in."""
    pairs_for: int = 1
    """Systematic faults: pairs of values are drawn per label name until so many units are eligible (see draw_pairs)."""


def plant(
    sessions: Sequence[Session], *, operator: str, kind: str | None = None, rate: float, seed: int,
    label: str | None = None, aids: Aids | None = None,
) -> tuple[list[Session], list[Planted], Report]:  # fmt: skip
    """Plant one operator's faults into a copy of the sessions.

    kind: null takes the operator's first. rate: share of the eligible units, in (0, 1]; round(rate * eligible) units,
    at least one, are drawn without replacement. Each unit's place in the draw comes from a Generator spawned from
    (seed, session id), so that the order of the sessions plays no part. A drawn unit in which nothing would change is
    counted and another one drawn for it.
    Returns the sessions in their order, untouched ones being the same objects; one record per changed field; a report.

    Raises BadInput for an unknown operator or kind, a kind that needs `aids.reword` without it, a label that is not
    there or has one value, a rate outside (0, 1], a negative seed, or a run in which no unit is eligible.
    """
    if kind is None:
        kind = OPERATORS[operator].kinds[0] if operator in OPERATORS else "label"
    order = Order(operator=operator, kind=kind, rate=rate, seed=seed, aids=aids or Aids())
    check_order(order)
    run = Run(sessions)
    check_model(run, OPERATORS[operator], order)
    if label is not None:
        order.names = label_names(run, OPERATORS[operator], label)
    return plant_order(run, order)


def label_names(run: Run, spec: Operator, label: str) -> frozenset[str]:
    """The label asked for, or all that it is the stem of (`slots` for `slots.item`).

    Raises BadInput where it is not there or the operator breaks no label.
    """
    private = spec in PRIVATE_OPERATORS
    if spec.scope != "label" and not private:
        raise BadInput(f"{spec.name} breaks {spec.breaks} and takes no label", where="--label", now="leave --label out")
    known = (
        [u.name or "" for u in spec.units(_job(run, Order(operator=spec.name, kind="text", rate=1.0, seed=0)))]
        if private
        else run.names()
    )
    found = frozenset(n for n in known if n == label or n.startswith(f"{label}."))
    if not found:
        choices = ", ".join(sorted(set(known))[:30]) or "none: these sessions carry no labels"
        raise BadInput(f"no label {label!r} in these sessions", where="--label", now=f"one of {choices}")
    return found


def _job(run: Run, order: Order) -> Job:
    return Job(run=run, kind=order.kind, names=order.names, aids=order.aids)  # type: ignore[arg-type]


def check_order(order: Order) -> None:
    """Raise BadInput unless an order can be read; whether a unit is eligible is seen when it is carried out."""
    if order.operator not in OPERATORS:
        raise BadInput(f"no operator {order.operator!r}", where="--operator", now=f"one of {', '.join(OPERATORS)}")
    spec = OPERATORS[order.operator]
    if order.kind not in spec.kinds:
        raise BadInput(
            f"{spec.name} does not exist as kind {order.kind!r}", where="--kind", now=f"one of {', '.join(spec.kinds)}"
        )
    rates = order.rate.values() if isinstance(order.rate, Mapping) else (order.rate,)
    for rate in rates:
        if not 0 < rate <= 1:
            raise BadInput(f"rate {rate:g} is not in (0, 1]", where="--rate", now="give a share such as 0.1")
    if order.seed < 0:
        raise BadInput(f"seed {order.seed} is negative", where="--seed", now="give a seed of 0 or more")


def check_model(run: Run, spec: Operator, order: Order) -> None:
    """Raise BadInput where only a model could word the fault: in our own sessions, when none was handed in."""
    if order.kind in spec.model and order.aids.reword is None and all(s.authored for s in run.sessions):
        without = [k for k in spec.kinds if k not in spec.model]
        raise BadInput(
            f"{spec.name} as {order.kind} needs a model that words the turn anew in sessions that assay made",
            where="--kind",
            now=f"use --kind {' or '.join(without)}, or `assay power DIR`, which has the run's own model",
        )


def plant_order(run: Run, order: Order) -> tuple[list[Session], list[Planted], Report]:
    """`plant` on an indexed run; the order has been checked."""
    spec = OPERATORS[order.operator]
    drafts, made, report = carry_out(run, spec, order)
    faulty = [drafts[n].build() if n in drafts else s for n, s in enumerate(run.sessions)]
    return faulty, _truth(run, spec, order, made), report


def carry_out(run: Run, spec: Operator, order: Order) -> tuple[dict[int, Draft], list[Made], Report]:
    """Draw units, plant them one by one, and draw others for those in which nothing would change."""
    job = _job(run, order)
    units = eligible_units(job, spec, order)
    queues = [_queue(part, rate, _ranks(run, part, order, name)) for name, part, rate in _parts(units, order)]
    chosen = [u for queue, k in queues for u in queue[:k]]
    if spec.prepare is not None:
        spec.prepare(job, chosen, _stream(order, "prepare"))
    drafts: dict[int, Draft] = {}
    made: list[Made] = []
    no_ops = 0
    for queue, k in queues:
        failed = _pass(job, spec, order, _in_order(queue[:k]), drafts, made)
        rest = iter(queue[k:] if spec.prepare is None else ())
        while failed:
            no_ops += failed
            spare = list(islice(rest, failed))
            failed = _pass(job, spec, order, _in_order(spare), drafts, made)
    return drafts, made, Report(
        operator=spec.name, kind=order.kind, eligible=len(units), asked=len(chosen), planted=len(made), no_ops=no_ops
    )  # fmt: skip


def eligible_units(job: Job, spec: Operator, order: Order) -> list[Unit]:
    """Units of a run that an operator could break. Raises BadInput when there is none."""
    units = spec.units(job)
    if order.kind == "systematic" and spec.scope != "label":
        job.given["pick"] = int(_stream(order, "pick").integers(2**31))
    elif order.kind == "systematic" and units:
        places = [u.place for u in units if u.place is not None]
        kept = draw_pairs(job, places, _stream(order, "pairs"), order.pairs_for)
        keys = {p.key for p in kept}
        units = [u for u in units if u.place is not None and u.place.key in keys]
    if not units:
        raise BadInput(
            f"nothing here that {spec.name} ({order.kind}) could break: it breaks {spec.breaks}",
            where="the sessions",
            now=f"name a label with at least 2 values (--label), or take another operator: {', '.join(OPERATORS)}",
        )
    return units


def _parts(units: list[Unit], order: Order) -> list[tuple[str, list[Unit], float]]:
    """(stream, units, rate) of each part of the draw: all units, or those of one label name."""
    if not isinstance(order.rate, Mapping):
        return [("", units, order.rate)]
    return [(name or "", [u for u in units if u.name == name], rate) for name, rate in order.rate.items()]


def _queue(units: list[Unit], rate: float, ranks: list[float]) -> tuple[list[Unit], int]:
    """Units in the order of the draw, and how many of them the rate asks for."""
    ranked = [u for _, u in sorted(zip(ranks, units, strict=True), key=lambda pair: pair[0])]
    return ranked, max(1, round(rate * len(units))) if units else 0


def _in_order(units: list[Unit]) -> list[Unit]:
    """By session and turn, so that a line that repeats another one sees what stands there."""
    return sorted(units, key=lambda u: (u.session, -1 if u.turn is None else u.turn, u.name or ""))


def _ranks(run: Run, units: list[Unit], order: Order, part: str) -> list[float]:
    """One uniform number per unit from its session's own stream, whatever the other sessions are."""
    streams: dict[int, np.random.Generator] = {}
    ranks = []
    for unit in units:
        if unit.session not in streams:
            streams[unit.session] = _stream(order, "draw", part, run.sessions[unit.session].id)
        ranks.append(float(streams[unit.session].random()))
    return ranks


def _stream(order: Order, *what: str) -> np.random.Generator:
    """A Generator spawned from the seed for one use."""
    text = "\x1f".join((order.operator, order.kind, str(order.round), *what))
    key = np.frombuffer(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), dtype=np.uint32)
    return np.random.default_rng(np.random.SeedSequence(order.seed, spawn_key=tuple(key.tolist())))


def _pass(
    job: Job, spec: Operator, order: Order, units: list[Unit], drafts: dict[int, Draft],
    made: list[Made],
) -> int:  # fmt: skip
    """Plant units one by one; returns in how many nothing would have changed."""
    failed = 0
    if job.aids.reword is not None and units:
        job = replace(job, aids=replace(job.aids, reword=_asked_at_once(job, spec, order, units)))
    for unit in units:
        session = job.run.sessions[unit.session]
        draft = drafts.get(unit.session) or Draft(session)
        edits = spec.make(job, draft, unit, _stream(order, session.id, str(unit.turn), str(unit.name)))
        if edits:
            drafts[unit.session] = draft
            made.append((unit, edits))
        else:
            failed += 1
    return failed


def _asked_at_once(job: Job, spec: Operator, order: Order, units: list[Unit]) -> Reword:
    """Answers of `reword` to all that these units will ask, so that a model words several turns at a time."""
    answers: dict[str, str | None] = {}
    reword = job.aids.reword
    assert reword is not None

    def ask(session: Session, turn: int, wrong: Mapping[str, Any]) -> str | None:
        key = digest([session.id, turn, wrong])
        if key not in answers:
            answers[key] = reword(session, turn, wrong)
        return answers[key]

    def rehearse(unit: Unit) -> None:
        session = job.run.sessions[unit.session]
        spec.make(trial, Draft(session), unit, _stream(order, session.id, str(unit.turn), str(unit.name)))

    trial = replace(job, aids=replace(job.aids, reword=ask))
    if order.kind in spec.model or (spec.name == "persona_mid" and order.kind == "text"):
        with ThreadPoolExecutor(job.aids.at_once) as pool:
            list(pool.map(rehearse, units))
    return ask


def _truth(run: Run, spec: Operator, order: Order, made: list[Made]) -> list[Planted]:
    rows = [
        (unit.session, edit.turn, edit.name or "", edit)
        for unit, edits in made
        for edit in edits
    ]  # fmt: skip
    rows.sort(key=lambda r: (r[0], -1 if r[1] is None else r[1], r[2]))
    return [
        Planted(
            session=run.sessions[n].id, turn=edit.turn, name=edit.name, operator=spec.name,
            kind=order.kind, before=edit.before, after=edit.after,
        )
        for n, _, _, edit in rows
    ]  # fmt: skip


def restore(sessions: Sequence[Session], planted: Sequence[Planted]) -> list[Session]:
    """Take faults back: the sessions as they were, byte for byte. Raises BadInput where a record does not fit."""
    by_session: dict[str, list[Planted]] = {}
    for fault in planted:
        by_session.setdefault(fault.session, []).append(fault)
    missing = set(by_session) - {s.id for s in sessions}
    if missing:
        raise BadInput(f"no session {min(missing)!r} to take a fault back from", now="give the truth of these sessions")
    return [_restored(s, by_session.get(s.id, [])) for s in sessions]


def _restored(session: Session, faults: list[Planted]) -> Session:
    for fault in faults:
        if fault.operator == "early_end":
            tail = tuple(Turn.model_validate(row) for row in fault.before)
            session = session.model_copy(update={"turns": (*session.turns, *tail)})
        elif fault.kind == "label" and (fault.name or "").startswith("private."):
            session = _with_fact(session, fault)
        elif fault.kind == "label":
            session = _with_label(session, fault)
        else:
            turns = list(session.turns)
            turns[fault.turn or 0] = turns[fault.turn or 0].model_copy(update={"text": fault.before})
            session = session.model_copy(update={"turns": tuple(turns)})
    return session


def _with_fact(session: Session, fault: Planted) -> Session:
    """The session with a private fact as it was; a party's name may hold dots."""
    for party, held in session.private.items():
        for fact in held:
            if f"private.{party}.{fact}" == fault.name:
                private = {**session.private, party: {**held, fact: fault.before}}
                return session.model_copy(update={"private": private})
    raise BadInput(f"no fact {fault.name!r} to take a fault back from", where=fault.session, now="give its own truth")


def _with_label(session: Session, fault: Planted) -> Session:
    run = Run([session])
    path = next((p.path for p in run.places if (p.turn, p.name) == (fault.turn, fault.name)), None)
    if path is None:
        raise BadInput(
            f"no label {fault.name!r} to take a fault back from", where=f"{fault.session}, turn {fault.turn}"
        )
    if fault.turn is None:
        labels = with_value(session.session_labels, path, fault.before)
        return session.model_copy(update={"session_labels": labels})
    turns = list(session.turns)
    turn = turns[fault.turn]
    turns[fault.turn] = turn.model_copy(update={"labels": with_value(turn.labels, path, fault.before)})
    return session.model_copy(update={"turns": tuple(turns)})
