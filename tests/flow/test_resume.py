"""Runs that are killed, refused, crowded and starved: the records come out the same, no answered call is repeated."""

import json
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flow_tools import (
    COMMAND,
    HERE,
    assay,
    bytes_of,
    committed,
    embedded_is_there,
    env,
    one_error,
    stages_of,
    usage_of,
)  # fmt: skip

from assay.models.embedded import SLOTS

KILLS = 30
N = 6
WORDS = ("--model", "scripted:fake_user:speak")
ALL = ["run", "returns", "-n", str(N), "--seed", "5", *WORDS, "--judge", "scripted:fake_user:speak", "--limit", "3"]
DELAY = "0.004"


class Driver:
    """The process that forks the children (kill_driver.py)."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "calls.log"
        self.log.touch()
        self.output = folder / "output.txt"
        environment = env(FAKE_USER_LOG=str(self.log), FAKE_USER_DELAY=DELAY)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "kill_driver.py"), str(folder)],
            env=environment, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while self._line() != "ready\n":
            pass

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the driver is gone"
        return line

    def __call__(self, argv: list[str], folder: Path, **when: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        order = {"argv": [*argv, "--json"], "log": str(self.output), "folder": str(folder), **when}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        assert found["code"] in (0, -9), f"exit code {found['code']}:\n{self.output.read_text()[-3000:]}"
        return found

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    made = Driver(tmp_path_factory.mktemp("driver"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody kills, in a process of its own."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    done = assay(*ALL, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    usage = usage_of(out)
    assert usage["word"]["answered"] > 30
    assert usage["read"]["answered"] > 3
    stage = json.loads((out / "run.json").read_text())["stages"]["simulate"]
    assert 0 < stage["fallback_share"] < 0.9, "the scripted words must pass some guards and fail some"
    assert len(stage["guards_failed"]) >= 3
    return out


class Killer:
    """Kills commands at seeded moments and checks, each time, that no committed call comes again."""

    def __init__(self, driver: Driver, seed: int) -> None:
        self.driver, self.rng = driver, random.Random(seed)
        self.kills = 0
        self.places: set[tuple[str, ...]] = set()

    def moment(self, seconds: float, touches: int) -> dict[str, Any]:
        """By the clock, or at a touch of the folder: renames and opens are where files are half made."""
        if self.rng.random() < 0.5:
            return {"after": self.rng.uniform(0.0, seconds)}
        return {"at": self.rng.randint(1, touches)}

    def run(self, argv: list[str], folder: Path, seconds: float, touches: int, most: int) -> None:
        """Kill a command up to `most` times, then let it end."""
        for attempt in range(most + 1):
            answered, mark = committed(folder), self.driver.log.stat().st_size
            when = self.moment(seconds, touches) if attempt < most else {}
            code = self.driver(argv, folder, **when)["code"]
            sent = self.driver.log.read_bytes()[mark:].decode().split()
            assert not answered & set(sent), "a call that was committed was sent again"
            assert len(sent) == len(set(sent)), "a call was sent twice by one process"
            if code == 0:
                return
            self.kills += 1
            self.places.add(tuple(stages_of(folder)))
        raise AssertionError("the last attempt was killed, too")


def test_killed_at_random_moments_a_run_ends_in_the_same_bytes(
    driver: Driver, undisturbed: Path, tmp_path: Path
) -> None:
    expected = bytes_of(undisturbed)
    assert len(expected) == 6
    killer = Killer(driver, seed=20)
    seconds = driver([*ALL, "--out", str(tmp_path / "measured")], tmp_path / "measured")["seconds"]
    assert bytes_of(tmp_path / "measured") == expected
    number = 0
    while killer.kills < KILLS:
        folder = tmp_path / f"killed-{number}"
        killer.run([*ALL, "--out", str(folder)], folder, seconds * 0.8, touches=30, most=6)
        found = bytes_of(folder)
        assert [name for name in expected if found.get(name) != expected[name]] == [], f"{folder.name} differs"
        usage = usage_of(folder)
        assert {k: v["answered"] for k, v in usage.items()} == {
            k: v["answered"] for k, v in usage_of(undisturbed).items()
        }
        assert all(v["sent"] == v["answered"] + v["repeated"] for v in usage.values()), "calls in flight are counted"
        left = {p.name for p in folder.iterdir()} - {p.name for p in undisturbed.iterdir()}
        assert not left, f"half-made files are left: {left}"
        number += 1
    assert number < 20
    assert len(killer.places) >= 4, f"the kills fell into too few stages: {sorted(killer.places)}"


def test_killed_stage_by_stage(driver: Driver, tmp_path: Path) -> None:
    """author, simulate, verify, power (whose text faults ask the model) and certify, each killed and repeated."""
    stages = (
        ["author", "returns", "-n", str(N), "--seed", "5", *WORDS, "--out"],
        *(["simulate"], ["verify"], ["power"], ["certify"]),
    )
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    killer = Killer(driver, seed=7)
    for stage in stages:
        seconds = driver([*stage, str(calm)], calm)["seconds"]
        killer.run([*stage, str(killed)], killed, seconds * 0.9, touches=6, most=2)
    assert bytes_of(killed) == bytes_of(calm)
    assert len(bytes_of(calm)) == 6
    assert usage_of(calm)["plant"]["answered"] > 0
    assert killer.kills >= 4


# refused ------------------------------------------------------------------------------------------------------------

CHANGED: dict[str, tuple[list[str], list[str]]] = {
    "seed": (["--seed", "6"], ["seed"]),
    "n": (["-n", "7"], ["n"]),
    "model": (["--model", "scripted:fake_user:reply"], ["model", "weights"]),
    "assistant": (["--assistant", "scripted:fake_user:reply"], ["assistant"]),
    "judge": (["--judge", "scripted:fake_user:reply"], ["judge"]),
}


@pytest.mark.parametrize("what", [*CHANGED, "blueprint", "version"])
def test_another_configuration_is_refused_field_by_field(
    what: str, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.cli.root import run
    from assay.runs import folder as folders

    monkeypatch.syspath_prepend(str(HERE))
    before, run_json = bytes_of(undisturbed), (undisturbed / "run.json").read_bytes()
    argv, fields = [*ALL], [what]
    if what == "blueprint":
        argv[1] = "movies"
    elif what == "version":
        monkeypatch.setattr(folders, "__version__", "0.0.9")
    else:
        more, fields = CHANGED[what]
        argv += more
    assert run([*argv, "--out", str(undisturbed)]) == 4
    said = capsys.readouterr().err
    assert "RunMismatch: this folder was made with another configuration" in said
    assert [line.split(":")[0].strip() for line in said.splitlines() if " -> " in line and line[:4] == "    "] == fields
    assert "another --out" in said
    assert bytes_of(undisturbed) == before
    assert (undisturbed / "run.json").read_bytes() == run_json


def test_a_second_process_on_one_folder_is_refused(tmp_path: Path) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    slow = env(FAKE_USER_DELAY="0.3", FAKE_USER_LOG=str(log))
    argv = [*COMMAND, *ALL, "--out", str(out)]
    with subprocess.Popen(argv, env=slow, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        try:
            _until(log.exists)
            for second in ([*ALL, "--out"], ["simulate"], ["verify"]):
                one_error(assay(*second, out), 4, "another process works on this run folder", str(out))
            assert first.poll() is None
        finally:
            first.kill()
    assert assay("status", out).returncode == 0


def _until(there: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


# starved ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [300, 3_000, 20_000, 60_000])
def test_when_files_cannot_grow_there_is_one_error_and_nothing_is_lost(
    most: int, undisturbed: Path, tmp_path: Path
) -> None:
    """A limit on file size stands in for a full disk: every write beyond it fails, wherever it happens."""

    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    out = tmp_path / "run"
    done = assay(*ALL, "--out", out, "-q", preexec_fn=starve)
    one_error(done, 2, "StorageFailed", str(out), "run the same command again")
    answered = committed(out)
    assert assay(*ALL, "--out", out).returncode == 0
    assert answered <= committed(out)
    assert bytes_of(out) == bytes_of(undisturbed)


def test_a_really_full_disk(undisturbed: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a small file system")
    try:
        one_error(assay(*ALL, "--out", small / "run", "-q"), 2, "StorageFailed", "free disk space")
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        assert assay(*ALL, "--out", small / "run").returncode == 0
        assert bytes_of(small / "run") == bytes_of(undisturbed)
    finally:
        subprocess.run(["umount", str(small)], check=True)


WITHOUT_RIGHTS = """
import os, assay.cli.run, assay.cli.wording, assay.door.running as running
from assay.cli import main
from assay.door.options import Plan
running.asked("returns", Plan(n=1, model="scripted:fake_user:speak"))
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
main()
"""
"""Root may write anywhere, and puts that right down once everything is imported."""


@pytest.mark.parametrize("run", ["new", "begun"])
def test_a_folder_that_may_not_be_written(run: str, undisturbed: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    out = closed / "run" if run == "new" else closed
    if run == "begun":
        for name in ("run.json", "blueprint.yaml", "scenarios.jsonl"):
            (closed / name).write_bytes((undisturbed / name).read_bytes())
    before = {p.name: p.read_bytes() for p in closed.iterdir()}
    # the parents that pytest made are its user's alone
    for parent in [tmp_path, *tmp_path.parents][:4]:
        parent.chmod(0o755)
    closed.chmod(0o555)
    argv = [sys.executable, "-c", WITHOUT_RIGHTS, *ALL, "--out", str(out)]
    done = subprocess.run(argv, env=env(), cwd="/", capture_output=True, text=True, timeout=60)
    one_error(done, 2, "StorageFailed", "cannot write", str(out))
    closed.chmod(0o755)
    assert {p.name: p.read_bytes() for p in closed.iterdir()} == before


# side by side -------------------------------------------------------------------------------------------------------


def test_the_same_bytes_with_one_slot_and_with_eight(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fake_user

    from assay.door import making
    from assay.door.options import Plan
    from assay.door.running import run
    from assay.models.model import Answer, Request
    from assay.models.scripted import ScriptedModel
    from assay.records.base import digest

    class Uneven(ScriptedModel):
        """Late answers come first: the delay is drawn by the request."""

        async def complete(self, request: Request) -> Answer:
            self._delay = int(digest(request.content())[:2], 16) / 50_000
            return await super().complete(request)

    plan = Plan(n=N, seed=5, model=WORDS[1], judge=(WORDS[1],), judged_labels=3)
    for slots in (1, 8):
        monkeypatch.setattr(making, "hosted", lambda spec, slots=slots: Uneven(fake_user.speak, slots=slots))
        run("returns", tmp_path / str(slots), plan)
        assert bytes_of(tmp_path / str(slots)) == bytes_of(undisturbed)


# the embedded model ---------------------------------------------------------------------------------------------------


def _answers(folder: Path) -> int:
    """Committed answers of a run that is under way; reading does not touch its ledger."""
    try:
        db = sqlite3.connect(f"file:{folder / 'ledger.sqlite'}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0
    try:
        return int(db.execute("SELECT COUNT(*) FROM calls WHERE answer IS NOT NULL").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


@pytest.mark.embedded
@embedded_is_there
def test_three_kills_on_the_embedded_model(tmp_path: Path) -> None:
    argv = ["run", "returns", "-n", "2", "--seed", "3", "--limit", "1", "-q"]
    assert assay(*argv, "--out", tmp_path / "calm").returncode == 0
    rng, out = random.Random(1), tmp_path / "killed"
    for kills in (1, 2, 3):
        answered = committed(out)
        enough = len(answered) + rng.randint(1, 5)
        with subprocess.Popen(
            [*COMMAND, *argv, "--out", str(out)], env=env(), cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as child:
            _until(lambda enough=enough, child=child: child.poll() is not None or _answers(out) >= enough)
            time.sleep(rng.uniform(0, 0.2))
            child.kill()
        assert child.returncode == -9, f"it was over before kill {kills}"
        assert answered < committed(out)
    assert assay(*argv, "--out", out).returncode == 0
    assert bytes_of(out) == bytes_of(tmp_path / "calm")
    usage = usage_of(out)
    assert {k: v["answered"] for k, v in usage.items()} == {
        k: v["answered"] for k, v in usage_of(tmp_path / "calm").items()
    }
    # a committed call is never started again: what was sent beyond the answers was in flight at a kill
    assert sum(v["repeated"] for v in usage.values()) <= kills * SLOTS
