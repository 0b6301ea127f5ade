"""sample and certify: labels for people, answers back, a claim granted or refused."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.certification import costs
from assay.certification.answers import read_answers
from assay.certification.design import POOLED, Design
from assay.certification.one import Ask
from assay.certification.one import certify as certify_one
from assay.certification.sample import COLUMNS, draw
from assay.door.large_folder import labels_of_run, rewrite_labels, sessions_of
from assay.door.making import blueprint_of
from assay.door.trusting import certificate_of, labels_stage, write_certificate
from assay.errors import BadInput
from assay.exporting.votes import safe
from assay.records.base import digest
from assay.records.certificate import Certificate
from assay.records.core_acts import CORE_ACTS
from assay.records.storage import atomic_write, write_json
from assay.runs.folder import RunFolder


def codebook_of(folder: RunFolder) -> dict[str, dict[str, str]]:
    """Meanings shown to people: from the blueprint where there is one, and of the core acts."""
    book: dict[str, dict[str, str]] = {}
    if folder.has("blueprint.yaml"):
        blueprint = blueprint_of(folder)
        book["act"] = {name: act.means for name, act in blueprint.user_acts.items()}
        book["goal"] = {name: goal.words for name, goal in blueprint.goals.items()}
        used = {act.like for act in blueprint.user_acts.values()}
        book["core_act"] = {name: CORE_ACTS[name].meaning for name in sorted(used)}
    if folder.has("label_schema.json"):
        book |= {x["name"]: dict(x["values"]) for x in folder.json("label_schema.json")["labels"]}
    return book


def sample(
    directory: str | Path, n: int, out: str | Path, *, labels: Sequence[str] = (), tune: int = 0, planted: int = 0,
    claims: Sequence[str] = (POOLED,), alpha: float = 0.05, delta: float = 0.05, early_stop: bool = False,
    top: float = 1.0, outside: float = 0.0, unit: str = "label", about: str = "run", seed: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Draw `n` certify labels for people (`tune` and `planted` come on top) and write them as CSV.

    early_stop: answers may be looked at after every one. top: the claim is about that share of the labels, best ranks
    first; outside: that share of the draws goes to the others, for an overall error. unit: `session` draws n whole
    sessions; about: `new_sessions` claims of sessions yet to be made.

    Roles and truth stay in the run folder (sample.json). A further draw makes a new sample; the old one is kept as
    sample-1.json, ... Raises BadInput for a draw that is not possible.
    """
    with RunFolder(directory) as folder:
        if not folder.has("labels.jsonl"):
            labels_stage(folder)
        found, sessions = labels_of_run(folder), sessions_of(folder)
        codebook = codebook_of(folder)
        wanted = {x.name for x in found}
        design = Design(
            n=n, names=tuple(labels), tune=tune, planted=planted, claims=tuple(claims), alpha=alpha, delta=delta,
            early_stop=early_stop, top=top, outside=outside, unit=unit, about=about,  # type: ignore[arg-type]
            codebook={k: v for k, v in codebook.items() if k in wanted},
        )  # fmt: skip
        earlier = len(list(folder.path.glob("sample*.json")))
        base = int(folder.run().get("config", {}).get("seed", 0)) if seed is None else seed
        rng = np.random.default_rng([base, int(digest(["sample", earlier])[:16], 16)])
        rows, roles = draw(found, sessions, design, rng)
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, COLUMNS)
        writer.writeheader()
        # people open it in a spreadsheet, and the texts are a stranger's
        writer.writerows({k: safe(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows)
        asked = buffer.getvalue().encode("utf-8", "surrogatepass")
        atomic_write(Path(out), asked)
        atomic_write(folder.file("sample.csv"), asked)
        # the roles come last: a draw that stopped before them is the same draw when it is asked for again
        if folder.has("sample.json"):
            folder.file("sample.json").rename(folder.file(f"sample-{earlier}.json"))
        write_json(folder.file("sample.json"), roles)
        return {"rows": len(rows), "certify": n, "tune": tune, "planted": planted, "out": str(out)}


def certify(
    directory: str | Path, *, answers: str | Path | Sequence[str | Path] | None = None, alpha: float = 0.05,
    delta: float = 0.05, claims: Sequence[str] = (), estimand: str = "expressed", keep: float = 0.0,
) -> Certificate:  # fmt: skip
    """Open the answers to the run's sample: every asked claim is granted or refused, with what would be needed.

    Without answers the certificate says `not_requested` and what one would cost. Labels that a granted claim covers
    become `certified` in labels.jsonl. Raises BadAnswers, BadInput.
    """
    with RunFolder(directory) as folder:
        if not folder.has("labels.jsonl"):
            labels_stage(folder)
        labels = labels_of_run(folder)
        if answers is None:
            certificate = costs.not_requested(labels, alpha=alpha, delta=delta, before=certificate_of(folder))
            write_certificate(folder, certificate)
            return certificate
        if not folder.has("sample.json"):
            raise BadInput(
                "no sample was drawn from this run",
                where=str(folder.path),
                now="assay sample DIR -n 150 --out SAMPLE.csv",
            )
        before = certificate_of(folder)
        ask = Ask(alpha=alpha, delta=delta, claims=tuple(claims), estimand=estimand, keep=keep)  # type: ignore[arg-type]
        files = [answers] if isinstance(answers, str | Path) else list(answers)
        rows = [row for file in files for row in read_answers(file)]
        certificate, updated = certify_one(labels, folder.json("sample.json"), rows, ask, before)
        write_certificate(folder, certificate)
        rewrite_labels(folder, labels, updated)
        return certificate


def plan(
    directory: str | Path, *, alpha: float = 0.05, delta: float = 0.05, claims: Sequence[str] = (POOLED,)
) -> dict[str, Any]:
    """What a certificate would cost, in answers."""
    labels = labels_of_run(RunFolder(directory))
    return costs.plan(labels, claims=claims, alpha=alpha, delta=delta)
