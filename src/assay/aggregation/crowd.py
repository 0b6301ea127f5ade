"""Aggregators of crowd-kit (Apache-2.0) by name, for comparison; pip install 'assay[crowd]'."""

from typing import Any

import numpy as np

from assay.aggregation.votes import Floats, Votes
from assay.errors import BadInput

METHODS = {"glad": "GLAD", "mace": "MACE", "one-coin": "OneCoinDawidSkene"}
"""Our name -> class in crowdkit.aggregation."""


def by_crowd_kit(votes: Votes, method: str, seed: int) -> Floats:
    """Posterior by one of crowd-kit's aggregators, shape (items, labels); rows sum to 1.

    Repeated votes go in as they are. Raises BadInput where crowd-kit isn't installed.
    """
    try:
        import crowdkit.aggregation as kit
        import pandas  # type: ignore[import-untyped]
    except ImportError as error:
        raise BadInput(f"method {method!r} needs crowd-kit", now="pip install 'assay[crowd]'") from error
    frame = pandas.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    maker: Any = getattr(kit, METHODS[method])
    seeded = {"random_state": seed} if method == "mace" else {}
    fitted = maker(**seeded)
    fitted.fit(frame)
    out = np.zeros((len(votes.items), len(votes.labels)))
    found = fitted.probas_
    out[np.ix_(found.index.to_numpy(dtype=int), found.columns.to_numpy(dtype=int))] = found.fillna(0.0).to_numpy()
    return np.asarray(out / np.maximum(out.sum(1, keepdims=True), 1e-12))
