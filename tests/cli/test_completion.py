"""Completion with Tab, as the shells ask for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli.root import COMMANDS

SOURCE = str(Path(__file__).parents[2] / "src")
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'assay'; from assay.cli import main; main()"]


def completed(words: str, at: int) -> list[str]:
    """What bash is offered for the word at this place."""
    asked = {"_ASSAY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    env = {**os.environ, "PYTHONPATH": SOURCE, **asked}
    done = subprocess.run(COMMAND, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [
        ("assay zz", 1, set()),
        ("assay audit --nothing", 2, set()),
        ("assay au", 1, {"audit", "author"}),
        ("assay audit --ma", 2, {"--map", "--max-cost"}),
    ],
)
def test_what_is_offered(words: str, at: int, offered: set[str]) -> None:
    assert set(completed(words, at)) == offered


def test_every_command_is_offered() -> None:
    assert set(completed("assay ", 1)) == set(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str) -> None:
    env = {**os.environ, "PYTHONPATH": SOURCE, "SHELL": f"/bin/{shell}"}
    # in a session of its own, as a service has it: no shell among its parents
    done = subprocess.run(
        ["setsid", "--fork", "--wait", *COMMAND, "--show-completion", shell], env=env, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "_ASSAY_COMPLETE" in done.stdout
