import json
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.cli.root import run
from assay.door.sketching import init_by_questions, init_by_sessions
from assay.errors import BadInput, BadSessions
from assay.records.storage import read


def write(path: Path, talks: list[list[tuple[str, dict[str, Any]]]], **labels: Any) -> Path:
    rows = [
        {
            "id": str(i), "session_labels": labels,
            "turns": [{"speaker": "user", "text": text, "labels": held} for text, held in talk],
        }
        for i, talk in enumerate(talks)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


class TestBadInput:
    def test_a_file_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "b.yaml").write_text("mine")
        with pytest.raises(BadInput, match="there already"):
            init_by_questions(tmp_path / "b.yaml", lambda _, d: d)
        assert (tmp_path / "b.yaml").read_text() == "mine"

    def test_sessions_that_say_nothing_of_goals(self, tmp_path: Path) -> None:
        file = write(tmp_path / "s.jsonl", [[("Hello there.", {})]])
        with pytest.raises(BadSessions, match="no goal"):
            init_by_sessions(tmp_path / "b.yaml", [file])

    def test_sessions_in_which_nothing_is_told(self, tmp_path: Path) -> None:
        file = write(tmp_path / "s.jsonl", [[("I want to cancel my subscription.", {})]])
        with pytest.raises(BadSessions, match="nothing that users tell"):
            init_by_sessions(tmp_path / "b.yaml", [file])

    @pytest.mark.parametrize(
        "argv", [["--ask"], ["--yes"], ["--ask", "--yes", "--like", "returns"], ["--ask", "--propose", "x.jsonl"]]
    )
    def test_the_command(self, argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["init", str(tmp_path / "b.yaml"), *argv]) == 2
        assert "  -> " in capsys.readouterr().err
        assert not (tmp_path / "b.yaml").exists()


def test_every_default_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "b.yaml"), "--ask", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["goals"] == ["return an item", "track an order"]
    made = assay.run(tmp_path / "b.yaml", tmp_path / "run", assay.Plan(n=4, seed=1, model="template"))
    assert made["sessions"] == 4


def test_answers_are_what_is_written(tmp_path: Path) -> None:
    said = iter(["A pharmacy", "renew a prescription", "card number, drug name", "19##", "aspirin, ibuprofen"])
    found = init_by_questions(tmp_path / "b.yaml", lambda _, default: next(said))
    text = (tmp_path / "b.yaml").read_text()
    assert found["asked"] == ["card number", "drug name"]
    assert 'pattern: "19##"' in text
    assert "[aspirin, ibuprofen]" in text
    assert run(["lint", str(tmp_path / "b.yaml")]) == 0


def test_goals_and_values_are_proposed_from_labels(tmp_path: Path) -> None:
    talks = [[("The lamp.", {"slots": {"item": "lamp"}})], [("A mug.", {"slots": {"item": "mug"}})]]
    file = write(tmp_path / "s.jsonl", talks, goal="ReturnItem")
    found = init_by_sessions(tmp_path / "b.yaml", [file])
    assert (found["goals"], found["asked"], found["with_goal"]) == (["return item"], ["item"], 2)
    assert "from 2 sessions" in (tmp_path / "b.yaml").read_text()


def test_without_labels_openings_and_codes_are_read_and_nobody_is_named(tmp_path: Path) -> None:
    talks = [
        [(f"I want to cancel my order with number AB-{1000 + i}, mail me at jane{i}@home.org.", {})] for i in range(5)
    ]
    found = init_by_sessions(tmp_path / "b.yaml", [write(tmp_path / "s.jsonl", talks)])
    text = (tmp_path / "b.yaml").read_text()
    assert found["goals"] == ["cancel order"]
    assert 'pattern: "@@-####"' in text
    assert "AB-100" not in text
    assert "home.org" not in text


def test_people_and_their_numbers_are_not_copied(tmp_path: Path) -> None:
    held = [{"patient_name": f"Jane Doe{'xyz'[i]}", "phone_number": f"555-123-456{i}"} for i in range(3)]
    talks: list[list[tuple[str, dict[str, Any]]]] = [[("Here.", {"slots": h})] for h in held]
    init_by_sessions(tmp_path / "b.yaml", [write(tmp_path / "s.jsonl", talks, goal="book a visit")])
    text = (tmp_path / "b.yaml").read_text()
    assert "Jane" not in text
    assert "555" not in text
    assert 'pattern: "###-###-####"' in text
    assert run(["lint", str(tmp_path / "b.yaml")]) == 0


@pytest.mark.parametrize(
    "values",
    [
        ["lamp", "mug"],
        ["yes", "no", "null", "1e3", "0x10", "12:30"],
        ["a: b", "- x", "'quoted'", '"double"', "{brace}", "[bracket]", "# hash", "tab\tin", "100 %", "*star", "&and"],
        ["Zürich", "東京", "São Paulo", "a" * 300],
    ],
)
def test_what_is_proposed_has_no_defects_and_runs(values: list[str], tmp_path: Path) -> None:
    """Whatever people's values look like in YAML: the file lints, and its sessions tell values of the sample."""
    talks = [[(f"It is {v} for me.", {"slots": {"item": v, "is": v}})] for v in values]
    file = write(tmp_path / "s.jsonl", talks, goal="Return: the Item!")
    init_by_sessions(tmp_path / "b.yaml", [file])
    assert run(["lint", str(tmp_path / "b.yaml")]) == 0
    made = assay.run(tmp_path / "b.yaml", tmp_path / "run", assay.Plan(n=6, seed=1, model="template"))
    assert made["sessions"] == 6
    told = {
        str(v) for s in read(tmp_path / "run", "sessions") for t in s.turns for v in t.labels.get("slots", {}).values()
    }
    assert told
    assert told <= {" ".join(v.split()) for v in values}
