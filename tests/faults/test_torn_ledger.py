"""A ledger whose pages were torn: found, said, and everything whole of it kept; the run ends in the same bytes."""

import json
import logging
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from flow_tools import HERE, bytes_of

from assay.cli.root import run
from assay.errors import BadInput
from assay.models import Answer, Request, Sampling, key_of
from assay.runs.ledger import FILE, Ledger
from assay.runs.rescue import PAGE

ALL = ["run", "returns", "-n", "3", "--seed", "5", "--model", "scripted:fake_user:speak", "-q", "--out"]
CALLS = 300


def ask(n: int) -> Request:
    return Request(prompt=f"prompt {n} " + random.Random(n).randbytes(200).hex(), sampling=Sampling(), purpose="word")


def fill(folder: Path, n: int = CALLS) -> None:
    with Ledger(folder) as ledger:
        for k in range(n):
            key = key_of({}, ask(k))
            ledger.start(key, {}, ask(k))
            ledger.finish(key, Answer(text=f"answer {k}", prompt_tokens=7, completion_tokens=3))
            ledger.put_item("simulate", f"u{k}", {"n": k, "text": random.Random(k).randbytes(300).hex()})


def tear(path: Path, rng: random.Random, pages: int = 1, whole: bool = True) -> list[int]:
    """Overwrite random pages (or half of each) with noise or nothing, as a lost write leaves them."""
    data = bytearray(path.read_bytes())
    torn = rng.sample(range(len(data) // PAGE), pages)
    for page in torn:
        start = page * PAGE + (0 if whole else PAGE // 2)
        size = PAGE if whole else PAGE // 2
        data[start : start + size] = rng.choice((bytes(size), rng.randbytes(size)))
    path.write_bytes(bytes(data))
    return torn


def look(folder: Path) -> tuple[Ledger, int, int]:
    """The ledger opened again; every call and unit that it has is what it was."""
    ledger = Ledger(folder)
    calls = units = 0
    for k in range(CALLS):
        answer = ledger.answer(key_of({}, ask(k)))
        if answer is not None:
            assert (answer.text, answer.prompt_tokens) == (f"answer {k}", 7)
            assert ledger.call(answer.key)["request"]["prompt"] == ask(k).prompt
            calls += 1
        item = ledger.item("simulate", f"u{k}")
        if item is not None:
            assert item == {"n": k, "text": random.Random(k).randbytes(300).hex()}
            units += 1
    assert ledger._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return ledger, calls, units


def test_a_file_that_was_never_a_ledger_is_left_alone(tmp_path: Path) -> None:
    before = b"my own notes, " * 3000
    (tmp_path / FILE).write_bytes(before)
    with pytest.raises(BadInput, match="not a ledger"):
        Ledger(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("whole", [True, False], ids=["page", "half"])
def test_a_torn_page_is_found_said_and_the_rest_kept(
    whole: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path / "good")
    pages = (tmp_path / "good" / FILE).stat().st_size // PAGE
    found = 0
    for trial in range(8):
        folder = tmp_path / f"t{trial}"
        shutil.copytree(tmp_path / "good", folder)
        tear(folder / FILE, random.Random(trial), whole=whole)
        torn = (folder / FILE).read_bytes()
        caplog.clear()
        with caplog.at_level(logging.WARNING, "assay"):
            ledger, calls, units = look(folder)
        ledger.close()
        if ledger.rescued is None:
            # bytes that no row uses
            assert (calls, units) == (CALLS, CALLS)
            continue
        found += 1
        assert "the ledger was torn" in caplog.text
        assert (ledger.rescued.calls, ledger.rescued.units) == (calls, units)
        assert calls + units >= 2 * CALLS * 0.75, f"one page of {pages}: {calls} calls, {units} units"
        assert (folder / ledger.rescued.kept).read_bytes() == torn
    assert found >= 5


def test_the_first_page_may_be_gone(tmp_path: Path) -> None:
    fill(tmp_path)
    with (tmp_path / FILE).open("r+b") as file:
        file.write(os.urandom(PAGE))
    ledger, calls, units = look(tmp_path)
    ledger.close()
    assert (calls, units) == (CALLS, CALLS)
    assert ledger.rescued is not None


def test_a_tear_inside_a_value_is_found_when_it_is_read(tmp_path: Path) -> None:
    """No structure of the file is hurt: the checksum of the value itself says so."""
    fill(tmp_path, 3)
    with Ledger(tmp_path) as ledger:
        ledger.put_item("simulate", "u1", {"text": random.Random(1).randbytes(3 * PAGE).hex()})
    db = sqlite3.connect(tmp_path / FILE)
    (body,) = db.execute("SELECT payload FROM items WHERE unit = 'u1'").fetchone()
    with db:
        db.execute("UPDATE items SET payload = ? WHERE unit = 'u1'", (body[:PAGE] + bytes(PAGE) + body[2 * PAGE :],))
    db.close()
    with Ledger(tmp_path) as ledger:
        assert ledger.rescued is None
        with pytest.raises(BadInput, match=r"the ledger is damaged(.|\n)*run the same command again"):
            ledger.item("simulate", "u1")
    with Ledger(tmp_path) as ledger:
        assert ledger.rescued is not None
        assert ledger.rescued.units == 2
        assert ledger.units("simulate") == ["u0", "u2"]
    with Ledger(tmp_path) as ledger:
        assert ledger.rescued is None, "mended once"


def test_what_is_forgotten_is_not_in_the_torn_file_either(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    tear(tmp_path / FILE, random.Random(3))
    with Ledger(tmp_path) as ledger:
        assert ledger.rescued is not None
        assert (tmp_path / ledger.rescued.kept).exists()
        ledger.forget([], ["u1"])
    assert sorted(p.name for p in tmp_path.glob("*torn*")) == []


def test_a_log_of_commits_that_ends_in_noise(tmp_path: Path) -> None:
    """Frames of the write-ahead log carry checksums: what comes after a torn one was never committed."""
    folder = tmp_path / "a"
    ledger = Ledger(folder)
    for k in range(60):
        ledger.put_item("simulate", f"u{k}", {"n": k})
    copy = tmp_path / "b"
    shutil.copytree(folder, copy)
    ledger.close()
    log = copy / f"{FILE}-wal"
    data = bytearray(log.read_bytes())
    data[len(data) * 2 // 3 :] = os.urandom(len(data) - len(data) * 2 // 3)
    log.write_bytes(bytes(data))
    with Ledger(copy) as again:
        units = again.units("simulate")
        assert 0 < len(units) < 60
        assert units == sorted(f"u{k}" for k in range(len(units))), "the last whole commit, and none after a lost one"


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.long) for s in range(2, 12))])
def test_a_run_goes_on_from_a_torn_ledger_to_the_same_bytes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    calm, torn = tmp_path / "calm", tmp_path / "torn"
    assert run([*ALL, str(calm)]) == 0
    expected = bytes_of(calm)
    # as it is after a death late in `simulate`: scenarios and a full ledger, no table of sessions
    torn.mkdir()
    for name in ("run.json", "blueprint.yaml", "scenarios.jsonl", FILE):
        shutil.copy(calm / name, torn / name)
    text = (torn / "run.json").read_text()
    kept = json.loads(text)
    kept["stages"] = {"author": kept["stages"]["author"]}
    (torn / "run.json").write_text(json.dumps(kept))
    tear(torn / FILE, random.Random(seed), pages=2)
    with caplog.at_level(logging.WARNING, "assay"):
        assert run([*ALL, str(torn)]) == 0
    assert "the ledger was torn" in caplog.text
    assert bytes_of(torn) == expected
