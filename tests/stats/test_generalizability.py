"""Variance components: what is refused, and known designs."""

import numpy as np
import pytest

from assay.errors import BadInput, NotEnoughData
from assay.stats.generalizability import indicators, study


def test_bad_input() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3, 1))
    with pytest.raises(BadInput, match="1 facets"):
        study(x, ("item",))
    with pytest.raises(BadInput, match="missing reading"):
        study(np.where(np.arange(15).reshape(5, 3, 1) == 4, np.nan, x), ("item", "seed"))
    with pytest.raises(NotEnoughData, match="2 items"):
        study(x[:2], ("item", "seed"))
    with pytest.raises(NotEnoughData, match="without repeats"):
        study(x[:, :1], ("item", "seed"))


def test_one_facet_is_the_textbook_analysis_of_variance() -> None:
    x = np.array([[9.0, 6, 8, 2], [5, 2, 4, 1], [8, 4, 6, 2], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]).T
    found = study(x.T[..., None] if x.shape[0] == 6 else x[..., None], ("item", "rater"))
    n, k = x.shape
    grand = x.mean()
    items = k * ((x.mean(1) - grand) ** 2).sum() / (n - 1)
    raters = n * ((x.mean(0) - grand) ** 2).sum() / (k - 1)
    rest = ((x - x.mean(1, keepdims=True) - x.mean(0) + grand) ** 2).sum() / ((n - 1) * (k - 1))
    assert found.parts["item"] == pytest.approx((items - rest) / k)
    assert found.parts["rater"] == pytest.approx((raters - rest) / n)
    assert found.parts["item x rater"] == pytest.approx(rest)


def test_a_label_that_hangs_on_the_prompt_alone() -> None:
    codes = np.broadcast_to(np.array([0, 1])[None, :, None], (20, 2, 3))
    found = study(indicators(codes, 2), ("item", "prompt", "seed"))
    assert found.shares()["prompt"] == pytest.approx(1)
    assert found.dependability() == pytest.approx(0)
    assert found.relative() is None


def test_a_label_that_never_varies_for_an_item() -> None:
    codes = np.broadcast_to(np.arange(12)[:, None, None] % 3, (12, 2, 2))
    found = study(indicators(codes, 3), ("item", "prompt", "seed"))
    assert found.dependability() == pytest.approx(1)
    assert found.shares()["item"] == pytest.approx(1)


def test_a_facet_with_one_level_is_named_and_more_levels_help() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 1, 1)) + rng.normal(size=(200, 1, 4))
    found = study(x[..., None], ("item", "prompt", "seed"))
    assert found.fixed == ("prompt",)
    one, four = found.dependability(), found.dependability({"seed": 4})
    assert one is not None
    assert four is not None
    assert one == pytest.approx(0.5, abs=0.12)
    assert four == pytest.approx(0.8, abs=0.12)
    nothing = study(np.ones((5, 2, 1)), ("item", "seed"))
    assert nothing.dependability() is None
    assert nothing.shares() == {}
