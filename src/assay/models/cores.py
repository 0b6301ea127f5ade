"""How many cores this process may use; `ASSAY_THREADS` says otherwise."""

import os

MOST = 8


def allowed() -> int:
    """Cores that this process may run on, at most 8, or ASSAY_THREADS. The number does not change any result."""
    return _asked() or min(MOST, _cores())


def beside_others() -> int:
    """The same less one: for threads that spin while they wait, on a processor shared with the rest of a pipeline."""
    return _asked() or max(1, min(MOST, _cores() - 1))


def _asked() -> int:
    asked = os.environ.get("ASSAY_THREADS", "")
    return int(asked) if asked.isdigit() else 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
