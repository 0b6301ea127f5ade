"""Known truth for agreement, omega and variance components, each beside a twin that must fail."""

import numpy as np

from assay.errors import NotEnoughData
from assay.stats.as_published import as_published
from assay.stats.generalizability import indicators, study
from assay.stats.intervals import binomial_limit
from assay.stats.omega import covariance_of, omega, resampled, shuffled
from assay.stats.reliability import Ratings, item_interval, krippendorff, percentile_interval, permuted_agreement


def votes(rng: np.random.Generator, items: int, raters: int, right: float) -> np.ndarray:
    """Two classes, half each; every rater is right with the same chance, so alpha's true value is (2 right - 1)^2."""
    truth = rng.integers(2, size=(items, 1))
    return np.where(rng.random((items, raters)) < right, truth, 1 - truth)


def ratings_of(x: np.ndarray) -> Ratings:
    items, raters = x.shape
    return Ratings(np.repeat(np.arange(items), raters), x.ravel(), np.arange(2.0), np.full(items, raters))


def test_alpha_interval_covers_and_its_twin_that_draws_single_readings_does_not() -> None:
    rng = np.random.default_rng(0)
    repeats, true = 200, 0.36
    missed = naive = 0
    for _ in range(repeats):
        x = votes(rng, 40, 12, 0.8)
        data = ratings_of(x)
        low, high = item_interval(data, "krippendorff", rng, draws=300) or (0.0, 0.0)
        missed += not low <= true <= high
        # twin: every item keeps its number of readings, which are drawn one by one with its own
        drawn = [
            krippendorff(ratings_of(np.take_along_axis(x, rng.integers(12, size=x.shape), axis=1))) for _ in range(40)
        ]
        low, high = percentile_interval(np.array(drawn)) or (0.0, 0.0)
        naive += not low <= true <= high
    # nominal 5 %; percentile intervals of 40 items miss slightly more often
    assert missed <= binomial_limit(repeats, 0.07)
    assert naive > binomial_limit(repeats, 0.10)


def test_permutation_p_holds_and_its_twin_that_takes_repeats_for_raters_does_not() -> None:
    """Three raters agree by chance only; each says the same again and again of an item."""
    rng = np.random.default_rng(1)
    repeats, level = 250, 0.05
    false = twin = outside = 0
    for _ in range(repeats):
        x = rng.integers(2, size=(20, 3))
        found = permuted_agreement(ratings_of(x), "krippendorff", rng, draws=39)
        false += found.p <= level
        outside += not found.low <= 0 <= found.high
        again = np.repeat(x, 3, axis=1)
        twin += permuted_agreement(ratings_of(again), "krippendorff", rng, draws=19).p <= level
    assert false <= binomial_limit(repeats, level)
    assert outside == 0
    assert twin > binomial_limit(repeats, 2 * level)


def test_omega_is_judged_by_p_and_the_twin_that_looks_at_its_interval_is_wrong() -> None:
    rng = np.random.default_rng(2)
    repeats, level = 60, 0.05
    false = twin = published = 0
    for _ in range(repeats):
        x = rng.normal(size=(60, 6))
        try:
            value = omega(covariance_of(x)).omega
        except NotEnoughData:
            # a Heywood case: nothing is claimed, so nothing can be wrong
            continue
        false += shuffled(x, value, True, rng, draws=39).p <= level
        low, _ = resampled(x, True, rng, draws=40) or (0.0, 0.0)
        twin += low > 0
        published += as_published(x, rng, 1).omega > 0.2
    assert false <= binomial_limit(repeats, level)
    assert twin > binomial_limit(repeats, 2 * level)
    assert published > binomial_limit(repeats, 2 * level)


def test_omega_interval_covers_where_there_is_a_factor() -> None:
    rng = np.random.default_rng(3)
    loadings = np.array([0.8, 0.7, 0.6, 0.5, 0.6])
    true = loadings.sum() ** 2 / (loadings.sum() ** 2 + (1 - loadings**2).sum())
    repeats, missed, twin = 50, 0, 0
    for _ in range(repeats):
        x = rng.normal(size=(150, 1)) * loadings + rng.normal(size=(150, 5)) * np.sqrt(1 - loadings**2)
        low, high = resampled(x, True, rng, draws=80) or (0.0, 0.0)
        missed += not low <= true <= high
        # twin: rows repeated ten times are no more rows
        low, high = resampled(np.repeat(x, 10, axis=0), True, rng, draws=30) or (0.0, 0.0)
        twin += not low <= true <= high
    assert missed <= binomial_limit(repeats, 0.08)
    assert twin > binomial_limit(repeats, 0.10)


def test_variance_components_are_unbiased_and_the_twin_of_one_prompt_hides_the_prompt() -> None:
    rng = np.random.default_rng(4)
    parts: list[dict[str, float]] = []
    one_prompt: list[float] = []
    for _ in range(300):
        n, p, s = 30, 3, 3
        x = (
            rng.normal(size=(n, 1, 1)) + 0.5 * rng.normal(size=(1, p, 1)) + 0.8 * rng.normal(size=(n, p, 1))
            + 0.6 * rng.normal(size=(n, p, s))
        )  # fmt: skip
        parts.append(dict(study(x[..., None], ("item", "prompt", "seed")).parts))
        one_prompt.append(study(x[:, :1, :, None], ("item", "prompt", "seed")).dependability() or 0.0)
    means = {k: np.mean([q[k] for q in parts]) for k in parts[0]}
    truth = {"item": 1.0, "prompt": 0.25, "item x prompt": 0.64, "item x prompt x seed": 0.36}
    for name, found in means.items():
        error = np.std([q[name] for q in parts]) / np.sqrt(len(parts))
        assert abs(found - truth.get(name, 0.0)) < 4 * error, name
    true = 1.0 / (1 + 0.25 + 0.64 + 0.36)
    # twin: seeds of one prompt promise far more than another prompt keeps
    assert np.mean(one_prompt) > true + 0.2


def test_labels_that_hang_on_the_wording_are_found_out() -> None:
    rng = np.random.default_rng(5)
    base = rng.integers(3, size=(200, 1, 1))
    by_prompt = rng.integers(3, size=(200, 4, 1))
    kept = rng.random((200, 4, 1)) < 0.5
    codes = np.broadcast_to(np.where(kept, base, by_prompt), (200, 4, 3))
    shares = study(indicators(codes, 3), ("item", "prompt", "seed")).shares()
    assert 0.15 < shares["item"] < 0.35
    assert shares["item x prompt"] > 0.6
    assert shares.get("item x prompt x seed", 0.0) < 1e-9
