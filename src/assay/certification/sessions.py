"""Claims on whole sessions: the unit is the session, tested by betting on z = wrong - alpha * accepted (METHODS 10)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from assay.records.label import Label
from assay.stats.sequential import betting_mean


def sessions_pass(
    read: Sequence[tuple[Label, bool]],
    listed: Sequence[Label],
    threshold: float,
    alpha: float,
    delta: float,
    about: Literal["run", "new_sessions"],
) -> bool:
    """Whether 'at most alpha of the accepted labels are wrong' may be claimed from sessions answered whole.

    read: (label, whether wrong) of every listed label of the drawn sessions, sessions in the order of the draw;
    listed: all labels the claim is about. A session's z = wrong - alpha * accepted lies in [-alpha A, (1 - alpha) A],
    A being the most accepted labels of any session; y = (z + alpha A) / A lies in [0, 1] and has mean above alpha where
    the claim is false. `run` draws without replacement; for `new_sessions` sessions are independent draws of their
    source.

    *Guarantee*: granted falsely with probability at most delta, however labels of one session go wrong together. For
    new sessions A must bound them too (assumed). Proven by tests/laws/test_claim_laws.py; its broken twin counts turns.
    """
    sizes: dict[str, int] = {}
    for x in listed:
        sizes[x.session] = sizes.get(x.session, 0) + (x.rank_score >= threshold)
    most = max(sizes.values(), default=0)
    wrong: dict[str, int] = {}
    for label, bad in read:
        wrong[label.session] = wrong.get(label.session, 0) + (bad and label.rank_score >= threshold)
    if not most or not wrong:
        return False
    z = np.array([k - alpha * sizes[s] for s, k in wrong.items()])
    y = (z + alpha * most) / most
    capital = betting_mean(y, alpha, len(sizes) if about == "run" else None)
    return bool(capital.max() >= -np.log(delta))
