"""The ledger: bad folders, two processes, death at any moment, and what it says was used."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from assay.errors import BadInput, ProviderFailed, RunMismatch, StorageFailed
from assay.models import Answer, Request, Sampling, key_of
from assay.models.scripted import ScriptedModel
from assay.runs.calls import Calls
from assay.runs.ledger import FILE, Ledger

SOURCE = str(Path(__file__).parents[2] / "src")


def ask(n: int, purpose: str = "word") -> Request:
    return Request(prompt=f"prompt {n % 3}", sampling=Sampling(temperature=1.0), repeat=n, purpose=purpose)


def fill(ledger: Ledger) -> None:
    for n in range(100):
        ledger.put_item("author", f"big {n}", random.Random(n).randbytes(4000).hex())


# bad input ----------------------------------------------------------------------------------------------------------


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("x")
    with pytest.raises(BadInput, match="folder is a file"):
        Ledger(path)


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database, but long enough to look like one " * 40)
    with pytest.raises(BadInput, match="not a ledger"):
        Ledger(tmp_path)
    (tmp_path / FILE).unlink()
    Ledger(tmp_path).close()


def test_a_ledger_of_another_version(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(RunMismatch, match="schema 99"):
        Ledger(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageFailed, match="cannot write"):
        Ledger(tmp_path)


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(StorageFailed, match="cannot write"):
        Ledger("/proc/no/such/place")


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.put_item("author", "a", {"n": 1})
        # sqlite answers SQLITE_FULL at its page limit, as it does when the disk is full
        ledger._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(StorageFailed, match="full") as caught:
            fill(ledger)
        assert "free disk space" in caught.value.now
        written = ledger.units("author")
        assert ledger.item("author", "a") == {"n": 1}
    with Ledger(tmp_path) as ledger:
        assert ledger.units("author") == written
        ledger.put_item("author", "z", 1)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = f"from assay.runs.ledger import Ledger; Ledger({str(tmp_path)!r})"
    with Ledger(tmp_path):
        second = subprocess.run([sys.executable, "-c", code], env=_env(), capture_output=True, text=True)
        assert "RunMismatch" in second.stderr
        assert "another process works on this run folder" in second.stderr
        with pytest.raises(RunMismatch):
            Ledger(tmp_path)
    assert subprocess.run([sys.executable, "-c", code], env=_env()).returncode == 0


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.close()
    ledger.close()
    with pytest.raises(StorageFailed, match="closed"):
        ledger.units("author")


# what is kept -------------------------------------------------------------------------------------------------------


def test_a_call_comes_back_as_it_was(tmp_path: Path) -> None:
    request = Request(
        messages=(("system", "be\ud800 odd 🙂 שלום"), ("user", "x" * 10_000)),
        sampling=Sampling(temperature=0.7, top_p=0.9, stop=("\n",), seed=5),
        n_probs=3,
        repeat=2,
    )
    probs = {"a": -0.123456789}
    answer = Answer(text="שלום\n", finish_reason="stop", prompt_tokens=7, top_logprobs=probs, raw={"a": [1]})
    identity = {"model": "m"}
    key = key_of(identity, request)
    with Ledger(tmp_path) as ledger:
        ledger.start(key, identity, request)
        assert ledger.answer(key) is None
        ledger.finish(key, answer)
    with Ledger(tmp_path) as ledger:
        assert ledger.answer(key) == answer.keyed(key)
        stored = ledger.call(key)
    assert stored["model"] == identity
    assert stored["request"] == request.content() | {"seed_sent": request.seed()}
    assert stored["answer"]["raw"] == {"a": [1]}
    assert stored["finished"] >= stored["started"] > 0


def test_each_text_is_stored_once(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        for n in range(30):
            ledger.start(key_of({}, ask(n)), {}, ask(n))
        assert ledger._db.execute("SELECT COUNT(*) FROM texts").fetchone()[0] == 3 + 1


def test_the_key_holds_what_changes_the_answer_and_nothing_else() -> None:
    base = Request(prompt="p", sampling=Sampling(temperature=1.0))
    others = [
        Request(prompt="q", sampling=Sampling(temperature=1.0)),
        Request(messages=(("user", "p"),), sampling=Sampling(temperature=1.0)),
        Request(prompt="p", sampling=Sampling(temperature=0.9)),
        Request(prompt="p", sampling=Sampling(temperature=1.0, seed=1)),
        Request(prompt="p", sampling=Sampling(temperature=1.0, top_p=0.5)),
        Request(prompt="p", sampling=Sampling(temperature=1.0, stop=("\n",))),
        Request(prompt="p", sampling=Sampling(temperature=1.0, max_tokens=5)),
        Request(prompt="p", sampling=Sampling(temperature=1.0), repeat=1),
        Request(prompt="p", sampling=Sampling(temperature=1.0), n_probs=4),
        Request(prompt="p", sampling=Sampling(temperature=1.0), grammar='root ::= "a"'),
    ]
    keys = {key_of({"m": 1}, r) for r in [base, *others]} | {key_of({"m": 2}, base)}
    assert len(keys) == len(others) + 2
    renamed = Request(prompt="p", sampling=Sampling(temperature=1.0), purpose="x")
    assert key_of({"m": 1}, renamed) == key_of({"m": 1}, base)


def test_forgetting_leaves_no_byte_behind(tmp_path: Path) -> None:
    secret, shared = "the secret 🙂 " + os.urandom(40).hex(), "shared words " + os.urandom(40).hex()
    one = Request(messages=(("system", shared), ("user", secret)))
    two = Request(messages=(("system", shared), ("user", "other")))
    with Ledger(tmp_path) as ledger:
        for request in (one, two):
            ledger.start(key_of({}, request), {}, request)
            ledger.finish(key_of({}, request), Answer(text=f"re {request.messages[1][1]}"))
        ledger.put_item("simulate", "s1", secret)
        ledger.put_item("simulate", "s2", "kept")
        assert ledger.forget([key_of({}, one), "unknown"], ["s1"]) == 1
        assert ledger.answer(key_of({}, one)) is None
        assert ledger.call(key_of({}, two))["request"]["messages"][0] == ["system", shared]
        assert ledger.units("simulate") == ["s2"]
        traces = [zlib.compress(secret.encode()), secret.encode(), json.dumps(secret).encode()]
        for file in tmp_path.iterdir():
            assert not any(trace in file.read_bytes() for trace in traces)


def test_from_many_threads(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:

        def put(k: int) -> None:
            for i in range(25):
                ledger.put_item("s", f"{k}-{i}", i)

        threads = [threading.Thread(target=put, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ledger.units("s")) == 150


# death at any moment ------------------------------------------------------------------------------------------------

WRITER = """
import sys
from assay.models import Answer, Request, key_of
from assay.runs.ledger import Ledger
ledger = Ledger(sys.argv[1])
n = int(sys.argv[2])
while True:
    request = Request(prompt="p" * (n % 50), repeat=n)
    key = key_of({}, request)
    ledger.start(key, {}, request)
    ledger.finish(key, Answer(text=f"answer {n}"))
    sys.stdout.write(f"call {key} {n}\\n"); sys.stdout.flush()
    ledger.put_item("author", f"u{n}", {"n": n})
    sys.stdout.write(f"item u{n} {n}\\n"); sys.stdout.flush()
    n += 1
"""


def test_killed_at_random_moments_everything_acknowledged_is_there(tmp_path: Path) -> None:
    rng = random.Random(0)
    said: list[list[str]] = []
    for kill in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(kill * 100_000)],
            env=_env(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        said.append(child.stdout.readline().split())
        time.sleep(rng.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        # a line that the kill cut in half was acknowledged too: its commit came first
        said += [line.split() for line in child.stdout if line.endswith("\n")]
        child.stdout.close()
        child.wait()
    with Ledger(tmp_path) as ledger:
        assert ledger._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for kind, name, n in said:
            if kind == "call":
                answer = ledger.answer(name)
                assert answer is not None
                assert answer.text == f"answer {n}"
            else:
                assert ledger.item("author", name) == {"n": int(n)}
        assert len(said) > 50
        assert ledger.usage()["call"]["repeated"] <= 5


# calls --------------------------------------------------------------------------------------------------------------


def test_committed_calls_are_not_sent_again(tmp_path: Path) -> None:
    async def go(model: ScriptedModel) -> list[str]:
        with Ledger(tmp_path) as ledger:
            calls = Calls(ledger, model)
            return [(await calls.complete(ask(n))).text for n in range(6)]

    first, second = ScriptedModel(), ScriptedModel()
    assert asyncio.run(go(first)) == asyncio.run(go(second))
    assert len(first.seen) == 6
    assert second.seen == []
    assert len(set(asyncio.run(go(second)))) > 1, "repeats must not collapse"


def test_equal_calls_in_flight_are_one_call_and_slots_bound_the_rest(tmp_path: Path) -> None:
    flying = most = 0

    class Counting(ScriptedModel):
        async def complete(self, request: Request) -> Answer:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            answer = await super().complete(request)
            flying -= 1
            return answer

    async def go() -> None:
        model = Counting(delay=0.01, slots=3)
        with Ledger(tmp_path) as ledger:
            calls = Calls(ledger, model)
            answers = await asyncio.gather(*[calls.complete(ask(n % 8)) for n in range(24)])
            assert len(model.seen) == 8
            assert all(a == answers[i % 8] for i, a in enumerate(answers))
            usage = calls.usage()["word"]
            assert (usage["sent"], usage["answered"], usage["found"]) == (8, 8, 16)
        assert most == 3

    asyncio.run(go())


def test_failures_and_kills_are_counted_and_can_be_sent_again(tmp_path: Path) -> None:
    async def go() -> None:
        model = ScriptedModel(faults=["fail"])
        with Ledger(tmp_path) as ledger:
            calls = Calls(ledger, model)
            with pytest.raises(ProviderFailed):
                await calls.complete(ask(0))
            await calls.complete(ask(0))
            # what a kill leaves behind: a start without an end
            ledger.start(key_of(model.identity(), ask(1)), model.identity(), ask(1))
            await calls.complete(ask(1, "read"))
            usage = calls.usage()
        assert usage["word"] | {"found": 0} == usage["word"]
        assert (usage["word"]["sent"], usage["word"]["answered"]) == (4, 2)
        assert (usage["word"]["failed"], usage["word"]["repeated"]) == (1, 1)
        assert usage["word"]["completion_tokens"] > 0

    asyncio.run(go())


def test_a_request_that_cannot_be_is_a_failure_not_a_repeat(tmp_path: Path) -> None:
    class Refusing(ScriptedModel):
        async def complete(self, request: Request) -> Answer:
            raise BadInput("no")

    async def go() -> None:
        with Ledger(tmp_path) as ledger:
            calls = Calls(ledger, Refusing())
            with pytest.raises(BadInput):
                await calls.complete(ask(0))
            assert (calls.usage()["word"]["failed"], calls.usage()["word"]["repeated"]) == (1, 0)

    asyncio.run(go())


def test_a_waiter_that_is_cancelled_leaves_the_call_to_the_others(tmp_path: Path) -> None:
    async def go() -> None:
        model = ScriptedModel(delay=0.02)
        with Ledger(tmp_path) as ledger:
            calls = Calls(ledger, model)
            one, two = (asyncio.create_task(calls.complete(ask(0))) for _ in range(2))
            await asyncio.sleep(0.005)
            one.cancel()
            assert (await two).text
            with pytest.raises(asyncio.CancelledError):
                await one
            assert len(model.seen) == 1

    asyncio.run(go())


def test_calls_in_two_event_loops(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        calls = Calls(ledger, ScriptedModel(delay=0.005, slots=1))

        async def go(start: int) -> None:
            await asyncio.gather(*[calls.complete(ask(n)) for n in range(start, start + 4)])

        asyncio.run(go(0))
        asyncio.run(go(4))
        assert len(ledger.keys()) == 8


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCE}
