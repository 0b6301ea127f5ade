import json
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.learning.data import HumanSession, HumanTurn, Terciles, TurnAct

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.insert(0, BENCH)

import matched_arms as arms  # noqa: E402
import matched_data as held  # noqa: E402
import matched_rl01 as rl01  # noqa: E402
import matched_words as words  # noqa: E402

CUTS = Terciles(3.0, 5.0)
COLD = arms.Decoding(0.7, 0.95)


def session(name: str = "sgd/test/1", services: tuple[str, ...] = ("Homes_2",)) -> HumanSession:
    turns = [
        HumanTurn(None, [TurnAct("state goal", detail="find a flat")], "I'm after a flat to rent."),
        HumanTurn("Where?", [TurnAct("inform", [("area", "Ealing"), ("pets", "yes")])], "In Ealing, and pets."),
        HumanTurn("And when?", [TurnAct("inform", [("date", "2019-03-01")])], "on the first of March", target=False),
        HumanTurn("The Oaks?", [TurnAct("request", [("rent", "")]), TurnAct("confirm")], "Sounds right. How much?"),
        HumanTurn("900.", [TurnAct("thank"), TurnAct("bye")], "Thank you. That's all."),
    ]
    return HumanSession(name, "licence", services, ("find a flat",), turns)


@pytest.fixture
def cases() -> list[held.Case]:
    return held.cases_of(session(), CUTS)


class Speaker:
    """Stands in for the engine: candidate k is the k-th of the lines."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.asked = lines, 0

    def say(self, case: held.Case, candidate: int, decoding: arms.Decoding) -> str:
        self.asked += 1
        return self.lines[candidate % len(self.lines)]


def test_a_missing_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        held.load(tmp_path)


def test_no_few_shot_prompt_without_a_fit_training_session() -> None:
    with pytest.raises(ValueError, match="no training session"):
        held.shots([session()], CUTS)


def test_a_line_cut_off_by_a_kill_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"key": "a", "text": "one"}) + '\n{"key": "b", "te', encoding="utf8")
    store = arms.Store(path)
    assert store.held == {"a": "one"}
    store.put("b", "two")
    assert arms.Store(path).held == {"a": "one", "b": "two"}


def test_a_prompt_holds_the_real_words_before_and_none_of_its_own(cases: list[held.Case]) -> None:
    for case in cases:
        assert case.real not in case.prompt
        assert all(line in case.prompt for line in case.earlier)
        assert case.prompt.endswith("customer:")
    assert "on the first of March" in cases[-1].prompt


def test_turns_that_promise_what_was_not_said_are_left_out(cases: list[held.Case]) -> None:
    assert [c.id[-1] for c in cases] == ["0", "1", "3", "4"]


def test_yes_is_no_value_that_must_stand_there(cases: list[held.Case]) -> None:
    assert cases[1].values == ("Ealing",)
    assert cases[2].asked == ("rent",)


def test_no_service_is_in_both_parts() -> None:
    sets = [("Flights_4",), ("Flights_4", "Trains_1"), ("Homes_2",), ("Events_3", "Buses_3")]
    pool = [session(f"s{n}", services) for n, services in enumerate(sets)]
    tuned, reported = held.part(pool, "tune"), held.part(pool, "report")
    assert {s.id for s in tuned} == {"s0", "s1"}
    assert {s.id for s in reported} == {"s2", "s3"}


def test_a_template_does_every_act_and_carries_every_value(cases: list[held.Case]) -> None:
    for case in cases:
        text = arms.template_of(case, 1)
        assert text == arms.template_of(case, 1)
        assert "{" not in text
        assert all(v in text for v in case.values)
        assert words.realised([text], [case]).point == 1.0 if case.values else True
    assert "find a flat" in arms.template_of(cases[0], 1)
    assert "rent" in arms.template_of(cases[2], 1)


def test_guards_look_at_every_act_of_a_turn(cases: list[held.Case]) -> None:
    assert arms.fault_of("It is in Acton.", cases[1]) == "value_missing"
    assert arms.fault_of("In Ealing.", cases[1]) is None
    assert arms.fault_of("Yes, fine.", cases[2]) == "opposite"
    assert arms.fault_of("How much is the rent?", cases[2]) == "opposite"
    assert arms.fault_of("Yes. How much is the rent?", cases[2]) is None


def test_the_first_candidate_that_passes_is_taken(cases: list[held.Case]) -> None:
    speaker = Speaker("It is in Acton.", "", "In Ealing.", "Ealing!")
    line = arms.guarded(cases[1], speaker, COLD, "The area is Ealing.")  # type: ignore[arg-type]
    assert (line.text, line.by_template, line.failed) == ("In Ealing.", False, ("value_missing", "blank"))
    assert speaker.asked == 3


def test_the_template_speaks_when_every_candidate_fails(cases: list[held.Case]) -> None:
    speaker = Speaker("It is in Acton.")
    line = arms.guarded(cases[1], speaker, COLD, "The area is Ealing.")  # type: ignore[arg-type]
    assert line.by_template
    assert line.text == "The area is Ealing."
    assert speaker.asked == len(line.failed) == 4


def test_words_that_lose_a_value_are_counted(cases: list[held.Case]) -> None:
    texts = ["I'm after a flat.", "In Acton.", "Yes. How much?", "Bye."]
    assert words.realised(texts, cases).point == 0.0
    assert words.realised([c.real for c in cases], cases).point == 1.0


def test_real_words_differ_in_nothing_from_themselves() -> None:
    many = [c for n in range(12) for c in held.cases_of(session(f"s{n}"), CUTS)]
    real = [c.real for c in many]
    for found in words.rates(real, many).values():
        assert found.gap.point == found.gap.low == found.gap.high == 0.0
    assert words.distinct_gap(real, many, 2).gap.point == 0.0


def test_rates_see_what_changed() -> None:
    many = [c for n in range(12) for c in held.cases_of(session(f"s{n}"), CUTS)]
    found = words.rates(["could you tell me?" for _ in many], many)
    assert found["questions"].made == found["polite"].made == 1.0
    assert found["capital first"].made == 0.0
    assert found["questions"].gap.low > 0.0


def test_distinct_counts_kinds_over_all_words() -> None:
    assert words.distinct(["a b a b"], 1) == 0.5
    assert words.distinct(["a b a b"], 2) == pytest.approx(2 / 3)
    assert words.distinct([""], 2) == 0.0


def test_an_act_reader_of_real_words_reads_other_words_of_the_act() -> None:
    lines = {"thank": ["thanks a lot", "thank you so much"], "request": ["what is the rent?", "what does it cost?"]}
    pool = [
        HumanSession(f"s{n}", "", ("x",), (), [HumanTurn("Well?", [TurnAct(act)], texts[n % 2])])
        for n in range(40)
        for act, texts in lines.items()
    ]
    every = [
        HumanSession(f"a{n}", "", ("x",), (), [HumanTurn("", [TurnAct(a)], f"word{k} here")])
        for n in range(40)
        for k, a in enumerate(words.ACTS)
        if a not in lines
    ]
    reader = words.ActReader.of(pool + every)
    read = reader.read(["many thanks", "what is the area?"])
    assert read[:, words.ACTS.index("thank")].tolist() == [True, False]
    assert read[:, words.ACTS.index("request")].tolist() == [False, True]


def test_the_cut_is_where_f1_is_best() -> None:
    assert 0.2 < words.best_cut(np.array([0.1, 0.2, 0.6, 0.9]), np.array([False, False, True, True])) <= 0.6


def many() -> list[held.Case]:
    services = ("A", "B", "C", "D", "E")
    return [c for n in range(20) for c in held.cases_of(session(f"s{n}", (services[n % 5],)), CUTS)]


def test_words_of_one_style_are_told_from_the_persons_own() -> None:
    pool = many()
    control = [arms.template_of(c, 1) for c in pool]
    found = rl01.turns_told_apart([f"Please note: {c.real}" for c in pool], pool, control, 0)
    assert found.row["auc"] > 0.9
    assert found.row["paired"]
    assert found.row["positive_control"] > 0.9


def test_the_persons_own_words_are_not() -> None:
    pool = many()
    control = [arms.template_of(c, 1) for c in pool]
    found = rl01.turns_told_apart([c.real for c in pool], pool, control, 0)
    assert found.row["auc"] <= 0.55


def test_a_session_is_one_text_with_a_line_a_turn() -> None:
    pool = many()
    control = [arms.template_of(c, 1) for c in pool]
    found = rl01.whole_sessions_told_apart(control, pool, control, 0)
    assert found.row["n"] == 20
    assert found.row["auc"] > 0.9
