"""learn ttrl: train a reader of sessions on its own majority votes; judged first, watched always."""

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
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
from assay.errors import BadInput, Refused
from assay.importing.sessions import import_sessions as read_sessions
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
from assay.learning.gguf_adapter import write_adapter
from assay.learning.questions import Question, distinct, drawn, questions, without_overlap
from assay.learning.ttrl_config import QuestionSource, TtrlPlan, find_config, load_plan
from assay.learning.votes import LEAST_GOLD, Gate, Outlook, fate, outlook
from assay.learning.votes_card import card
from assay.records.base import rounded
from assay.records.storage import write_json
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder

RESAMPLES = 2000
ADAPTER = "adapter.gguf"
TOKEN = 4.0
"""Characters of a token of plain text, about: a prompt longer than that many times `longest` is left out."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Questions by what they are for."""

    warm: tuple[Question, ...]
    voted: tuple[Question, ...]
    gold: tuple[Question, ...]
    files: dict[str, str]
    """File -> sha256."""
    licences: tuple[str, ...]
    left_out: int
    """Questions that are too long."""


def learn_by_votes(
    config: str | Path, directory: str | Path, *, data: str | Path | None, smoke: bool, dry_run: bool,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """`learn` with the method ttrl (see there): returns the summary.

    First the votes are judged on questions with known answers; training on them is Refused, with the figures left in
    summary.json, where the rewards do not prefer right answers, or where a wrong vote pays wrong answers (always so
    with two classes).
    """
    plan = load_plan(config)
    plan = plan.smoke() if smoke else plan
    folders = [*([Path(data)] if data is not None else []), find_config(config).parent]
    if data is not None and not folders[0].is_dir():
        raise BadInput("no such folder", where=str(data), now="name the folder of the session files in --data")
    parts = parts_of_plan(plan, folders, smoke or str(config) == "ttrl-smoke")
    start = start_adapter(plan.start)
    if not dry_run or plan.base != "embedded":
        check_base(plan.base)
    if dry_run:
        return {
            "method": "ttrl", "name": plan.name, "dry_run": True, **_told(parts),
            "missing": missing_packages(VOTES_EXTRA),
        }  # fmt: skip
    need_own_folder(directory)
    need_extra(VOTES_EXTRA)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    hush()
    base, device = open_base(plan.base), chosen_device(plan.device)
    need_memory(base.shape, longest=plan.longest + plan.answer, rank=plan.rank, half=False, device=device)
    with RunFolder(directory, make=True) as folder:
        trial = smoke or str(config) == "ttrl-smoke"
        folder.begin(
            "learn ttrl", {"config": str(config), "smoke": smoke, **plan.row()},
            {
                "plan": plan.row(), "data": parts.files, "base": base.sha256,
                **({"start": sha256_of(start / "adapter_model.safetensors")} if start else {}),
            }, seed=plan.seed,
            packages_learn=package_versions(VOTES_EXTRA),
        )  # fmt: skip
        if not folder.has("config.yaml"):
            folder.keep("config.yaml", find_config(config).read_text(encoding="utf-8"))
        return _Run(folder, plan, parts, base, device, start, trial, progress).go()


def parts_of_plan(plan: TtrlPlan, folders: Sequence[Path], trial: bool) -> Parts:
    """The questions of a plan. Raises BadInput where a part has none, or two parts share one."""
    files: dict[str, str] = {}
    licences: set[str] = set()

    def asked(sources: Sequence[QuestionSource]) -> list[Question]:
        found = []
        for source in sources:
            path = _find(source.file, folders)
            files[source.file] = sha256_of(path)
            sessions = list(read_sessions(path, None))
            licences.update(s.licence or "not stated" for s in sessions)
            found += questions(sessions, names=source.names, speaker=source.speaker, slots=source.slots)
        return distinct(found)

    warm, pool, gold = asked(plan.warm), asked(plan.data), asked(plan.gold)
    many = len(warm) + len(pool) + len(gold)
    warm, pool, gold = ([q for q in some if len(q.prompt) <= TOKEN * plan.longest] for some in (warm, pool, gold))
    rng = np.random.default_rng([plan.seed, 11])
    voted = drawn(pool, plan.most, rng)
    if not plan.gold:
        taken = {q.id for q in voted}
        gold = [q for q in pool if q.id not in taken]
    gold = drawn(gold, LEAST_GOLD if not trial else 4, rng)
    for what, some, needed in (("data", voted, 2), ("gold", gold, 2 if trial else LEAST_GOLD), ("warm", warm, 1)):
        if len(some) < needed and (what != "warm" or plan.warm):
            raise BadInput(
                f"{what}: {len(some)} questions with an answer in the text, and {needed} are needed",
                where=", ".join(s.file for s in getattr(plan, what) or plan.data),
                now="give more sessions with told slots, or raise `longest`",
            )
    without_overlap([*voted, *gold], warm, "warm")
    without_overlap(voted, gold, "gold")
    return Parts(
        tuple(warm), tuple(voted), tuple(gold), files, tuple(sorted(licences)),
        many - len(warm) - sum(len(q.prompt) <= TOKEN * plan.longest for q in pool) - (len(gold) if plan.gold else 0),
    )  # fmt: skip


def _find(file: str, folders: Sequence[Path]) -> Path:
    tried = [Path(file)] if Path(file).is_absolute() else [folder / file for folder in folders]
    for path in tried:
        if path.is_file():
            return path
    raise BadInput("no such session file", where=str(tried[0]), now="name the folder of the files in --data")


def _told(parts: Parts) -> dict[str, Any]:
    return {
        "data": [{"file": f, "sha256": d, "licences": list(parts.licences)} for f, d in parts.files.items()],
        "questions": {
            "warm": len(parts.warm), "voted": len(parts.voted), "gold": len(parts.gold), "too_long": parts.left_out,
            "names": dict(Counter(q.name for q in parts.voted)),
        },
    }  # fmt: skip


@dataclass(slots=True)
class _Run:
    """One run on votes and all that is written about it."""

    folder: RunFolder
    plan: TtrlPlan
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

        from assay.learning.rewarded import opened
        from assay.learning.ttrl import Learner, Watch, trained, warmed

        torch.set_num_threads(chosen_threads(self.plan.threads))
        path, plan = self.folder.path, self.plan
        if plan.warm and not self.folder.is_done("warm"):
            model, tokenizer = opened(self.base.folder, plan.rank, plan.seed, self.start, self.device)
            warmed(model, tokenizer, plan, self.parts.warm, path / "warm", self._line)
            self.folder.stage_done("warm", steps=plan.warm_steps)
        model, tokenizer = opened(
            self.base.folder, plan.rank, plan.seed, path / "warm" if plan.warm else self.start, self.device
        )
        learner = Learner(plan=plan, sampler=self._sampler(tokenizer), tokenizer=tokenizer, model=model)
        watch = Watch(learner, self.parts.voted, self._line)
        summary = self._start()
        # a control is run beside an arm that was judged: its votes are not believed
        summary["outlook"] = self._judged(learner) if plan.reward == "votes" else None
        if summary["outlook"] is not None and summary["outlook"]["refused"] and not self.smoke:
            write_json(self.folder.file("summary.json"), rounded(summary))
            raise Refused(
                str(summary["outlook"]["refused"]), where=str(path / "summary.json"),
                now="ask for values with many answers, teach known ones first (`warm`), or take a stronger base",
            )  # fmt: skip
        if not self.folder.is_done("train"):
            self._train(learner, watch, trained)
        else:
            watch.taken_up(path / "progress.jsonl", plan.steps)
        summary |= self._measured(learner, watch)
        summary["report"] = reward_report(path, summary)
        self.folder.keep("README.md", card(summary))
        write_json(self.folder.file("summary.json"), rounded(summary))
        return dict(rounded(summary))

    def _sampler(self, tokenizer: Any) -> Any:
        from assay.learning.rollouts import EngineSampler, TorchSampler

        asked = self.plan.sampler
        if asked == "engine" and not self.base.runs_embedded:
            raise BadInput("sampler: the engine runs another base", now="set `sampler: auto` or `torch`")
        if asked == "engine" or (asked == "auto" and self.base.runs_embedded and self.device == "cpu"):
            return EngineSampler(self.base)
        return TorchSampler(tokenizer)

    def _start(self) -> dict[str, Any]:
        base = self.base
        return {
            "method": "ttrl", "name": self.plan.name, "smoke": self.smoke, "version": __version__,
            "plan": self.plan.row(), "folder": str(self.folder.path), "packages": package_versions(VOTES_EXTRA),
            "base": {"name": base.name, "sha256": base.sha256, "embedded": base.runs_embedded}, **_told(self.parts),
        }  # fmt: skip

    def _line(self, line: dict[str, Any]) -> None:
        with self.folder.file("progress.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(rounded(line)) + "\n")
        total = {"warm": self.plan.warm_steps}.get(str(line["stage"]), self.plan.steps)
        notes = [f"{k} {line[k]:.3f}" for k in ("loss", "reward", "majority", "right") if k in line]
        notes += [f"ALARM: {a}" for a in line.get("alarms", ())]
        self.progress("warm" if line["stage"] == "warm" else "votes", int(line["step"]), total, ", ".join(notes))
        if line["stage"] == "look":
            reward_report(self.folder.path, self._start())

    def _judged(self, learner: Any) -> dict[str, Any]:
        """The votes on questions with known answers, before any training on votes."""
        if self.folder.has("outlook.json"):
            return dict(self.folder.json("outlook.json"))
        look = learner.look(self.parts.gold, 0)
        found: Outlook = outlook(
            look.answers, look.doubts, [q.gold for q in self.parts.gold], Gate(),
            np.random.default_rng([self.plan.seed, 12]),
        )  # fmt: skip
        row = {k: getattr(found, k) for k in found.__slots__} | {"refused": found.refused}
        write_json(self.folder.file("outlook.json"), rounded(row))
        return row

    def _train(self, learner: Any, watch: Any, trained: Any) -> None:
        """Train to the end or to an alarm; where a kill left it, go on."""
        from assay.learning.rewarded import newest

        path = self.folder.path
        start = newest(path)
        watch.taken_up(path / "progress.jsonl", int(start.name.split("-")[1]) if start else 0)
        if not watch.looks:
            watch.see(0)
        began, drawing = time.monotonic(), learner.drawing
        steps = trained(learner, self.parts.voted, path, watch)
        took = time.monotonic() - began
        if watch.looks[-1].step < steps:
            watch.see(steps)
        heads, kv_heads = self.base.heads
        about = {"assay.base.sha256": self.base.sha256, "assay.base.name": self.base.name}
        size = write_adapter(
            path / "final", path / ADAPTER, name=self.plan.name, heads=heads, kv_heads=kv_heads, about=about
        )
        self.folder.stage_done(
            "train", steps=steps, stopped=watch.stopped, seconds=round(took, 1), bytes=size,
            drawing_share=round((learner.drawing - drawing) / max(took, 1e-9), 3), drawn_tokens=learner.drawn_tokens,
        )  # fmt: skip

    def _measured(self, learner: Any, watch: Any) -> dict[str, Any]:
        """What became of the voted questions, from the first look and the last, on the same dice."""
        asked, first, last = self.parts.voted, watch.looks[0], watch.looks[-1]
        right, label = last.right(asked), first.voted_right(asked)
        rng = np.random.default_rng([self.plan.seed, 13])
        stage = self.folder.run()["stages"]["train"]
        fates = Counter(fate(bool(a), bool(b)) for a, b in zip(label, last.voted_right(asked), strict=True))
        return {
            "before": {"right": float(first.right(asked).mean()), "voted_right": float(label.mean())},
            "after": {"right": float(right.mean()), "voted_right": float(last.voted_right(asked).mean())},
            "gain": _paired(right - first.right(asked), rng),
            "over_first_vote": _paired(right - label, rng),
            "fates": {name: fates.get(name, 0) for name in ("kept", "learned", "corrupted", "never")},
            "training": stage, "adapter": {"file": ADAPTER, "sha256": sha256_of(self.folder.file(ADAPTER))},
            "seconds": round(time.monotonic() - self.began, 1),
        }  # fmt: skip


def _paired(differences: Any, rng: np.random.Generator) -> dict[str, float]:
    """Mean difference over questions with its 95 % percentile interval over 2,000 draws of questions."""
    means = differences[rng.integers(0, len(differences), (RESAMPLES, len(differences)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"point": float(differences.mean()), "low": float(low), "high": float(high)}
