"""Odd letters, huge numbers and too little memory: kept as they are, refused with a place, or one failed unit."""

import asyncio
import csv
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from flow_tools import assay, bytes_of, committed, env

from assay.cli.root import run
from assay.errors import AssayError, OutOfMemory
from assay.models import Request
from assay.models.wire import Broken, read_chat
from assay.records.storage import read
from assay.runs.engine import run_units
from assay.runs.ledger import Ledger

LETTERS = {
    "right to left": "\u202eabc\u202c مرحبا שלום",
    "combining": "e\u0301" * 3 + "Z\u0351\u036b\u0343\u036a\u0302\u036b" * 5,
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪",
    "wide": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010fffd",
    "line ends": "a\u2028b\u2029c\u0085d\r\ne",
    "spaces": "\u00a0\u200b\u2003x\u3000",
    "bom inside": "a\ufeffb",
    "not a character": "\uffff \ufdd0",
    "turkish": "İıŞ ß ﬁ Ǆ",
}


def session(name: str, text: str) -> dict[str, Any]:
    turns = [{"speaker": "user", "text": text, "labels": {"act": f"act {text[:20]}"}},
             {"speaker": "assistant", "text": f"You said {text}"}]  # fmt: skip
    return {"id": name, "turns": turns, "session_labels": {"topic": text}, "private": {"user": {"note": text}}}


def jsonl(path: Path, rows: list[Any], start: str = "") -> Path:
    path.write_text(start + "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


def test_every_letter_comes_through_audit_export_and_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [session(f"s {text}", text) for text in LETTERS.values()]
    sessions, out = jsonl(tmp_path / "s.jsonl", rows, "\ufeff"), tmp_path / "run"
    assert run(["audit", str(sessions), "--out", str(out), "--json", "-q"]) == 0
    json.loads(capsys.readouterr().out)
    held = {s.id: s for s in read(out, "sessions")}
    assert {f"s {text}": text for text in LETTERS.values()} == {k: s.turns[0].text for k, s in held.items()}
    assert run(["export", str(out), "--out", str(tmp_path / "e"), "--min-tier", "rejected", "-q"]) in (0, 2)
    for name in held:
        assert run(["show", str(out), name]) == 0
        capsys.readouterr()
    page = (out / "report.html").read_bytes()
    page.decode("utf-8")
    assert run(["sample", str(out), "-n", "9", "--out", str(tmp_path / "q.csv")]) == 0
    with (tmp_path / "q.csv").open(encoding="utf-8-sig", newline="") as asked:
        assert len(list(csv.DictReader(asked))) == 9


def test_lone_surrogates_and_nul_from_a_file_and_from_a_model(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(session("a", "half \ud83d")) + "\n")
    assert run(["audit", str(path), "--out", str(tmp_path / "a"), "-q"]) == 0
    assert next(iter(read(tmp_path / "a", "sessions"))).turns[0].text == "half \ufffd"
    path.write_text(json.dumps(session("b", "nul \x00")) + "\n")
    assert run(["audit", str(path), "--out", str(tmp_path / "b"), "-q"]) == 2


ODD_WORDS = """
import fake_user
from assay.models.model import Request
ODD = ("\\ud83d half", "nul \\x00 here", "\\x1b[31mred", "\\u202eabc",
       "a\\u2028b\\u0085c", "\\ufeffbom", "e\\u0301" * 30)
def speak(request):
    said = fake_user.speak(request)
    return f"{said} {ODD[len(said) % len(ODD)]}" if said else said
"""


def test_a_model_that_says_odd_letters_makes_the_same_bytes_twice(tmp_path: Path) -> None:
    (tmp_path / "odd_user.py").write_text(ODD_WORDS)
    argv = ["run", "returns", "-n", "3", "--seed", "5", "--model", "scripted:odd_user:speak", "--out"]
    more = env()
    more["PYTHONPATH"] += f":{tmp_path}"
    for name in ("one", "two"):
        done = assay(*argv, tmp_path / name, env=more)
        assert done.returncode == 0, done.stderr
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert committed(tmp_path / "one")
    assert all(data.decode("utf-8") for data in bytes_of(tmp_path / "one").values())
    assert assay("doctor", tmp_path / "one", env=more).returncode in (0, 1)


# numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2**31, 2**32 + 1, 2**63 - 1, 2**63, 2**64 + 5])
def test_ids_and_values_beyond_31_bits(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = session("x", "hello there") | {"id": number, "session_labels": {"order": number}}
    out = tmp_path / "run"
    assert run(["audit", str(jsonl(tmp_path / "s.jsonl", [row])), "--out", str(out), "-q"]) == 0
    (held,) = read(out, "sessions")
    assert (held.id, held.session_labels["order"]) == (str(number), number)
    capsys.readouterr()
    assert run(["show", str(out), str(number)]) == 0


@pytest.mark.parametrize("seed", [2**31, 2**32 + 7, 2**63 + 1, 2**100])
def test_seeds_beyond_31_bits(seed: int, tmp_path: Path) -> None:
    argv = ["author", "returns", "-n", "2", "--seed", str(seed), "--model", "template", "--out"]
    codes = {run([*argv, str(tmp_path / name)]) for name in ("a", "b")}
    assert codes <= {0, 2}
    if codes == {0}:
        assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
        assert run(["author", *argv[1:5], str(seed % 2**31), *argv[6:], str(tmp_path / "c")]) == 0
        assert bytes_of(tmp_path / "a") != bytes_of(tmp_path / "c"), "the seed is not cut to 31 bits"


def chat(**usage: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": "hi"}}], "usage": usage}).encode()


def test_token_counts_beyond_31_bits_add_up_and_absurd_ones_are_unknown(tmp_path: Path) -> None:
    big = 2**33 + 1
    with Ledger(tmp_path) as ledger:
        for n in range(50):
            request = Request(prompt="p", repeat=n, purpose="word")
            ledger.start(f"{n}", {}, request)
            ledger.finish(f"{n}", read_chat(chat(prompt_tokens=big, completion_tokens=10**30, cached=1)))
        usage = ledger.usage()["word"]
    assert usage["prompt_tokens"] == 50 * big
    assert usage["uncounted"] == 50
    assert read_chat(chat(prompt_tokens=-1)).prompt_tokens is None
    assert read_chat(chat(prompt_tokens=True)).prompt_tokens is None


@pytest.mark.parametrize("body", [b'{"choices":[{"message":{"content":"x"},"n":NaN}]}',
                                  b'{"choices":[{"message":{"content":"x"},"n":-Infinity}]}',
                                  b'{"choices":[{"message":{"content":"x"},"n":1e999}]}',
                                  b'{"choices":[{"message":{"content":"x"},"n":' + b"9" * 5000 + b"}]}",
                                  b'{"choices":[{"message":{"content":"x"},"n":' + b"[" * 90_000])  # fmt: skip
def test_an_answer_that_no_ledger_could_keep_is_no_answer(body: bytes) -> None:
    with pytest.raises(Broken):
        read_chat(body)


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_an_answer_nested_deeply_is_kept_or_refused(depth: int, tmp_path: Path) -> None:
    try:
        answer = read_chat(b'{"choices":[{"message":{"content":"x"}}],"n":' + b"[" * depth + b"]" * depth + b"}")
    except Broken:
        return
    with Ledger(tmp_path) as ledger:
        ledger.start("k", {}, Request(prompt="p"))
        ledger.finish("k", answer)
        found = ledger.answer("k")
        assert found is not None
        assert found.raw == answer.raw


# memory -----------------------------------------------------------------------------------------------------------


def test_a_unit_without_memory_fails_alone() -> None:
    async def work(n: int) -> None:
        if n == 3:
            raise MemoryError

    outcome = asyncio.run(run_units([(f"u{n}", n) for n in range(8)], work, slots=2, stage="s"))
    assert outcome.done == 7
    assert list(outcome.failed) == ["u3"]
    assert isinstance(outcome.failed["u3"], OutOfMemory)
    assert isinstance(outcome.failed["u3"], AssayError)
    assert "the same command again" in outcome.failed["u3"].now


GREEDY = """
import fake_user
from assay.records.base import digest
held = []
def bot(messages):
    said = [m["content"] for m in messages if m["role"] == "user"]
    if said and digest(said[0])[0] in "01234567":
        held.append(bytearray(8_000_000_000))
    return fake_user.polite_bot(messages)
def speak(request):
    if "annoyed" in (request.prompt or ""):
        held.append(bytearray(8_000_000_000))
    return fake_user.speak(request)
"""


@pytest.mark.parametrize("role", ["model", "assistant"])
def test_a_run_at_its_memory_limit_loses_the_units_that_do_not_fit(role: str, tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    more = env()
    more["PYTHONPATH"] += f":{tmp_path}"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))

    greedy = {"model": ["--model", "scripted:greedy:speak"], "assistant": [
        "--model", "scripted:fake_user:speak", "--assistant", "python:greedy:bot"]}[role]  # fmt: skip
    out = tmp_path / "run"
    argv = ["run", "returns", "-n", "6", "--seed", "5", *greedy, "--max-failed", "0.95", "--out", out, "--json"]
    done = assay(*argv, env=more, preexec_fn=limited)
    assert done.returncode == 0, done.stderr
    failed = json.loads((out / "run.json").read_text())["failed_sessions"]
    found = json.loads(done.stdout)
    assert 0 < len(failed) < 6
    assert found["sessions"] + len(failed) == 6
    assert all("memory" in why.lower() or "MemoryError" in why for why in failed.values())
