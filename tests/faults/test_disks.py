"""Kills, full and slow disks and jumping clocks, at every write of every stage: the same bytes come out in the end."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_tools import FULL, KILL, ONCE, SLOW, Driver, SmallDisk
from flow_tools import COMMAND, HERE, assay, bytes_of, committed, env, usage_of

WORDS = ["--model", "scripted:fake_user:speak"]


def pipeline(out: Path, n: int = 2) -> list[list[Any]]:
    """All stages of a folder, command by command; its export is the last thing written."""
    return [
        ["author", "returns", "-n", n, "--seed", 5, *WORDS, "--out", out],
        ["simulate", out],
        ["verify", out, "--judge", WORDS[1], "--limit", 3],
        ["power", out],
        ["certify", out],
        ["report", out],
        ["sample", out, "-n", 4, "--out", out / "sample.csv"],
        ["export", out, "--out", out / "dataset"],
    ]


def exported(out: Path) -> dict[str, bytes]:
    """Records and every file of the export."""
    whole = {f"dataset/{p.name}": p.read_bytes() for p in sorted((out / "dataset").glob("*")) if p.is_file()}
    begun = json.loads((out / "run.json").read_text())["started"][:10]
    # the one date of a dataset is the day on which its run was begun
    whole["dataset/croissant.json"] = whole["dataset/croissant.json"].replace(begun.encode(), b"DAY")
    return bytes_of(out) | whole | {"sample.csv": (out / "sample.csv").read_bytes()}


def sums(out: Path) -> dict[str, tuple[int, int, int]]:
    """What was answered and paid for, by purpose."""
    return {k: (v["answered"], v["prompt_tokens"], v["completion_tokens"]) for k, v in usage_of(out).items()}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    made = Driver(tmp_path_factory.mktemp("driver"))
    yield made
    made.close()


class Calm:
    """A folder that nothing happened to: its bytes, its counts, and the changes and seconds of each command."""

    def __init__(self, driver: Driver, folder: Path) -> None:
        self.seen = [driver.done(argv, folder) for argv in pipeline(folder)]
        self.bytes, self.sums = exported(folder), sums(folder)
        self.files = {p.name for p in folder.iterdir()}
        assert len(self.bytes) >= 9
        assert sum(found["changes"] for found in self.seen) > 100


@pytest.fixture(scope="module")
def calm(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    return Calm(driver, tmp_path_factory.mktemp("calm") / "run")


def same(folder: Path, calm: Calm) -> None:
    """The folder ended where the calm one did, and nothing half made is left in it."""
    found = exported(folder)
    assert [name for name in calm.bytes if found.get(name) != calm.bytes[name]] == []
    assert sums(folder) == calm.sums
    assert {p.name for p in folder.iterdir()} - calm.files == set()


def kills(driver: Driver, calm: Calm, folder: Path, seed: int, most: int) -> int:
    """Go through all stages under kills at seeded moments: by the clock, at a touched file, at a change on the disk."""
    rng, done = random.Random(seed), 0
    weights = [found["changes"] for found in calm.seen]
    aims = sorted(rng.choices(range(len(weights)), [max(w, 20) for w in weights], k=most))
    for stage, argv in enumerate(pipeline(folder)):
        for _ in range(aims.count(stage)):
            answered, mark = committed(folder), driver.log.stat().st_size
            when = rng.choice(("after", "at", "change"))
            found = driver(argv, folder, **{
                "after": {"after": rng.uniform(0.0, calm.seen[stage]["seconds"] * 0.9)},
                "at": {"at": rng.randint(1, 5)},
                "change": {"change": rng.randint(1, max(1, weights[stage])), "mode": KILL},
            }[when])  # fmt: skip
            assert found["code"] in (0, -9), found["said"]
            done += found["code"] == -9
            sent = driver.log.read_bytes()[mark:].decode().split()
            assert not answered & set(sent), "a call that was committed was sent again"
            assert len(sent) == len(set(sent)), "a call was sent twice by one process"
        driver.done(argv, folder)
    return done


def test_killed_at_random_points_of_all_stages(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    assert kills(driver, calm, tmp_path / "run", seed=3, most=12) >= 6
    same(tmp_path / "run", calm)


@pytest.mark.long
def test_killed_at_200_random_points(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    done = number = 0
    while done < 200:
        done += kills(driver, calm, tmp_path / f"{number}", seed=100 + number, most=16)
        same(tmp_path / f"{number}", calm)
        number += 1
    assert number < 40


# full, and full for a moment --------------------------------------------------------------------------------------


def starve(driver: Driver, calm: Calm, folder: Path, stage: int, change: int, mode: int) -> None:
    """All stages; in one of them the disk is full from its n-th change on (or for that change alone)."""
    for number, argv in enumerate(pipeline(folder)):
        if number == stage:
            answered = committed(folder)
            found = driver(argv, folder, change=change, mode=mode)
            said, where = found["said"], f"change {change} of {argv[0]}"
            assert found["code"] in (0, 2), f"{where}: exit code {found['code']}\n{said}"
            assert "Traceback" not in said, f"{where}\n{said}"
            if found["code"] == 2:
                assert "StorageFailed" in said, f"{where}\n{said}"
                assert "  -> " in said, f"{where}\n{said}"
            else:
                assert mode == ONCE or change > calm.seen[stage]["changes"] * 0.5, f"{where}: a full disk went unseen"
            assert answered <= committed(folder), f"{where}: an answer is lost"
        driver.done(argv, folder)
    same(folder, calm)


def places(calm: Calm) -> list[tuple[int, int]]:
    """(stage, change) of every change of a file."""
    return [(s, c) for s, found in enumerate(calm.seen) for c in range(1, found["changes"] + 1)]


def test_a_disk_that_is_full_from_some_write_on(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    for number, (stage, change) in enumerate(random.Random(5).sample(places(calm), 3)):
        starve(driver, calm, tmp_path / f"{number}", stage, change, FULL)


def test_a_disk_that_is_full_for_a_moment(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    for number, (stage, change) in enumerate(random.Random(6).sample(places(calm), 2)):
        starve(driver, calm, tmp_path / f"{number}", stage, change, ONCE)


@pytest.mark.long
@pytest.mark.parametrize("mode", [FULL, ONCE])
def test_a_disk_that_is_full_at_every_write(mode: int, driver: Driver, calm: Calm, tmp_path: Path) -> None:
    import shutil

    # up to the stage of the fault all is as in the calm run: made once, and copied
    base = tmp_path / "base"
    for stage, argv in enumerate(pipeline(base)):
        for change in range(1, calm.seen[stage]["changes"] + 1):
            folder = tmp_path / f"at-{stage}-{change}"
            if base.exists():
                shutil.copytree(base, folder)
            found = driver(pipeline(folder)[stage], folder, change=change, mode=mode)
            assert found["code"] in (0, 2), found["said"]
            assert "Traceback" not in found["said"], found["said"]
            if folder.exists() and (found["code"] == 2 or mode == ONCE):
                driver.done(pipeline(folder)[stage], folder)
            if change % 20 == 1:
                for later in pipeline(folder)[stage:]:
                    driver.done(later, folder)
                same(folder, calm)
            shutil.rmtree(folder, ignore_errors=True)
        driver.done(argv, base)


def filled(driver: Driver, calm: Calm, folder: Path, step: int) -> int:
    """All stages on a disk that grows by `step` bytes whenever it was full; how often it was."""
    disk, full = SmallDisk(folder, 8 * 1024), 0
    try:
        for argv in pipeline(disk.folder / "run"):
            for _ in range(2000):
                found = driver(argv, disk.folder / "run")
                if found["code"] == 0:
                    break
                said = found["said"]
                assert found["code"] == 2, f"exit code {found['code']}\n{said}"
                assert "Traceback" not in said, said
                assert said.count("StorageFailed") == 1, said
                assert "  -> " in said, said
                full += 1
                disk.grow(step)
            assert found["code"] == 0, found["said"]
        # looking into the ledger takes a little space as well
        disk.grow(1024 * 1024)
        same(disk.folder / "run", calm)
    finally:
        disk.close()
    return full


def test_a_file_system_that_grows_when_it_is_full(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    assert filled(driver, calm, tmp_path / "disk", 128 * 1024) >= 3


@pytest.mark.long
def test_a_file_system_that_grows_page_by_page(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    full = filled(driver, calm, tmp_path / "disk", 4 * 1024)
    print(f"\nfull {full} times")
    assert full >= 50


def test_every_stage_on_a_file_system_without_writing(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    """Root too is refused there: one error, not a byte changed, and the same bytes once it may be written again."""
    disk = SmallDisk(tmp_path / "disk", 64 * 1024 * 1024)
    try:
        out = disk.folder / "run"
        for stage, argv in enumerate(pipeline(out)):
            before = {p: p.read_bytes() for p in disk.folder.rglob("*") if p.is_file()}
            disk.sealed(True)
            found = driver(argv, out)
            assert found["code"] == 2, f"{argv[0]}: exit code {found['code']}\n{found['said']}"
            assert found["said"].count("StorageFailed") == 1, found["said"]
            assert "  -> " in found["said"], found["said"]
            assert "Traceback" not in found["said"], found["said"]
            disk.sealed(False)
            assert {p: p.read_bytes() for p in disk.folder.rglob("*") if p.is_file()} == before, f"stage {stage}"
            driver.done(argv, out)
        same(out, calm)
    finally:
        disk.close()


# slow, and at another time ----------------------------------------------------------------------------------------


def test_a_slow_disk_and_a_jumping_clock_change_no_byte(driver: Driver, calm: Calm, tmp_path: Path) -> None:
    for name, fault in (("slow", {"mode": SLOW, "micros": 2000}), ("clock", {"clock": 9})):
        for argv in pipeline(tmp_path / name):
            found = driver(argv, tmp_path / name, **fault)
            assert found["code"] == 0, found["said"]
        same(tmp_path / name, calm)


# writers ----------------------------------------------------------------------------------------------------------


def test_three_processes_on_one_new_folder(tmp_path: Path) -> None:
    """One works, the others are refused or come when it is done; the folder is that of a lone process."""
    argv = ["run", "returns", "-n", "2", "--seed", "5", *WORDS, "--out"]
    slow = env(FAKE_USER_DELAY="0.05")
    out = tmp_path / "run"
    crowd = [
        subprocess.Popen([*COMMAND, *argv, str(out)], env=slow, cwd=HERE, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]  # fmt: skip
    said = [(p.communicate(timeout=110)[1], p.returncode) for p in crowd]
    codes = [code for _, code in said]
    assert set(codes) <= {0, 4}, said
    assert codes.count(0) >= 1
    assert all("another process works on this run folder" in text for text, code in said if code == 4)
    assert assay(*argv, tmp_path / "alone").returncode == 0
    assert bytes_of(out) == bytes_of(tmp_path / "alone")
    usage = usage_of(out)
    assert all(v["sent"] == v["answered"] for v in usage.values()), "no call was made twice"
