import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aggregation.open_votes import Vote, canonical, vote
from assay.learning import votes
from assay.learning.votes import Gate, Pulse, fate, rewards

GATE = Gate()


class TestBadInput:
    def test_no_votes(self) -> None:
        with pytest.raises(ValueError, match="no votes"):
            vote([])

    @pytest.mark.parametrize("doubts", [[0.1], [0.1, float("nan")], [0.1, float("inf")]])
    def test_doubts_that_are_no_numbers(self, doubts: list[float]) -> None:
        with pytest.raises(ValueError, match="finite doubts"):
            rewards(["a", "b"], doubts, GATE)

    def test_gold_without_an_answer(self) -> None:
        with pytest.raises(ValueError, match="known answer"):
            votes.paid_for("gold", ["a"], [0.1], GATE, None, np.random.default_rng(0))

    def test_no_question_with_a_known_answer(self) -> None:
        with pytest.raises(ValueError, match="no question"):
            votes.outlook([], [], [], GATE, np.random.default_rng(0))

    def test_only_unreadable_votes(self) -> None:
        assert vote([None, None]) == Vote(None, 0.0, 0.0, (), 2)
        assert rewards([None, None], [1.0, 1.0], GATE).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NB-33475.\nThat is it", "nb-33475"),
        (' The answer is: "$1,299.50"', "1299.5"),
        ("79.00 euros", "79.00 euros"),
        ("79.00", "79"),
        ("100", "100"),
        ("12,5", "12,5"),
        ("  \n ", None),
        ("...", None),
        ("A  desk\tlamp!", "a desk lamp"),
    ],
)
def test_canonical(text: str, value: str | None) -> None:
    assert canonical(text) == value


@given(st.text(max_size=60) | st.text(alphabet="answer is:.,0123 \n$", max_size=40))
def test_canonical_twice_is_canonical_once(text: str) -> None:
    once = canonical(text)
    assert once is None or canonical(once) == once


def test_a_tie_has_no_margin_and_pays_nobody() -> None:
    found = vote(["b", "a", "b", "a"])
    assert (found.label, found.share, found.margin) == ("a", 0.5, 0.0)
    assert not GATE.open(found)


def test_unreadable_votes_count_against_the_share() -> None:
    assert vote(["a", "a", None, None, None]).share == pytest.approx(0.4)


def test_the_gate_pays_the_label_and_punishes_rare_answers_in_doubt() -> None:
    answers = ["a"] * 12 + ["b"] * 2 + ["c", "d"]
    doubts = [0.2] * 12 + [0.1] * 2 + [2.0, 0.05]
    assert rewards(answers, doubts, GATE).tolist() == [1.0] * 12 + [0.0] * 2 + [-1.0, 0.0]
    split = ["a"] * 7 + ["b"] * 7 + ["c", "d"]
    assert rewards(split, doubts, GATE).max() <= 0.0


def test_flipped_rewards_are_the_negative() -> None:
    answers: list[str | None] = ["a"] * 12 + ["b"] * 4
    rng = np.random.default_rng(0)
    own = votes.paid_for("votes", answers, [0.1] * 16, GATE, None, rng)
    assert (votes.paid_for("flipped", answers, [0.1] * 16, GATE, None, rng) == -own).all()
    assert votes.paid_for("gold", answers, [0.1] * 16, GATE, "b", rng).tolist() == [0.0] * 12 + [1.0] * 4
    assert sorted(votes.paid_for("random", answers, [0.1] * 16, GATE, None, rng)) == sorted(own)


def test_fates() -> None:
    assert [fate(a, b) for a in (True, False) for b in (True, False)] == ["kept", "corrupted", "learned", "never"]


class TestAlarms:
    first = Pulse(majority=0.5, flips=None, doubt=1.0, commonest=0.02, open=0.4)

    def test_quiet(self) -> None:
        assert votes.alarms(self.first, Pulse(majority=0.8, flips=0.1, doubt=0.3, commonest=0.03, open=0.8)) == []
        few = Pulse(majority=0.8, flips=0.5, doubt=0.3, commonest=0.03, open=0.8, n=4)
        assert votes.alarms(self.first, few) == []

    @pytest.mark.parametrize(
        ("now", "word"),
        [
            (Pulse(majority=0.8, flips=0.35, doubt=0.5, commonest=0.03, open=0.5, n=40), "flips"),
            (Pulse(majority=0.99, flips=0.0, doubt=0.5, commonest=0.03, open=1.0), "saturated"),
            (Pulse(majority=0.9, flips=0.2, doubt=0.1, commonest=0.5, open=0.9), "collapsed"),
        ],
    )
    def test_each(self, now: Pulse, word: str) -> None:
        assert [a.partition(":")[0] for a in votes.alarms(self.first, now)] == [word]

    def test_pulse(self) -> None:
        some = [vote(["a", "a", "b"]), vote(["a", "a", "a"]), vote([None, None, None])]
        found = votes.pulse(some, ["a", "b", None], [0.3, 0.1, 0.2])
        assert found.flips == pytest.approx(1 / 3)
        assert found.commonest == pytest.approx(2 / 3)
        assert found.majority == pytest.approx((2 / 3 + 1 + 0) / 3)
