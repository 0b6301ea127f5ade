"""Ten thousand calls through an endpoint in which seven things go wrong, killed and resumed on the way.

    python bench/faults.py [--sessions 1000] [--share 0.1] [--kills 10] [--seed 5] [--out FOLDER]

A server on loopback (tests/faults/chaos.py) answers `share` of the requests with each of: 429, 500, an answer after the
client's patience, a cut connection, garbage, an answer of another model, a socket that stays open and silent. `assay
simulate` runs against it as a process of its own, `kills` of the passes end by SIGKILL at a drawn moment, the others as
they will; then the same command again, until every session is there. Every request carries a number, so that client and
server count the same things. Compared at the end: sessions, bytes, tokens and USD with the server's own sums and with a
run on a calm server; requests with the client's log. Prints the counts; exits 1 where one is not what it must be.
"""

import argparse
import contextvars
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "flow"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from chaos import KINDS, Chaos, chaotic
from flow_tools import bytes_of

from assay.models import endpoint
from assay.models.model import Answer, Request
from assay.runs.ledger import Ledger

PATIENCE = endpoint.Patience(tries=6, connect=2, stall=0.15, total=2, first_pause=0.002, longest_pause=0.1)
PRICE = (2.0, 10.0)
"""USD per million tokens, prompt and generated."""


def client(log: str, argv: list[str]) -> int:
    """`assay ARGV` with numbered requests, each written down when it is sent and when it ends."""
    from assay.cli.root import run

    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number: contextvars.ContextVar[str] = contextvars.ContextVar("number")
    counter, plain, insist = itertools.count(), endpoint._headers, endpoint.PatientClient.insist

    async def numbered(self: Any, request: Request, once: Callable[[], Awaitable[Answer]]) -> Answer:
        async def one() -> Answer:
            name = f"{os.getpid()}.{next(counter)}"
            number.set(name)
            os.write(handle, f"{name} sent\n".encode())
            end = "given up"
            try:
                answer = await once()
                end = "answer"
                return answer
            except endpoint.Fault as fault:
                end = " ".join(fault.what.split(":")[0].split()[:5])
                raise
            finally:
                os.write(handle, f"{name} {end}\n".encode())

        return await insist(self, request, one)

    endpoint.Patience = lambda: PATIENCE  # type: ignore[assignment,misc]
    endpoint.PatientClient.insist = numbered  # type: ignore[method-assign]
    endpoint._headers = lambda: {**plain(), "X-Attempt": number.get()}
    return run(argv)


def go(argv: list[str], log: Path, kill_after: float | None = None) -> int:
    """The command in a process of its own; negative where it was killed."""
    process = subprocess.Popen(
        [sys.executable, __file__, "client", str(log), *argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return process.returncode


class Run:
    """A run folder, looked at after each pass."""

    def __init__(self, out: Path) -> None:
        self.out = out

    @property
    def finished(self) -> set[str]:
        """Ids of the sessions that the ledger holds."""
        with Ledger(self.out) as ledger:
            return set(ledger.units("simulate"))

    @property
    def failed(self) -> dict[str, str]:
        """Ids and reasons of sessions that failed in the last pass."""
        held: dict[str, str] = json.loads((self.out / "run.json").read_text()).get("failed_sessions", {})
        return held

    @property
    def word(self) -> dict[str, int]:
        """Counts of the calls that word the user."""
        with Ledger(self.out) as ledger:
            return ledger.usage().get("word", {})


class Check:
    """Claims, printed as they are made."""

    def __init__(self) -> None:
        self.broken = 0

    def __call__(self, holds: bool, claim: str) -> None:
        """Print and count one claim."""
        self.broken += not holds
        print(f"  {'ok  ' if holds else 'FAIL'} {claim}")


def passes(run: Run, whole: set[str], log: Path, kills: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Run `simulate` until every session is there. Returns (how passes ended, what was wrong on the way)."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    sums = {"sent": 0, "retries": 0}
    while run.finished != whole:
        before, at = run.finished, log.stat().st_size if log.exists() else 0
        killing = ends["killed"] < kills and sum(ends.values()) % 2 == 0
        code = go(["simulate", str(run.out), "-q"], log, rng.uniform(2.0, 9.0) if killing else None)
        ends["killed" if code < 0 else f"exit {code}"] += 1
        after, word = run.finished, run.word
        if not before <= after:
            wrong.append("a finished session is gone")
        sent = log.read_text()[at:].count(" sent\n")
        more = sum(word.get(k, 0) - n for k, n in sums.items())
        sums = {k: word.get(k, 0) for k in sums}
        if code >= 0:
            if after | run.failed.keys() != whole:
                wrong.append("a session is neither finished nor named")
            if more != sent:
                wrong.append(f"{sent} requests sent in a pass, {more} counted")
        elif more > sent:
            wrong.append(f"{sent} requests sent in a killed pass, {more} counted")
        if sum(ends.values()) > 80:
            wrong.append("80 passes were not enough")
            return ends, wrong
    return ends, wrong


class Wire:
    """What client and server say of every request."""

    def __init__(self, log: Path, chaos: Chaos) -> None:
        ends: dict[str, str] = {}
        for line in log.read_text().splitlines():
            name, _, what = line.partition(" ")
            ends[name] = what if what != "sent" else ends.get(name, "killed")
        self.table: Counter[tuple[str, str]] = Counter()
        """(what the server did, what the client took it for) -> requests."""
        self.unseen: Counter[str] = Counter()
        """What the client took requests for that the server never saw."""
        self.answered: dict[str, tuple[int, int]] = {}
        """Call, by its content -> the server's tokens, of every call with a request that ended in an answer."""
        for name, end in ends.items():
            if name not in chaos.seen:
                self.unseen[end] += 1
                continue
            self.table[chaos.seen[name], end] += 1
            if end == "answer":
                self.answered[chaos.calls[name]] = chaos.cost[chaos.calls[name]]

    def of(self, kind: str) -> dict[str, int]:
        """What the client took requests for that the server did one thing with."""
        return {end: n for (k, end), n in sorted(self.table.items()) if k == kind}


def main() -> None:
    """Run it and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(measured(given, given.out or Path(temporary)))


def measured(given: argparse.Namespace, folder: Path) -> int:
    """The measurement; 1 where a claim does not hold."""
    folder.mkdir(parents=True, exist_ok=True)
    log, out, rng, began = folder / "requests.log", folder / "run", random.Random(given.seed), time.monotonic()
    check, run = Check(), Run(out)
    with chaotic(given.share, seed=given.seed) as (chaos, name):
        begin = ["author", "returns", "-n", str(given.sessions), "--seed", str(given.seed), "--model", name, "--out"]
        assert go([*begin, str(out)], log) == 0
        whole = {json.loads(x)["id"] for x in (out / "scenarios.jsonl").read_text().splitlines()}
        ends, wrong = passes(run, whole, log, given.kills, rng)
        while go(["simulate", str(out), "-q"], log) != 0:
            ends["table"] += 1
        wire, chaos.share = Wire(log, chaos), 0.0
        calm = folder / "calm"
        assert go([*begin, str(calm)], folder / "calm.log") == 0
        assert go(["simulate", str(calm), "-q"], folder / "calm.log") == 0
        usage = priced(out, f"{name}={PRICE[0]}/{PRICE[1]}")
    word, quiet = run.word, Run(calm).word
    print(f"{given.sessions} sessions, {word['answered']} calls answered, {wire.table.total()} requests seen by the "
          f"server, {sum(ends.values())} passes {dict(ends)}; {time.monotonic() - began:.0f} s")  # fmt: skip
    for kind in ("good", *KINDS):
        print(f"  {kind:12} {sum(wire.of(kind).values()):6} {wire.of(kind)}")
    print(f"  sent and never seen by the server: {dict(wire.unseen)}")
    check(not wrong, f"every pass: finished or named, nothing lost, requests = sent + retries {Counter(wrong) or ''}")
    check(run.finished == whole and not run.failed, f"all {len(whole)} sessions finished, none is named failed")
    check(bytes_of(out) == bytes_of(calm), "records are the bytes of the calm run")
    counts(check, word, quiet, wire, usage)
    thrown = sum(n for end, n in wire.of("wrong model").items() if end != "answer")
    twice = sum(wire.of(kind).get("answer", 0) for kind in ("good", "stall", "wrong model")) - len(wire.answered)
    print(
        f"  answers that came and are in no usage: {twice} of calls asked again after a kill, {thrown} of another model"
    )
    return 1 if check.broken else 0


def counts(check: Check, word: dict[str, int], quiet: dict[str, int], wire: Wire, usage: dict[str, Any]) -> None:
    """What must hold of calls, tokens and USD."""
    check(word["sent"] == word["answered"] + word["failed"] + word["repeated"],
          f"sent {word['sent']} = answered {word['answered']} + failed {word['failed']} + in flight at a kill "
          f"{word['repeated']}")  # fmt: skip
    bad = {k: n for k, n in wire.table.items() if k[0] not in ("good", "stall", "wrong model") and k[1] == "answer"}
    check(not bad, f"no fault was taken for an answer {bad or ''}")
    check("answer" not in wire.unseen, "no answer came from nowhere")
    check(word["answered"] == len(wire.answered), f"answered = calls that the server answered ({len(wire.answered)})")
    sums = tuple(map(sum, zip(*wire.answered.values(), strict=True)))
    held = (word["prompt_tokens"], word["completion_tokens"])
    check(held == sums, f"tokens {held} = the server's {sums}")
    check(word["answered"] == quiet["answered"], f"answered = those of the calm run ({quiet['answered']})")
    check(held == (quiet["prompt_tokens"], quiet["completion_tokens"]), "tokens = those of the calm run")
    (usd,) = [row["usd"] for row in usage["by_role"] if row["role"] == "user"]
    paid = (sums[0] * PRICE[0] + sums[1] * PRICE[1]) / 1e6
    check(abs(usd - paid) <= 1e-5 * paid, f"USD {usd:.6g} = the server's tokens at their prices")


def priced(out: Path, price: str) -> dict[str, Any]:
    """usage.json with money in it."""
    from assay.door.running import write_usage
    from assay.runs.folder import RunFolder

    with RunFolder(out) as folder, Ledger(out) as ledger:
        return write_usage(folder, ledger, [price])


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        sys.exit(client(sys.argv[2], sys.argv[3:]))
    main()
