"""compare: refuses what cannot be paired, sees a planted difference, and sees none between a run and itself."""

import json
from pathlib import Path

import pytest

import assay
from assay.cli.root import run
from assay.door.comparing import compare
from assay.errors import BadInput

N = 40


def slow_bot(messages: list[dict[str, str]]) -> str:
    """Asks for the order number and refuses every request for one and the same reason."""
    asked = sum(m["role"] == "user" for m in messages)
    lines = ("What is your order number?", "I am sorry, the 30 days for returns are over.")
    return lines[asked - 1] if asked <= 2 else "Is there anything else I can help with?"


def made(out: Path, assistant: str = "reference", *, n: int = N, seed: int = 3, blueprint: str = "returns") -> Path:
    assay.author(blueprint, out, n=n, seed=seed, model="template", assistant=assistant)
    assay.simulate(out)
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        return {
            "good": made(base / "good"),
            "bad": made(base / "bad", "python:test_compare:slow_bot"),
            "other": made(base / "other", seed=4, n=6),
            "films": made(base / "films", blueprint="movies", n=6),
            "few": made(base / "few", n=12),
        }


def test_different_scenarios_are_refused(runs: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match=r"different scenarios: s00000 is not the same in both \(6 of 6 differ\)"):
        compare(runs["good"], runs["other"])
    with pytest.raises(BadInput, match="the blueprints differ"):
        compare(runs["good"], runs["films"])


def test_folders_without_sessions_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a run folder with sessions"):
        compare(runs["good"], tmp_path)
    assay.author("returns", tmp_path / "only", n=2, seed=3, model="template")
    with pytest.raises(BadInput, match="not a run folder with sessions"):
        compare(runs["good"], tmp_path / "only")
    assert run(["compare", str(runs["good"]), str(tmp_path / "nowhere")]) == 2


def test_a_broken_assistant_is_seen(runs: dict[str, Path]) -> None:
    found = compare(runs["good"], runs["bad"])
    assert (found["scenarios"], found["pairs"]) == (N, N)
    assert found["differs"] == {"assistant": ["reference", "python:test_compare:slow_bot"]}
    complete = found["all"]["overall"]["complete"]
    assert complete["difference"] == pytest.approx(complete["b"] - complete["a"], abs=1e-5)
    assert complete["ci"][1] < -0.4
    assert complete["p"] < 1e-5
    assert complete["only_a"] - complete["only_b"] == round(-complete["difference"] * N)
    assert found["all"]["overall"]["refused_wrongly"]["ci"][0] > 0.3
    by_goal = found["all"]["by_goal"]
    assert sum(m["complete"]["n"] for m in by_goal.values()) == N
    assert all(m["complete"]["p_holm"] >= m["complete"]["p"] for m in by_goal.values())
    assert all((m["complete"]["ci"] is None) == (m["complete"]["n"] < 10) for m in by_goal.values())
    assert found["trusted"]["pairs"] == 0
    assert "assay verify" in found["trusted"]["reason"]


def test_a_run_against_itself_shows_nothing(runs: dict[str, Path]) -> None:
    found = compare(runs["good"], runs["good"])
    assert found["differs"] == {}
    for name, measure in found["all"]["overall"].items():
        assert measure["difference"] == 0, name
        assert measure.get("p", 1.0) == 1.0
    low, high = found["all"]["overall"]["complete"]["ci"]
    assert low < 0 < high, "no difference in 40 pairs is not certainty"


def test_swapping_the_two_turns_every_sign(runs: dict[str, Path]) -> None:
    there, back = compare(runs["good"], runs["bad"]), compare(runs["bad"], runs["good"])
    for name, measure in there["all"]["overall"].items():
        other = back["all"]["overall"][name]
        assert measure["difference"] == -other["difference"]
        assert measure["ci"] == [pytest.approx(-x, abs=1e-5) for x in reversed(other["ci"])]


def test_missing_sessions_are_left_out_and_counted(runs: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    short = tmp_path / "short"
    shutil.copytree(runs["bad"], short)
    lines = (short / "sessions.jsonl").read_text().splitlines()
    (short / "sessions.jsonl").write_text("\n".join(lines[5:]) + "\n")
    found = compare(runs["good"], short)
    assert (found["scenarios"], found["pairs"], found["b"]["missing"]) == (N, N - 5, 5)
    assert compare(runs["good"], runs["few"])["pairs"] == 12


def test_trusted_sessions_are_compared_apart(runs: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    sides = []
    for name, trusted in (("good", 30), ("bad", 20)):
        folder = tmp_path / name
        shutil.copytree(runs[name], folder)
        ids = [json.loads(x)["id"] for x in (folder / "sessions.jsonl").read_text().splitlines()]
        rows = [
            {
                "schema": 1, "id": f"{i:016d}", "session": s, "name": "goal", "kind": "category", "value": "x",
                "source": "authored", "tier": "provisional" if i < trusted else "suspect",
            }
            for i, s in enumerate(ids)
        ]  # fmt: skip
        (folder / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        sides.append(folder)
    found = compare(*sides)
    assert found["trusted"]["pairs"] == 20
    assert found["trusted"]["overall"]["complete"]["ci"][1] < 0
    assert found["all"]["pairs"] == N


def test_the_command_prints_a_table_and_json(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(runs["good"]), str(runs["bad"])]) == 0
    text = capsys.readouterr().out
    assert "40 of 40 scenarios paired" in text
    assert "complete, by goal" in text
    assert run(["compare", str(runs["good"]), str(runs["bad"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == N


def test_films_are_compared_by_their_grades(runs: dict[str, Path]) -> None:
    overall = compare(runs["films"], runs["films"])["all"]["overall"]
    assert {"hit_at_1", "hit_at_3", "regret", "accepted"} <= set(overall)
    assert overall["hit_at_3"]["a"] >= overall["hit_at_1"]["a"] > 0


def test_show_says_how_it_came_out(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(runs["bad"]), "s00000"]) == 0
    text = capsys.readouterr().out
    assert "outcome: " in text
    assert "do: " in text
