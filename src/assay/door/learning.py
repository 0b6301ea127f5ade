"""learn: train a user model from a configuration, in a folder that a killed run goes on in."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay import __version__
from assay.door.learning_personas import learn_by_personas
from assay.door.learning_runs import missing_packages, need_own_folder, package_versions, sha256_of
from assay.door.learning_thoughts import learn_by_thoughts
from assay.door.learning_votes import learn_by_votes
from assay.door.making import WORDING
from assay.door.sync import run_sync
from assay.errors import BadInput
from assay.learning.base_weights import (
    check_base,
    chosen_device,
    chosen_half,
    hush,
    need_extra,
    need_memory,
    open_base,
)
from assay.learning.curves import Curves, alarms, read_curves
from assay.learning.figures import Case, cases, realised
from assay.learning.model_card import card
from assay.learning.sft_config import find_config, load_plan
from assay.learning.sft_data import Corpus, read_corpus
from assay.learning.sft_run import HELD_OUT_SEED, Job, export, held_out_loss, train
from assay.records.storage import write_json
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.simulation import prompt

METHODS = ("sft", "consistency", "ttrl", "dro")
"""What can be trained."""
RECENT = 20
"""Steps whose mean loss the progress line shows."""


def learn(
    method: str, config: str | Path, directory: str | Path, *, data: str | Path | None = None, smoke: bool = False,
    dry_run: bool = False, progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Train by `method` as a YAML configuration says, into `directory`; returns the summary.

    method: sft (a user model on real human turns), consistency (a user who stays in keeping with its persona), ttrl (a
    reader of sessions on its own majority votes), or dro (what users are about to do, by the words that people really
    said next). config: a file, or the name of one that comes with assay (sft-smoke, sft-user-cpu, consistency-smoke,
    ttrl-smoke, ttrl-cpu and others). data:
    folder where relative files of the configuration are looked for first. smoke: a few steps instead, two minutes at
    most. dry_run: only say what would be trained on; needs no torch and writes nothing. Killed at any moment, the same
    call goes on from the last checkpoint with the same dice.

    Raises BadInput for a configuration, licence, split, base or machine that will not do, in this order, before
    anything is written; RunMismatch for a folder of another configuration; Refused when the loss is not a number, and
    for votes that would teach errors.
    """
    if method not in METHODS:
        raise BadInput(f"no method {method!r} in this version", where="assay learn", now=f"one of {', '.join(METHODS)}")
    if method == "ttrl":
        return learn_by_votes(config, directory, data=data, smoke=smoke, dry_run=dry_run, progress=progress)
    if method == "consistency":
        return learn_by_personas(config, directory, data=data, smoke=smoke, dry_run=dry_run, progress=progress)
    if method == "dro":
        return learn_by_thoughts(config, directory, data=data, smoke=smoke, dry_run=dry_run, progress=progress)
    plan = load_plan(config)
    plan = plan.smoke() if smoke else plan
    folders = [*([Path(data)] if data is not None else []), find_config(config).parent]
    if data is not None and not folders[0].is_dir():
        raise BadInput("no such folder", where=str(data), now="name the folder of the session files in --data")
    corpus = read_corpus(plan, folders, sha256_of)
    if not dry_run or plan.base != "embedded":
        check_base(plan.base)
    if dry_run:
        return {
            "method": method,
            "name": plan.name,
            "dry_run": True,
            **_told(corpus),
            "missing": missing_packages(),
        }
    need_own_folder(directory)
    need_extra()
    # read by the OpenMP runtime when torch is loaded: waiting threads that spin take the cores from everybody else
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    hush()
    base, device = open_base(plan.base), chosen_device(plan.device)
    half = chosen_half(plan.precision, device)
    need_memory(base.shape, longest=plan.longest, rank=plan.rank, half=half, device=device)
    with RunFolder(directory, make=True) as folder:
        trial = smoke or str(config) == "sft-smoke"
        run = _Run(folder, Job(plan, corpus, base, folder.path, prompt), method, trial, progress)
        digests = {share.file: share.sha256 for share in corpus.shares}
        folder.begin(
            f"learn {method}", {"config": str(config), "smoke": smoke, **plan.row()},
            {"plan": plan.row(), "data": digests, "base": base.sha256}, seed=plan.seed,
            packages_learn=package_versions(),
        )  # fmt: skip
        if not folder.has("config.yaml"):
            folder.keep("config.yaml", find_config(config).read_text(encoding="utf-8"))
        return run.go()


@dataclass(slots=True)
class _Run:
    """One training run and all that is written about it."""

    folder: RunFolder
    job: Job
    method: str
    smoke: bool
    progress: Progress
    curves: Curves = field(default_factory=Curves)
    summary: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def go(self) -> dict[str, Any]:
        """All stages that are not done yet; the summary."""
        self.curves = read_curves(self.folder.file("progress.jsonl"))
        self.summary = self._start()
        kept = self.folder.json("summary.json") if self.folder.has("summary.json") else {}
        if not self.folder.is_done("train"):
            found = train(self.job, self._line, self._checkpoint)
            self.curves = read_curves(self.folder.file("progress.jsonl"))
            self.summary["adapter"] = export(self.job, found)
            self.folder.stage_done("train", checkpoint=found.name, steps=self.curves.steps)
        else:
            self.summary["adapter"] = kept.get("adapter")
        if not self.folder.is_done("measure"):
            self.progress("measure", 0, 2, "held-out loss")
            found = self.folder.path / self.folder.run()["stages"]["train"]["checkpoint"]
            self.summary["adapter"] = export(self.job, found)
            self.summary["held_out"] = held_out_loss(self.job, found)
            self.progress("measure", 1, 2, "words in the engine")
            self.summary["words"] = self._words()
            self.progress("measure", 2, 2)
            self._write()
            self.folder.stage_done("measure")
        else:
            self.summary |= {k: kept.get(k) for k in ("held_out", "words", "adapter")}
            self._write()
        return self.summary

    def _start(self) -> dict[str, Any]:
        settings, plan, base = self.job.settings(), self.job.plan, self.job.base
        return {
            "method": self.method, "name": plan.name, "smoke": self.smoke, "version": __version__,
            "plan": plan.row(), "folder": str(self.folder.path), "packages": package_versions(),
            "base": {"name": base.name, "sha256": base.sha256, "embedded": base.runs_embedded},
            "machine": {
                "precision": "bf16" if settings.half else "fp32", "device": settings.device,
                "threads": settings.threads,
            },
            **_told(self.job.corpus),
            "adapter": None, "held_out": {}, "words": None,
        }  # fmt: skip

    def _line(self, line: dict[str, Any]) -> None:
        """A line of the log: keep the curves up to date and tell how far it is."""
        self.curves.take(line)
        plan, curves = self.job.plan, self.curves
        recent = [v for _, v in curves.loss[-RECENT:]]
        notes = [f"loss {np.mean(recent):.3f}"] if recent else []
        notes += [f"held-out ({name}) {p[-1][1]:.3f}" for name, p in curves.held_out.items() if p]
        notes += [f"{curves.speed:.0f} tokens/s"] if curves.seconds else []
        notes += [f"ALARM: {a}" for a in alarms(curves)[:1]]
        done, total = int(line["step"]), plan.steps or 0
        if plan.minutes is not None:
            done, total = int(line["seconds"]), int(60 * plan.minutes)
            notes.insert(0, f"step {line['step']}")
        self.progress("train", min(done, total), total, ", ".join(notes))

    def _checkpoint(self, found: Path) -> None:
        """Export what there is, so that it can be tried while training goes on, and draw the curves."""
        self.summary["adapter"] = export(self.job, found)
        self._write()

    def _words(self) -> dict[str, Any] | None:
        """What the adapter and the bare model say to held-out prompts, in the engine that will run it."""
        job = self.job
        if not job.plan.prompts or not job.base.runs_embedded:
            return None
        group, sessions = next(iter(job.corpus.groups().items()))
        rng = np.random.default_rng(HELD_OUT_SEED)
        asked = cases(job.builder, sessions, job.cuts, job.plan.prompts, rng)
        if not asked:
            return None
        adapter = _say(f"embedded:{self.folder.file(self.summary['adapter']['file'])}", asked)
        sampling = f"temperature {WORDING.temperature:g}, top p {WORDING.top_p:g}"
        return {"group": group, "sampling": sampling, **realised(asked, adapter, _say("embedded-base", asked))}

    def _write(self) -> None:
        """summary.json, the model card and the report, from what is known."""
        from assay.pages.learning import write_learning_report

        curves, plan = self.curves, self.job.plan
        self.summary |= {
            "training": {
                "steps": curves.steps, "tokens": curves.tokens, "seconds": round(curves.seconds, 1),
                "tokens_per_second": round(curves.speed, 1), "starts": curves.starts, **self.summary["machine"],
            },
            "alarms": alarms(curves),
            "allowed_licences": sorted(
                set(plan.allow_licences) & {x for share in self.job.corpus.shares for x in share.licences}
            ),
            "seconds": round(time.monotonic() - self.began, 1),
        }  # fmt: skip
        self.summary["report"] = str(write_learning_report(self.folder.path, self.summary, curves))
        self.folder.keep("README.md", card(self.summary))
        write_json(self.folder.file("summary.json"), self.summary)


def _told(corpus: Corpus) -> dict[str, Any]:
    groups = {name: len(sessions) for name, sessions in corpus.groups().items()}
    return {"data": [s.row() for s in corpus.shares], "services": corpus.services(), "held_out_sessions": groups}


def _say(model: str, asked: Sequence[Case]) -> list[str]:
    """One sample of every prompt, seed 0, with the sampling of a run."""
    from dataclasses import replace

    from assay.models.model import Request
    from assay.models.resolve import resolve

    async def all_of_them() -> list[str]:
        found = resolve(model, slots=1)
        try:
            sampling = replace(WORDING, seed=0)
            requests = [Request(prompt=c.prompt, sampling=sampling, purpose="word") for c in asked]
            return [prompt.one_line((await found.complete(r)).text) for r in requests]
        finally:
            await found.close()

    return run_sync(all_of_them())
