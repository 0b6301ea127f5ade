"""The configuration of `assay learn consistency`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from assay.learning import plan_file
from assay.learning.persona_reward import Reward
from assay.records.base import Record

BUNDLED = ("consistency-smoke", "consistency-cpu", "consistency-gpu")
"""Configurations that come with assay, usable by name."""


class PersonaFile(Record):
    """One session file whose personas are trained on or held out; of its turns nothing is read."""

    file: str
    """Path; a relative one is looked for in the folder of `--data`, then beside the configuration."""
    parts: tuple[str, ...] = ()
    """Splits that are taken; empty for all."""
    party: str = "user"
    """Whose persona is taken."""


class ConsistencyPlan(Record):
    """Everything that `assay learn consistency` is told."""

    name: str = Field(default="steady", pattern=r"^[\w.-]{1,60}$")
    """Name of the adapter, in its file and card."""
    base: str = "embedded"
    """Frozen weights: `embedded`, or a folder in Hugging Face form."""
    start: str = ""
    """What is gone on from: `shipped` (assay's user model), a .gguf file, the folder of an earlier training run, or
    empty for none."""
    method: Literal["rl", "sft", "kto"] = "rl"
    """rl: GRPO on the reward of whole sessions. sft: lines of own sessions that the judge accepts. kto: accepted and
    rejected ones."""
    train: tuple[PersonaFile, ...] = ()
    """Personas of somebody's sessions; empty for assay's own."""
    held_out: tuple[PersonaFile, ...] = ()
    """Personas that are measured on; none of their facts may be trained on."""
    personas: int = Field(default=64, ge=1)
    """Personas trained on, at most."""
    watched: int = Field(default=24, ge=1)
    """Held-out personas, at most."""
    frozen: bool = True
    """Whether the frozen weights alone are measured too."""
    sessions: int = Field(default=2, ge=1)
    """Sessions a persona."""
    facts: int = Field(default=4, ge=1, le=10)
    """Facts of a persona; of longer ones the first so many."""
    turns: int = Field(default=4, ge=1, le=4)
    """User turns of a session."""
    steps: int = Field(default=60, ge=1)
    prompts: int = Field(default=1, ge=1)
    """Frames a step (rl)."""
    group: int = Field(default=8, ge=2)
    """Sessions drawn a frame, all trained on (rl)."""
    batch: int = Field(default=8, ge=2)
    """Lines a step (sft, kto)."""
    sampled: int = Field(default=64, ge=2)
    """Own sessions whose lines are judged first (sft, kto)."""
    reward: Reward = "consistency"
    """What is paid for; random and inverted are controls."""
    floor: float = Field(default=0.5, ge=0, le=1)
    """Coverage below which a session is charged."""
    temperature: float = Field(default=1.0, gt=0, le=2)
    tokens: int = Field(default=24, ge=1, le=256)
    """Tokens of a line."""
    longest: int = Field(default=320, ge=32, le=4096)
    """Tokens of a whole session, about; personas with longer prompts are left out and counted."""
    rate: float = Field(default=5e-5, gt=0, lt=1)
    rank: int = Field(default=8, ge=1, le=256)
    beta: float = Field(default=0.0, ge=0)
    """Weight of the divergence from the start (rl); for kto its own beta, 0 for 0.1."""
    checkpoint_steps: int = Field(default=10, ge=1)
    look_steps: int = Field(default=20, ge=1)
    """Steps between two looks at held-out personas, which the alarms read."""
    stop_on_alarm: bool = True
    seed: int = Field(default=1, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | Literal["auto"] = "auto"
    sampler: Literal["auto", "engine", "torch"] = "auto"

    @model_validator(mode="after")
    def _check(self) -> "ConsistencyPlan":
        if bool(self.train) != bool(self.held_out):
            raise ValueError("held_out: give `train` and `held_out`, or neither for assay's own personas")
        if self.method != "rl" and self.reward != "consistency":
            raise ValueError("reward: the controls random and inverted are of method rl")
        return self

    def smoke(self) -> "ConsistencyPlan":
        """The same plan, cut down to a trial of two minutes."""
        return self.model_copy(update={
            "steps": 2, "prompts": 1, "group": 2, "batch": 2, "sampled": 4, "personas": 2, "watched": 2, "sessions": 1,
            "turns": 2, "tokens": 8, "checkpoint_steps": 1, "look_steps": 1,
        })  # fmt: skip


def find_config(name: str | Path) -> Path:
    """Path of a configuration given as a file or by a bundled name. Raises BadInput when there is neither."""
    return plan_file.find(name, BUNDLED)


def load_plan(name: str | Path) -> ConsistencyPlan:
    """Read and check a configuration. Raises BadInput, naming the line."""
    return plan_file.load(name, BUNDLED, ConsistencyPlan, dict.fromkeys(("train", "held_out"), PersonaFile))
