"""What is installed by hash is what is pinned, and all that it needs."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
PINNED = re.compile(r"(?m)^([A-Za-z0-9_.-]+)==([^\s;\\]+)")


def pins(name: str) -> dict[str, str]:
    """Package -> version of one file."""
    return {canonicalize_name(n): v for n, v in PINNED.findall((FOLDER / name).read_text(encoding="utf-8"))}


@pytest.mark.parametrize("what", ["run", "test"])
def test_lock_and_pins_name_the_same_versions(what: str) -> None:
    pinned = pins("run.txt") | (pins("test.txt") if what == "test" else {})
    locked = pins(f"{what}.lock")
    assert {n: v for n, v in pinned.items() if locked.get(n) != v} == {}
    weights = dict(re.findall(r"([\w-]+)==([\d.]+)", re.search(r"WEIGHTS := (.*)", (ROOT / "Makefile").read_text())[1]))  # type: ignore[index]
    assert weights == pins("weights.lock")


@pytest.mark.parametrize("file", ["run.lock", "test.lock", "weights.lock"])
def test_every_locked_package_has_a_hash(file: str) -> None:
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9_.-]+==)", (FOLDER / file).read_text(encoding="utf-8"))[1:]
    assert len(blocks) >= 3
    assert [b.split()[0] for b in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", b)] == []


@pytest.mark.parametrize("what", ["run", "test"])
def test_a_lock_holds_what_its_packages_need(what: str) -> None:
    """They are installed without looking at dependencies, so that one that is missing would be missed at run time."""
    held, looked = pins(f"{what}.lock") | pins("weights.lock"), 0
    missing = []
    for name, version in pins(f"{what}.lock").items():
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        looked += found.version == version
        for line in found.requires or ():
            need = Requirement(line)
            for python in ("3.11", "3.12", "3.13"):
                place = {"extra": "", "python_version": python, "python_full_version": f"{python}.1"}
                if (need.marker is None or need.marker.evaluate(place)) and canonicalize_name(need.name) not in held:
                    missing.append(f"{name} needs {line} (Python {python})")
    assert missing == []
    if looked == 0:
        pytest.skip("none of the locked versions is installed here")
