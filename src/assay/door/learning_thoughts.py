"""learn dro: train what a user is about to do by the words that people really said next; no verifier, no labels."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay import __version__
from assay.door.learning_runs import (
    missing_packages,
    need_own_folder,
    package_versions,
    reward_report,
    sha256_of,
    start_adapter,
)
from assay.errors import BadInput
from assay.learning.base_weights import (
    VOTES_EXTRA,
    Base,
    check_base,
    chosen_device,
    chosen_threads,
    hush,
    need_extra,
    need_memory,
    open_base,
)
from assay.learning.data import terciles
from assay.learning.dro_config import DroPlan, find_config, load_plan
from assay.learning.gguf_adapter import write_adapter
from assay.learning.next_turns import NextTurn, next_turns
from assay.learning.sft_data import Corpus, read_corpus
from assay.records.base import rounded
from assay.records.storage import write_json
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.simulation import prompt
from assay.stats.intervals import cluster_mean

ADAPTER = "adapter.gguf"


def learn_by_thoughts(
    config: str | Path, directory: str | Path, *, data: str | Path | None, smoke: bool, dry_run: bool,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """`learn` with the method dro (see there): returns the summary."""
    plan = load_plan(config)
    plan = plan.smoke() if smoke else plan
    folders = [*([Path(data)] if data is not None else []), find_config(config).parent]
    if data is not None and not folders[0].is_dir():
        raise BadInput("no such folder", where=str(data), now="name the folder of the session files in --data")
    corpus = read_corpus(plan.corpus(), folders, sha256_of)
    trained, held_out = _turns(plan, corpus)
    start = start_adapter(plan.start)
    if not dry_run or plan.base != "embedded":
        check_base(plan.base)
    if dry_run:
        return {
            "method": "dro", "name": plan.name, "dry_run": True, **_told(corpus, trained, held_out),
            "missing": missing_packages(VOTES_EXTRA),
        }  # fmt: skip
    need_own_folder(directory)
    need_extra(VOTES_EXTRA)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    hush()
    base, device = open_base(plan.base), chosen_device(plan.device)
    need_memory(base.shape, longest=plan.longest + plan.thought + 60, rank=plan.rank, half=False, device=device)
    with RunFolder(directory, make=True) as folder:
        files = {share.file: share.sha256 for share in corpus.shares}
        folder.begin(
            "learn dro", {"config": str(config), "smoke": smoke, **plan.row()},
            {"plan": plan.row(), "data": files, "base": base.sha256}, seed=plan.seed,
            packages_learn=package_versions(VOTES_EXTRA),
        )  # fmt: skip
        if not folder.has("config.yaml"):
            folder.keep("config.yaml", find_config(config).read_text(encoding="utf-8"))
        trial = smoke or str(config) == "dro-smoke"
        return _Run(folder, plan, base, device, start, progress).go({
            "method": "dro", "name": plan.name, "smoke": trial, "version": __version__, "plan": plan.row(),
            "folder": str(folder.path), "packages": package_versions(VOTES_EXTRA),
            "base": {"name": base.name, "sha256": base.sha256, "embedded": base.runs_embedded},
            **_told(corpus, trained, held_out),
        }, trained, held_out)  # fmt: skip


def _turns(plan: DroPlan, corpus: Corpus) -> tuple[list[NextTurn], list[NextTurn]]:
    """Turns to train on, and turns of held-out sessions. Raises BadInput where there are too few."""
    train = corpus.train
    cuts = terciles([s for s in train if s.goals] or train)
    rng = np.random.default_rng([plan.seed, 31])
    found = next_turns(prompt, train, cuts, plan.most, plan.longest, rng)
    group = next(iter(corpus.groups().values()), [])
    held = next_turns(prompt, group, cuts, plan.held_out, plan.longest, rng)
    for what, some in (("trained on", found), ("held out", held)):
        if len(some) < 2:
            raise BadInput(
                f"{len(some)} human turns to be {what} fit in {plan.longest} tokens, and 2 are needed",
                where=", ".join(s.file for s in plan.data), now="give more sessions, or raise `longest`",
            )  # fmt: skip
    return found, held


def _told(corpus: Corpus, trained: list[NextTurn], held_out: list[NextTurn]) -> dict[str, Any]:
    return {"data": [s.row() for s in corpus.shares], "turns": {"trained": len(trained), "held_out": len(held_out)}}


@dataclass(slots=True)
class _Run:
    """One run on thoughts and all that is written about it."""

    folder: RunFolder
    plan: DroPlan
    base: Base
    device: str
    start: Path | None
    progress: Progress
    began: float = field(default_factory=time.monotonic)
    known: dict[str, Any] = field(default_factory=dict)
    """What the summary says before training."""

    def go(self, summary: dict[str, Any], asked: list[NextTurn], held_out: list[NextTurn]) -> dict[str, Any]:
        """All stages that are not done yet; the summary."""
        import torch

        from assay.learning.dro import Kept, Observer, Rewarder, Thinker
        from assay.learning.rewarded import newest, opened

        self.known = dict(summary)
        torch.set_num_threads(chosen_threads(self.plan.threads))
        if not self.folder.is_done("train"):
            model, tokenizer = opened(self.base.folder, self.plan.rank, self.plan.seed, self.start, self.device)
            thinker = Thinker(plan=self.plan, sampler=self._sampler(tokenizer), tokenizer=tokenizer, model=model)
            rewarder = Rewarder(thinker, {t.prompt: t for t in asked})
            observer = Observer(rewarder, Kept(asked, list(range(len(asked)))), held_out, self._line)
            found = newest(self.folder.path)
            done = int(found.name.split("-")[1]) if found else 0
            if not observer.taken_up(self.folder.path / "progress.jsonl", done):
                observer.look(0)
                observer.filter(0)
            self._train(observer)
        summary |= self._measured()
        summary["report"] = reward_report(self.folder.path, summary)
        write_json(self.folder.file("summary.json"), rounded(summary))
        return dict(rounded(summary))

    def _sampler(self, tokenizer: Any) -> Any:
        from assay.learning.rollouts import EngineSampler, TorchSampler

        engine = self.base.runs_embedded and self.device == "cpu"
        if self.plan.sampler == "engine" and not self.base.runs_embedded:
            raise BadInput("sampler: the engine runs another base", now="set `sampler: auto` or `torch`")
        if self.plan.sampler == "engine" or (self.plan.sampler == "auto" and engine):
            return EngineSampler(self.base)
        return TorchSampler(tokenizer)

    def _line(self, line: dict[str, Any]) -> None:
        with self.folder.file("progress.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(rounded(line)) + "\n")
        notes = [f"{k} {line[k]:.3f}" for k in ("loss", "reward", "score", "ratio", "tokens") if k in line]
        self.progress("thoughts", int(line["step"]), self.plan.steps, ", ".join(notes))
        if line["stage"] == "look":
            reward_report(self.folder.path, self.known)

    def _train(self, observer: Any) -> None:
        from assay.learning.dro import trained

        path, began = self.folder.path, time.monotonic()
        thinker = observer.rewarder.thinker
        drawing = thinker.drawing
        steps = trained(observer, path)
        took = time.monotonic() - began
        heads, kv_heads = self.base.heads
        about = {"assay.base.sha256": self.base.sha256, "assay.base.name": self.base.name}
        size = write_adapter(
            path / "final", path / ADAPTER, name=self.plan.name, heads=heads, kv_heads=kv_heads, about=about
        )
        self.folder.stage_done(
            "train", steps=steps, seconds=round(took, 1), bytes=size, drawn=thinker.drawn,
            drawing_share=round((thinker.drawing - drawing) / max(took, 1e-9), 3),
        )  # fmt: skip

    def _measured(self) -> dict[str, Any]:
        """The curve of looks, and the gain on held-out turns from the first to the last, by turn."""
        rows = [json.loads(x) for x in self.folder.file("progress.jsonl").read_text(encoding="utf-8").splitlines()]
        looks = {row["step"]: row for row in rows if row["stage"] == "look"}
        first, last = looks[min(looks)], looks[max(looks)]
        gain = np.array(last["scores"]) - np.array(first["scores"])
        found = cluster_mean(gain, list(range(len(gain))), proportion=False)
        return {
            "looks": [{k: v for k, v in looks[i].items() if k not in ("stage", "scores")} for i in sorted(looks)],
            "gain": {"point": found.point, "low": found.low, "high": found.high},
            "training": self.folder.run()["stages"]["train"],
            "adapter": {"file": ADAPTER, "sha256": sha256_of(self.folder.file(ADAPTER))},
            "seconds": round(time.monotonic() - self.began, 1),
        }  # fmt: skip
