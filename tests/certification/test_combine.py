"""Evidence of all checks as one number: monotone, silent where checks are, and learnt from planted faults."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.certification.combine import Case, Collector, evidence, fit, fold_of, known_codes, words_of
from assay.certification.evidence import Power
from assay.certification.trust import assemble
from assay.errors import BadInput
from assay.records.label import Given
from assay.records.verdict import Verdict

FITTED = functools.cache(lambda: fit(cases()))
STATUSES = ("contradicted", "not_evidenced", "supported")


def case(rng: np.random.Generator, number: int, right: bool, name: str = "act") -> Case:
    """LB01's score and status tell right from faulty, CO05's status a little, LB05 not at all."""
    score = float(np.clip(rng.normal(0.7 if right else 0.4, 0.2), 0, 1))
    words = {
        "LB01": ("supported" if score > 0.5 else "contradicted", score),
        "LB05": ("not_evidenced", float(rng.random())),
    }
    if rng.random() < 0.7:
        words["CO05"] = ("contradicted" if rng.random() < (0.02 if right else 0.2) else "supported", None)
    return Case(f"s{number}", name, right, words)


def cases(n: int = 300, seed: int = 0, name: str = "act") -> list[Case]:
    rng = np.random.default_rng(seed)
    return [case(rng, i // 2, bool(i % 2), name) for i in range(n)]


def test_nothing_to_learn_from() -> None:
    assert fit([]) is None
    assert fit([c for c in cases() if c.right]) is None
    silent = fit([Case("s1", "act", True, {}), Case("s2", "act", False, {})])
    assert silent is not None
    assert evidence(silent, "s1", "act", {"LB01": ("supported", 0.9)}) is None


def test_a_power_file_with_models_of_another_form_is_refused() -> None:
    power = {"schema": 1, "results": [], "gates": {}, "no_power": [], "status_rates": {}, "combine": {"folds": 5}}
    with pytest.raises(BadInput, match=r"power\.json"):
        assemble([], [], power, {})
    with pytest.raises(BadInput, match="1 models for 5 folds"):
        assemble([], [], {**power, "combine": {"folds": 5, "models": [{}]}}, {})


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["LB01", "LB05", "CO05"]), st.sampled_from(STATUSES), st.sampled_from(STATUSES),
    st.floats(0, 1), st.floats(0, 1), st.integers(0, 400),
)  # fmt: skip
def test_monotone_in_each_check(code: str, low: str, high: str, a: float, b: float, session: int) -> None:
    models = FITTED()
    assert models is not None
    worse, better = sorted([STATUSES.index(low), STATUSES.index(high)])
    a, b = sorted([a, b])
    words = {"LB01": ("supported", 0.6), "CO05": ("supported", None)}
    under = evidence(models, f"s{session}", "act", {**words, code: (STATUSES[worse], a)})
    over = evidence(models, f"s{session}", "act", {**words, code: (STATUSES[better], b)})
    assert under is not None
    assert over is not None
    assert under <= over + 1e-9


def test_what_tells_right_from_faulty_weighs_and_noise_hardly() -> None:
    models = fit(cases(2000))
    assert models is not None

    def swing(code: str) -> float:
        low = evidence(models, "s1", "act", {code: ("contradicted", 0.0)})
        high = evidence(models, "s1", "act", {code: ("supported", 1.0)})
        assert low is not None
        assert high is not None
        return high - low

    assert swing("LB01") > 2
    assert swing("CO05") > 1
    # its one status never changed, so only its score counts
    assert evidence(models, "s1", "act", {"LB05": ("not_evidenced", 1.0)}) == pytest.approx(0, abs=0.4)


def test_a_session_is_ranked_by_models_that_did_not_see_it() -> None:
    found = cases(400)
    models = fit(found)
    assert models is not None
    mine = found[0].session
    others = fit([c if c.session != mine else Case(mine, c.name, not c.right, c.words) for c in found])
    assert others is not None
    fold = fold_of(mine)
    assert models["models"][fold] == others["models"][fold]
    assert models["models"][(fold + 1) % 5] != others["models"][(fold + 1) % 5]


def test_names_with_many_faults_have_a_model_of_their_own() -> None:
    models = fit([*cases(400), *cases(20, seed=1, name="mood")])
    assert models is not None
    assert all("act" in m and "mood" not in m for m in models["models"])
    assert models["cases"]["mood"] == [10, 10]
    assert evidence(models, "s3", "mood", {"LB01": ("supported", 0.9)}) is not None
    assert known_codes(models, "s3", "mood") == {"LB01", "LB05", "CO05"}


def test_checks_without_power_are_left_out() -> None:
    models = fit(cases(), frozenset({("LB05", "act")}))
    assert models is not None
    assert known_codes(models, "s1", "act") == {"LB01", "CO05"}


def verdict(code: str = "LB01", status: str = "supported", score: float | None = 0.9, **more: object) -> Verdict:
    fields = {"session": "s1", "turn": 0, "name": "act", "by": code, "independent": True, "score": score, **more}
    return Verdict(code=code, status=status, **fields)  # type: ignore[arg-type]


GIVEN = Given(session="s1", turn=0, name="act", kind="category", value="inform", source="given")


def test_words_are_the_worst_of_a_check_and_guards_say_nothing() -> None:
    found = [verdict(score=0.9), verdict(status="contradicted", score=0.2), verdict("CO05", score=None),
             verdict("LB02", "contradicted", guard=True), verdict("LB06", "not_applicable")]  # fmt: skip
    assert words_of(found, "act", Power()) == {"LB01": ("contradicted", 0.2), "CO05": ("supported", None)}
    powerless = Power(no_power=frozenset({("LB01", "act")}))
    assert words_of(found, "act", powerless) == {"CO05": ("supported", None)}


def test_the_collector_pairs_the_copy_with_the_original() -> None:
    cases_ = Collector()
    before, after = [verdict(score=0.9), verdict("LB06", score=0.8)], [verdict(status="contradicted", score=0.1)]
    cases_([GIVEN], before, after, frozenset({"LB01"}))
    assert [(c.right, dict(c.words)) for c in cases_.cases] == [
        (False, {"LB01": ("contradicted", 0.1)}), (True, {"LB01": ("supported", 0.9)}),
    ]  # fmt: skip


def test_labels_are_ranked_by_it_and_a_judge_it_never_saw_adds_its_own() -> None:
    power = {"schema": 1, "results": [], "gates": {}, "no_power": [], "status_rates": {}, "combine": fit(cases())}

    def rank(*verdicts: Verdict) -> float:
        (label,) = assemble([GIVEN], verdicts, power, {})
        return label.rank_score

    assert rank() == 0.5
    assert rank(verdict(score=0.9)) > rank(verdict(score=0.6)) > rank(verdict(status="contradicted", score=0.1))
    both = rank(verdict(score=0.6), verdict("LB02", "supported", None))
    assert both > rank(verdict(score=0.6)) > rank(verdict(score=0.6), verdict("LB02", "contradicted", None))
    # a fitted curve, not the fixed weights of a run without planted faults
    (plain,) = assemble([GIVEN], [verdict(score=0.9)], None, {})
    assert plain.rank_score != rank(verdict(score=0.9))
