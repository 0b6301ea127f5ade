"""Risk-coverage figures and the cross-fitted model under known truth, beside twins that must fail."""

import numpy as np
import pytest

from assay.certification.combine import Case, evidence, fit
from assay.errors import BadInput, NotEnoughData
from assay.stats.agreement import auroc
from assay.stats.calibration import aurc, excess_aurc, risk_at, risk_coverage


def test_what_does_not_exist() -> None:
    with pytest.raises(NotEnoughData):
        risk_coverage(np.zeros(0), np.zeros(0, dtype=bool))
    with pytest.raises(BadInput):
        aurc(np.array([0.1, np.nan]), np.array([True, False]))
    for coverage in (0.0, 1.1):
        with pytest.raises(BadInput):
            risk_at(np.array([0.1, 0.2]), np.array([True, False]), coverage)


def test_a_perfect_order_has_no_excess_and_a_random_one_has_the_error_rate() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(5000) > 0.2
    assert excess_aurc(right.astype(float), right) == pytest.approx(0, abs=1e-3)
    assert aurc(rng.random(5000), right) == pytest.approx(1 - right.mean(), abs=0.03)
    # all tied: the expected risk is the error rate at every coverage, whatever the order of the rows
    assert np.allclose(risk_coverage(np.ones(5000), right), 1 - right.mean())
    assert aurc(np.ones(5000), right) == pytest.approx(aurc(np.ones(5000), right[::-1]))


def test_ties_count_as_their_mean_over_all_orders() -> None:
    rng = np.random.default_rng(1)
    score, right = rng.integers(4, size=40).astype(float), rng.random(40) > 0.3
    orders = []
    for _ in range(2000):
        mixed = rng.permutation(40)
        order = mixed[np.argsort(-score[mixed], kind="stable")]
        orders.append(np.cumsum(~right[order]) / np.arange(1, 41))
    assert np.allclose(np.mean(orders, axis=0), risk_coverage(score, right), atol=0.03)
    assert risk_at(score, right, 0.5) == pytest.approx(float(risk_coverage(score, right)[19]))


def noise(rng: np.random.Generator, sessions: int) -> list[Case]:
    """Checks that know nothing of right and faulty."""
    return [
        Case(f"s{i}", f"n{i % 3}", right, {f"C{k}": ("not_evidenced", float(rng.random())) for k in range(8)})
        for i in range(sessions) for right in (True, False)
    ]  # fmt: skip


def test_the_model_promises_nothing_on_noise_and_its_twin_that_saw_the_session_does() -> None:
    rng = np.random.default_rng(2)
    honest, twin = [], []
    for _ in range(12):
        cases = noise(rng, 60)
        models = fit(cases)
        assert models is not None
        # twin: the model of another fold, which was fitted on this session
        own = [evidence(models, c.session, c.name, c.words) or 0.0 for c in cases]
        moved = {**models, "models": [*models["models"][1:], models["models"][0]]}
        seen = [evidence(moved, c.session, c.name, c.words) or 0.0 for c in cases]
        right = [c.right for c in cases]
        honest.append(auroc(right, own))
        twin.append(auroc(right, seen))
    limit = 3 * np.std(honest) / np.sqrt(len(honest))
    assert abs(np.mean(honest) - 0.5) < max(limit, 0.05)
    assert np.mean(twin) > 0.56


def test_two_weak_checks_are_worth_more_than_either() -> None:
    rng = np.random.default_rng(3)
    cases = []
    for i in range(400):
        for right in (True, False):
            words = {}
            for code in ("A", "B"):
                words[code] = ("not_evidenced", float(np.clip(rng.normal(0.55 if right else 0.4, 0.15), 0, 1)))
            cases.append(Case(f"s{i}", "act", right, words))
    models = fit(cases)
    assert models is not None
    right = np.array([c.right for c in cases])
    together = np.array([evidence(models, c.session, c.name, c.words) or 0.0 for c in cases])
    for code in ("A", "B"):
        alone = np.array([c.words[code][1] or 0.0 for c in cases])
        assert aurc(together, right) < aurc(alone, right) - 0.02
