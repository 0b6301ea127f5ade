"""Training on the majority votes of the model itself (TTRL, 2504.16084), on GRPO of trl.

Rounds and looks are here; the rules of votes are in votes.py. Every step votes on some questions with the model as it
is, rewards answers for being the label of a believed vote, and trains on a few of the voters. Every few steps it looks
at all questions; the alarms read that. Imports torch, transformers, peft and trl: only learning verbs may import it.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from assay.aggregation.open_votes import Vote, canonical, vote
from assay.learning import votes
from assay.learning.questions import Question
from assay.learning.rewarded import POLICY, Lines, Told, machine, newest, paid_along, without_chatter
from assay.learning.rollouts import Drawn, Draws, Sampler
from assay.learning.ttrl_config import TtrlPlan
from assay.learning.votes import Gate, Pulse
from assay.records.base import digest
from assay.records.question_form import END

GATE = Gate()
WARM_BATCH = 8


@dataclass(frozen=True, slots=True)
class Look:
    """All answers to some questions at one moment."""

    step: int
    answers: tuple[tuple[str | None, ...], ...]
    """(questions, votes), canonical."""
    doubts: tuple[tuple[float, ...], ...]

    @property
    def votes(self) -> list[Vote]:
        """The vote on every question."""
        return [vote(a) for a in self.answers]

    def right(self, asked: Sequence[Question]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(questions,) share of right answers."""
        return np.array([np.mean([a == q.gold for a in some]) for some, q in zip(self.answers, asked, strict=True)])

    def voted_right(self, asked: Sequence[Question]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(questions,) whether the label is right."""
        return np.array([v.label == q.gold for v, q in zip(self.votes, asked, strict=True)])


@dataclass(slots=True, kw_only=True)
class Learner:
    """The model, who draws its answers, and the clock of both."""

    plan: TtrlPlan
    sampler: Sampler
    tokenizer: Any
    model: Any
    drawing: float = 0.0
    """Seconds spent on drawing answers."""
    drawn_tokens: int = 0

    def draw(self, prompts: Sequence[str], seed: int) -> list[list[Drawn]]:
        """`votes` answers of the model as it is, per prompt."""
        began, plan = time.monotonic(), self.plan
        how = Draws(n=plan.votes, temperature=plan.temperature, longest=plan.answer, stop=END, seed=seed)
        found = self.sampler.draw(self.model, prompts, how)
        self.drawing += time.monotonic() - began
        self.drawn_tokens += sum(d.tokens for some in found for d in some)
        return found

    def look(self, asked: Sequence[Question], step: int) -> Look:
        """Answers to all questions, with the same dice at every look."""
        found = self.draw([q.prompt for q in asked], seed=int(digest([self.plan.seed, "look"])[:7], 16))
        return Look(
            step,
            tuple(tuple(canonical(d.text) for d in some) for some in found),
            tuple(tuple(d.doubt for d in some) for some in found),
        )


def warmed(model: Any, tokenizer: Any, plan: TtrlPlan, known: Sequence[Question], out: Path, told: Told) -> None:
    """Teach questions whose answers are known (SFT of trl); the adapter is left in `out`."""
    rows = [{"prompt": q.prompt, "completion": f" {q.gold}{END}"} for q in known]
    args = SFTConfig(
        output_dir=str(out / "part"), max_steps=plan.warm_steps, per_device_train_batch_size=WARM_BATCH,
        learning_rate=plan.warm_rate, lr_scheduler_type="linear", warmup_steps=min(10, plan.warm_steps // 4),
        max_length=plan.longest + plan.answer, save_strategy="no", logging_steps=1, seed=plan.seed, **machine(model),
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        callbacks=[Lines(told, "warm")],
    )  # fmt: skip
    without_chatter(trainer)
    trainer.train()
    model.save_pretrained(out)


@dataclass(slots=True)
class Round:
    """One step's answers, votes and rewards, in the form that trl takes."""

    learner: Learner
    asked: Mapping[str, Question]
    """Prompt -> question."""
    last: dict[str, Any] = field(default_factory=dict)
    """What the last round did."""

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, list[Any]]:
        """Completions of the prompts as they come, each repeated `trained` times; their rewards ride along."""
        plan, step = self.learner.plan, int(trainer.state.global_step)
        distinct = list(dict.fromkeys(prompts))
        seed = int(digest([plan.seed, "round", step])[:7], 16)
        found = dict(zip(distinct, self.learner.draw(distinct, seed), strict=True))
        out: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "logprobs": [], "paid": []}
        paid = {p: self._paid(p, found[p], step) for p in distinct}
        taken = dict.fromkeys(distinct, 0)
        for prompt in prompts:
            i = taken[prompt]
            taken[prompt] += 1
            ids = self.learner.tokenizer(found[prompt][i].text + END, add_special_tokens=False)["input_ids"]
            out["prompt_ids"].append(self.learner.tokenizer(prompt, add_special_tokens=False)["input_ids"])
            out["completion_ids"].append(ids)
            out["logprobs"].append([0.0] * len(ids))
            out["paid"].append(float(paid[prompt][i]))
        self.last = {
            "paid": float(np.mean([r.mean() for r in paid.values()])),
            "idle": float(np.mean([float(np.ptp(r[: plan.trained]) == 0) for r in paid.values()])),
        }
        return out

    def _paid(self, prompt: str, found: Sequence[Drawn], step: int) -> Any:
        plan, question = self.learner.plan, self.asked[prompt]
        answers, doubts = [canonical(d.text) for d in found], [d.doubt for d in found]
        rng = np.random.default_rng(int(digest([plan.seed, "paid", step, question.id])[:15], 16))
        return votes.paid_for(plan.reward, answers, doubts, GATE, question.gold, rng)


@dataclass(slots=True)
class Watch:
    """Looks at all questions every few steps, and the alarms."""

    learner: Learner
    asked: Sequence[Question]
    told: Told
    looks: list[Look] = field(default_factory=list)
    stopped: str | None = None
    """Alarm that ended the training."""

    def see(self, step: int) -> list[str]:
        """Look once; the alarms."""
        look = self.learner.look(self.asked, step)
        before = [v.label for v in self.looks[-1].votes] if self.looks else None
        self.looks.append(look)
        now = self._pulse(look, before)
        first = self._pulse(self.looks[0], None)
        rung = votes.alarms(first, now)
        self.told({
            "stage": "look", "step": step, "majority": now.majority, "flips": now.flips, "doubt": now.doubt,
            "commonest": now.commonest, "open": now.open, "alarms": rung,
            "right": float(look.right(self.asked).mean()), "voted_right": float(look.voted_right(self.asked).mean()),
            "answers": [list(a) for a in look.answers], "doubts": [list(d) for d in look.doubts],
        })  # fmt: skip
        return rung

    def _pulse(self, look: Look, before: Sequence[str | None] | None) -> Pulse:
        return votes.pulse(look.votes, before, [float(np.mean(d)) for d in look.doubts])

    def taken_up(self, log: Path, step: int) -> None:
        """Read the looks of a killed run up to the step that it goes on from."""
        for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
            row = json.loads(line)
            if row.get("stage") == "look" and row["step"] <= step:
                self.looks = [x for x in self.looks if x.step < row["step"]]
                self.looks.append(
                    Look(row["step"], tuple(map(tuple, row["answers"])), tuple(map(tuple, row["doubts"])))
                )


class _Rounds(TrainerCallback):  # type: ignore[misc]
    """After every step: what was paid; every few: a look, and the end when an alarm rings."""

    def __init__(self, round_: Round, watch: Watch) -> None:
        self.round, self.watch = round_, watch

    def on_step_end(self, args: Any, state: Any, control: Any, **kw: Any) -> Any:
        """Raises Refused when no answer of a whole stretch of steps was told apart by its reward."""
        step, plan = int(state.global_step), self.round.learner.plan
        self.watch.told({"stage": "step", "step": step, **self.round.last})
        if step % plan.look_steps == 0 or step == plan.steps:
            rung = self.watch.see(step)
            if rung and plan.stop_on_alarm and step < plan.steps:
                self.watch.stopped = rung[0]
                control.should_training_stop = control.should_save = True
        return control


def trained(learner: Learner, asked: Sequence[Question], out: Path, watch: Watch) -> int:
    """Train on votes to the end, or go on from the newest checkpoint; the steps done."""
    plan, model = learner.plan, learner.model
    if not plan.steps:
        # trl takes 0 steps for whole epochs
        model.save_pretrained(out / "final", selected_adapters=[POLICY])
        return 0
    args = GRPOConfig(
        output_dir=str(out), max_steps=plan.steps, per_device_train_batch_size=plan.trained,
        gradient_accumulation_steps=plan.prompts, num_generations=plan.trained, max_completion_length=plan.answer + 2,
        learning_rate=plan.rate, lr_scheduler_type="constant", beta=plan.beta, scale_rewards="none",
        temperature=plan.temperature, logging_steps=1, save_steps=plan.checkpoint_steps, save_total_limit=2,
        seed=plan.seed, **machine(model),
    )  # fmt: skip
    round_ = Round(learner, {q.prompt: q for q in asked})
    trainer = GRPOTrainer(
        model=model, args=args, train_dataset=Dataset.from_list([{"prompt": q.prompt} for q in asked]),
        reward_funcs=paid_along, processing_class=learner.tokenizer, rollout_func=round_,
        callbacks=[Lines(watch.told, "loss"), _Rounds(round_, watch)],
    )  # fmt: skip
    without_chatter(trainer)
    start = newest(out)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    model.save_pretrained(out / "final", selected_adapters=[POLICY])
    return int(trainer.state.global_step)
