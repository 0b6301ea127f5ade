import json

import pytest

from assay.certification.trust import assemble
from assay.errors import BadInput
from assay.records.label import Given
from assay.records.verdict import Verdict

GIVEN = Given(session="s0", turn=0, name="act", kind="category", value="inform", source="authored")


def verdict(code="LB01", status="supported", **more):
    fields = {"session": "s0", "turn": 0, "name": "act", "by": code, "independent": True, **more}
    return Verdict(code=code, status=status, **fields)


def result(check, lower, *, name="act", operator="act_swap", kind="label", n=200):
    return {
        "operator": operator, "kind": kind, "draw": "uniform", "name": name, "check": check, "independent": True,
        "unit": "label", "n_faults": n, "n_originals": n, "recall": 0.9, "recall_ci": [0.8, 1], "false_alarm": 0.1,
        "false_alarm_ci": [0, 0.2], "difference_lower": lower, "auroc": None,
    }  # fmt: skip


def power(passed=True, lowest=0.7, results=(), no_power=(), rates=None, name="act"):
    return {
        "schema": 1,
        "results": list(results),
        "gates": {name: {"passed": passed, "lowest": lowest, "reason": ""}},
        "no_power": [list(p) for p in no_power],
        "status_rates": rates or {},
    }


def one(verdicts, measured=None, *, given=GIVEN, mode="agents"):
    (label,) = assemble([given], verdicts, measured, {"s0": mode})
    return label


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"results": []},
        {**power(), "gates": {"act": {}}},
        {**power(), "no_power": [["LB01"]]},
        {**power(), "results": [{"check": "LB01"}]},
    ],
)
def test_a_power_file_of_another_form_is_refused(broken):
    with pytest.raises(BadInput, match=r"power\.json"):
        one([verdict()], broken)


def test_provisional_needs_an_independent_reader_that_supports_and_a_passed_gate():
    assert one([verdict()], power()).tier == "provisional"
    assert one([verdict()], power()).reasons == ("LB01",)


@pytest.mark.parametrize("code", ["LB03", "LB05", "CO05", "IA01", "RE01", "BR01"])
def test_checks_that_do_not_read_the_value_never_support(code):
    label = one([verdict(code)], power())
    assert (label.tier, label.reasons) == ("suspect", ("no_independent_reader",))


@pytest.mark.parametrize("code", ["LB01", "LB02", "LB06", "CO01", "CO03"])
def test_checks_that_read_the_value_support(code):
    assert one([verdict(code)], power()).tier == "provisional"


@pytest.mark.parametrize(
    ("verdicts", "measured", "mode", "reasons"),
    [
        ([], power(), "agents", ("no_independent_reader",)),
        ([verdict(independent=False)], power(), "agents", ("no_independent_reader",)),
        ([verdict(guard=True)], power(), "agents", ("no_independent_reader",)),
        ([verdict(status="unparsed")], power(), "agents", ("no_independent_reader",)),
        ([verdict()], None, "agents", ("unmeasured_power",)),
        ([verdict()], power(name="goal"), "agents", ("unmeasured_power",)),
        ([verdict()], power(passed=False, lowest=None), "agents", ("unmeasured_power",)),
        ([verdict()], power(passed=False, lowest=0.2), "agents", ("no_power",)),
        ([verdict()], power(), "script", ("born_script",)),
        ([verdict()], power(), "mindreaders", ("born_mindreaders",)),
        ([verdict(status="not_evidenced")], power(), "agents", ("not_supported",)),
        ([verdict(), verdict("LB02", "contradicted")], power(), "agents", ("LB02",)),
        ([verdict(), verdict("CO05", "contradicted")], power(), "agents", ("CO05",)),
    ],
)
def test_everything_else_is_suspect_and_says_why(verdicts, measured, mode, reasons):
    label = one(verdicts, measured, mode=mode)
    assert (label.tier, label.reasons) == ("suspect", reasons)


def test_guards_and_in_house_readers_cannot_contradict_either():
    both = [verdict(), verdict("LB02", "contradicted", guard=True), verdict("LB06", "contradicted", independent=False)]
    assert one(both, power()).tier == "provisional"


def test_a_check_without_power_is_not_applicable():
    label = one([verdict(), verdict("LB02", "contradicted")], power(no_power=[("LB02", "act")]))
    assert label.tier == "provisional"
    assert label.verdicts == {"LB01": "supported", "LB02": "not_applicable"}


def test_power_on_faults_of_a_turn_concerns_verdicts_on_turns():
    found = [verdict(), verdict("CO05", "contradicted", name=None)]
    assert one(found, power()).tier == "suspect"
    assert one(found, power(no_power=[("CO05", None)])).tier == "provisional"


STRONG = power(results=[result("LB01", 0.6), result("LB02", 0.55)])


def test_two_strong_independent_contradictions_reject():
    both = [verdict(status="contradicted"), verdict("LB02", "contradicted")]
    assert one(both, STRONG).tier == "rejected"
    assert one(both, STRONG).reasons == ("LB01", "LB02")


@pytest.mark.parametrize(
    "measured",
    [
        None,
        power(),
        power(results=[result("LB01", 0.6), result("LB02", 0.4)]),
        power(results=[result("LB01", 0.6), result("LB02", 0.6), result("LB02", 0.1, kind="text")]),
        power(results=[result("LB01", 0.6), result("LB02", 0.6, n=99)]),
        power(results=[result("LB01", 0.6), result("LB02", 0.6, name="goal")]),
    ],
)
def test_contradictions_of_weak_checks_do_not_reject(measured):
    both = [verdict(status="contradicted"), verdict("LB02", "contradicted")]
    assert one(both, measured).tier == "suspect"


def test_one_annotator_under_two_codes_is_one_witness():
    both = [verdict(status="contradicted", by="rules"), verdict("LB02", "contradicted", by="rules")]
    assert one(both, STRONG).tier == "suspect"


def test_a_blank_turn_rejects_all_its_labels_and_a_repeat_does_not():
    blank = verdict("CO05", "contradicted", name=None, by="rules: blank")
    assert one([verdict(), blank], power()).tier == "rejected"
    assert one([verdict(), blank.model_copy(update={"turn": 1})], power()).tier == "provisional"
    assert one([verdict(), blank.model_copy(update={"by": "rules: repeat"})], power()).tier == "suspect"


def test_an_exact_leak_rejects_the_labels_of_its_fact():
    leak = verdict("IA01", "contradicted", name="private.user.pin", by="exact match")
    slot = GIVEN.model_copy(update={"name": "slots.pin"})
    assert one([leak], None, given=slot).tier == "rejected"
    assert one([leak], None).tier == "suspect"
    assert "IA01" not in one([leak], None).verdicts
    assert one([leak.model_copy(update={"by": "embedding"})], None, given=slot).tier == "suspect"


def test_a_verbatim_copy_rejects_a_session_latent_only():
    copied = verdict("LB03", "contradicted", name="goal", turn=3)
    goal = GIVEN.model_copy(update={"name": "goal", "turn": None})
    assert one([copied], None, given=goal).tier == "rejected"
    turn = GIVEN.model_copy(update={"name": "goal", "turn": 3})
    assert one([copied], None, given=turn).tier == "suspect"


def test_nothing_is_ever_certified_here():
    every = [verdict(code) for code in ("LB01", "LB02", "LB06", "CO01", "CO03")]
    assert one(every, STRONG).tier == "provisional"
    assert one(every, STRONG).trust is None


def test_worst_status_per_code_and_unchecked():
    many = [verdict(), verdict(status="contradicted", by="b"), verdict("RE01", "not_applicable")]
    assert one(many).verdicts == {"LB01": "contradicted", "RE01": "not_applicable"}
    assert set(one([verdict(status="not_applicable")]).verdicts.values()) == {"not_applicable"}


def test_what_the_text_says():
    agree = [verdict(read="request", status="contradicted", score=0.1), verdict("LB06", read="request", score=0.3)]
    label = one(agree)
    assert label.realised == label.suggested == "request"
    assert label.distribution == pytest.approx({"inform": 0.2, "request": 0.8})
    differ = one([verdict(read="request"), verdict("LB06", read="thank")])
    assert (differ.realised, differ.suggested) == (None, None)
    same = one([verdict(read="inform", score=0.9)])
    assert (same.realised, same.suggested) == ("inform", None)
    assert same.distribution == pytest.approx({"inform": 0.9, "__other__": 0.1})
    told = one([verdict("LB02", read="request", status="contradicted")])
    assert (told.realised, told.distribution) == (None, {})


def test_readings_take_the_type_of_the_value():
    number = GIVEN.model_copy(update={"kind": "number", "value": 3})
    assert one([verdict(read="4", status="contradicted")], given=number).suggested == 4
    several = GIVEN.model_copy(update={"kind": "set", "value": ["a", "b"]})
    assert one([verdict(read='["a", "c"]', status="contradicted")], given=several).realised == ["a", "c"]


def test_trust_without_answers_only_for_foreign_labels_read_out_of_fold():
    given = GIVEN.model_copy(update={"source": "given"})
    label = one([verdict("LB06", score=0.83)], given=given, mode=None)
    assert (label.trust, label.trust_basis, label.authored) == (0.83, "labels", None)
    assert one([verdict("LB06", score=0.83)]).trust is None


def test_session_labels_hear_the_verdicts_of_every_turn():
    persona = GIVEN.model_copy(update={"name": "persona", "turn": None})
    lines = [
        verdict("CO01", name="persona", turn=t, status="contradicted" if t == 4 else "supported") for t in range(6)
    ]
    label = one(lines, power(name="persona"), given=persona)
    assert label.verdicts == {"CO01": "contradicted"}
    assert label.tier == "suspect"


def test_rank_orders_by_evidence_and_stays_in_range():
    ranks = [
        one(v).rank_score
        for v in (
            [verdict(status="contradicted", score=0.0), verdict("LB02", "contradicted")],
            [verdict(status="contradicted", score=0.1)],
            [verdict(status="not_evidenced", score=0.4)],
            [],
            [verdict(score=0.7)],
            [verdict(score=0.9)],
            [verdict(score=0.9), verdict("LB02")],
        )
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
    assert ranks[3] == 0.5
    assert 0 <= ranks[0] < ranks[-1] <= 1


def test_rank_uses_what_planted_faults_measured():
    rates = {
        "LB01": {
            "act": {"faulty": {"supported": 50, "contradicted": 50}, "original": {"supported": 50, "contradicted": 50}}
        }
    }
    useless = power(rates=rates)
    assert one([verdict()], useless).rank_score == one([verdict(status="contradicted")], useless).rank_score == 0.5
    rates["LB01"]["act"]["faulty"] = {"supported": 5, "contradicted": 95}
    telling = power(rates=rates)
    assert one([verdict()], telling).rank_score > 0.5 > one([verdict(status="contradicted")], telling).rank_score


def test_labels_come_in_order_and_survive_the_file():
    givens = [GIVEN.model_copy(update={"turn": t}) for t in (3, 1, 2)]
    labels = assemble(givens, [verdict(turn=1, score=1 / 3)], None, {})
    assert [x.turn for x in labels] == [3, 1, 2]
    assert [type(x).model_validate_json(x.line()) for x in labels] == labels
    assert json.loads(labels[0].line())["tier"] == "suspect"


def test_a_verdict_on_the_brief_speaks_of_no_label():
    session_label = Given(session="s0", turn=None, name="goal", kind="category", value="return", source="authored")
    faults = [verdict("BR01", "contradicted", name="private.user", turn=t) for t in (0, None)]
    for given in (GIVEN, session_label):
        assert one(faults, given=given).verdicts == {}
