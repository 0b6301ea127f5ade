"""`--engine ray`: models as Ray actors and pure work as Ray tasks; the ledger stays with the driver, its one writer.

Sessions are led by the driver, which is cheap; what costs (model calls, checks of parts) is done elsewhere. A call is
answered when the driver has committed it, so a lost worker or node repeats at most the calls that it had in flight, and
a killed driver goes on from the ledger. The bytes are those of `--engine local`, because the requests are.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import BadInput, ProviderFailed, RunMismatch
from assay.models.model import Answer, Request
from assay.runs.ray_actors import GATE, NAMESPACE, HostActor, Placed, Rates, revived

MEBIBYTE = 2**20
MEMORY = {"embedded": 700 * MEBIBYTE, "other": 200 * MEBIBYTE}
"""Bytes that an actor of a model reserves on its node: estimated from weights (98 MB) and context of 4 slots."""
STORE = 80 * MEBIBYTE
"""Object store of a cluster that is started here: Ray's least is 75 MiB."""
PATIENCE = 300.0
"""Seconds that a call waits for an actor to come back before it fails."""
TRIES_OF_A_TASK = 5


@dataclass(frozen=True, slots=True)
class RayPlan:
    """What is said after `ray:`, e.g. `ray:actors=8,slots=16,rate=200`."""

    actors: int = 0
    """Actors of each model; 0: one per node that has the memory."""
    slots: int = 0
    """Calls in flight per actor; 0: the model's own default."""
    rate: float = 0.0
    """Most requests a second to one model, all actors and runs of the cluster together; 0: as many as there are."""
    memory: int = 0
    """MiB that an actor of a model reserves; 0: as measured."""

    @classmethod
    def of(cls, text: str) -> "RayPlan":
        """The plan in `actors=8,rate=50`. Raises BadInput for another word or no positive number."""
        found: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            kind = {"actors": int, "slots": int, "rate": float, "memory": int}.get(name.strip())
            try:
                if kind is None or not 0 < kind(value) < 1e9:
                    raise ValueError
                found[name.strip()] = kind(value)
            except ValueError as error:
                now = "ray, or ray: and actors, slots, rate, memory with positive numbers, e.g. ray:actors=8,rate=200"
                raise BadInput(f"cannot read {part!r}", where="--engine", now=now) from error
        return cls(**found)


def start_ray() -> bool:
    """Connect to the cluster of RAY_ADDRESS, or start one on this machine; whether it was started or joined here.

    Raises BadInput when Ray is not installed, ProviderFailed when the cluster cannot be reached.
    """
    # Ray reports use by default; assay never does
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise BadInput("Ray is not installed", where="--engine ray", now="pip install 'assay[ray]'") from error
    if ray.is_initialized():
        return False
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False, "namespace": NAMESPACE}
    if not os.environ.get("RAY_ADDRESS"):
        quiet |= {"include_dashboard": False, "object_store_memory": STORE}
    try:
        ray.init(**quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        now = "check RAY_ADDRESS, or unset it to start Ray on this machine"
        raise ProviderFailed(f"no Ray cluster: {str(error)[:300]}", where="--engine ray", now=now) from error
    return True


class RayHost:
    """The engine `ray`: open while it is entered."""

    def __init__(self, plan: RayPlan | None = None) -> None:
        self.plan = plan or RayPlan()
        self._mine = False

    def __enter__(self) -> "RayHost":
        self._mine = start_ray()
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        if self._mine:
            ray.shutdown()

    def model(self, spec: str, slots: int | None) -> "RayModel":
        """A model on actors of its own."""
        return RayModel(spec, self.plan if slots is None else replace(self.plan, slots=slots))

    def each(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """`work` of every item as Ray tasks, in the order of the items.

        At most two tasks per core wait or run (and so many results are held), however many items there are. A task
        whose worker or node dies is done again, up to 5 times.
        """
        import ray

        task = ray.remote(num_cpus=1, max_retries=TRIES_OF_A_TASK)(work)
        most = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
        flying: deque[Any] = deque()
        for item in items:
            flying.append(task.remote(item))
            if len(flying) >= most:
                yield _got(flying.popleft())
        while flying:
            yield _got(flying.popleft())


def _got(ref: Any) -> Any:
    import ray

    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from error
    except ray.exceptions.RayError as error:
        now = "run the same command again: finished parts are kept"
        raise ProviderFailed(f"Ray lost a task for good: {str(error)[:300]}", where="--engine ray", now=now) from error


class RayModel:
    """A model whose calls are answered by actors.

    `identity` is what the actors say of themselves, and must be one: RunMismatch where nodes hold other weights. A call
    goes to the actor with the fewest calls in flight; calls of one conversation stay with one actor.
    """

    def __init__(self, spec: str, plan: RayPlan) -> None:
        import ray

        self.name = spec
        placed = Placed(spec=spec, slots=plan.slots or None, rate=plan.rate, adapter=_adapter(spec))
        memory = plan.memory * MEBIBYTE or MEMORY["embedded" if spec.startswith("embedded") else "other"]
        n = plan.actors or room(memory)
        if plan.rate:
            ray.remote(Rates).options(
                name=GATE, namespace=NAMESPACE, get_if_exists=True, num_cpus=0, max_restarts=-1, max_concurrency=10_000,
                lifetime="detached",
            ).remote()  # fmt: skip
        own = ray.remote(HostActor).options(
            num_cpus=1 if spec.startswith("embedded") else 0, memory=memory, max_restarts=-1, max_concurrency=1_000,
            scheduling_strategy="SPREAD",
        )  # fmt: skip
        self._actors = [own.remote(placed) for _ in range(n)]
        self._flying = [0] * n
        self._away = [0.0] * n
        facts = self._facts()
        self._identity: dict[str, Any] = facts[0]["identity"]
        self.slots = sum(f["slots"] for f in facts)

    def _facts(self) -> list[dict[str, Any]]:
        import ray

        began = time.monotonic()
        while True:
            try:
                found = [revived(row) for row in ray.get([a.facts.remote() for a in self._actors], timeout=PATIENCE)]
                break
            except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError) as error:
                if time.monotonic() - began > PATIENCE:
                    raise _none_left(self.name) from error
                time.sleep(0.5)
        if any(f["identity"] != found[0]["identity"] for f in found):
            raise RunMismatch(
                f"the nodes do not hold the same {self.name}", where="--engine ray",
                now="install the same versions and weights on every node",
            )  # fmt: skip
        return found

    def identity(self) -> dict[str, Any]:
        """What the model says of itself, as in one process."""
        return dict(self._identity)

    async def complete(self, request: Request) -> Answer:
        """Answer a request on an actor; asked again elsewhere when that actor dies, and counted as a retry.

        Raises what the model raises, and ProviderFailed when no actor came back in time.
        """
        import ray

        lost, began = 0, time.monotonic()
        while True:
            at = self._choose(request)
            self._flying[at] += 1
            try:
                row = await self._actors[at].complete.remote(request)
            except ray.exceptions.RayTaskError as error:
                raise (error.cause if isinstance(error.cause, Exception) else error) from error
            except ray.exceptions.RayError as error:
                if time.monotonic() - began > PATIENCE:
                    raise _none_left(self.name) from error
                lost += 1
                self._away[at] = time.monotonic() + 2.0
                await asyncio.sleep(min(2.0, 0.1 * lost))
                continue
            finally:
                self._flying[at] -= 1
            answer: Answer = revived(row)
            return replace(answer, retries=answer.retries + lost) if lost else answer

    def _choose(self, request: Request) -> int:
        if request.session:
            return int.from_bytes(request.session.encode()[-4:], "big") % len(self._actors)
        now = time.monotonic()
        return min(range(len(self._actors)), key=lambda i: (self._away[i] > now, self._flying[i], i))

    async def close(self) -> None:
        """End the actors. Safe to call twice."""
        import ray

        actors, self._actors = self._actors, []
        for actor in actors:
            ray.kill(actor)


def room(memory: int) -> int:
    """Nodes that can give an actor so much memory; one actor a node, at least one."""
    import ray

    nodes = [n for n in ray.nodes() if n["Alive"]]
    return max(1, sum(1 for n in nodes if n["Resources"].get("memory", 0) >= memory))


def _adapter(spec: str) -> bytes:
    """The bytes of `embedded:FILE`, which other nodes do not have; checked here, where the file is."""
    kind, _, path = spec.partition(":")
    if kind != "embedded" or not path:
        return b""
    from assay.models.embedded import adapter_of

    adapter_of(spec)
    return Path(path).read_bytes()


def _none_left(name: str) -> ProviderFailed:
    return ProviderFailed(
        f"no actor of {name} for {PATIENCE:.0f} s", where="--engine ray",
        now="give the cluster nodes with enough memory and run the same command again: answers are kept",
    )  # fmt: skip
