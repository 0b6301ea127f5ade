"""The configuration of `assay learn ttrl`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from assay.learning import plan_file
from assay.learning.votes import LEAST_VOTES, Reward
from assay.records.base import Record

BUNDLED = ("ttrl-smoke", "ttrl-cpu", "ttrl-gpu")
"""Configurations that come with assay, usable by name."""


class QuestionSource(Record):
    """One session file and the questions that it is asked."""

    file: str
    """Path; a relative one is looked for in the folder of `--data`, then beside the configuration."""
    names: tuple[str, ...] = ()
    """Slots that are asked about; empty for all."""
    speaker: Literal["user", "assistant"] = "user"
    """Whose turns tell the values."""
    slots: str = "slots"
    """Turn label that maps slots to values."""


class TtrlPlan(Record):
    """Everything that `assay learn ttrl` is told."""

    name: str = Field(default="reader", pattern=r"^[\w.-]{1,60}$")
    """Name of the adapter, in its file and card."""
    base: str = "embedded"
    """Frozen weights: `embedded`, or a folder in Hugging Face form."""
    start: str = ""
    """Folder of an earlier training run, whose newest adapter is gone on from; empty for a fresh one."""
    warm: tuple[QuestionSource, ...] = ()
    """Sessions whose answers ARE known and taught first, apart from all others: a model that never answers right has no
    majority worth learning from. Empty to vote at once."""
    warm_steps: int = Field(default=0, ge=0)
    """Supervised steps on them, of 8 questions each."""
    warm_rate: float = Field(default=5e-4, gt=0, lt=1)
    """Learning rate of them."""
    data: tuple[QuestionSource, ...] = Field(min_length=1)
    """Sessions that are voted on. Their labels are read for measuring alone."""
    gold: tuple[QuestionSource, ...] = ()
    """Sessions with labels on which the votes are judged before training (at least 100 questions); empty takes that
    many of `data`, whose labels then decide whether to train and nothing else."""
    most: int = Field(default=128, ge=2, le=128)
    """Questions that are voted on; more than 128 collapse (METHODS 11.3)."""
    steps: int = Field(default=60, ge=0)
    """Steps of training on votes."""
    prompts: int = Field(default=4, ge=1)
    """Questions a step."""
    votes: int = Field(default=LEAST_VOTES, ge=LEAST_VOTES)
    """Answers drawn a question; all of them vote."""
    trained: int = Field(default=4, ge=2)
    """Of them, trained on a question: the first ones, drawn as all others."""
    reward: Reward = "votes"
    """What is paid for: votes, or a control."""
    temperature: float = Field(default=1.0, gt=0, le=2)
    longest: int = Field(default=220, ge=16, le=2048)
    """Tokens of a question; longer ones are left out and counted."""
    answer: int = Field(default=16, ge=1, le=512)
    """Tokens of an answer."""
    rate: float = Field(default=2e-5, gt=0, lt=1)
    """Learning rate on votes."""
    rank: int = Field(default=8, ge=1, le=256)
    beta: float = Field(default=0.02, ge=0)
    """Weight of the divergence from the model before training on votes."""
    checkpoint_steps: int = Field(default=10, ge=1)
    look_steps: int = Field(default=15, ge=1)
    """Steps between two looks at all questions, which the alarms read."""
    stop_on_alarm: bool = True
    """Whether an alarm ends the training; false shows the fall."""
    seed: int = Field(default=1, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | Literal["auto"] = "auto"
    sampler: Literal["auto", "engine", "torch"] = "auto"
    """Who draws answers. auto: the embedded engine where it runs the base."""

    @model_validator(mode="after")
    def _check(self) -> "TtrlPlan":
        if self.trained > self.votes:
            raise ValueError(f"trained: at most the {self.votes} votes, not {self.trained}")
        if bool(self.warm) != bool(self.warm_steps):
            raise ValueError("warm_steps: give `warm` and `warm_steps`, or neither")
        return self

    def smoke(self) -> "TtrlPlan":
        """The same plan, cut down to a trial of two minutes."""
        return self.model_copy(update={
            "warm_steps": min(self.warm_steps, 2), "steps": 2, "prompts": 1, "most": 4, "trained": 2, "answer": 8,
            "longest": 160, "checkpoint_steps": 1, "look_steps": 1,
        })  # fmt: skip


def find_config(name: str | Path) -> Path:
    """Path of a configuration given as a file or by a bundled name. Raises BadInput when there is neither."""
    return plan_file.find(name, BUNDLED)


def load_plan(name: str | Path) -> TtrlPlan:
    """Read and check a configuration. Raises BadInput, naming the line."""
    return plan_file.load(name, BUNDLED, TtrlPlan, dict.fromkeys(("data", "warm", "gold"), QuestionSource))
