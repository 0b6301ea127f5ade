"""Which engine runs a verb: this process, or a Ray cluster. The bytes are the same."""

from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import BadInput
from assay.models.hosting import hosted_by


@contextmanager
def using(engine: str = "local") -> Iterator[None]:
    """Verbs that are called inside run on this engine: `local`, `ray`, or `ray:actors=8,slots=16,rate=200,memory=700`.

    Ray is that of RAY_ADDRESS, or one started on this machine for as long as this is open. Raises BadInput for another
    name or when Ray is not installed, ProviderFailed when the cluster cannot be reached.
    """
    kind, _, rest = engine.partition(":")
    if engine == "local":
        yield
        return
    if kind != "ray":
        raise BadInput(f"no engine {engine!r}", where="--engine", now="local, ray or ray:actors=8,rate=200")
    from assay.runs.ray_engine import RayHost, RayPlan

    with RayHost(RayPlan.of(rest)) as host, hosted_by(host):
        yield
