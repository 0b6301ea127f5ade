"""Power leaves a model of all evidence behind, and labels are ranked by it."""

from typing import Any

import numpy as np
import pytest

from assay.certification.combine import fold_of
from assay.certification.trust import assemble
from assay.door.checking import offline_verifier
from assay.door.powering import Subject, Trial, tried
from assay.records.label import Label, labels_of
from assay.records.session import Session, Turn
from assay.records.verdict import Verdict

CODES = ("CO05", "LB06")
WORDS = {"greet": "hello there good day", "order": "i want to order a pizza", "leave": "bye and thanks a lot"}


@pytest.fixture(scope="module")
def ranked() -> tuple[dict[str, Any], list[Verdict], list[Label]]:
    names, rng = list(WORDS), np.random.default_rng(0)
    sessions = [
        Session(id=f"s{i}", turns=tuple(
            Turn(speaker="user", text=f"{WORDS[n]} {i % 7} {t}", labels={"intent": n})
            for t, n in enumerate(names[k] for k in rng.integers(3, size=4))
        ))
        for i in range(200)
    ]  # fmt: skip
    trial = Trial(checks=CODES, operators=("act_swap", "blank"), kinds=("label", "text"), confusable=False)
    power = tried(Subject(sessions=sessions), trial)
    verdicts = offline_verifier(None, 0, frozenset(CODES), printed=False)(sessions)
    return power, verdicts, assemble([g for s in sessions for g in labels_of(s)], verdicts, power, {})


def test_models_per_fold_are_in_power_json_and_monotone(ranked: Any) -> None:
    combined = ranked[0]["combine"]
    assert combined["folds"] == len(combined["models"]) == 5
    model = combined["models"][0]["intent"]
    assert set(model["readers"]) == {"LB06"}
    assert set(model["others"]) == {"CO05"}
    right, faulty = combined["cases"]["intent"]
    assert right == faulty > 100
    ones = [one for m in combined["models"] for one in m.values()]
    parts = [p for one in ones for p in (*one["readers"].values(), *one["others"].values())]
    assert all(min([*p["sign"], *p["slopes"]]) >= 0 for p in parts), "monotone in each check"


def test_labels_are_ranked_by_them(ranked: Any) -> None:
    _, verdicts, labels = ranked
    said = {(v.session, v.turn): v for v in verdicts if v.code == "LB06"}
    assert {fold_of(x.session) for x in labels} == set(range(5))
    assert len({x.rank_score for x in labels}) > 3
    # within a session one model ranks: a higher score of its one reader never ranks lower
    for session in sorted({x.session for x in labels}):
        mine = sorted(
            (said[x.session, x.turn].score, x.rank_score)
            for x in labels
            if x.session == session and x.verdicts["CO05"] == "supported"
        )
        ranks = [rank for _, rank in mine]
        assert ranks == sorted(ranks)
