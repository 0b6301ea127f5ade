"""Which sessions a report shows: all of them, or a seeded sample and the worst."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.records import Label, Session

WORST_SHARE = 0.2
"""Share of the places that the worst sessions take when not all can be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The sessions of a report."""

    ids: tuple[str, ...]
    """In the order of the run."""
    worst_first: tuple[str, ...]
    """The same ids, most rejected and contradicted labels first."""
    sentence: str
    """How they were chosen."""


def choose(sessions: Sequence[Session], labels: Sequence[Label], limit: int, seed: int) -> Shown:
    """At most `limit` sessions: the worst fifth of the places, the rest drawn at random from the others.

    Worst: most rejected labels, then most contradicted ones, then the largest share below provisional.
    """
    badness: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for label in labels:
        row = badness[label.session]
        row[0] += label.tier == "rejected"
        row[1] += "contradicted" in label.verdicts.values()
        row[2] += label.tier in ("suspect", "rejected")
        row[3] += 1

    def key(session: str) -> tuple[float, float, float]:
        rejected, contradicted, below, n = badness[session]
        return (-rejected, -contradicted, -(below / n if n else 0.0))

    ids = [s.id for s in sessions]
    by_badness = sorted(ids, key=key)
    if len(ids) <= limit:
        return Shown(ids=tuple(ids), worst_first=tuple(by_badness), sentence=f"All {len(ids):,} sessions are shown.")
    n_worst = int(limit * WORST_SHARE)
    worst = by_badness[:n_worst]
    taken = set(worst)
    others = [i for i in ids if i not in taken]
    rng = np.random.default_rng([seed, 0x5E55])
    drawn = {others[int(i)] for i in rng.choice(len(others), size=limit - n_worst, replace=False)}
    sentence = (
        f"Shown are {limit:,} of {len(ids):,} sessions: the {n_worst:,} worst (most rejected, then most "
        f"contradicted labels) and {limit - n_worst:,} drawn at random from the others "
        f"(seed {seed}). All numbers above are about all {len(ids):,} sessions."
    )
    keep = taken | drawn
    return Shown(
        ids=tuple(i for i in ids if i in keep), worst_first=tuple(i for i in by_badness if i in keep), sentence=sentence
    )
