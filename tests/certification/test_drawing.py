"""What is drawn, and what a refusal says: designs that cannot be, whole sessions, a top part, advice."""

import numpy as np
import pytest
from answered_world import VALUES, World

from assay.certification.design import Design
from assay.certification.drawing import session_grid
from assay.certification.forecast import expected_answers, forecast
from assay.certification.one import Ask, certify
from assay.certification.sample import draw, least_of
from assay.errors import BadInput

OTHER = dict(zip(VALUES, VALUES[1:] + VALUES[:1], strict=True))


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ({"n": 0}, "n is at least 1"),
        ({"n": 5, "top": 0.0}, "top = 0"),
        ({"n": 5, "top": 1.2}, "top = 1.2"),
        ({"n": 5, "outside": 1.0, "top": 0.5}, "outside"),
        ({"n": 5, "outside": 0.2}, "nothing outside"),
        ({"n": 5, "unit": "turn"}, "unit 'turn'"),
        ({"n": 5, "about": "new_sessions"}, "whole sessions"),
        ({"n": 61, "unit": "session"}, "61 sessions from 60"),
        ({"n": 5, "unit": "session", "tune": 5}, "by label"),
        ({"n": 500}, "draw at most"),
        ({"n": 200, "top": 0.1}, "draws from"),
    ],
)
def test_designs_that_cannot_be(world, design, says):
    with pytest.raises(BadInput, match=says):
        draw(world.labels, world.sessions, Design(**design), np.random.default_rng(1))


def test_a_sample_of_tune_labels_alone_certifies_nothing(world):
    _, roles = world.draw(0, tune=40)
    assert {i["role"] for i in roles["items"]} == {"tune"}
    certificate, labels = certify(world.labels, roles, world.answers(roles), Ask())
    assert (certificate.status, certificate.looks) == ("refused", 0)
    assert "59 more are missing" in certificate.claims[0].reason
    assert all(x.trust is not None for x in labels)


def test_whole_sessions_are_asked_in_one_piece(world):
    rows, roles = world.draw(20, unit="session")
    order = [r["session"] for r in rows]
    assert len(rows) == 80
    assert [s for i, s in enumerate(order) if i == 0 or order[i - 1] != s] == list(dict.fromkeys(order))
    assert roles["unit"] == "session"


@pytest.mark.parametrize("about", ["run", "new_sessions"])
def test_a_claim_on_whole_sessions(about):
    world = World(sessions=120)
    _, roles = world.draw(75, unit="session", about=about)
    certificate, _ = certify(world.labels, roles, world.answers(roles), Ask())
    (claim,) = certificate.claims
    assert (claim.granted, claim.unit, claim.about, claim.bound) == (True, "session", about, None)
    assert ("new sessions" in claim.reason) == (about == "new_sessions")
    assert any("independent draws of the source" in a for a in certificate.assumes) == (about == "new_sessions")
    assert certificate.estimate is None
    bad, _ = certify(world.labels, roles, world.answers(roles, say=lambda item, truth: OTHER[truth]), Ask())
    assert bad.status == "refused"


def test_a_top_part_and_what_lies_outside(world):
    world = World(sessions=150, error=0.2)
    _, roles = world.draw(150, top=0.5, outside=0.3)
    least = least_of(world.labels, 0.5)
    inside = sum(x.rank_score >= least for x in world.labels)
    assert (roles["listed"], roles["population"], roles["least"]) == (inside, 600, least)
    certificate, labels = certify(world.labels, roles, world.answers(roles), Ask())
    (claim,) = certificate.claims
    assert claim.granted
    assert claim.accepted <= inside
    assert all(x.rank_score >= least for x in labels if x.tier == "certified")
    wrong = np.mean([x.value != world.truth[x.id] for x in world.labels])
    low, high = certificate.estimate.ci
    assert low <= wrong <= high
    assert high - low < 0.35


def test_a_top_part_alone_has_no_overall_error(world):
    _, roles = world.draw(80, top=0.5)
    certificate, _ = certify(world.labels, roles, world.answers(roles), Ask())
    assert certificate.estimate is None
    assert "no chance of being drawn" in certificate.estimate_reason


def test_the_threshold_of_whole_sessions_accepts_all():
    assert session_grid([]) == ()
    assert session_grid([0.9, 0.8, 0.7, 0.6]) == (0.6,)


def test_what_to_expect():
    from scipy.stats import binom

    from assay.certification.bound import allowed_wrong

    n = expected_answers(0.01, 0.05, 0.05)
    assert n == 181
    assert binom.cdf(allowed_wrong(n, 0.05, 0.05)[n], n, 0.01) >= 0.9
    assert expected_answers(0.05, 0.05, 0.05) is None
    told = forecast(0.05, 0.05, 1)
    assert (told["one_name"], told["ten_names"]) == (181, 2790)
    assert "ten names cost about 2790" in told["sentence"]
    assert "no number of answers" in forecast(0.05, 0.05, 1, 0.06)["sentence"]


def test_a_refusal_names_the_cheapest_way_on():
    world = World(sessions=150, error=0.15)
    _, roles = world.draw(150, seed=3)
    # half of the labels are asked about at random; the wrong ones have the lower ranks
    certificate, _ = certify(world.labels, roles, world.answers(roles), Ask())
    reason = certificate.claims[0].reason
    if certificate.status == "refused":
        assert "Cheapest way on: list only the best" in reason
        assert "--top 0." in reason
    few, _ = certify(world.labels, roles, world.answers(roles)[:30], Ask())
    assert "29 more are missing; cheapest way on: answer the rest of this sample" in few.claims[0].reason


def test_advice_for_clean_answers_that_are_too_few_and_for_labels_that_are_bad(world):
    from assay.certification.advice import cheapest
    from assay.certification.answers import Final
    from assay.certification.claims import Case, Item, decide

    def case(wrong, n, spread):
        items = []
        for i, x in enumerate(world.labels[:n]):
            bad = i < wrong
            score = (0.1 if bad and spread else 0.5) + i / 1e4
            items.append(Item(x.model_copy(update={"rank_score": score}), Final("value", "w" if bad else "v"), "v"))
        return Case(name="act", names=("act",), alpha=0.05, delta=0.05, thresholds=(0.0,),
                    listed=tuple(i.label for i in items), items=tuple(items))  # fmt: skip

    few = case(1, 60, True)
    assert "with about" in cheapest(few, decide(few))
    split = case(30, 100, True)
    assert "list only the best 71 % of act" in cheapest(split, decide(split))
    bad = case(100, 100, False)
    assert "better labels of act (100 %" in cheapest(bad, decide(bad))
