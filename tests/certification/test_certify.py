import csv
import json

import pytest
from answered_world import VALUES, World

from assay.certification.answers import read_answers
from assay.certification.costs import not_requested, plan
from assay.certification.one import Ask, certify
from assay.certification.sample import COLUMNS
from assay.errors import BadAnswers, BadInput
from assay.records.certificate import Certificate

OTHER = dict(zip(VALUES, VALUES[1:] + VALUES[:1], strict=True))


def wrong_on(count):
    """An assessor that disagrees with the label on the first `count` certify items."""
    left = [count]

    def say(item, truth):
        if item["role"] == "certify" and left[0] > 0:
            left[0] -= 1
            return OTHER[item["truth"]]
        return truth

    return say


def run(world, n, wrong=0, ask=None, before=None, **design):
    _, roles = world.draw(n, **design)
    return certify(world.labels, roles, world.answers(roles, say=wrong_on(wrong)), ask or Ask(), before)


@pytest.mark.parametrize(
    "ask",
    [{"alpha": 0.0}, {"delta": 1.0}, {"alpha": -1}, {"keep": 1.0}, {"claims": ("goal",)}, {"claims": ("goal", "act")}],
)
def test_questions_that_make_no_sense(world, ask):
    with pytest.raises(BadInput):
        run(world, 60, ask=Ask(**ask))


def test_not_contradicted_is_for_session_labels(world):
    with pytest.raises(BadInput, match="session-level"):
        run(world, 60, ask=Ask(estimand="not_contradicted"))


def test_no_answers_at_all(world):
    _, roles = world.draw(60)
    with pytest.raises(BadAnswers):
        certify(world.labels, roles, [], Ask())


@pytest.mark.parametrize(("n", "wrong", "granted"), [(59, 0, True), (93, 1, True), (92, 1, False), (124, 2, True)])
def test_granted_exactly_at_the_published_sizes(n, wrong, granted):
    world = World(sessions=2500)
    certificate, _ = run(world, n, wrong)
    (claim,) = certificate.claims
    assert claim.granted == granted
    assert certificate.status == ("granted" if granted else "refused")
    assert (claim.n_answers, claim.wrong) == (n, wrong)
    assert certificate.looks == 1
    assert len(certificate.spent) == n


def test_a_short_list_needs_fewer_answers_than_an_endless_one(world):
    """240 labels: 75 answers with one wrong rule out 13 wrong ones (hypergeometric), 74 with one wrong do not."""
    assert run(world, 75, 1)[0].status == "granted"
    assert run(world, 73, 1)[0].status == "refused"
    (claim,) = run(world, 75, 1)[0].claims
    assert claim.bound <= 0.05


def test_a_granted_claim_certifies_the_labels_above_its_threshold(world):
    certificate, labels = run(world, 59)
    (claim,) = certificate.claims
    accepted = [x for x in labels if x.tier == "certified"]
    assert len(accepted) == claim.accepted == claim.listed == 240
    assert claim.bound == pytest.approx(0.0495, abs=1e-4)
    assert "At most 5 % of the 240 accepted labels of act are wrong" in claim.reason
    assert certificate.estimate.error == 0
    assert "assumes assessors never pass a wrong label" in certificate.assumes


def test_a_refused_claim_says_what_is_needed_and_certifies_nothing(world):
    certificate, labels = run(world, 60, 1)
    (claim,) = certificate.claims
    assert "could be 7.7 %, above the 5 % asked (1 of 60 answers wrong)" in claim.reason
    assert "93 with one wrong" in claim.reason
    assert claim.accepted == 0
    assert claim.labels_hash is None
    assert not [x for x in labels if x.tier == "certified"]


def test_too_few_answers_are_not_opened_and_cost_nothing(world):
    _, roles = world.draw(120)
    few = world.answers(roles)[:60]
    certificate, labels = certify(world.labels, roles, few, Ask())
    assert certificate.status == "refused"
    assert (certificate.looks, certificate.spent) == (0, ())
    assert "60 of 120 sampled labels answered" in certificate.claims[0].reason
    assert labels == world.labels
    later, _ = certify(world.labels, roles, world.answers(roles), Ask(), certificate)
    assert later.status == "granted"


def test_unanswered_and_undecided_items_count_as_wrong(world):
    _, roles = world.draw(124)
    rows = world.answers(roles)
    rows[0]["answer"], rows[1]["answer"] = "", "cannot tell"
    (claim,) = certify(world.labels, roles, rows, Ask())[0].claims
    assert (claim.wrong, claim.cannot_tell, claim.granted) == (2, 1, True)
    assert certify(world.labels, roles, rows, Ask())[0].plan["outcomes"] == {
        "cannot_tell": 1,
        "unanswered": 1,
        "value": 122,
    }
    rows[2]["answer"] = rows[3]["answer"] = "several fit"
    (claim,) = certify(world.labels, roles, rows, Ask())[0].claims
    assert (claim.wrong, claim.granted) == (4, False)


def test_the_same_command_again_is_the_same_look(world):
    _, roles = world.draw(60)
    rows = world.answers(roles)
    first = certify(world.labels, roles, rows, Ask())
    assert certify(world.labels, roles, rows, Ask(), first[0]) == first


def test_opened_answers_cannot_be_used_for_another_claim(world):
    _, roles = world.draw(60)
    rows = world.answers(roles)
    first, certified = certify(world.labels, roles, rows, Ask())
    second, labels = certify(certified, roles, rows, Ask(alpha=0.06), first)
    assert second.status == "refused"
    assert "opened at look 1" in second.claims[0].reason
    assert second.looks == 1
    assert labels == certified


def test_what_was_granted_stands_through_a_later_refusal():
    world = World(sessions=90)
    for k, label in enumerate(world.labels):
        if k % 3 == 0:
            world.labels[k] = label.model_copy(update={"name": "core_act"})
    first, labels = run(world, 140, names=("act",))
    assert {x.name for x in labels if x.tier == "certified"} == {"act"}
    world.labels = labels
    second, after = run(world, 80, 9, ask=Ask(delta=0.1), before=first, names=("core_act",))
    assert second.status == "refused"
    assert [(c.names, c.granted) for c in second.claims] == [(("core_act",), False), (("act",), True)]
    assert [x.tier for x in after] == [x.tier for x in labels]
    assert not_requested(after, before=second) == second


def test_a_certificate_that_is_gone_leaves_no_certified_label(world):
    _, labels = run(world, 59)
    world.labels = labels
    _, after = run(world, 60, 1)
    assert {(x.tier, x.reasons) for x in after} == {("suspect", ("certificate_lapsed",))}


def test_the_risk_of_all_looks_stays_within_delta(world):
    first, _ = run(world, 60, 1)
    _, fresh = world.draw(60, seed=2)
    rows = world.answers(fresh)
    second, _ = certify(world.labels, fresh, rows, Ask(), first)
    assert second.status == "refused"
    assert "spent at earlier looks" in second.claims[0].reason
    third, _ = certify(world.labels, fresh, rows, Ask(delta=0.1), first)
    assert third.status == "granted"
    assert third.claims[0].delta == pytest.approx(0.05)
    assert third.looks == 2
    assert third.plan["risk_spent"] == pytest.approx(0.1)


def test_keeping_risk_for_later_looks(world):
    first, _ = run(world, 80, 1, ask=Ask(keep=0.5))
    _, fresh = world.draw(120, seed=2)
    second, _ = certify(world.labels, fresh, world.answers(fresh), Ask(keep=0.5), first)
    assert first.claims[0].delta == pytest.approx(0.025)
    assert second.claims[0].delta == pytest.approx(0.0125)
    assert second.status == "granted"


def test_changed_scores_or_values_void_the_sample(world):
    _, roles = world.draw(60)
    rows = world.answers(roles)
    for change in ({"rank_score": 0.123}, {"value": "other"}):
        labels = [world.labels[0].model_copy(update=change), *world.labels[1:]]
        certificate, _ = certify(labels, roles, rows, Ask())
        assert certificate.status == "refused"
        assert "changed since the sample was drawn" in certificate.claims[0].reason
        assert certificate.spent == ()


def test_planted_items_measure_the_assessors(world):
    _, roles = world.draw(100, planted=60)
    careful, _ = certify(world.labels, roles, world.answers(roles), Ask())
    assert careful.status == "granted"
    assert not [a for a in careful.assumes if "never pass" in a]
    nodding, _ = certify(world.labels, roles, world.answers(roles, say=lambda item, _: item["truth"]), Ask())
    assert nodding.status == "refused"


@pytest.mark.parametrize(("n", "status"), [(76, "refused"), (77, "granted")])
def test_measured_assessors_pay_half_the_risk(world, n, status):
    """60 planted, none passed: beta = 5.96 % at 2.5 %, so 77 clean answers reach 5 % * (1 - beta) at 2.5 %."""
    assert run(world, n, planted=60)[0].status == status


def test_two_assessors_who_differ_are_wrong_until_adjudicated(world):
    _, roles = world.draw(59)
    ann = world.answers(roles)
    bob = world.answers(roles, assessor="bob", say=wrong_on(1))
    (claim,) = certify(world.labels, roles, ann + bob, Ask())[0].claims
    assert (claim.wrong, claim.granted) == (1, False)
    last_word = world.answers(roles, assessor="adjudicator")
    (claim,) = certify(world.labels, roles, ann + bob + last_word, Ask())[0].claims
    assert (claim.wrong, claim.granted) == (0, True)


def test_assessors_who_agree_by_chance_get_no_certificate(world):
    _, roles = world.draw(100)
    ann = world.answers(roles)
    bob = world.answers(roles, assessor="bob", say=wrong_on(70))
    last_word = world.answers(roles, assessor="adjudicator")
    certificate, _ = certify(world.labels, roles, ann + bob + last_word, Ask())
    assert certificate.status == "refused"
    assert "agree too little on act" in certificate.claims[0].reason


def test_trust_comes_from_tune_answers_only():
    world = World(sessions=150, error=0.3)
    _, roles = world.draw(60, tune=100)
    rows = world.answers(roles)
    _, labels = certify(world.labels, roles, rows, Ask(alpha=0.5))
    good = [x.trust for x in labels if x.rank_score > 0.8]
    bad = [x.trust for x in labels if x.rank_score < 0.2]
    assert min(good) > 0.8 > 0.4 > max(bad)
    assert {x.trust_basis for x in labels} == {"answers"}
    other_certify = [
        {**r, "answer": OTHER[r["answer"]]} if i["role"] == "certify" else r
        for r, i in zip(rows, roles["items"], strict=True)
    ]
    _, again = certify(world.labels, roles, other_certify, Ask(alpha=0.5))
    assert [x.trust for x in again] == [x.trust for x in labels]


def test_tune_answers_alone_give_trust_and_spend_nothing():
    world = World(sessions=60, error=0.3)
    _, roles = world.draw(60, tune=100)
    certificate, labels = certify(world.labels, roles, world.answers(roles, only=("tune",)), Ask())
    assert (certificate.status, certificate.looks, certificate.spent) == ("refused", 0, ())
    assert all(x.trust is not None for x in labels)
    assert sum(x.read is not None for x in labels) == 100


def test_without_tune_answers_trust_is_null(world):
    _, labels = run(world, 60)
    assert {(x.trust, x.trust_basis) for x in labels} == {(None, "none")}


def test_what_people_say_is_kept(world):
    _, roles = world.draw(59)
    rows = world.answers(roles, say=wrong_on(1))
    _, labels = certify(world.labels, roles, rows, Ask())
    by_id = {x.id: x for x in labels}
    first = roles["items"][0]
    assert by_id[first["label"]].read == OTHER[first["truth"]]
    assert sum(x.read is not None for x in labels) == 59


def test_a_threshold_cuts_off_the_bad_end():
    world = World(sessions=500, error=0.25)
    _, roles = world.draw(400)
    certificate, labels = certify(world.labels, roles, world.answers(roles), Ask())
    (claim,) = certificate.claims
    certified = [x for x in labels if x.tier == "certified"]
    assert claim.granted
    assert 0.4 < claim.accepted / claim.listed < 0.85
    assert sum(x.value != world.truth[x.id] for x in certified) / len(certified) <= 0.05
    low, high = certificate.estimate.ci
    assert low < sum(x.value != world.truth[x.id] for x in labels) / len(labels) < high
    assert certificate.plan["natural_errors"]["wrong"] > 50


def test_claims_by_name_share_the_risk_and_hand_it_on(world):
    for k, label in enumerate(world.labels):
        if k % 2:
            world.labels[k] = label.model_copy(update={"name": "core_act"})
    _, roles = world.draw(160)
    certificate, _ = certify(world.labels, roles, world.answers(roles), Ask(claims=("act", "core_act")))
    assert [c.granted for c in certificate.claims] == [True, True]
    assert [c.delta for c in certificate.claims] == [pytest.approx(0.025), pytest.approx(0.05)]


def test_early_stop_reads_on_in_the_same_sample():
    world = World(sessions=200)
    _, roles = world.draw(300, early_stop=True)
    rows = world.answers(roles)
    few, _ = certify(world.labels, roles, rows[:50], Ask())
    assert (few.status, few.looks) == ("refused", 0)
    enough, _ = certify(world.labels, roles, rows[:180], Ask())
    assert (enough.status, enough.looks) == ("granted", 1)
    more, _ = certify(world.labels, roles, rows[:250], Ask(), enough)
    assert (more.status, more.looks) == ("granted", 2)
    assert more.plan["risk_spent"] == pytest.approx(0.05)
    doubted, _ = certify(world.labels, roles, world.answers(roles, say=wrong_on(30))[:180], Ask())
    assert "may be read at no further risk" in doubted.claims[0].reason
    gap = rows[:20] + rows[21:180]
    assert certify(world.labels, roles, gap, Ask())[0].looks == 0


def test_through_files_and_a_spreadsheet(world, tmp_path):
    rows, roles = world.draw(59, tune=30)
    (tmp_path / "sample.json").write_text(json.dumps(roles))
    sheet = tmp_path / "sample.csv"
    with sheet.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    with sheet.open(newline="", encoding="utf-8") as back:
        assert list(csv.DictReader(back)) == rows
    answers = tmp_path / "answers.csv"
    given = {a["sample_id"]: a["answer"] for a in world.answers(roles)}
    lines = [f"{r['sample_id']},ann,{given[r['sample_id']].upper()},4" for r in rows]
    answers.write_text("sample_id,assessor,answer,seconds\n" + "\n".join(lines))
    kept = json.loads((tmp_path / "sample.json").read_text())
    certificate, labels = certify(world.labels, kept, read_answers(answers), Ask())
    assert certificate.status == "granted"
    assert Certificate.model_validate_json(certificate.line()).status == "granted"
    assert all(type(x).model_validate_json(x.line()) for x in labels)


def test_a_refused_later_claim_keeps_what_was_spent(world):
    _, roles = world.draw(60)
    rows = world.answers(roles)
    first, _ = certify(world.labels, roles, rows, Ask())
    second, _ = certify(world.labels, roles, rows, Ask(alpha=0.06), first)
    third, _ = certify(world.labels, roles, rows, Ask(), second)
    assert (second.spent, second.plan["risk_spent"]) == (first.spent, first.plan["risk_spent"])
    assert third == first


def test_one_name_of_a_sample_of_several(world):
    for k, label in enumerate(world.labels):
        if k % 2:
            world.labels[k] = label.model_copy(update={"name": "core_act"})
    _, roles = world.draw(140)
    certificate, labels = certify(world.labels, roles, world.answers(roles), Ask(claims=("core_act",)))
    (claim,) = certificate.claims
    assert claim.granted
    assert claim.listed == 120
    assert {x.name for x in labels if x.tier == "certified"} == {"core_act"}
    assert "the claims were named after the draw, before the answers were seen" in certificate.assumes


def test_not_contradicted_prints_the_share_that_cannot_tell():
    world = World(sessions=80, turns=1)
    world.labels = [x.model_copy(update={"turn": None, "name": "goal"}) for x in world.labels]
    _, roles = world.draw(60)
    rows = world.answers(roles)
    for row in rows[:20]:
        row["answer"] = "cannot tell"
    strict, _ = certify(world.labels, roles, rows, Ask())
    loose, _ = certify(world.labels, roles, rows, Ask(estimand="not_contradicted"))
    assert [strict.status, loose.status] == ["refused", "granted"]
    assert "`cannot tell` 20 of 60, 21.7 % to 46.7 %" in loose.claims[0].reason


def test_the_plan_says_what_a_certificate_costs(world):
    certificate = not_requested(world.labels)
    assert certificate.status == "not_requested"
    assert certificate.claims == ()
    assert certificate.plan["answers"] == {"0": 59, "1": 93, "2": 124}
    assert "needs 59 answers if none is wrong, 93 with one wrong, 124 with two" in certificate.plan["sentence"]
    assert plan(world.labels, claims=tuple("abcdefghij"))["answers"]["0"] == 104


def test_a_run_too_small_for_a_certificate_is_told_so(world):
    assert "too few" in plan(world.labels[:20])["sentence"]
