"""A process that has imported everything and forks one child a command, so that thirty kills cost seconds.

Reads one JSON object a line: argv, log (the child's output), and either `after` (seconds until SIGKILL), or `at` (the
child dies by SIGKILL at its at-th touch of a file in `folder`: opened for writing, renamed, removed), or neither.
Answers with one JSON object: code (negative for a signal), seconds.
"""

import json
import os
import signal
import sys
import time
from typing import Any

from assay.cli.root import run

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def die_at(folder: str, count: int) -> None:
    """Kill this process at its count-th touch of a file of the folder."""
    left = [count]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            touched = isinstance(path, str) and (flags & WRITES if isinstance(flags, int) else "w" in (mode or ""))
        elif event in ("os.rename", "os.remove", "sqlite3.connect"):
            path, touched = arguments[0], True
        else:
            return
        if touched and os.fspath(path).startswith(folder):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def child(order: dict[str, Any]) -> None:
    """Run the command and leave the way the command line does."""
    handle = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if order.get("at"):
        die_at(order["folder"], order["at"])
    code = 99
    try:
        code = run(order["argv"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve commands until the end of stdin."""
    run(
        ["run", "returns", "--out", os.path.join(sys.argv[1], "warm"), "-n", "2", "--model", "template", "--json", "-q"]
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(order)
        if order.get("after") is not None:
            time.sleep(order["after"])
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(json.dumps({"code": status, "seconds": time.monotonic() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
