"""A process that has imported everything and forks one child a command, on a disk that fails, kills or dawdles."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flow_tools import HERE, env

FULL, ONCE, KILL, SLOW = 1, 2, 3, 4
"""What failing_disk.c does at the n-th change of a file: all fail from there on, that one, death, a pause each."""
FAULTS = Path(__file__).parent


def shim(folder: Path) -> Path:
    """failing_disk.c as a library; skips the test where there is no C compiler."""
    made = folder / "failing_disk.so"
    argv = ["cc", "-O1", "-shared", "-fPIC", "-o", str(made), str(FAULTS / "failing_disk.c"), "-ldl"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
    except OSError:
        pytest.skip("needs a C compiler")
    assert done.returncode == 0, done.stderr
    return made


class Driver:
    """The forking process; call it with a command line and what is to go wrong."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.log = folder / "calls.log"
        self.log.touch()
        self.output = folder / "output.txt"
        environment = env(LD_PRELOAD=str(shim(folder)), FAKE_USER_LOG=str(self.log), **more)
        environment["PYTHONPATH"] += f":{FAULTS}"
        self.process = subprocess.Popen(
            [sys.executable, str(FAULTS / "fault_tools.py"), str(folder)],
            env=environment, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while self._line() != "ready\n":
            pass

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the driver is gone"
        return line

    def __call__(self, argv: list[Any], folder: Path, **fault: Any) -> dict[str, Any]:
        """code (negative for a signal), seconds, changes (of files in the folder), said (stdout and stderr)."""
        assert self.process.stdin is not None
        self.output.write_text("")
        order = {"argv": [str(a) for a in argv], "log": str(self.output), "folder": str(folder), **fault}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        found["said"] = self.output.read_text(errors="replace")
        return found

    def done(self, argv: list[Any], folder: Path) -> dict[str, Any]:
        """A command that nothing happens to."""
        found = self(argv, folder)
        assert found["code"] == 0, found["said"]
        return found

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


class SmallDisk:
    """A tmpfs of a size that can be raised."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))

    def _mount(self, *arguments: str) -> None:
        try:
            done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
        except OSError:
            pytest.skip("there is no mount")
        if done.returncode != 0:
            pytest.skip(f"may not mount: {done.stderr.strip()}")

    def grow(self, size: int) -> None:
        """Give space back."""
        self.size += size
        self._mount("-o", f"remount,size={self.size}", str(self.folder))

    def sealed(self, read_only: bool) -> None:
        """Allow no writing, or allow it again; root is not spared."""
        self._mount("-o", f"remount,{'ro' if read_only else 'rw'},size={self.size}", str(self.folder))

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.folder)], check=True)


def child(order: dict[str, Any], pipe: int) -> None:
    """Run the command under its fault and leave the way the command line does."""
    from kill_driver import die_at

    from assay.cli.root import run

    handle = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if order.get("at"):
        die_at(order["folder"], order["at"])
    disk = ctypes.CDLL(None)
    disk.disk_count.restype = ctypes.c_long
    disk.disk_arm(
        order["folder"].encode(), ctypes.c_long(order.get("change", -1)), order.get("mode", 0), order.get("micros", 0)
    )
    if order.get("clock"):
        jumping(order["clock"])
    code = 99
    try:
        code = run(order["argv"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(pipe, f"{disk.disk_count()}".encode())
        os._exit(code)


def jumping(seed: int) -> None:
    """A wall clock that is somewhere else whenever it is read; the monotonic clock goes on as it must."""
    import random

    rng, real = random.Random(seed), time.time
    time.time = lambda: max(0.0, real() + rng.uniform(-4e8, 4e8))  # type: ignore[assignment]
    time.gmtime = lambda at=None, real=time.gmtime: real(time.time() if at is None else at)  # type: ignore[assignment]


def main() -> None:
    """Serve commands until the end of stdin."""
    from assay.cli.root import run

    warm = os.path.join(sys.argv[1], "warm")
    run(["run", "returns", "--out", warm, "-n", "2", "--model", "template", "--json", "-q"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        began = time.monotonic()
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(order, into)
        os.close(into)
        if order.get("after") is not None:
            time.sleep(order["after"])
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        changes = os.read(out, 100).decode()
        os.close(out)
        answer = {"code": status, "seconds": time.monotonic() - began, "changes": int(changes or -1)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
