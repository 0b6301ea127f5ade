"""What a run was asked for. Everything here that changes a result is part of the run's configuration."""

from dataclasses import dataclass
from typing import Any

from assay.errors import BadInput
from assay.runs.engine import Progress, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Arguments of `assay run`."""

    n: int
    """Sessions."""
    seed: int = 0
    """Seed of everything."""
    model: str = "embedded"
    """Words the user: embedded, openai:NAME, openai:NAME@URL, python:module:callable, or template."""
    assistant: str = "reference"
    """The system under test: reference, openai:NAME, python:module:callable."""
    mode: str = "agents"
    """agents; script and mindreaders are control arms."""
    judge: tuple[str, ...] = ()
    """Language models that read; default: the embedded base model when the user is worded by the embedded one."""
    judged_labels: int = 0
    """Labels that each judge reads: a seeded random subset."""
    max_failed: float = 0.05
    """Largest share of failed sessions with which a run still exits 0."""

    def check(self) -> "Plan":
        """Raises BadInput for numbers out of range."""
        if self.n < 1:
            raise BadInput(f"-n must be at least 1, not {self.n}", now="ask for one session or more")
        if self.n > 10_000_000:
            raise BadInput(f"-n {self.n} is beyond 10,000,000", now="split it into several runs")
        if self.seed < 0:
            raise BadInput(f"--seed must not be negative, and is {self.seed}", now="use 0 or a positive whole number")
        if not 0 <= self.max_failed <= 1:
            raise BadInput(f"--max-failed is a share between 0 and 1, not {self.max_failed}", now="e.g. 0.05")
        if self.mode != "agents":
            raise BadInput(f"mode {self.mode!r} is not part of this version", now="use --mode agents")
        return self

    def config(self) -> dict[str, Any]:
        """The part that changes results."""
        return {
            "n": self.n,
            "seed": self.seed,
            "model": self.model,
            "assistant": self.assistant,
            "mode": self.mode,
            "judge": list(self.judge),
            "judged_labels": self.judged_labels,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a verb reports on its way."""

    progress: Progress = silent
    """Told how far each stage is."""
