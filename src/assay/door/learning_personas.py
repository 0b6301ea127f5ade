"""learn consistency: train who words the user to stay one person all along."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay import __version__
from assay.door import persona_judges
from assay.door.learning_runs import missing_packages, need_own_folder, package_versions, reward_report, sha256_of
from assay.door.persona_frames import Parts, parts_of, start_folder
from assay.errors import BadInput
from assay.learning.base_weights import (
    VOTES_EXTRA,
    Base,
    check_base,
    chosen_device,
    chosen_threads,
    hush,
    need_extra,
    need_group_memory,
    open_base,
)
from assay.learning.consistency_card import card
from assay.learning.consistency_config import ConsistencyPlan, find_config, load_plan
from assay.learning.curves import log_rows, mend_log
from assay.learning.gguf_adapter import write_adapter
from assay.learning.persona_frames import Talk
from assay.records.base import rounded
from assay.records.storage import write_json
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.simulation import prompt
from assay.stats.intervals import cluster_mean

ADAPTER = "adapter.gguf"


def learn_by_personas(
    config: str | Path, directory: str | Path, *, data: str | Path | None, smoke: bool, dry_run: bool,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """`learn` with the method consistency (see there): returns the summary."""
    plan = load_plan(config)
    plan = plan.smoke() if smoke else plan
    folders = [*([Path(data)] if data is not None else []), find_config(config).parent]
    if data is not None and not folders[0].is_dir():
        raise BadInput("no such folder", where=str(data), now="name the folder of the session files in --data")
    parts = parts_of(plan, folders)
    if not dry_run or plan.base != "embedded":
        check_base(plan.base)
    if dry_run:
        return {
            "method": "consistency", "name": plan.name, "dry_run": True, **parts.row(),
            "missing": missing_packages(VOTES_EXTRA),
        }  # fmt: skip
    need_own_folder(directory)
    need_extra(VOTES_EXTRA)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    hush()
    base, device = open_base(plan.base), chosen_device(plan.device)
    many = plan.group if plan.method == "rl" else plan.batch
    need_group_memory(base.shape, longest=plan.longest, rank=plan.rank, group=many, device=device)
    start = start_folder(plan.start, base)
    with RunFolder(directory, make=True) as folder:
        folder.begin(
            "learn consistency", {"config": str(config), "smoke": smoke, **plan.row()},
            {
                "plan": plan.row(), "data": parts.files, "base": base.sha256,
                **({"start": start.sha256} if start is not None else {}),
            }, seed=plan.seed,
            packages_learn=package_versions(VOTES_EXTRA),
        )  # fmt: skip
        if not folder.has("config.yaml"):
            folder.keep("config.yaml", find_config(config).read_text(encoding="utf-8"))
        trial = smoke or str(config) == "consistency-smoke"
        adapter = None if start is None else start.opened(folder.path, base)
        return _Run(folder, plan, parts, base, device, adapter, trial, progress).go()


@dataclass(slots=True)
class _Run:
    """One run on consistency and all that is written about it."""

    folder: RunFolder
    plan: ConsistencyPlan
    parts: Parts
    base: Base
    device: str
    start: Path | None
    """Adapter that is gone on from."""
    smoke: bool
    progress: Progress
    began: float = field(default_factory=time.monotonic)

    def go(self) -> dict[str, Any]:
        """All stages that are not done yet; the summary."""
        import torch

        from assay.learning.consistency import Actor, Watch
        from assay.learning.rewarded import opened

        torch.set_num_threads(chosen_threads(self.plan.threads))
        mend_log(self.folder.path / "progress.jsonl")
        if not self.folder.is_done("train"):
            model, tokenizer = opened(self.base.folder, self.plan.rank, self.plan.seed, self.start, self.device)
            talker = self._talker(tokenizer)
            actor = Actor(
                plan=self.plan, talker=talker, builder=prompt, tokenizer=tokenizer, model=model,
                judge=persona_judges.by_words,
            )  # fmt: skip
            self._train(actor, Watch(actor, self.parts.held_out, self._line))
        summary = self._start() | self._measured()
        self._write(summary)
        return dict(rounded(summary))

    def _talker(self, tokenizer: Any) -> Any:
        from assay.learning.persona_rollouts import EngineTalker, TorchTalker, Voice

        plan = self.plan
        if plan.sampler == "engine" and not self.base.runs_embedded:
            raise BadInput("sampler: the engine runs another base", now="set `sampler: auto` or `torch`")
        voice = Voice(builder=prompt, temperature=plan.temperature, longest=plan.tokens)
        if plan.sampler == "engine" or (plan.sampler == "auto" and self.base.runs_embedded and self.device == "cpu"):
            return EngineTalker(self.base, voice)
        return TorchTalker(tokenizer, voice)

    def _line(self, line: dict[str, Any]) -> None:
        with self.folder.file("progress.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(rounded(line)) + "\n")
        notes = [f"{k} {line[k]:.3f}" for k in ("loss", "paid", "reward", "coverage", "degenerate") if k in line]
        notes += [f"ALARM: {a}" for a in line.get("alarms", ())]
        self.progress(self.plan.method, int(line["step"]), self.plan.steps, ", ".join(notes))
        if line["stage"] == "look":
            reward_report(self.folder.path, self._start())

    def _train(self, actor: Any, watch: Any) -> None:
        """Train to the end or to an alarm; where a kill left it, go on."""
        from assay.learning.consistency import trained
        from assay.learning.rewarded import newest

        path = self.folder.path
        found = newest(path)
        watch.taken_up(path / "progress.jsonl", int(found.name.split("-")[1]) if found else 0)
        if not watch.rows:
            if self.plan.frozen and self.base.runs_embedded and not self.folder.has("frozen.json"):
                self._frozen(actor)
            watch.see(0)
        began, speaking, spoken = time.monotonic(), actor.speaking, actor.spoken
        steps = trained(actor, self.parts.train, path, watch)
        took = time.monotonic() - began
        if watch.rows[-1]["step"] < steps:
            watch.see(steps)
        heads, kv_heads = self.base.heads
        about = {"assay.base.sha256": self.base.sha256, "assay.base.name": self.base.name}
        size = write_adapter(
            path / "final", path / ADAPTER, name=self.plan.name, heads=heads, kv_heads=kv_heads, about=about
        )
        self.folder.stage_done(
            "train", steps=steps, stopped=watch.stopped, seconds=round(took, 1), bytes=size,
            speaking_share=round((actor.speaking - speaking) / max(took, 1e-9), 3),
            spoken_per_second=round((actor.spoken - spoken) / max(actor.speaking - speaking, 1e-9), 1),
        )  # fmt: skip

    def _frozen(self, actor: Any) -> None:
        """What the frozen weights alone say in the held-out sessions."""
        from assay.learning.persona_rollouts import EngineTalker

        talker = EngineTalker(self.base, self._talker(actor.tokenizer).voice)
        talks = talker.talk(None, self.parts.held_out, self.plan.seed)
        write_json(self.folder.file("frozen.json"), {"lines": [list(t.lines) for t in talks]})

    def _start(self) -> dict[str, Any]:
        base = self.base
        return {
            "method": "consistency", "name": self.plan.name, "smoke": self.smoke, "version": __version__,
            "plan": self.plan.row(), "folder": str(self.folder.path), "packages": package_versions(VOTES_EXTRA),
            "base": {"name": base.name, "sha256": base.sha256, "embedded": base.runs_embedded}, **self.parts.row(),
            "judges": {
                "reward": "line rules and weighted word overlap",
                "evaluation": persona_judges.judge_name(self.parts.held_out),
            },
        }  # fmt: skip

    def _talks(self, lines: Sequence[Sequence[str]]) -> list[Talk]:
        return [Talk(f, tuple(said)) for f, said in zip(self.parts.held_out, lines, strict=True)]

    def _measured(self) -> dict[str, Any]:
        """The evaluation's figures of the first look, the last, the frozen weights and the scripted speakers."""
        looks = {row["step"]: row for row in log_rows(self.folder.path / "progress.jsonl") if row["stage"] == "look"}
        first, last = self._talks(looks[min(looks)]["lines"]), self._talks(looks[max(looks)]["lines"])
        before, after = persona_judges.measured(first), persona_judges.measured(last)
        frozen = self.folder.json("frozen.json")["lines"] if self.folder.has("frozen.json") else None
        spoken = persona_judges.scripted(self.parts.held_out)
        none = dict.fromkeys(persona_judges.FIGURES)
        self.folder.keep("held_out.jsonl", "".join(
            json.dumps(persona_judges.session_of(t).model_dump(mode="json", exclude_defaults=True)) + "\n" for t in last
        ))  # fmt: skip
        return {
            "measured": {
                "sessions": len(last), "before": persona_judges.means(before), "after": persona_judges.means(after),
                "difference": {n: _difference(before, after, n) for n in persona_judges.FIGURES},
                "frozen": persona_judges.means(persona_judges.measured(self._talks(frozen))) if frozen else none,
                "scripted": {k: persona_judges.means(persona_judges.measured(t)) for k, t in spoken.items()},
            },
            "looks": [
                {k: v for k, v in looks[i].items() if k not in ("stage", "lines")} for i in sorted(looks)
            ],
            "training": self.folder.run()["stages"]["train"],
            "adapter": {"file": ADAPTER, "sha256": sha256_of(self.folder.file(ADAPTER))},
            "seconds": round(time.monotonic() - self.began, 1),
        }  # fmt: skip

    def _write(self, summary: dict[str, Any]) -> None:
        summary["report"] = reward_report(self.folder.path, summary)
        self.folder.keep("README.md", card(summary))
        write_json(self.folder.file("summary.json"), rounded(summary))


def _difference(before: Sequence[Any], after: Sequence[Any], name: str) -> dict[str, Any] | None:
    """After less before, paired by session and clustered by persona."""
    pairs = [
        (getattr(b, name) - getattr(a, name), a.persona)
        for a, b in zip(before, after, strict=True)
        if getattr(a, name) is not None and getattr(b, name) is not None
    ]
    if not pairs:
        return None
    found = cluster_mean(np.array([d for d, _ in pairs]), [p for _, p in pairs], proportion=False)
    return {"point": found.point, "low": found.low, "high": found.high, "n": len(pairs)}
