"""Fuzz every parser of a stranger's bytes: each ends in a value or in one of assay's errors, never in anything else.

    python bench/fuzz_parsers.py [--seconds 20] [--seed 5] [--only NAME] [--atheris]

Corpora are small valid files, mutated: bytes flipped, cut, doubled, spliced, and tokens of the formats put in.
`--seconds` is per parser (600 for the long run). `--atheris` takes the mutations from libFuzzer, guided by coverage, a
process per parser, where the package atheris is installed; what the parsers call is instrumented, compiled code is not.
Importers are followed to their sessions. Exits 1 if a parser ends otherwise, and prints the input.
"""

import argparse
import io
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.aggregation.votes import _rows as vote_rows
from assay.authoring.blueprints import parse_blueprint
from assay.errors import AssayError
from assay.importing.formats import READERS
from assay.importing.maps import read_map
from assay.importing.report import ImportReport
from assay.importing.sessions import import_rows, import_sessions
from assay.models.endpoint import _seconds, _status_fault
from assay.models.http_assistant import read_spec
from assay.models.wire import Broken, read_chat
from assay.records.yaml_text import load_yaml
from assay.runs.ledger import FILE, Ledger

TOKENS = (b'"', b"{", b"}", b"[", b"]", b":", b",", b"\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"NaN",
          b"1e999", b"-1", b"9" * 40, b"null", b"true", b"&a ", b"*a", b"!!python/name:os.system", b"- ", b"<<: ",
          b"%", b"{{", b"|",
          b"\x1f\x8b", b"PK\x03\x04", b"../", b"\xe2\x80\xae", b"'")  # fmt: skip
SESSION = json.dumps({
    "id": "a", "private": {"user": {"pin": 1}},
    "turns": [{"speaker": "user", "text": "hi", "labels": {"act": "greet"}}, {"speaker": "assistant", "text": "ho"}],
})  # fmt: skip
CHAT = json.dumps({
    "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
    "choices": [{"message": {"content": "x", "tool_calls": []}, "finish_reason": "stop",
                 "logprobs": {"content": [{"top_logprobs": [{"token": "A", "logprob": -0.1}]}]}}],
})  # fmt: skip
OPENAI = json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})
CSV = "conversation,turn,speaker,text\n1,0,user,hi\n1,1,assistant,ho\n"
SDIALOG = json.dumps({
    "version": "0.1", "timestamp": "2026-01-01", "model": "m", "seed": 1, "id": "7", "scenario": {"goal": "x"},
    "turns": [{"speaker": "Ann", "text": "hi"}, {"speaker": "Bob", "text": "ho"}], "events": [],
})  # fmt: skip
SAID = [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "content": "{}", "id": "a"}, {"role": "assistant", "content": "ho"}]  # fmt: skip
INSPECT = json.dumps({
    "version": 2, "status": "success", "eval": {"task": "t", "model": "m"},
    "samples": [{"id": 1, "epoch": 1, "input": "hi", "messages": [SAID[0], SAID[3]], "scores": {"s": {"value": "C"}}}],
})  # fmt: skip
TAU2 = json.dumps({
    "info": {"agent_info": {"llm": "m"}, "user_info": {"llm": "m"}, "environment_info": {"domain_name": "retail"}},
    "tasks": [{"id": "0", "user_scenario": {"instructions": "buy"}, "evaluation_criteria": {"actions": []}}],
    "simulations": [{"id": "s", "task_id": "0", "trial": 0, "messages": SAID, "reward_info": {"reward": 1.0}}],
})  # fmt: skip
TAU1 = json.dumps([{"task_id": 0, "reward": 0.0, "trial": 0, "traj": SAID,
                    "info": {"task": {"instruction": "buy", "actions": []}, "user_cost": 0.1}}])  # fmt: skip
HTTP = "url: http://127.0.0.1:9/chat\nrequest: {q: '{{last_user}}'}\nanswer: $.text\nheaders: {a: b}\n"
MAP = "acts: {greet: greet}\nparties: {user: [a]}\n"


def on_file(suffix: str, read: Callable[[Path], Any]) -> Callable[[bytes], None]:
    """A parser of files as one of bytes."""
    folder = Path(tempfile.mkdtemp())

    def parse(data: bytes) -> None:
        path = folder / f"x{suffix}"
        path.write_bytes(data)
        read(path)

    return parse


def ledger(data: bytes) -> None:
    """A torn ledger, mended and read."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(data)
        with Ledger(folder) as held:
            held.usage()
            for key in held.keys():  # noqa: SIM118
                held.answer(key)
            held.items("s")


def whole_ledger() -> bytes:
    """A small ledger's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        with Ledger(folder) as held:
            for n in range(20):
                held.put_item("s", f"u{n}", {"n": n})
        return (Path(folder) / FILE).read_bytes()


def imported(name: str) -> Callable[[Path], Any]:
    """A reader followed to its sessions."""
    return lambda path: list(import_rows(iter(list(READERS[name](path, None))), report=ImportReport()))


def columns(suffix: str) -> list[bytes]:
    """Small Parquet or Arrow files; none without pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        return []
    rows = [{"id": f"r{i}", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
             "kind": "a"} for i in range(3)]  # fmt: skip
    table, made = pa.Table.from_pylist(rows), []
    for squeezed in ("none", "zstd"):
        out = io.BytesIO()
        if suffix == ".parquet":
            parquet.write_table(table, out, compression=squeezed)
        else:
            with pa.ipc.new_stream(out, table.schema) as writer:
                writer.write_table(table)
        made.append(out.getvalue())
    return made


def text(data: bytes) -> str:
    """Bytes as the text that a parser of texts would be given."""
    return data.decode("utf-8", "replace")


def chat(data: bytes) -> None:
    """A chat completion."""
    read_chat(data)


PARSERS: dict[str, tuple[Callable[[bytes], Any], list[bytes]]] = {
    "wire": (chat, [CHAT.encode()]),
    "status": (lambda d: _status_fault(500, d, text(d)), [b'{"error": {"message": "slow"}}', b"12"]),
    "retry-after": (lambda d: _seconds(text(d)), [b"12", b"Wed, 21 Oct 2026 07:28:00 GMT"]),
    "yaml": (lambda d: load_yaml(text(d)), [MAP.encode(), b"a: &a [1, 2]\nb: *a\n"]),
    "blueprint": (lambda d: parse_blueprint(text(d)),
                  [(files("assay") / "blueprints" / "returns.yaml").read_bytes()]),
    "http": (on_file(".yaml", read_spec), [HTTP.encode()]),
    "map": (on_file(".yaml", read_map), [MAP.encode()]),
    "sessions": (on_file(".jsonl", lambda p: list(import_sessions(p))), [(SESSION + "\n").encode() * 2]),
    "votes": (on_file(".csv", lambda p: list(vote_rows(p, ("worker",)))), [b"worker,task,label\na,1,x\nb,1,y\n"]),
    "ledger": (ledger, [whole_ledger()]),
    **{f"{name}{suffix}": (on_file(suffix, imported(name)), seeds)
       for name, suffix, seeds in (
           ("csv", ".csv", [CSV.encode(), b'id;speaker;text\n1;user;"a ""b"" c"\n1;bot;ho\n']),
           ("openai", ".jsonl", [OPENAI.encode()]),
           ("sdialog", ".json", [SDIALOG.encode()]),
           ("inspect", ".json", [INSPECT.encode()]),
           ("tau2", ".json", [TAU2.encode(), TAU1.encode()]),
           ("hf", ".jsonl", [OPENAI.encode(), b'{"conversations": [{"from": "human", "value": "hi"}], "id": 3}']),
           ("hf", ".parquet", columns(".parquet")),
           ("hf", ".arrow", columns(".arrow")),
       ) if seeds},
}  # fmt: skip
EXPECTED = (AssayError, Broken, __import__("yaml").YAMLError)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a few things changed."""
    held = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, how = rng.randrange(len(held) + 1), rng.random()
        if how < 0.3:
            held[at:at] = rng.choice(TOKENS)
        elif how < 0.5 and held:
            held[min(at, len(held) - 1)] = rng.randrange(256)
        elif how < 0.65:
            del held[at : at + rng.randint(1, 20)]
        elif how < 0.8:
            held[at:at] = held[at : at + rng.randint(1, 60)]
        elif how < 0.9:
            held[at : at + rng.randint(1, 300)] = rng.randbytes(rng.randint(1, 300))
        else:
            held[at:at] = rng.choice(TOKENS) * rng.choice((2, 50, 3000))
    return bytes(held)


def tried(parse: Callable[[bytes], Any], data: bytes) -> str:
    """value, refused, or the last line of a traceback."""
    try:
        parse(data)
    except EXPECTED:
        return "refused"
    except BaseException:
        return traceback.format_exc().splitlines()[-1][:200]
    return "value"


GUIDED = """
import sys
import atheris
sys.path.insert(0, sys.argv[1])
with atheris.instrument_imports(include=["assay", "yaml"]):
    import fuzz_parsers
fuzz_parsers.guided(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""
"""Only what is imported under it is instrumented."""


def guided(name: str, seconds: int, seed: int) -> None:
    """Let libFuzzer find the inputs of one parser; ends the process."""
    import atheris

    parse, seeds = PARSERS[name]
    corpus = Path(tempfile.mkdtemp())
    for i, data in enumerate(seeds):
        (corpus / str(i)).write_bytes(data)
    held, marks = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp()) / "tokens"
    shown = ("".join(f"\\x{c:02x}" for c in token) for token in TOKENS)
    marks.write_text("".join(f'"{token}"\n' for token in shown))

    def once(data: bytes) -> None:
        with suppress(*EXPECTED):
            parse(data)

    atheris.Setup([sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=20000",
                   f"-dict={marks}", "-rss_limit_mb=3000", "-timeout=30", f"-artifact_prefix={held}/"],
                  once)  # fmt: skip
    atheris.Fuzz()


def guided_all(names: list[str], seconds: int, seed: int) -> int:
    """A process per parser; prints libFuzzer's counts, returns how many parsers ended otherwise than they may."""
    bad = 0
    for name in names:
        argv = [sys.executable, "-c", GUIDED, str(Path(__file__).parent), name, str(seconds), str(seed)]
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
        told = re.findall(r"#(\d+)\s+(?:DONE|NEW|REDUCE|pulse|RELOAD|INITED).*?cov: (\d+).*?corp: (\d+)", done.stderr)
        ran, cov, corpus = told[-1] if told else ("0", "0", "0")
        fine = done.returncode == 0 and told
        bad += not fine
        print(f"{name:12} {ran:>8} inputs, {cov} edges, {corpus} kept; {'no fault' if fine else 'FAULT'}", flush=True)
        if not fine:
            print(done.stderr[-2500:])
    return bad


def main() -> None:
    """Run the parsers and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", choices=tuple(PARSERS))
    parser.add_argument("--atheris", action="store_true")
    given = parser.parse_args()
    if given.atheris:
        sys.exit(1 if guided_all([given.only] if given.only else list(PARSERS), given.seconds, given.seed) else 0)
    bad = 0
    for name, (parse, seeds) in PARSERS.items():
        if given.only not in (None, name):
            continue
        rng, end = random.Random(f"{given.seed} {name}"), time.monotonic() + given.seconds
        n = values = 0
        odd: dict[str, bytes] = {}
        while time.monotonic() < end:
            data = mutated(rng.choice(seeds), rng)
            found = tried(parse, data)
            n += 1
            values += found == "value"
            if found not in ("value", "refused"):
                odd.setdefault(found.split(":")[0], data)
                odd.setdefault(found, data)
        bad += len(odd)
        print(f"{name:12} {n:7} inputs, {values} read, {n - values} refused or odd, {len(odd)} kinds of fault")
        for what, data in list(odd.items())[:5]:
            print(f"    {what}\n      {data[:160]!r}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
