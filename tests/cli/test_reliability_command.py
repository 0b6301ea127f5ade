"""assay reliability: bad input first, then what it says and its JSON."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay.cli.root import run

Capture = pytest.CaptureFixture[str]


def table(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def votes(path: Path, items: int = 30, raters: int = 4, right: float = 0.8, **columns: str) -> Path:
    rng = np.random.default_rng(0)
    rows: list[list[Any]] = [["item", "annotator", "label", *columns]]
    for i in range(items):
        truth = i % 3
        for r in range(raters):
            said = truth if rng.random() < right else int(rng.integers(3))
            rows.append([f"i{i}", f"w{r}", said, *columns.values()])
    return table(path, rows)


def refused(argv: list[Any], capsys: Capture, *says: str) -> None:
    assert run(["reliability", *map(str, argv)]) == 2
    out, text = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in text
    assert "  -> " in text
    for word in says:
        assert word in text, text


def said(argv: list[Any], capsys: Capture) -> dict[str, Any]:
    assert run(["reliability", *map(str, argv), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_bad_input(tmp_path: Path, capsys: Capture) -> None:
    good = votes(tmp_path / "v.csv")
    refused([], capsys, "nothing to read")
    refused([good, "--matrix", good], capsys, "both votes and matrix")
    refused([tmp_path / "none.csv"], capsys, "none.csv")
    refused([good, "--statistic", "kappa"], capsys, "no statistic 'kappa'")
    refused([good, "--ordinal", "--interval"], capsys, "choose one")
    refused([good, "--statistic", "omega", "--interval"], capsys, "--interval are for krippendorff")
    refused([votes(tmp_path / "two.csv", items=2)], capsys, "2 items")
    refused([votes(tmp_path / "one.csv", raters=1)], capsys, "one rater")
    refused([table(tmp_path / "h.csv", [["item", "label"], ["a", "b"]])], capsys, "no column annotator")
    refused([table(tmp_path / "e.csv", [])], capsys, "e.csv")
    words = [["item", "annotator", "label"]] + [[f"i{i}", f"w{w}", "ab"[(i + w) % 2]] for i in range(5) for w in (1, 2)]
    refused([table(tmp_path / "w.csv", words), "--ordinal"], capsys, "'a' is no number", "code the values")
    refused([tmp_path / "w.csv", "--statistic", "omega"], capsys, "no number")
    same = [[*row[:2], "x"] if n else row for n, row in enumerate(words)]
    refused([table(tmp_path / "s.csv", same)], capsys, "all the same")
    refused([good, "--facets", "prompt"], capsys, "no column prompt")


def test_bad_matrices(tmp_path: Path, capsys: Capture) -> None:
    numbers = np.random.default_rng(1).normal(size=(20, 4)).tolist()
    head = [["a", "b", "c", "d"]]
    flat = [[x[0], x[1], 2.5, x[3]] for x in numbers]
    refused(["--matrix", table(tmp_path / "f.csv", head + flat)], capsys, "constant column c", "not 1")
    bad = [*numbers[:3], [1.0, "nan", 2.0, 3.0], *numbers[3:]]
    refused(["--matrix", table(tmp_path / "n.csv", head + bad)], capsys, "nan where a number", "line 5")
    refused(["--matrix", table(tmp_path / "t.csv", [*head, *numbers, [1, 2]])], capsys, "2 cells", "line 22")
    refused(["--matrix", table(tmp_path / "x.csv", [*head, [1, 2, "x", 4], *numbers])], capsys, "'x' is no number")
    refused(["--matrix", table(tmp_path / "o.csv", [["a"], [1], [2], [3]])], capsys, "one rater")
    refused(["--matrix", table(tmp_path / "r.csv", head + numbers[:2])], capsys, "2 complete rows")
    refused(["--matrix", table(tmp_path / "h.csv", head)], capsys, "header without rows")


def test_bad_covariances(tmp_path: Path, capsys: Capture) -> None:
    for rows, word in (
        ([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], "not positive semi-definite"),
        ([[1, 0.5, 0.2], [0.4, 1, 0.3], [0.2, 0.3, 1]], "not symmetric"),
        ([[1, 0, 0.2], [0, 0, 0], [0.2, 0, 1]], "constant column 2"),
        ([[1, 0.5], [0.5, 1]], "omega of 2 columns"),
        ([[1, "nan", 0.2], ["nan", 1, 0.3], [0.2, 0.3, 1]], "nan"),
        ([["a", "b", "c"], [1, 0.2, 0.3], [0.2, 1, 0.4]], "no covariance"),
    ):
        refused(["--covariance", table(tmp_path / "c.csv", rows)], capsys, word)
    good = table(tmp_path / "c.csv", [[1, 0.5, 0.4], [0.5, 1, 0.3], [0.4, 0.3, 1]])
    refused(["--covariance", good, "--statistic", "fleiss"], capsys, "fleiss of a covariance")
    refused(["--covariance", good, "--as-published"], capsys, "no repeats")


def test_one_draw_repeated_is_no_agreement(tmp_path: Path, capsys: Capture) -> None:
    cold = votes(tmp_path / "v.csv", right=1.0, temperature="0")
    refused([cold], capsys, "one draw, repeated (temperature 0)", "never agreement")
    refused([votes(tmp_path / "s.csv", right=1.0, seed="7")], capsys, "one seed throughout")
    assert said([votes(tmp_path / "w.csv", temperature="0")], capsys)["value"] > 0.3
    warm = said([votes(tmp_path / "p.csv", right=1.0)], capsys)
    assert warm["value"] == 1
    assert any("one draw, repeated" in note for note in warm["notes"])


def test_votes(tmp_path: Path, capsys: Capture) -> None:
    file = votes(tmp_path / "v.csv")
    found = said([file], capsys)
    assert {"statistic", "value", "ci", "permuted", "items", "raters"} <= set(found)
    assert (found["statistic"], found["metric"], found["items"], found["raters"]) == ("krippendorff", "nominal", 30, 4)
    assert found["ci"][0] < found["value"] < found["ci"][1]
    assert found["permuted"]["range"][0] < 0 < found["permuted"]["range"][1]
    assert found["permuted"]["p"] < 0.01
    assert said([file], capsys) == found
    assert said([file, "--statistic", "fleiss"], capsys)["value"] == pytest.approx(found["value"], abs=0.01)
    assert said([file, "--ordinal"], capsys)["metric"] == "ordinal"
    assert said([file, "--interval"], capsys)["value"] != found["value"]
    rows = [tuple(r.split(",")) for r in file.read_text().split()[1:]]
    assert assay.reliability(rows)["value"] == found["value"]
    again = assay.reliability([*rows, *rows[:5]])
    assert again["value"] == found["value"]
    assert again["notes"] == ["5 votes left out: the same annotator had voted on the item before"]
    assert run(["reliability", str(file)]) == 0
    assert "by chance" in capsys.readouterr().out


def test_matrix_and_covariance(tmp_path: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 1)) + rng.normal(size=(60, 6))
    rows: list[list[Any]] = [["rownames", *"abcdef"]] + [[f"r{i}", *row] for i, row in enumerate(x.tolist())]
    rows[4][3] = "NA"
    found = said(["--matrix", table(tmp_path / "m.csv", rows)], capsys)
    assert {"omega_total", "omega_hierarchical", "alpha"} <= set(found)
    assert (found["statistic"], found["items"], found["raters"]) == ("omega", 59, 6)
    assert found["permuted"]["p"] < 0.01
    assert found["permuted"]["mean"] > 0.05, "omega's mean by chance is not 0"
    assert any("1 items left out" in note for note in found["notes"])
    alpha = said(["--matrix", tmp_path / "m.csv", "--statistic", "alpha"], capsys)
    assert alpha["value"] == pytest.approx(found["value"], abs=0.05)
    agreement = said(["--matrix", tmp_path / "m.csv", "--interval"], capsys)
    assert agreement["statistic"] == "krippendorff"
    loads = np.array([0.8, 0.7, 0.6, 0.5, 0.4])
    r = np.outer(loads, loads)
    np.fill_diagonal(r, 1)
    for head in ([], [["", *"abcde"]]):
        rows = [[*"abcde"[i], *row] if head else row for i, row in enumerate(r.tolist())]
        found = said(["--covariance", table(tmp_path / "c.csv", head + rows)], capsys)
        assert found["value"] == pytest.approx(0.743801653, abs=1e-6)
        assert found["omega_total"] == pytest.approx(0.743801653, abs=1e-6)
        assert found["alpha"] == pytest.approx(0.733471074, abs=1e-6)
        assert found["ci"] is None
        assert found["permuted"] is None


def test_as_published_comes_with_its_twin_and_a_warning(tmp_path: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(3)
    noise = [[f"q{i}" for i in range(25)], *rng.integers(1, 6, size=(100, 25)).tolist()]
    found = said(["--matrix", table(tmp_path / "m.csv", noise), "--as-published"], capsys)
    assert found["value"] > 0.5, "pure noise"
    assert found["permuted"]["mean"] == pytest.approx(found["value"], abs=0.1)
    assert found["alpha"] == pytest.approx(found["alpha_by_formula"], abs=0.05)
    assert "measures how many questions" in found["warning"]
    assert said([votes(tmp_path / "v.csv", items=20, raters=30), "--as-published"], capsys)["raters"] == 30


def test_facets(tmp_path: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(4)
    rows: list[list[Any]] = [["item", "prompt", "order", "label"]]
    for i in range(40):
        for p in range(3):
            by_prompt = int(rng.integers(3))
            rows += [[f"i{i}", f"p{p}", o, by_prompt if rng.random() < 0.9 else 0] for o in range(2)]
    file = table(tmp_path / "f.csv", rows)
    found = said([file, "--facets", "prompt,order"], capsys)
    assert found["facets"] == {"prompt": 3, "order": 2}
    assert max(found["shares"], key=found["shares"].get) == "item x prompt"
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert found["value"] < 0.3
    assert found["dependability_of_all"] > found["value"]
    assert said([table(tmp_path / "g.csv", rows[:-1]), "--facets", "prompt,order"], capsys)["items"] == 39
    refused([table(tmp_path / "d.csv", [*rows, rows[5]]), "--facets", "prompt,order"], capsys, "two labels for one")
    refused([file, "--facets", "colour"], capsys, "no column colour")
