"""label: annotators vote blind on sessions without labels; votes become distributions, ranks and tiers."""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation.pool import Pooled, decided, pooled, safe_top
from assay.aggregation.self_agreement import SelfAgreement, self_agreement
from assay.certification.costs import not_requested
from assay.door.annotating import Work, kinds_of, planned, readings
from assay.door.auditing import read_any
from assay.door.trusting import certificate_of, report, summary, write_certificate
from assay.errors import BadInput
from assay.records.base import digest, rounded
from assay.records.label import OTHER, Label, label_id
from assay.records.label_schema import Asked, AskedLabel, read_schema, targets_of
from assay.records.session import Session
from assay.records.storage import atomic_write, write_json, write_rows
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.verification.annotators.naming import Reading, votes

SCHEMA_FILE = "label_schema.json"
"""The schema as it was asked, in the folder."""
KEPT = 20
"""Values that a distribution keeps."""
PLAN_ERROR = 0.02
"""Error up to which the part of the labels that looks safe on gold is told (`plan_top`), for the draw of a sample."""
MADE_IT = "votes_made_it"
"""Reason of every tier here: the annotators that name a label are no evidence for it (METHODS 0)."""


def label(
    file: str | Path | Sequence[str | Path], schema: str | Path, out: str | Path, *, annotators: Sequence[str] = (),
    judges: Sequence[str] = (), gold: str | Path | None = None, learn_from: str | Path | None = None,
    limit: int = 0, draws: int = 3, seed: int = 0, method: str = "auto", max_cost: float | None = None,
    price: Sequence[str] = (), dry_run: bool = False, format: str | None = None,
    mapping: str | Path | None = None, progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Name the labels of a schema in sessions that have none. Returns the summary of INTERFACE.md.

    annotators: `nearest` (sentence embeddings), `human-turns` (the shipped reader of core acts), `trained:FILE,...`
    (labelled sessions of others), `votes:FILE.csv` (people), `python:module:callable`; by default human-turns for core
    acts and nearest for all else. judges: language models, read by option probabilities in `draws` orders on at most
    `limit` targets a label (200). gold: a CSV of known values; learn_from: an earlier folder whose answered
    `tune` sample is learnt from. Every label starts as `suspect`: what named it is no evidence for it; people's answers
    certify.

    The same call goes on where it was stopped. Raises BadInput, BadSessions, BadAnswers, RunMismatch, ProviderFailed.
    """
    began = time.monotonic()
    labels = read_schema(schema)
    files = [Path(f) for f in ([file] if isinstance(file, str | Path) else file)]
    work = Work(
        annotators=tuple(annotators), judges=tuple(judges), limit=limit, draws=draws, seed=seed, max_cost=max_cost,
        price=tuple(price),
    ).check()  # fmt: skip
    kinds_of(work, labels)
    sessions = _sessions(files, labels, mapping, format)
    places = {x.name: targets_of(x, sessions) for x in labels}
    targets = {name: found for name, (found, _) in places.items()}
    if not any(targets.values()):
        raise BadInput(
            "nothing to label: no turn of the speakers that the schema names", where=str(schema),
            now=f"`of:` is a speaker of the sessions ({', '.join(_speakers(sessions)[:6]) or 'none'}) or `session`",
        )  # fmt: skip
    if dry_run:
        return {"dry_run": True, "targets": {n: len(t) for n, t in targets.items()},
                "judges": planned(work, labels, targets, sessions)}  # fmt: skip
    if learn_from is not None and Path(learn_from).resolve() == Path(out).resolve():
        raise BadInput("--learn-from is the folder that is written", where=str(out), now="choose another --out")
    with RunFolder(out, make=True) as folder:
        known = _gold(labels, targets, gold, learn_from)
        config = {
            "sessions": digest([s.row() for s in sessions.values()]), "seed": seed, "method": method,
            "schema": digest([x.row() for x in labels]), "work": work.config(),
            "gold": digest([[n, sorted((i, sorted(v)) for i, v in g.items())] for n, g in sorted(known.items())]),
        }  # fmt: skip
        folder.begin("label", {"files": [str(f) for f in files], "schema": str(schema)}, config)
        write_rows(folder.file("sessions.jsonl"), sessions.values())
        write_json(folder.file(SCHEMA_FILE), {"schema": 1, "labels": [x.row() for x in labels]})
        read, usage = readings(folder, work, labels, targets, sessions, known, progress)
        found, about = _labels(labels, targets, read, known, method, seed)
        verdicts = _repeats(labels, targets, read, found)
        _write(folder, found, verdicts, labels, targets, read)
        folder.stage_done(
            "label", n=len(found), annotators=sorted({r.annotator for held in read.values() for r in held})
        )
        certificate = not_requested(found, before=certificate_of(folder))
        write_certificate(folder, certificate)
        path = report(folder.path)
    blank = {name: left for name, (_, left) in places.items() if left}
    skipped = [{"name": n, "reason": f"{left} blank turns or sessions"} for n, left in sorted(blank.items())]
    made = summary(found, verdicts, list(sessions.values()), time.monotonic() - began)
    return {
        **made, "sessions": len(sessions), "annotators": about, "not_checked": skipped, "usage": usage,
        "certificate": certificate.status, "report": str(path),
    }  # fmt: skip


def _sessions(
    files: Sequence[Path], labels: Sequence[AskedLabel], mapping: str | Path | None, format: str | None
) -> dict[str, Session]:
    """Session id -> session. Raises BadInput where a label that is asked for is there already."""
    sessions = {s.id: s for s in read_any(list(files), mapping, format)}
    for s in sessions.values():
        for x in labels:
            if x.name in s.session_labels or any(x.name in t.labels for t in s.turns):
                raise BadInput(
                    f"session {s.id} has a label {x.name!r} already", where=str(files[0]),
                    now="`assay audit` checks labels that are there; to name them anew call it otherwise in the schema",
                )  # fmt: skip
    if not sessions:
        raise BadInput("no sessions in the file", where=str(files[0]), now="one session a line")
    return sessions


def _speakers(sessions: Mapping[str, Session]) -> list[str]:
    return sorted({t.speaker for s in sessions.values() for t in s.turns})


def _gold(
    labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]], gold: str | Path | None,
    learn_from: str | Path | None,
) -> dict[str, dict[int, frozenset[int]]]:  # fmt: skip
    """Label name -> target -> value indices, of a gold file and of the tune answers of an earlier folder."""
    from assay.verification.annotators.people import gold_of, read_rows

    found: dict[str, dict[int, frozenset[str]]] = {}
    if gold is not None:
        found = gold_of(read_rows(gold, ("label",)), labels, targets)
    if learn_from is not None:
        from assay.door.learning_answers import tune_answers

        rows = tune_answers(Path(learn_from), labels)
        for name, held in gold_of(rows, labels, targets).items():
            found.setdefault(name, {}).update(held)
    place = {x.name: {v: k for k, v in enumerate(x.values)} for x in labels}
    return {n: {i: frozenset(place[n][v] for v in held) for i, held in g.items()} for n, g in found.items()}


def _labels(
    labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]], read: Mapping[str, Sequence[Reading]],
    known: Mapping[str, Mapping[int, frozenset[int]]], method: str, seed: int,
) -> tuple[list[Label], dict[str, Any]]:  # fmt: skip
    """The label records, and per name what the consensus says of the annotators."""
    made: list[Label] = []
    about: dict[str, Any] = {}
    for x in labels:
        agree = {r.annotator: self_agreement(r.draws, np.random.default_rng([seed, 17])) for r in read[x.name]}
        held = heard(read[x.name], agree)
        column = {v: k for k, v in enumerate(x.values)}
        cast = [(i, r.annotator, column[v]) for r in held for i, v in votes(r, x)]
        shape = (len(targets[x.name]), len(x.values))
        pool = pooled(cast, {r.annotator: r.p for r in held}, shape, sets=x.kind == "set",
                      gold=known.get(x.name), method=method, seed=seed)  # fmt: skip
        made += _records(x, targets[x.name], pool, known.get(x.name, {}))
        about[x.name] = {
            "annotators": {r.annotator: _told_of(r, agree[r.annotator], held) for r in read[x.name]},
            "learnt_on": pool.learnt_on,
            "plan_top": safe_top(pool.p, known.get(x.name, {}), PLAN_ERROR, sets=x.kind == "set"),
            "consensus": _named(pool.summary, x),
        }  # fmt: skip
    return made, rounded(about)


def heard(read: Sequence[Reading], agree: Mapping[str, SelfAgreement | None]) -> list[Reading]:
    """The annotators that count: not who, asked again, names other values as often as chance would, if others are left.

    Without gold two voices cannot say which one errs; repeated draws can say who has not read.
    """
    kept = [r for r in read if (a := agree[r.annotator]) is None or a.shown]
    return kept if any(r.spoke().any() for r in kept) else list(read)


def _told_of(reading: Reading, agreement: SelfAgreement | None, heard: Sequence[Reading]) -> dict[str, Any]:
    told: dict[str, Any] = {"targets": int(reading.spoke().sum()), **reading.about}
    if agreement is not None:
        told["self_agreement"] = {"kappa": agreement.kappa, "low": agreement.low, "targets": agreement.targets}
        told["heard"] = any(r is reading for r in heard)
    return told


def _named(told: Mapping[str, Any], x: AskedLabel) -> dict[str, Any]:
    """The consensus summary, with values of a set by name."""
    values = list(x.values)
    return {values[int(k)] if k.isdigit() else k: v for k, v in told.items()}


def _records(x: AskedLabel, targets: Sequence[Asked], pool: Pooled, gold: Mapping[int, frozenset[int]]) -> list[Label]:
    values = list(x.values)
    named, rank = decided(pool.p, sets=x.kind == "set", may_be_empty=x.may_be_empty)
    out = []
    for i, target in enumerate(targets):
        told = gold.get(i)
        chosen = tuple(sorted(told)) if told is not None else named[i]
        if told is None and np.isnan(pool.p[i]).all():
            continue
        value: Any = sorted(values[k] for k in chosen) if x.kind == "set" else values[chosen[0]]
        row = {v: 1.0 for v in (values[k] for k in chosen)} if told is not None else _distribution(x, pool.p[i])
        out.append(
            Label(
                id=label_id(target.session, target.turn, x.name),
                session=target.session,
                turn=target.turn,
                name=x.name,
                kind=x.kind,
                value=value,
                source="consensus" if told is None else "human",
                realised=value if told is None else None,
                read=value if told is not None else None,
                distribution=row,
                rank_score=1.0 if told is not None else round(float(rank[i]), 6),
                tier="suspect",
                reasons=(MADE_IT,),
            )
        )
    return out


def _distribution(x: AskedLabel, p: np.ndarray[Any, Any]) -> dict[str, float]:
    """Value -> probability: the 20 likeliest, the rest of a category as `__other__`."""
    order = sorted(range(len(p)), key=lambda k: (-np.nan_to_num(p[k]), k))
    values = list(x.values)
    kept = {values[k]: float(p[k]) for k in order[:KEPT] if p[k] >= 5e-7}
    rest = 1 - sum(kept.values()) if x.kind == "category" else 0.0
    return {**kept, **({OTHER: rest} if rest > 5e-6 else {})}


def _repeats(
    labels: Sequence[AskedLabel], targets: Mapping[str, Sequence[Asked]], read: Mapping[str, Sequence[Reading]],
    made: Sequence[Label],
) -> list[Verdict]:  # fmt: skip
    """RE01: where an annotator read a target several times, how far its first choices agree."""
    ids = {x.id for x in made}
    found = []
    for x in labels:
        for r in read[x.name]:
            if len(r.draws) < 2:
                continue
            for i, target in enumerate(targets[x.name]):
                firsts = [int(p[i].argmax()) for p in r.draws if not np.isnan(p[i]).all()]
                if len(firsts) < 2 or label_id(target.session, target.turn, x.name) not in ids:
                    continue
                modal = max(firsts.count(k) for k in firsts) / len(firsts)
                found.append(
                    Verdict(
                        code="RE01",
                        session=target.session,
                        turn=target.turn,
                        name=x.name,
                        score=modal,
                        status="supported" if modal > 0.5 else "not_evidenced",
                        by=r.annotator,
                    )
                )
    return found


def _write(
    folder: RunFolder, made: Sequence[Label], verdicts: Sequence[Verdict], labels: Sequence[AskedLabel],
    targets: Mapping[str, Sequence[Asked]], read: Mapping[str, Sequence[Reading]],
) -> None:  # fmt: skip
    """labels.jsonl, verdicts.jsonl and votes.csv. Labels that people's answers went into stay as they are."""
    write_rows(folder.file("verdicts.jsonl"), verdicts)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("item", "annotator", "label"))
    for x in labels:
        ids = [label_id(t.session, t.turn, x.name) for t in targets[x.name]]
        for r in read[x.name]:
            writer.writerows((ids[i], r.annotator, v) for i, v in votes(r, x))
    atomic_write(folder.file("votes.csv"), buffer.getvalue().encode("utf-8"))
    status = {v_id(v): {v.code: v.status} for v in verdicts}
    before = certificate_of(folder)
    if before is None or not before.looks:
        with_checks = partial(_with_checks, status=status)
        write_rows(folder.file("labels.jsonl"), map(with_checks, made))


def v_id(verdict: Verdict) -> str:
    """Id of the label that a verdict speaks of."""
    return label_id(verdict.session, verdict.turn, verdict.name or "")


def _with_checks(label: Label, status: Mapping[str, Any]) -> Label:
    held = status.get(label.id)
    return label if held is None else label.model_copy(update={"verdicts": held})
