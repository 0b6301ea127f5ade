"""`--engine ray` on a local cluster of several raylets: the bytes of `--engine local`, whatever is killed."""

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.door.engines import using
from assay.door.options import Plan
from assay.errors import BadInput, OutOfBudget, ProviderFailed
from assay.models.hosting import each, hosted
from assay.models.model import PromptTooLong, Request
from assay.runs.ray_actors import packed, revived
from assay.runs.ray_engine import RayPlan

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"
MODEL = "scripted:ray_words:speak"
N = 12
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "memory": 2**30}
TABLES = ("scenarios.jsonl", "sessions.jsonl", "verdicts.jsonl", "labels.jsonl", "certificate.json")
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `ray`)")


@pytest.mark.parametrize("text", ["actors=0", "actors=x", "slots=-1", "rate=nan", "colour=3", "actors"])
def test_a_plan_that_cannot_be_read_is_one_clear_error(text: str) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        RayPlan.of(text)


def test_an_engine_of_another_name_is_refused_with_the_names() -> None:
    with pytest.raises(BadInput, match="no engine 'spark'") as found, using("spark"):
        pass
    assert "ray" in found.value.now


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match="not installed") as found, using("ray"):
        pass
    assert "assay[ray]" in found.value.now


def test_a_plan_is_read() -> None:
    assert RayPlan.of("actors=3,rate=2.5") == RayPlan(actors=3, rate=2.5)


@pytest.mark.parametrize("kind", [BadInput, PromptTooLong, OutOfBudget, ProviderFailed])
def test_an_error_comes_back_from_a_worker_as_itself(kind: type[Any]) -> None:
    error = kind("what", where="there", now="do")
    error.retries = 3
    with pytest.raises(kind) as found:
        revived(packed(error))
    assert (type(found.value), str(found.value), found.value.retries) == (kind, str(error), 3)


def test_in_this_process_each_is_a_map() -> None:
    assert list(each(abs, [-1, 2])) == [1, 2]


# a cluster ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three raylets of one core each, on this machine; workers inherit the environment that they start in."""
    import ray
    from ray.cluster_utils import Cluster

    patch = pytest.MonkeyPatch()
    patch.setenv("ASSAY_RAY_LOG", str(tmp_path_factory.mktemp("ray") / "calls.log"))
    patch.setenv("PYTHONPATH", os.pathsep.join([str(SRC), str(HERE)]))
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.syspath_prepend(str(HERE))
    head = {**NODE, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=head)
    found.workers = [found.add_node(**NODE) for _ in range(2)]
    ray.init(address=found.address, namespace="assay", logging_level="ERROR", log_to_driver=False)
    try:
        yield found
    finally:
        ray.shutdown()
        found.shutdown()
        patch.undo()


@pytest.fixture
def log(cluster: Any) -> Path:
    """One line a call, none yet."""
    path = Path(os.environ["ASSAY_RAY_LOG"])
    path.unlink(missing_ok=True)
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def calls_in(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def usage(folder: Path) -> dict[str, int]:
    return dict(json.loads((folder / "usage.json").read_text())["calls"])


def after(calls: int, log: Path, deed: Callable[[], None]) -> threading.Thread:
    """Do something once so many calls were made."""

    def wait() -> None:
        end = time.monotonic() + 60
        while len(calls_in(log)) < calls and time.monotonic() < end:
            time.sleep(0.02)
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def local(folder: Path, log: Path) -> dict[str, bytes]:
    """The bytes of `--engine local`, and an empty log after it."""
    assay.run("returns", folder, Plan(n=N, seed=3, model=MODEL))
    log.unlink()
    return bytes_of(folder)


@pytest.mark.long
@with_ray
def test_several_nodes_give_the_bytes_of_one_process(cluster: Any, log: Path, tmp_path: Path) -> None:
    wanted = local(tmp_path / "local", log)
    with using("ray"):
        assay.run("returns", tmp_path / "ray", Plan(n=N, seed=3, model=MODEL))
    assert bytes_of(tmp_path / "ray") == wanted
    assert len({pid for pid, _ in calls_in(log)}) == 3
    assert usage(tmp_path / "ray") == usage(tmp_path / "local")
    assert len(calls_in(log)) == usage(tmp_path / "ray")["sent"]


@pytest.mark.long
@with_ray
def test_killed_workers_lose_nothing_and_repeat_only_what_was_in_flight(
    cluster: Any, log: Path, tmp_path: Path
) -> None:
    wanted = local(tmp_path / "local", log)
    killed: list[int] = []

    def kill() -> None:
        killed.append(int(calls_in(log)[-1][0]))
        os.kill(killed[-1], signal.SIGKILL)

    threads = [after(10, log, kill), after(40, log, kill)]
    with using("ray"):
        assay.run("returns", tmp_path / "ray", Plan(n=N, seed=3, model=MODEL))
    for thread in threads:
        thread.join()
    counts = usage(tmp_path / "ray")
    assert len(killed) == 2
    assert bytes_of(tmp_path / "ray") == wanted
    assert counts["answered"] == counts["sent"] == usage(tmp_path / "local")["sent"]
    assert counts["failed"] == counts["repeated"] == 0
    assert 0 < counts["retries"] <= 2 * 8 + 4, "at most the calls in flight at two kills, and a few at a closed door"
    assert len(calls_in(log)) <= counts["sent"] + counts["retries"]


@pytest.mark.long
@with_ray
def test_a_lost_node_loses_nothing(cluster: Any, log: Path, tmp_path: Path) -> None:
    wanted = local(tmp_path / "local", log)
    thread = after(20, log, lambda: cluster.remove_node(cluster.workers[0], allow_graceful=False))
    with using("ray"):
        assay.run("returns", tmp_path / "ray", Plan(n=N, seed=3, model=MODEL))
    thread.join()
    cluster.workers[0] = cluster.add_node(**NODE)
    counts = usage(tmp_path / "ray")
    assert bytes_of(tmp_path / "ray") == wanted
    assert counts["answered"] == counts["sent"] == usage(tmp_path / "local")["sent"]
    assert counts["failed"] == 0


DRIVER = """
import sys, assay
from assay.door.engines import using
from assay.door.options import Plan
with using("ray"):
    assay.run("returns", sys.argv[1], Plan(n={n}, seed=3, model={model!r}))
"""


@pytest.mark.long
@with_ray
def test_a_killed_driver_goes_on_where_it_stopped(cluster: Any, log: Path, tmp_path: Path) -> None:
    wanted = local(tmp_path / "local", log)
    out = tmp_path / "ray"
    command = [sys.executable, "-c", DRIVER.format(n=N, model=MODEL), str(out)]
    how = {"env": {**os.environ, "RAY_ADDRESS": cluster.address}, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **how) as driver:
        after(25, log, driver.kill).join()
    before = len(calls_in(log))
    assert driver.returncode == -signal.SIGKILL
    assert not (out / "sessions.jsonl").exists()
    done = subprocess.run(command, timeout=120, check=False, **how)
    assert done.returncode == 0, done.stderr[-2000:]
    counts = usage(out)
    assert bytes_of(out) == wanted
    assert counts["answered"] == usage(tmp_path / "local")["answered"]
    assert counts["repeated"] <= 3 * 8, "at most the calls in flight at the kill"
    assert counts["sent"] == counts["answered"] + counts["repeated"]
    assert before <= len(calls_in(log)) <= counts["sent"]


@pytest.mark.long
@with_ray
def test_a_rate_is_held_over_all_actors(cluster: Any, log: Path) -> None:
    async def ask(model: Any) -> float:
        began = time.monotonic()
        await asyncio.gather(*(model.complete(Request(prompt="hello", repeat=i)) for i in range(30)))
        seconds = time.monotonic() - began
        await model.close()
        return seconds

    with using("ray:actors=3,rate=15"):
        assert asyncio.run(ask(hosted(MODEL))) > 29 / 15
    with using("ray:actors=3"):
        assert asyncio.run(ask(hosted(MODEL))) < 29 / 15
    assert len({pid for pid, _ in calls_in(log)}) == 6


@pytest.mark.long
@with_ray
def test_tasks_keep_their_order_hold_back_and_survive_a_kill(cluster: Any, log: Path) -> None:
    import ray_words

    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1, 41):
            taken.append(number)
            yield number

    thread = after(10, log, lambda: os.kill(int(calls_in(log)[-1][0]), signal.SIGKILL))
    with using("ray"):
        found = []
        for value in each(ray_words.double, items()):
            assert len(taken) - len(found) <= 2 * 3 + 1, "no more than two tasks a core are out"
            found.append(value)
    thread.join()
    assert found == [2 * i for i in range(1, 41)]


@pytest.mark.long
@with_ray
def test_parts_of_a_large_audit_are_checked_by_tasks(
    cluster: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.door import auditing, large_audit
    from assay.records import parts

    assay.run("returns", tmp_path / "run", Plan(n=40, seed=4, model="template"))
    monkeypatch.setattr(auditing, "MOST_AT_ONCE", 20)
    monkeypatch.setattr(auditing, "audit_power", lambda *_, **__: None)
    monkeypatch.setattr(large_audit, "PART", 10)
    monkeypatch.setattr(parts, "PART", 10)
    monkeypatch.setattr(parts.in_parts, "__defaults__", (10,))
    source = tmp_path / "run" / "sessions.jsonl"
    assay.audit([source], tmp_path / "local")
    with using("ray"):
        assay.audit([source], tmp_path / "ray")
    for name in ("verdicts.jsonl", "labels.jsonl", "worst.json"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.long
@pytest.mark.embedded
@with_ray
def test_the_embedded_model_in_actors_gives_the_same_bytes(cluster: Any, log: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    assay.run("returns", tmp_path / "local", Plan(n=2, seed=3))
    with using("ray:actors=1"):
        assay.run("returns", tmp_path / "ray", Plan(n=2, seed=3))
    assert bytes_of(tmp_path / "ray") == bytes_of(tmp_path / "local")
