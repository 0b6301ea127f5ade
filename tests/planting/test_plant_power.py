"""Power: what can be caught is, a blinded check has none, and a run with deranged labels passes no gate."""

import json
from collections.abc import Sequence

import pytest
from planting_examples import blank_check, foreign_run, key_word_check, own_run, reword

from assay.planting.faults import plant
from assay.planting.gates import gates, no_power
from assay.planting.matching import Said, Target
from assay.planting.power import Plan, measure, most_confusable
from assay.planting.run import Run
from assay.records import Session, Verdict

RUN = own_run(90)
SWAPS = Plan(operators=("act_swap", "label_shuffle", "blank", "goal_swap"))
STAMP = {"seed": 1, "rate": 0.15, "blueprint_hash": "b", "verifier": "1", "model": "none"}


def both(sessions: Sequence[Session]) -> list[Verdict]:
    return key_word_check(sessions) + blank_check(sessions)


@pytest.fixture(scope="module")
def power() -> dict:
    return measure(RUN, both, plan=SWAPS, **STAMP)


def row(power: dict, **where: object) -> dict:
    found = [r for r in power["results"] if all(r[k] == v for k, v in where.items())]
    assert len(found) == 1, f"{len(found)} rows for {where}"
    return found[0]


def test_a_check_that_reads_the_words_catches_swaps(power: dict) -> None:
    swaps = row(power, operator="act_swap", kind="label", draw="uniform", name="act", check="LB01")
    assert swaps["recall"] == 1.0
    assert swaps["false_alarm"] == 0.0
    assert swaps["difference_lower"] > 0.9
    assert swaps["auroc"] == 1.0
    assert swaps["unit"] == "label"
    assert swaps["n_faults"] == swaps["n_originals"] >= 100
    assert power["gates"]["act"]["passed"]
    assert power["gates"]["act"]["lowest"] > 0.5
    assert "not measured: text, systematic" in power["gates"]["act"]["reason"]


def test_faults_of_a_turn_have_no_label_name(power: dict) -> None:
    blanks = row(power, operator="blank", name=None, check="CO05")
    assert blanks["recall"] == 1.0
    assert blanks["unit"] == "turn"
    assert blanks["independent"] is False
    assert power["no_power"] == []


def test_names_that_nobody_reads_say_so(power: dict) -> None:
    for name in ("goal", "profile.age", "persona.openness"):
        assert power["gates"][name] == {
            "passed": False, "lowest": None, "reason": "no independent reader", "by_way": {},
        }  # fmt: skip


@pytest.mark.parametrize("change", [{"independent": False}, {"guard": True}])
def test_in_house_readers_and_guards_open_no_gate(change: dict[str, bool]) -> None:
    def tied(sessions: Sequence[Session]) -> list[Verdict]:
        return [v.model_copy(update=change) for v in key_word_check(sessions)]

    power = measure(RUN, tied, plan=Plan(operators=("act_swap",)), **STAMP)
    assert power["gates"]["act"]["reason"] == "no independent reader"
    assert max(r["recall"] for r in power["results"] if r["name"] == "act") == 1.0, "it is measured all the same"


def test_the_same_fault_in_two_copies_counts_once() -> None:
    def reads_age(sessions: Sequence[Session]) -> list[Verdict]:
        return [Verdict(code="LB01", session=s.id, name="profile.age", status="supported") for s in sessions]

    power = measure(RUN, reads_age, plan=Plan(operators=("act_swap",)), **STAMP)
    assert row(power, name="profile.age")["n_planted"] <= len(RUN), "two values leave one fault per session"


def test_the_file_is_the_same_each_time_and_is_json(power: dict) -> None:
    again = measure(RUN, both, plan=SWAPS, **STAMP)
    assert json.dumps(again, allow_nan=False) == json.dumps(power, allow_nan=False)
    assert list(power)[:6] == ["schema", "blueprint", "verifier", "model", "sessions", "from"]


def test_status_rates_count_faulty_and_all_originals(power: dict) -> None:
    rates = power["status_rates"]["LB01"]["act"]
    planted = row(power, operator="act_swap", kind="label", draw="uniform", name="act", check="LB01")["n_faults"]
    assert rates["faulty"] == {"contradicted": planted}
    assert rates["original"] == {"supported": sum(t.speaker == "user" for s in RUN for t in s.turns)}


@pytest.mark.parametrize("status", ["supported", "contradicted", "not_evidenced", "unparsed"])
def test_placebo_a_blinded_check_has_no_power(status: str) -> None:
    def blinded(sessions: Sequence[Session]) -> list[Verdict]:
        return [v.model_copy(update={"status": status, "score": 0.5, "read": None}) for v in both(sessions)]

    power = measure(RUN, blinded, plan=SWAPS, **STAMP)
    assert all(r["difference_lower"] <= 0 for r in power["results"])
    assert ["LB01", "act"] in power["no_power"]
    assert ["LB01", "core_act"] in power["no_power"]
    assert ["CO05", None] in power["no_power"]
    assert not any(g["passed"] for g in power["gates"].values())


def test_placebo_a_run_with_deranged_labels_passes_no_gate() -> None:
    deranged, _, _ = plant(RUN, operator="label_shuffle", kind="label", rate=1.0, seed=9)
    power = measure(deranged, both, plan=SWAPS, **STAMP)
    assert not any(g["passed"] for g in power["gates"].values())


def test_few_faults_pass_no_gate_whatever_is_caught() -> None:
    power = measure(RUN[:12], both, plan=Plan(operators=("act_swap",), rounds=1), **STAMP)
    gate = power["gates"]["act"]
    assert not gate["passed"]
    assert "faults < 100" in gate["reason"]


def test_words_from_the_wrong_latent_are_measured_where_there_is_a_model() -> None:
    power = measure(RUN, both, plan=Plan(operators=("act_swap",)), reword=reword, **STAMP)
    assert {r["kind"] for r in power["results"]} == {"label", "text", "systematic"}
    assert row(power, kind="text", draw="uniform", name="act", check="LB01")["recall"] > 0.9
    assert "act" not in power["not_measured"]


def test_recall_of_a_check_that_sees_some_sessions_only() -> None:
    """A check blind in 3 of 10 sessions has recall 0.7, and its interval is as wide as 90 sessions make it."""

    def sees_some(sessions: Sequence[Session]) -> list[Verdict]:
        return [
            v.model_copy(update={"status": "supported"}) if int(v.session[1:]) % 10 < 3 else v for v in both(sessions)
        ]

    power = measure(RUN, sees_some, plan=Plan(operators=("act_swap",), confusable=False), **STAMP)
    found = row(power, draw="uniform", name="act", check="LB01")
    low, high = found["recall_ci"]
    assert low < 0.7 < high
    assert found["difference_lower"] < 0.7
    assert high - low > 2 * 1.96 * (0.21 / found["n_faults"]) ** 0.5 * 0.95


def test_what_the_budget_left_out_counts_in_neither() -> None:
    def half(sessions: Sequence[Session]) -> list[Verdict]:
        left_out = {"status": "not_applicable", "reason": "budget", "score": None}
        return [v.model_copy(update=left_out) if int(v.session[1:]) % 2 else v for v in both(sessions)]

    power = measure(RUN, half, plan=Plan(operators=("act_swap",)), **STAMP)
    found = row(power, draw="uniform", name="act", check="LB01")
    assert found["recall"] == 1.0
    assert 0 < found["n_faults"] < found["n_planted"]


def test_a_copy_keeps_ids_and_order_so_that_it_shares_every_fold() -> None:
    seen: list[list[str]] = []

    def watched(sessions: Sequence[Session]) -> list[Verdict]:
        seen.append([s.id for s in sessions])
        return both(sessions)

    measure(RUN, watched, plan=SWAPS, **STAMP)
    assert len(seen) > 3
    assert all(ids == [s.id for s in RUN] for ids in seen)


def test_foreign_labels_are_measured_under_their_own_names() -> None:
    def reads_food(sessions: Sequence[Session]) -> list[Verdict]:
        return [
            Verdict(
                code="LB06", session=s.id, turn=0, name="state.food", independent=True,
                status="supported" if str(s.turns[0].labels["state"]["food"]) in s.turns[0].text else "contradicted",
            )
            for s in sessions
        ]  # fmt: skip

    power = measure(foreign_run(260), reads_food, **STAMP)
    assert power["gates"]["state.food"]["passed"], power["gates"]["state.food"]
    assert power["gates"]["mood"]["reason"] == "no independent reader"
    assert {r["operator"] for r in power["results"] if r["name"]} >= {"act_swap", "slot_swap", "label_shuffle"}


def test_the_gate_takes_the_lowest_way_and_the_best_check() -> None:
    base = {"name": "act", "unit": "label", "independent": True, "n_faults": 150, "draw": "uniform"}
    rows = [
        {**base, "operator": "act_swap", "kind": "label", "check": "LB01", "difference_lower": 0.9},
        {**base, "operator": "act_swap", "kind": "label", "check": "LB02", "difference_lower": 0.1},
        {**base, "operator": "act_swap", "kind": "text", "check": "LB01", "difference_lower": 0.4},
        {**base, "operator": "act_swap", "kind": "text", "check": "CO05", "difference_lower": 1.0},
        {
            **base,
            "operator": "act_swap",
            "kind": "text",
            "check": "LB01",
            "difference_lower": 1.0,
            "independent": False,
        },
    ]
    readers = {"act": {"LB01", "LB02", "CO05"}}
    gate = gates(rows, ["act"], readers, {})["act"]
    assert not gate["passed"]
    assert gate["lowest"] == 0.4
    passed = gates(rows[:2], ["act"], readers, {})["act"]
    ways = {"act_swap/label/uniform": {"faults": 150, "best": 0.9}}
    assert passed == {"passed": True, "lowest": 0.9, "reason": "", "by_way": ways}


def test_no_power_reads_text_faults_first() -> None:
    base = {"name": "act", "unit": "label", "check": "LB01", "independent": True, "operator": "act_swap"}
    label, text = {**base, "kind": "label", "difference_lower": 0.9}, {**base, "kind": "text", "difference_lower": -0.1}
    assert no_power([label, text]) == [["LB01", "act"]]
    assert no_power([label]) == []
    assert no_power([{**text, "difference_lower": None}]) == [], "unmeasured is not powerless"


def test_verdicts_on_a_turn_or_session_count_for_its_labels() -> None:
    target = Target("s", 2, "act")

    def word(*verdicts: Verdict) -> str | None:
        return Said(verdicts).word(("LB01", True), target, "label").status

    def verdict(status: str, **where: object) -> Verdict:
        return Verdict(code="LB01", session="s", status=status, independent=True, **where)  # type: ignore[arg-type]

    assert word(verdict("contradicted", turn=2)) == "contradicted"
    assert word(verdict("contradicted", name="act")) == "contradicted"
    assert word(verdict("contradicted")) == "contradicted"
    assert word(verdict("contradicted", turn=2), verdict("supported", turn=2, name="act")) == "supported"
    assert word(verdict("contradicted", turn=3, name="act")) is None
    assert word(verdict("contradicted", turn=2, name="goal")) is None
    both_said = verdict("supported", turn=2, name="act"), verdict("contradicted", turn=2, name="act")
    assert word(*both_said) == "contradicted"


def test_most_confusable_is_what_the_readers_read_instead() -> None:
    verdicts = [
        Verdict(code="LB01", session="s00000", turn=1, name="act", status="contradicted", read=read)
        for read in ("agree", "leave", "agree", "open", "no act of this run")
    ]
    assert most_confusable(Run(RUN), verdicts) == {("act", "open"): "agree"}
