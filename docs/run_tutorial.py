"""Run the tutorial as a reader would: every shell block in order, in one empty folder; compare what it prints.

    python docs/run_tutorial.py            # say where page and program differ
    python docs/run_tutorial.py --update   # write what the program prints into the page

In the page, a block ```python file=NAME (or any language) is written to NAME; a block ```sh is run with bash; a block
```text right after a shell block is what it must print on stdout, where `...` stands for anything. ```sh exit=1 is a
command that must fail so.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent / "tutorial.md"
BLOCK = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.M | re.S)
VARIES = ((re.compile(r"\bin \d+ s\b"), "in ... s"),)
"""What differs from machine to machine, and how the page shows it."""
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of the page."""

    kind: str
    """Language: sh, text, python, ..."""
    options: dict[str, str]
    """file=NAME, exit=CODE."""
    body: str
    start: int
    """Position of the body in the page."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command and what it must print."""

    command: Block
    shown: Block | None


def blocks(page: str) -> Iterator[Block]:
    """All fenced blocks with a language, in order."""
    for found in BLOCK.finditer(page):
        kind, *rest = found["info"].split()
        yield Block(kind, dict(r.split("=", 1) for r in rest), found["body"], found.start("body"))


def matches(shown: str, printed: str) -> bool:
    """Whether an output is what the page shows; `...` in the page stands for anything."""
    parts = [re.escape(p) for p in shown.strip().split("...")]
    return re.fullmatch(".*".join(parts), printed.strip(), re.S) is not None


def run(page: str, folder: Path) -> Iterator[tuple[Step, str]]:
    """Run every step in `folder`; yields it with what it printed. Raises RuntimeError on another exit code."""
    found = list(blocks(page))
    environment = _environment(folder)
    for block, after in zip(found, [*found[1:], None], strict=True):
        if "file" in block.options:
            (folder / block.options["file"]).write_text(block.body, encoding="utf-8")
        if block.kind != "sh":
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.body], cwd=folder, env=environment, capture_output=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
        wanted = int(block.options.get("exit", "0"))
        if done.returncode != wanted:
            raise RuntimeError(
                f"exit code {done.returncode}, not {wanted}, of\n{block.body}\n{done.stdout}\n{done.stderr}"
            )
        yield Step(block, after if after is not None and after.kind == "text" else None), done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """`assay` and `python` are those of this interpreter, wherever they are installed."""
    tools = folder / ".tools"
    tools.mkdir()
    for name, line in (
        ("assay", f'exec "{sys.executable}" -c "from assay.cli import main; main()" "$@"'),
        ("python", f'exec "{sys.executable}" "$@"'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1"}


def updated(page: str, folder: Path) -> str:
    """The page with what its commands print now."""
    out, at = [], 0
    for step, printed in run(page, folder):
        if step.shown is None:
            continue
        text = printed.rstrip() + "\n"
        for pattern, shown in VARIES:
            text = pattern.sub(shown, text)
        if "..." in step.shown.body and matches(step.shown.body, printed):
            text = step.shown.body
        out += [page[at : step.shown.start], text]
        at = step.shown.start + len(step.shown.body)
    return "".join([*out, page[at:]])


def differences(page: str, folder: Path) -> list[str]:
    """Each step whose output is not what the page shows."""
    return [
        f"--- the page shows\n{step.shown.body}--- {step.command.body.strip()} prints\n{printed}"
        for step, printed in run(page, folder)
        if step.shown is not None and not matches(step.shown.body, printed)
    ]


def main() -> int:
    """Check or update the page; exit code 1 where they differ."""
    parser = argparse.ArgumentParser(description="Run docs/tutorial.md and compare what it prints.")
    parser.add_argument("--update", action="store_true")
    given = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        if given.update:
            PAGE.write_text(updated(page, Path(folder)), encoding="utf-8")
            return 0
        found = differences(page, Path(folder))
    sys.stdout.write("\n".join(found) + ("\n" if found else "the tutorial prints what it shows\n"))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
