"""The exit codes of docs/reference/errors-and-exit-codes.md for wrong usage: one clear error, no traceback."""

from pathlib import Path

import pytest

from assay.cli.root import run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["foo"], "No such command"),
        (["run", "returns", "--bogus"], "--bogus"),
        (["run"], "BLUEPRINT"),
        (["run", "returns", "-n", "many", "--out", "x"], "-n"),
        (["checks", "XX99"], "no check"),
        (["show", "nowhere", "s1"], "nowhere"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "  -> " in told


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["run", "--help"], ["--version"]])
def test_help_is_no_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["assay"])
    assert run(arguments) == 0
    assert "assay" in capsys.readouterr().out


def test_another_configuration_is_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "r")
    assert run(["author", "returns", "--out", out, "-n", "2", "--seed", "1", "-q"]) == 0
    assert run(["author", "returns", "--out", out, "-n", "3", "--seed", "1", "-q"]) == 4
    assert "n: 2 -> 3" in capsys.readouterr().err
