"""A reader asked again: bad input, readers of known kinds, and the command on a run."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from assay.cli.root import run
from assay.records.session import Session, Turn
from assay.testing import tiny_run
from assay.verification.check import Corpus
from assay.verification.judges.prompt import LETTERS
from assay.verification.reliability.facets import WORDINGS, Draw, questions, reworded, studies

VALUES = ("ask", "book", "thank", "leave")


@pytest.fixture(scope="module")
def draws() -> list[Draw]:
    rng = np.random.default_rng(0)
    sessions = [
        Session(id=f"s{i}", turns=tuple(
            Turn(speaker="user", text=f"words {i} {t}", labels={"intent": VALUES[int(rng.integers(4))]})
            for t in range(3)
        ))
        for i in range(20)
    ]  # fmt: skip
    return questions(Corpus(sessions=sessions), 40)


def answer(draw: Draw, value: str) -> Mapping[str, float]:
    """A reader that is sure of one value."""
    return {LETTERS[k]: 0.0 if v == value else -20.0 for k, v in enumerate(draw.question.values)}


def test_unread_answers_are_counted_and_too_few_labels_say_so(draws: list[Draw]) -> None:
    found = studies(draws, [None] * len(draws))
    assert found["pooled"]["labels"] == 0
    assert found["pooled"]["unparsed"] == 40
    assert "3 needed" in found["pooled"]["reason"]
    some = studies(draws, [None if i == 0 else answer(d, d.question.value) for i, d in enumerate(draws)])
    assert (some["intent"]["labels"], some["intent"]["unparsed"]) == (39, 1)
    same = studies(draws, [answer(d, "ask") for d in draws])
    assert "all the same" in same["intent"]["reason"]
    assert "krippendorff" not in same["intent"]
    assert studies([], []) == {"pooled": {"labels": 0, "unparsed": 0, "reason": "0 labels answered in full, 3 needed"}}


def test_every_label_is_asked_in_all_ways_and_no_prompt_repeats(draws: list[Draw]) -> None:
    assert len(draws) == 40 * WORDINGS * 3
    assert len({d.ask.text for d in draws}) == len(draws)
    assert len({(d.question.session, d.question.turn) for d in draws}) == 40


@pytest.mark.parametrize(
    "question",
    [
        "Question: What does the customer want?", "Question: What does the customer do in the last line?",
        "Question: Which pick up place does the customer name in the last line?",
        "Question: Which mood fits the record?",
        "Question: Which mood fits the last line?", "Question: What now?",
    ],
)  # fmt: skip
def test_rewordings_differ_and_keep_what_is_asked_about(question: str) -> None:
    said = [reworded(question, k) for k in range(WORDINGS)]
    assert said[0] == question
    assert len(set(said)) == WORDINGS
    assert all(s.startswith("Question: ") and "{" not in s for s in said)
    for word in ("pick up place", "mood"):
        assert all((word in s) == (word in question) for s in said)


def test_a_steady_reader(draws: list[Draw]) -> None:
    found = studies(draws, [answer(d, d.question.value) for d in draws])["intent"]
    assert found["krippendorff"]["value"] == pytest.approx(1)
    assert found["krippendorff"]["permuted"]["range"][0] < 0 < found["krippendorff"]["permuted"]["range"][1]
    assert found["shares"]["item"] == pytest.approx(1)
    assert found["right"] == 1
    assert found["dependability"] == pytest.approx(1)
    assert found["seed"].startswith("one draw, repeated")


def test_a_reader_of_the_wording_and_one_of_the_first_option(draws: list[Draw]) -> None:
    by_wording = studies(draws, [answer(d, VALUES[d.wording]) for d in draws])["intent"]
    assert by_wording["shares"]["wording"] == pytest.approx(1)
    assert by_wording["dependability"] == pytest.approx(0)
    first = studies(draws, [answer(d, d.question.values[0]) for d in draws])["intent"]
    assert first["shares"]["item x order"] > 0.8
    assert first["krippendorff"]["value"] < 0.1
    assert first["krippendorff"]["permuted"]["p"] > 0.01


def test_bad_input_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    tiny_run(out, n=2)
    for argv, says in (
        ([out], "belong together"), (["--judge", "embedded-base"], "belong together"),
        ([out, "--judge", "solomon"], "no model 'solomon'"),
        ([out, "--judge", "embedded-base", "--limit", "2"], "--limit 2"),
        ([tmp_path / "none", "--judge", "embedded-base"], "none"),
    ):  # fmt: skip
        assert run(["reliability", *map(str, argv)]) == 2
        said = capsys.readouterr()
        assert says in said.err
        assert "Traceback" not in said.err
        assert said.out == ""


def test_the_command_reads_a_run_and_asks_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    tiny_run(out, n=3)
    judge = "python:facet_judge:answer"
    (tmp_path / "facet_judge.py").write_text(
        "def answer(messages):\n    return '{\"answer\": \"' + 'AB'[len(messages[-1]['content']) % 2] + '\"}'\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        assert run(["reliability", str(out), "--judge", judge, "--limit", "12", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
    assert found["items"] + found["by_name"]["pooled"]["unparsed"] == 12
    assert found["raters"] == 9
    assert {"value", "ci", "permuted", "by_name"} <= set(found)
    assert json.loads((out / "reliability.json").read_text())["judge"] == judge
