"""Fuzz every parser of a stranger's bytes: each ends in a value or in one of assay's errors, never in anything else.

    python bench/fuzz_parsers.py [--seconds 20] [--seed 5] [--only NAME] [--atheris]

Corpora are small valid files, mutated: bytes flipped, cut, doubled, spliced, and tokens of the formats put in.
`--seconds` is per parser (600 for the long run). `--atheris` takes the mutations from libFuzzer with
coverage, one parser at a time (`--only`), where the package atheris is installed.
Exits 1 if a parser ends otherwise, and prints the input.
"""

import argparse
import json
import random
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
from assay.importing.sessions import import_sessions
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
    **{name: (on_file(suffix, lambda p, name=name: list(READERS[name](p, None))), [seed.encode()])
       for name, suffix, seed in (("csv", ".csv", CSV), ("openai", ".jsonl", OPENAI), ("sdialog", ".json", SESSION),
                                  ("inspect", ".json", '{"eval": {}, "samples": [{"id": 1, "messages": []}]}'),
                                  ("tau2", ".json", '{"tasks": [], "simulations": [{"messages": []}]}'),
                                  ("hf", ".jsonl", OPENAI))},
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


def guided(name: str, seconds: int) -> None:
    """Let libFuzzer find the inputs of one parser."""
    import atheris

    parse, seeds = PARSERS[name]
    corpus = Path(tempfile.mkdtemp())
    for i, seed in enumerate(seeds):
        (corpus / str(i)).write_bytes(seed)

    def once(data: bytes) -> None:
        with suppress(*EXPECTED):
            parse(data)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(corpus), f"-max_total_time={seconds}", "-max_len=20000"], once)
    atheris.Fuzz()


def main() -> None:
    """Run the parsers and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", choices=tuple(PARSERS))
    parser.add_argument("--atheris", action="store_true")
    given = parser.parse_args()
    if given.atheris:
        guided(given.only or "wire", given.seconds)
        return
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
