import json
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.insert(0, BENCH)

import utility  # noqa: E402
from utility_arms import Fold, Pools, consistent, shared_acts, within  # noqa: E402
from utility_learner import Learner, masked, take  # noqa: E402
from utility_score import Bootstrap, constant, difference, gap_closed, hits, macro_f1, ratio, recalls  # noqa: E402
from utility_turns import (  # noqa: E402
    LabelledTurn,
    _runs,
    camrest_acts,
    half,
    in_order,
    simulated,
    turns_of,
)

SAID = {
    "thank": ("thanks a lot", "thank you so much", "many thanks"),
    "request": ("what is the price?", "could you tell me the time?", "how long is it?"),
    "reject": ("no, not that", "no way", "no, leave it"),
}


def talk(sessions: int, name: str = "s", skip: str = "") -> list[LabelledTurn]:
    acts = [a for a in SAID if a != skip]
    return [
        LabelledTurn(SAID[act][(i + k) % 3], (act,), f"{name}{i}", "", k)
        for i in range(sessions)
        for k, act in enumerate(acts)
    ]


def test_an_act_that_no_user_has_is_refused() -> None:
    with pytest.raises(ValueError):
        in_order(["offer"])


def test_empty_inputs_are_refused() -> None:
    turns = talk(2)
    with pytest.raises(ValueError):
        hits([], [], 0)
    with pytest.raises(ValueError):
        Bootstrap([], 1)
    with pytest.raises(ValueError):
        Learner(["bye"]).fit(turns)
    with pytest.raises(ValueError):
        Learner(["thank"]).shares(turns)
    with pytest.raises(ValueError):
        Fold(Pools(talk(2), turns, turns, [LabelledTurn("hi", ("greet",), "x")]))
    with pytest.raises(KeyError):
        turns_of(Path("nowhere"), "casino", "test")


def test_a_fold_without_sessions_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run `make` first"):
        utility.pools_of(tmp_path, tmp_path, "sgd")


def test_what_is_asked_names_a_turn_before_the_answer_and_the_thanks() -> None:
    assert in_order(["thank", "confirm", "request", "thank"]) == ("request", "confirm", "thank")
    assert in_order(["thank", "bye"])[0] == "bye"


def test_camrest_turns_get_the_goal_first_and_no_act_without_annotation() -> None:
    told = {"labels": {"acts": [{"intent": "inform", "slot": "area", "value": "south"}]}, "text": "in the south"}
    assert camrest_acts(told, True) == ("state_goal", "inform")
    assert camrest_acts(told, False) == ("inform",)
    free = {"labels": {"acts": [{"intent": "inform", "slot": "food", "value": "dontcare"}]}, "text": "any, thank you"}
    assert camrest_acts(free, False) == ("no_preference", "thank")
    assert camrest_acts({"labels": {"acts": []}, "text": "What does it serve?"}, False) == ()
    assert camrest_acts({"labels": {"acts": []}, "text": "thanks, good bye"}, False) == ("bye", "thank")


def test_persuasion_runs_break_at_an_act_without_a_core_act() -> None:
    def said(speaker: str, text: str, *acts: str) -> dict[str, object]:
        return {"speaker": speaker, "text": text, "labels": {"acts": list(acts)}}

    row = {
        "turns": [
            said("user", "hello", "greeting"),  # nobody spoke before: left out
            said("assistant", "a"),
            said("user", "What is it?", "ask-org-info"),
            said("user", "Okay", "acknowledgement"),
            said("assistant", "b"),
            said("user", "That is sad.", "positive-reaction-to-donation"),
            said("assistant", "c"),
            said("user", "I give $2", "provide-donation-amount"),
            said("assistant", "d"),
            said("user", "I give a bit", "provide-donation-amount"),  # no amount: nothing to promise
        ]
    }
    runs = list(_runs(row))
    assert [[t.text for t in run] for run in runs] == [["What is it? Okay"], ["I give $2"]]
    assert [(a.name, a.slots) for a in runs[0][0].acts] == [
        ("request", [("the organisation", "")]),
        ("acknowledge", []),
    ]
    assert runs[1][0].acts[0].slots == [("amount", "$2")]


def test_the_halves_of_a_set_are_fixed_and_both_used() -> None:
    names = [f"session {i}" for i in range(200)]
    assert {half(n) for n in names} == {"train", "test"}
    assert [half(n) for n in names] == [half(n) for n in names]


def test_simulated_turns_carry_the_authored_act(tmp_path: Path) -> None:
    folder = tmp_path / "sgd-x-1"
    folder.mkdir()
    turns = [
        {"speaker": "assistant", "text": "Hello.", "labels": {}},
        {"speaker": "user", "text": "No.", "labels": {"act": "no_more", "core_act": "reject"}},
    ]
    (folder / "sessions.jsonl").write_text(json.dumps({"id": "s1", "turns": turns}) + "\n", encoding="utf-8")
    assert simulated([folder]) == [LabelledTurn("No.", ("reject",), "sgd-x-1/s1", "Hello.", 0)]


def test_masking_leaves_neither_digits_nor_names_but_the_word_i() -> None:
    assert masked("Table 12 at Golden Wok, as I said. Thanks") == "Table 00 at Xx Xx, as I said. Thanks"


def test_take_draws_whole_sessions_and_is_seeded() -> None:
    turns = talk(20)
    first = take(turns, 10, np.random.default_rng(1))
    assert len(first) == 10
    assert first == take(turns, 10, np.random.default_rng(1))
    assert first != take(turns, 10, np.random.default_rng(2))
    assert len({t.session for t in first}) == 4
    assert len(take(turns, 1000, np.random.default_rng(1))) == len(turns)


def test_the_filter_keeps_unreadable_acts_and_drops_contradicted_turns() -> None:
    reader = Learner(["thank", "request", "reject"]).fit(talk(10, skip="reject"))
    made = [
        LabelledTurn("thanks a lot", ("thank",), "a"),
        LabelledTurn("what is the price?", ("thank",), "b", "", 1),
        LabelledTurn("what is the price?", ("reject",), "c", "", 1),
    ]
    assert [t.session for t in consistent(made, reader)] == ["a", "c"]
    assert consistent([], reader) == []


def test_only_shared_acts_are_compared() -> None:
    pools = Pools(talk(2, skip="reject"), talk(2), talk(2), talk(2, skip="thank"))
    assert shared_acts(pools) == ("request",)
    assert {t.act for t in within(pools, ("request",)).real} == {"request"}


def test_hits_count_the_main_act_and_any_act() -> None:
    turns = [LabelledTurn("no thanks", ("reject", "thank"), "a"), LabelledTurn("thanks", ("thank",), "b")]
    found = hits(turns, [["thank", "thank"], ["reject", "reject"]], 7)
    assert found.main.tolist() == [[False, True], [True, False]]
    assert found.any.tolist() == [[True, True], [True, False]]
    assert recalls(turns, found) == {"reject": 0.5, "thank": 0.5}
    assert constant(turns, ["reject", "thank"], "any").any.mean() == 1.0
    assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx(1 / 3)


def test_gap_closed_is_nought_at_the_base_one_at_the_real_and_nought_without_a_gap() -> None:
    base, real = np.array([0.4]), np.array([0.8])
    assert gap_closed(base, real, base)[0] == 0.0
    assert gap_closed(real, real, base)[0] == 1.0
    assert gap_closed(np.array([0.9]), base, base)[0] == 0.0
    assert ratio(np.array([0.6]), real)[0] == pytest.approx(0.75)


def test_limits_cover_the_drawn_rates_and_widen_with_fewer_sessions() -> None:
    rng = np.random.default_rng(3)
    wide = {}
    for count in (10, 400):
        session_rate = rng.beta(4, 2, size=count)
        found = rng.random((5, count * 5)) < np.repeat(session_rate, 5)
        draws = Bootstrap([str(i) for i in range(count) for _ in range(5)], 1)
        est = draws.estimate(lambda x: x, [found])
        assert est.low < est.value < est.high
        wide[count] = est.high - est.low
        assert draws.estimate(difference, [found, found]).value == 0.0
    assert wide[10] > 2 * wide[400]


def test_a_simulator_that_talks_like_people_reaches_them_and_one_that_lies_does_not() -> None:
    real, test = talk(12, "r"), talk(12, "t")
    good = Fold(Pools(talk(12, "g"), talk(12, "d", skip="request"), real, test), sample=30)
    assert good.arm(lambda rng: take(good.pools.simulated, good.n, rng)).main.mean() == 1.0
    lies = {"thank": "request", "request": "reject", "reject": "thank"}
    bad = [LabelledTurn(t.text, (lies[t.act],), t.session, "", t.place) for t in talk(12, "b")]
    fold = Fold(Pools(bad, talk(12, "d"), real, test), sample=30)
    assert fold.some(bad, 30).main.mean() < 0.2


def test_the_printed_table_has_every_arm() -> None:
    fold = Fold(Pools(talk(12, "g"), talk(12, "d"), talk(12, "r"), talk(12, "t")), sample=30)
    fold._sizes = fold._mix = fold._library = lambda: {}  # type: ignore[method-assign]
    report = fold.report()
    text = "\n".join(utility.tables("sgd", report))
    assert all(f"| {arm} |" in text for arm in report["arms"])
    assert report["against"]["main"]["in-domain, same n"]["ratio"].startswith("1.000")
    assert report["test"]["coverage"] == 1.0
