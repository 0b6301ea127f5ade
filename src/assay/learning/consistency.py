"""Training a user on the consistency of whole sessions with its persona (METHODS 11.2; 2511.00222), on GRPO of trl.

Every step speaks some sessions with the model as it is; the partner's tokens are part of each sequence and masked, the
user's are trained. The baselines are here too: the same sessions once, their accepted lines taught (SFT), or accepted
and rejected ones (KTO). Imports torch, transformers, peft and trl: only learning verbs may import it.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, disable_progress_bars
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from assay.errors import NotEnoughData
from assay.learning import persona_reward
from assay.learning.consistency_config import ConsistencyPlan
from assay.learning.curves import log_rows
from assay.learning.persona_frames import Frame, Talk, pieces, rendered
from assay.learning.persona_reward import Idle, Judge, Prices, Scores
from assay.learning.persona_rollouts import Talker, mean_doubt
from assay.learning.rewarded import POLICY, Lines, Told, machine, newest, paid_along, without_chatter
from assay.records.base import digest

KTO_BETA = 0.1
LEAST_LINES = 2
"""Accepted lines (and rejected ones, for kto) below which there is nothing to teach."""


@dataclass(slots=True, kw_only=True)
class Actor:
    """The model, who speaks for it, who judges, and the clock of speaking."""

    plan: ConsistencyPlan
    talker: Talker
    builder: Any
    tokenizer: Any
    model: Any
    judge: Judge
    speaking: float = 0.0
    """Seconds spent on speaking."""
    spoken: int = 0
    """Tokens that were spoken."""

    def talk(self, frames: Sequence[Frame], seed: int) -> list[Talk]:
        """One session a frame, by the model as it is."""
        began = time.monotonic()
        found = self.talker.talk(self.model, frames, seed)
        self.speaking += time.monotonic() - began
        self.spoken += sum(t.tokens for t in found)
        return found

    def judged(self, talks: Sequence[Talk]) -> list[Scores]:
        """The reward's judge on some sessions."""
        return persona_reward.judged(self.judge, talks)

    def paid(self, scores: Sequence[Scores]) -> list[float]:
        """What the sessions are worth."""
        return [persona_reward.pay(s, Prices(floor=self.plan.floor)) for s in scores]

    def ids(self, text: str) -> list[int]:
        """Token ids."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def sequence(self, talk: Talk) -> tuple[list[int], list[int], list[int]]:
        """(prompt, completion, mask) of a session: the mask is 1 on the user's tokens alone."""
        prompt, parts = pieces(self.builder, talk)
        completion: list[int] = []
        mask: list[int] = []
        for text, own in parts:
            ids = self.ids(text)
            completion += ids
            mask += [int(own)] * len(ids)
        return self.ids(prompt), completion, mask


@dataclass(slots=True)
class Round:
    """One step's sessions and their rewards, in the form that trl takes."""

    actor: Actor
    frames: Mapping[str, Frame]
    """First prompt -> frame."""
    idle: Idle = field(default_factory=Idle)
    last: dict[str, Any] = field(default_factory=dict)

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, list[Any]]:
        """Sessions of the prompts as they come, each repeated `group` times; masks and rewards ride along."""
        actor, step = self.actor, int(trainer.state.global_step)
        frames = [self.frames[p] for p in prompts]
        talks = actor.talk(frames, int(digest([actor.plan.seed, "round", step])[:7], 16))
        scores = actor.judged(talks)
        own = actor.paid(scores)
        places: dict[str, list[int]] = {}
        for i, frame in enumerate(frames):
            places.setdefault(frame.id, []).append(i)
        paid = [0.0] * len(own)
        for name, where in places.items():
            rng = np.random.default_rng(int(digest([actor.plan.seed, "paid", step, name])[:15], 16))
            given = persona_reward.paid_for(actor.plan.reward, [own[i] for i in where], rng)
            for i, value in zip(where, given, strict=True):
                paid[i] = value
        idle = self.idle.see([[paid[i] for i in where] for where in places.values()], step)
        self.last = told_of(talks, scores) | {"paid": float(np.mean(own)), "idle": idle, "spoken": actor.spoken}
        return self._rows(talks, paid)

    def _rows(self, talks: Sequence[Talk], paid: Sequence[float]) -> dict[str, list[Any]]:
        out: dict[str, list[Any]] = {k: [] for k in ("prompt_ids", "completion_ids", "logprobs", "env_mask", "paid")}
        for talk, value in zip(talks, paid, strict=True):
            prompt, completion, mask = self.actor.sequence(talk)
            out["prompt_ids"].append(prompt)
            out["completion_ids"].append(completion)
            out["logprobs"].append([0.0] * len(completion))
            out["env_mask"].append(mask)
            out["paid"].append(float(value))
        return out


def told_of(talks: Sequence[Talk], scores: Sequence[Scores]) -> dict[str, float]:
    """Means of the scores, words a line and doubt of some sessions."""
    names = ("co01", "co02", "co03", "coverage", "degenerate")
    found = {name: float(np.mean([getattr(s, name) for s in scores])) for name in names}
    lines = [line for t in talks for line in t.lines]
    return found | {"words": float(np.mean([len(x.split()) for x in lines])), "doubt": mean_doubt(talks)}


@dataclass(slots=True)
class Watch:
    """Looks at held-out personas every few steps with the same dice, and the alarms."""

    actor: Actor
    frames: Sequence[Frame]
    told: Told
    rows: list[dict[str, Any]] = field(default_factory=list)
    stopped: str | None = None

    def see(self, step: int) -> list[str]:
        """Look once; the alarms."""
        talks = self.actor.talk(self.frames, int(digest([self.actor.plan.seed, "look"])[:7], 16))
        scores = self.actor.judged(talks)
        row = {
            "stage": "look", "step": step, **told_of(talks, scores), "reward": float(np.mean(self.actor.paid(scores))),
            "lines": [list(t.lines) for t in talks],
        }  # fmt: skip
        self.rows.append(row)
        rung = persona_reward.alarms(self.rows[0], row)
        self.told({**row, "alarms": rung})
        return rung

    def taken_up(self, log: Path, step: int) -> None:
        """Read the looks of a killed run up to the step that it goes on from."""
        for row in log_rows(log):
            if row.get("stage") == "look" and row["step"] <= step:
                self.rows = [x for x in self.rows if x["step"] < row["step"]] + [row]


class _Steps(TrainerCallback):  # type: ignore[misc]
    """After every step: what was paid; every few: a look, and the end when an alarm rings."""

    def __init__(self, watch: Watch, round_: Round | None = None) -> None:
        self.watch, self.round = watch, round_

    def on_step_end(self, args: Any, state: Any, control: Any, **kw: Any) -> Any:
        """Looks when one is due."""
        step, plan = int(state.global_step), self.watch.actor.plan
        if self.round is not None:
            self.watch.told({"stage": "step", "step": step, **self.round.last})
        if step % plan.look_steps == 0 or step == plan.steps:
            rung = self.watch.see(step)
            if rung and plan.stop_on_alarm and step < plan.steps:
                self.watch.stopped = rung[0]
                control.should_training_stop = control.should_save = True
        return control


def trained(actor: Actor, frames: Sequence[Frame], out: Path, watch: Watch) -> int:
    """Train by the plan's method to the end, or go on from the newest checkpoint; the steps done."""
    plan = actor.plan
    disable_progress_bars()
    common = {
        "output_dir": str(out), "max_steps": plan.steps, "learning_rate": plan.rate, "lr_scheduler_type": "constant",
        "logging_steps": 1, "save_steps": plan.checkpoint_steps, "save_total_limit": 2, "seed": plan.seed,
        **machine(actor.model),
    }  # fmt: skip
    if plan.method == "rl":
        trainer = _rewarded(actor, frames, watch, common)
    else:
        rows = taught_lines(actor, frames, out, watch.told)
        trainer = _taught(actor, rows, watch, common)
    without_chatter(trainer)
    start = newest(out)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    actor.model.save_pretrained(out / "final", selected_adapters=[POLICY])
    return int(trainer.state.global_step)


def _rewarded(actor: Actor, frames: Sequence[Frame], watch: Watch, common: Mapping[str, Any]) -> Any:
    plan = actor.plan
    args = GRPOConfig(
        **common, per_device_train_batch_size=plan.group, gradient_accumulation_steps=plan.prompts,
        num_generations=plan.group, max_completion_length=plan.longest, beta=plan.beta, scale_rewards="none",
        temperature=plan.temperature,
    )  # fmt: skip
    prompts = {rendered(actor.builder, f, ()): f for f in frames}
    round_ = Round(actor, prompts)
    return GRPOTrainer(
        model=actor.model, args=args, train_dataset=Dataset.from_list([{"prompt": p} for p in prompts]),
        reward_funcs=paid_along, processing_class=actor.tokenizer, rollout_func=round_,
        callbacks=[Lines(watch.told, "loss"), _Steps(watch, round_)],
    )  # fmt: skip


def taught_lines(actor: Actor, frames: Sequence[Frame], out: Path, told: Told) -> list[dict[str, Any]]:
    """Lines of `sampled` own sessions as the judge of the reward marks them; drawn once and kept in lines.jsonl.

    Raises NotEnoughData where too few are accepted, or for kto rejected.
    """
    path = out / "lines.jsonl"
    if not path.is_file():
        chosen = [frames[i % len(frames)] for i in range(actor.plan.sampled)]
        talks = actor.talk(chosen, int(digest([actor.plan.seed, "sampled"])[:7], 16))
        rows = []
        for talk, scores in zip(talks, actor.judged(talks), strict=True):
            for i, mark in enumerate(scores.marks):
                prompt = rendered(actor.builder, talk.frame, talk.lines[:i])
                completion = str(actor.builder.render_answer(talk.lines[i]))
                rows.append({"prompt": prompt, "completion": completion, "label": mark.accepted})
        part = path.with_name("lines.jsonl.part")
        part.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
        part.rename(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    yes = sum(bool(r["label"]) for r in rows)
    told({"stage": "sampled", "step": 0, "accepted": yes, "rejected": len(rows) - yes})
    if yes < LEAST_LINES or (actor.plan.method == "kto" and len(rows) - yes < LEAST_LINES):
        raise NotEnoughData(
            f"of {len(rows)} own lines the judge accepts {yes}", where=str(path),
            now="raise `sampled`, or start from a model that words users (`start: shipped`)",
        )  # fmt: skip
    return rows


def _taught(actor: Actor, rows: Sequence[Mapping[str, Any]], watch: Watch, common: Mapping[str, Any]) -> Any:
    plan = actor.plan
    callbacks = [Lines(watch.told, "loss"), _Steps(watch)]
    if plan.method == "sft":
        kept = [{"prompt": r["prompt"], "completion": r["completion"]} for r in rows if r["label"]]
        args = SFTConfig(**common, per_device_train_batch_size=plan.batch, max_length=plan.longest)
        return SFTTrainer(
            model=actor.model, args=args, train_dataset=Dataset.from_list(kept), processing_class=actor.tokenizer,
            callbacks=callbacks,
        )  # fmt: skip
    yes = sum(bool(r["label"]) for r in rows)
    # as the method asks: accepted and rejected lines weigh the same together
    args = KTOConfig(
        **common, per_device_train_batch_size=plan.batch, max_length=plan.longest, beta=plan.beta or KTO_BETA,
        desirable_weight=max(1.0, (len(rows) - yes) / yes), undesirable_weight=max(1.0, yes / (len(rows) - yes)),
    )  # fmt: skip
    return KTOTrainer(
        model=actor.model, args=args, train_dataset=Dataset.from_list([dict(r) for r in rows]),
        processing_class=actor.tokenizer, callbacks=callbacks,
    )  # fmt: skip
