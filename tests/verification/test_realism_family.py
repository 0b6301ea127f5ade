"""One family of p-values: wrong weights, numbers too small to say anything, and what the report then says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import realism
from assay.cli.root import run
from assay.errors import BadAnswers, BadInput
from assay.records.session import Session, Turn
from assay.stats.divergence import holm
from assay.verification.realism.behaviour import behaviour_rates
from assay.verification.realism.control import repeated
from assay.verification.realism.family import Question, adjust, family_row
from assay.verification.realism.lines import Lines, group_of
from assay.verification.realism.notes import notes, reads_as_english
from assay.verification.realism.nulls import Text, least_p, pool

LOUD = ("Please, I would like to place an order!", "Thank you so much!", "That is wonderful!")
PLAIN = ("got the {x}?", "send {x} to my place", "no, the other {x}", "what does the {x} cost")
THINGS = ("lamp", "chair", "blue bag", "ticket", "phone", "kettle", "desk", "book")


def own_lines(name: str, texts: tuple[str, ...]) -> Lines:
    return Lines(name, texts, (None,) * len(texts), ({},) * len(texts), {}, "", ())


def file_of(path: Path, n: int, loud: bool, seed: int, turns: int = 3, prefix: str = "x") -> Path:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        said = [
            str(rng.choice(LOUD)) if loud else str(rng.choice(PLAIN)).format(x=rng.choice(THINGS))
            for _ in range(turns)
        ]  # fmt: skip
        rows.append({"id": f"{prefix}{i}", "turns": [{"speaker": "user", "text": t} for t in said]})
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


# --- bad input


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [[1.0, 1.0]]])
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    with pytest.raises(ValueError, match="one positive weight for each"):
        holm([0.1, 0.2], weights)


def test_no_question_has_no_answer() -> None:
    assert adjust([]) == []


# --- the adjustment


def test_equal_weights_are_plain_holm_and_more_weight_costs_less() -> None:
    p = [0.01, 0.04, 0.03, 0.2]
    assert holm(p, [2, 2, 2, 2]).tolist() == pytest.approx(holm(p).tolist())
    assert holm([0.02, 0.03], [3, 1]).tolist() == pytest.approx([0.02 * 4 / 3, 0.03])
    assert holm([0.02, 0.001], [3, 1]).tolist() == pytest.approx([0.02, 0.004])


def test_each_group_holds_a_quarter_and_p_grows() -> None:
    asked = [Question("RL01 turn", "", 0.01, 0.005), Question("RL01 session", "", 0.5, 0.005)]
    asked += [Question("RL02", f"{i}", 0.3, 1e-4) for i in range(12)] + [Question("RL06", "thanks", 0.9, 1e-4)]
    found = adjust(asked)
    assert sum(a.weight for a in found) == pytest.approx(1)
    assert [a.weight for a in found if a.question.group == "RL02"] == pytest.approx([1 / 48] * 12)
    assert found[0].p == pytest.approx(0.04)
    assert found[0].shown
    assert all(a.p >= a.question.p for a in found)
    assert all(a.least <= a.p + 1e-12 for a in found)
    assert not any(a.unattainable for a in found)
    json.dumps(family_row(found), allow_nan=False)


def test_a_p_that_cannot_be_small_enough_is_called_that() -> None:
    asked = [Question("RL01 turn", "", 0.05, 0.05), Question("RL02", "length", 0.4, 1e-4)]
    first, second = adjust(asked)
    assert not first.shown
    assert first.least == pytest.approx(0.1)
    assert first.unattainable
    assert not second.unattainable


@pytest.mark.parametrize(
    ("sizes", "permutations", "paired", "least"),
    [((4, 4), 9_999, False, 2 / 70), ((4, 8), 9_999, False, 1 / 495), ((4, 4), 9_999, True, 2 / 16),
     ((40, 40), 199, False, 1 / 200), ((1, 1), 99, False, 1.0)],
)  # fmt: skip
def test_the_smallest_p_of_few_sessions(sizes: tuple[int, int], permutations: int, paired: bool, least: float) -> None:
    assert least_p(*sizes, permutations, paired=paired) == pytest.approx(least)


# --- behaviours


def test_a_rate_that_differs_has_a_small_p_and_pairs_are_swapped() -> None:
    rng = np.random.default_rng(0)
    real = [own_lines(f"r{i}", ("i want it", f"the {rng.choice(THINGS)}")) for i in range(20)]
    loud = [own_lines(f"s{i}", ("I want it!", f"the {rng.choice(THINGS)}")) for i in range(20)]
    found = behaviour_rates(loud, real)
    assert found["exclaims"].p == pytest.approx(1e-4)
    assert found["says goodbye"].p == 1.0
    assert found["turns per session"].p == 1.0
    few = [own_lines(f"r{i}", (t.texts[0] + "!", t.texts[1])) for i, t in enumerate(real[:3])]
    assert behaviour_rates(few, real[:3])["exclaims"].p == pytest.approx(0.25, abs=0.02), "2 of 8 swaps of 3 pairs"


# --- the report


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("few")
    made, real = file_of(folder / "s.jsonl", 4, True, 0, prefix="s"), file_of(folder / "r.jsonl", 8, False, 1)
    return folder, realism(made, real, out=folder / "out", permutations=19, pairs=0)


def test_nineteen_permutations_of_four_sessions_are_no_answer(few: tuple[Path, dict[str, Any]]) -> None:
    """The sides have nothing in common, and still no p could be small enough: that is no likeness."""
    folder, found = few
    assert "nothing can be below 0.05 after Holm" in found["verdict"]
    assert "not more than chance" not in found["verdict"]
    tests = found["holm"]["tests"]
    assert all(t["unattainable"] for t in tests if t["group"].startswith("RL01"))
    page = (folder / "out" / "realism.html").read_text(encoding="utf-8")
    assert page.count("No outcome could have been shown") == 2


def test_every_p_of_the_summary_is_in_the_family(few: tuple[Path, dict[str, Any]]) -> None:
    _, found = few
    by = {(t["group"], t["name"]): t for t in found["holm"]["tests"]}
    assert len(by) == 2 + len(found["RL02"]) + len(found["RL06"])
    for unit in ("turn", "session"):
        assert found["RL01"][unit]["p_holm"] == by[f"RL01 {unit}", ""]["p_holm"] >= found["RL01"][unit]["p"]
    for name, d in found["RL02"].items():
        assert (d["p_raw"], d["p"]) == (by["RL02", name]["p"], by["RL02", name]["p_holm"])
        assert (d["says"] == "different") == by["RL02", name]["shown"]
    for name, r in found["RL06"].items():
        assert (r["p"], r["p_holm"]) == (by["RL06", name]["p"], by["RL06", name]["p_holm"])


def test_enough_permutations_show_what_differs_with_its_cues(tmp_path: Path) -> None:
    made, real = file_of(tmp_path / "s", 12, True, 0, prefix="s"), file_of(tmp_path / "r", 24, False, 1)
    found = realism(made, real, permutations=99)
    assert found["RL01"]["turn"]["p_holm"] <= 0.05
    said = found["verdict"]
    assert "10.0 times in 10" in said
    assert "The strongest cues: " in said
    assert "of simulated turns" in said
    assert "no answer" not in said


# --- what a stranger brings


GERMAN = ("ich möchte das Paket zurückgeben", "ja das passt so", "wie lange dauert das noch", "nein, lieber am Montag")


def test_one_set_given_twice_is_named() -> None:
    real = [own_lines(f"r{i}", (f"i want the {t}", "and what does it cost today")) for i, t in enumerate(THINGS)]
    (said, few) = notes(real, real, True, False)
    assert said == "All 8 simulated sessions stand word for word among the real ones: is it one set given twice?"
    assert "only large differences" in few
    partly = [real[0], *(own_lines(f"s{i}", (f"give me {t}", "now")) for i, t in enumerate(THINGS[1:]))]
    assert "1 of the 8 simulated sessions" in notes(partly, real, True, False)[0]
    short = [own_lines("s", ("yes",))]
    assert not any("word for word" in n for n in notes(short, [own_lines("r", ("yes",))], True, False))


def test_languages_are_told_by_their_function_words() -> None:
    german = [own_lines(f"{i}", GERMAN) for i in range(9)]
    english = [own_lines(f"{i}", ("i would like to have the lamp", "no, that is not what i want")) for i in range(9)]
    japanese = [own_lines("j", ("注文番号は二三四です。", "いつ届きますか？"))]
    assert reads_as_english(english)
    assert reads_as_english(english[:1]), "a few words are believed"
    assert not reads_as_english(german)
    assert not reads_as_english(japanese)
    assert any("Only the real sessions read as English" in n for n in notes(german, english, False, False))
    assert any("no spaces between words" in n for n in notes(japanese, german, False, False))


def test_sessions_taken_for_rewordings_are_said_to_be() -> None:
    real = [own_lines(f"{i}", (f"the {t}", "now")) for i, t in enumerate(THINGS)]
    other = [own_lines(f"{i}", (f"a {t}", "later")) for i, t in enumerate(THINGS)]
    assert any("taken for a rewording" in n for n in notes(other, real, True, True))
    assert not any("taken for a rewording" in n for n in notes(other, real, True, False))


def test_one_turn_a_session_is_said() -> None:
    one = [own_lines(f"{i}", (f"{t} please",)) for i, t in enumerate(THINGS)]
    assert any("one comparison" in n for n in notes(one, one, True, False))


def test_the_control_of_any_language_says_three_real_lines() -> None:
    texts = [Text("\n".join(GERMAN), f"{i}") for i in range(6)]
    made = repeated(texts, np.random.default_rng(0))
    assert {line for t in made for line in t.text.split("\n")} < set(GERMAN)
    assert [t.session for t in made] == [t.session for t in texts]
    assert repeated([Text("ja", "a")], np.random.default_rng(0))[0].text == "ja"


def test_folds_hold_what_shares_its_services_unless_that_leaves_no_fold() -> None:
    def group(services: Any) -> str:
        return group_of(Session(id="a", turns=(Turn(speaker="user", text="x"),), session_labels={"services": services}))

    assert group(["B", "A"]) == group(["A", "B"]) == "service A + B"
    assert (group([]), group("A")) == ("", "service A")
    other = [Text("b", f"s{i}") for i in range(12)]
    assert pool([Text("a", f"r{i}", f"g{i // 2}") for i in range(12)], other).fold_unit.max() == 17
    assert pool([Text("a", f"r{i}", "one service") for i in range(30)], other).fold_unit.max() == 41


def test_sources_languages_and_silent_sessions_are_noted_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"id": f"d{i}", "source": "one" if i % 2 else "two",
         "turns": [{"speaker": "user", "text": f"{rng.choice(GERMAN)} {rng.choice(GERMAN)} {i}"} for _ in range(4)]}
        for i in range(16)
    ]  # fmt: skip
    rows += [{"id": "silent", "source": "one", "turns": [{"speaker": "assistant", "text": "Hallo"}]}]
    made = tmp_path / "de.jsonl"
    made.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    found = realism(made, file_of(tmp_path / "r.jsonl", 16, False, 1), permutations=19)
    assert found["left_out"]["simulated"]["without_lines"] == 1
    said = " ".join(found["notes"])
    assert "1 simulated sessions have no line" in said
    assert "The simulated sessions come from 2 sources, one (9), two (8): compare each by itself." in said
    assert "Only the real sessions read as English" in said
    assert "sentiment" not in found["RL02"]
    assert "core act" not in found["RL02"]


def answers(folder: Path, right: int) -> None:
    """Judgements of all pairs, so many of them right."""
    key = [row.split(",") for row in (folder / "pairs-key.csv").read_text("utf-8").splitlines()[1:]]
    other = {"first": "second", "second": "first"}
    rows = [f"{pair},ann,{truth if i < right else other[truth]},3.0" for i, (pair, truth) in enumerate(key)]
    (folder / "judgements.csv").write_text("\n".join(["pair_id,rater,answer,seconds", *rows]) + "\n", "utf-8")


def test_peoples_answers_join_the_verdict_and_their_pairs_are_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, real = file_of(tmp_path / "s.jsonl", 16, True, 0, prefix="s"), file_of(tmp_path / "r.jsonl", 16, False, 1)
    out = tmp_path / "out"
    first = realism(made, real, out=out, permutations=19, pairs=12)
    assert first["RL03"] == {"pairs": 12, "file": str(out / "pairs.csv"), "answers": 0}
    assert "only people can say" in first["verdict"]
    answers(out, 12)
    with pytest.raises(BadInput, match="people answered other pairs"):
        realism(real, made, out=out, permutations=19, pairs=12)
    again = realism(made, real, out=out, permutations=19, pairs=12)
    assert (
        "People picked out the simulated one of a pair 10.0 times in 10 (chance: 5; 12 answers, p = "
        in again["verdict"]
    )
    assert (again["RL03"]["share"], again["RL03"]["answers"]) == (1.0, 12)
    asked = [t for t in again["holm"]["tests"] if t["group"] == "RL03"]
    assert asked[0]["p"] == pytest.approx(2 * 0.5**12)
    assert asked[0]["shown"]
    (out / "judgements.csv").write_text("who,what\nann,first\n", "utf-8")
    with pytest.raises(BadAnswers, match="no column 'pair_id'"):
        realism(made, real, out=out, permutations=19, pairs=12)
    assert run(["realism", str(made), str(real), "--out", str(out), "-q", "--permutations", "19", "--pairs", "12"]) == 2
    assert "answer with `assay review`" in capsys.readouterr().err
