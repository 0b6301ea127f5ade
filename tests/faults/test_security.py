"""What a stranger's file, model, endpoint or run folder may not do (docs/security.md)."""

import csv
import gzip
import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from flow_tools import HERE

from assay.aggregation import votes
from assay.authoring.blueprints import parse_blueprint
from assay.cli.console import plain
from assay.cli.root import run
from assay.errors import BadBlueprint, BadInput, BadSessions
from assay.importing.formats import READERS
from assay.importing.sessions import import_sessions
from assay.models import endpoint
from assay.pages.view import rows as rows_of_view
from assay.records.yaml_text import TooLarge, load_yaml

SOURCE = Path(__file__).parents[2] / "src" / "assay"
Capture = pytest.CaptureFixture[str]
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=\"alert(1)\" x=\"' onfocus='alert(1)",
    "closing": "</textarea></title></style></template><svg/onload=alert(1)>",
    "template": "{{ 7 * 7 }} {% for x in [] %} ${7*7} {{ config }}",
    "link": "javascript:alert(1)",
    "colour": "\u009b31mred\u009b0m",
    "turned round": "\u202etxt.exe\u202c",
    "formula": "=HYPERLINK(\"http://127.0.0.1/\"&A1)",
    "plus": "+1+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "path": "../../../etc/passwd",
    "deep path": "..%2f..%2fetc%2fpasswd",
    "absolute": "/etc/cron.d/x",
    "json": "\"}, {\"id\": \"x\", \"turns\": []",
    "yaml": "!!python/object/apply:os.system ['touch owned']",
}  # fmt: skip


def rows() -> list[dict[str, Any]]:
    made = []
    for name, text in HOSTILE.items():
        turns = [{"speaker": "user", "text": f"{text}", "labels": {"act": text}},
                 {"speaker": "assistant", "text": f"{text} {name}"}]  # fmt: skip
        made.append({"id": text, "turns": turns, "session_labels": {text: text}, "private": {"user": {text: text}}})
    return made


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions whose ids, texts, labels and facts are attacks, audited."""
    home = tmp_path_factory.mktemp("hostile")
    path = home / "s.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows()))
    assert run(["audit", str(path), "--out", str(home / "run"), "-q"]) == 0
    return home / "run"


def unescaped(page: str) -> list[str]:
    """Attacks that stand in a page as markup."""
    marks = ("<script>alert", "<img src=x", "<svg/onload", "\" onmouseover=\"alert", "' onfocus='alert",
             "href=\"javascript:", "href='javascript:")  # fmt: skip
    return [m for m in marks if m in page]


# pages, terminals, tables, paths ----------------------------------------------------------------------------------


def test_no_attack_is_markup_in_the_report(audited: Path) -> None:
    page = (audited / "report.html").read_text(encoding="utf-8")
    assert unescaped(page) == []
    assert "alert(1)" in page, "the texts are there, as text"
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page), "nothing is fetched"


def test_no_attack_is_markup_in_the_view(audited: Path) -> None:
    from jinja2 import Environment

    from assay.pages.view import render

    pages = [v for v in vars(render).values() if isinstance(v, Environment)]
    pages += [f() for f in vars(render).values() if getattr(f, "__name__", "") in ("environment", "_environment")]
    source = Path(render.__file__).read_text(encoding="utf-8")
    assert pages or "autoescape" in source
    assert "autoescape=False" not in source
    assert all(p.autoescape for p in pages)


def test_a_terminal_shows_and_does_not_obey(audited: Path, capsys: Capture) -> None:
    for text in HOSTILE.values():
        for more in ([], ["--json"]):
            assert run(["show", str(audited), text, *more]) in (0, 2)
            out, err = capsys.readouterr()
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out + err)
            if more and out:
                assert json.loads(out)["session"]["id"] == text, "what is escaped in JSON is still the same text"
    assert plain("a\x1b[2Jb\x9bc\ud800") == "a\\u001b[2Jb\\u009bc\\ud800"
    assert run(["show", str(audited), "no\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_no_cell_is_a_formula(audited: Path, tmp_path: Path) -> None:
    files = []
    for form in ("crowdkit", "labelstudio", "jsonl"):
        run(["export", str(audited), "--out", str(tmp_path / form), "--format", form, "--min-tier", "rejected"])
        files += sorted((tmp_path / form).glob("*.csv"))
    assert run(["sample", str(audited), "-n", "12", "--out", str(tmp_path / "s.csv")]) == 0
    files += [tmp_path / "s.csv", audited / "sample.csv"]
    cells = 0
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.reader(lines):
                for cell in row:
                    cells += 1
                    assert not re.match(r"[=+@\t\r]|-[^\d.]", cell), f"{file.name}: {cell!r}"
    assert cells > 50


def test_ids_are_never_paths(audited: Path, tmp_path: Path) -> None:
    inside = {p for p in audited.parent.rglob("*")}
    assert all(audited in p.parents or p in (audited, audited.parent / "s.jsonl") for p in inside)
    for form in ("jsonl", "openai", "inspect"):
        run(["export", str(audited), "--out", str(tmp_path / "e" / form), "--format", form, "--min-tier", "rejected"])
    assert {p.name for p in tmp_path.iterdir()} <= {"e"}
    assert not Path("owned").exists()


# YAML -------------------------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
    for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
)
BAD_YAML = {
    "laughs": LAUGHS,
    "inside itself": "a: &a\n  b: *a\n",
    "brackets": "[" * 200_000,
    "braces": "{a: " * 50_000,
    "object": "!!python/object/apply:os.system ['touch owned']",
    "name": "title: !!python/name:os.system",
    "module": "title: !!python/module:subprocess",
    "two": "a: 1\n---\nb: 2\n",
}


@pytest.mark.parametrize("what", BAD_YAML)
def test_yaml_of_a_stranger(what: str, tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(BadBlueprint):
        parse_blueprint(BAD_YAML[what])
    path = tmp_path / "x.yaml"
    path.write_text(BAD_YAML[what])
    one = ["run", "returns", "-n", "1", "--out", tmp_path / "o"]
    for argv in (["lint", path], ["audit", path, "--map", path, "--out", tmp_path / "o"],
                 [*one, "--assistant", f"http:{path}"], [*one, "--model", "template", "--price", path]):  # fmt: skip
        assert run([str(a) for a in argv]) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert len(said) < 3000
    assert not Path("owned").exists()


def test_aliases_that_are_few_are_read() -> None:
    assert load_yaml("a: &a [1, 2]\nb: *a\nc: [*a, *a]\n") == {"a": [1, 2], "b": [1, 2], "c": [[1, 2], [1, 2]]}
    with pytest.raises(TooLarge):
        load_yaml(LAUGHS)


# bombs ------------------------------------------------------------------------------------------------------------


def peak_of(work: Any) -> int:
    """Most bytes that Python held during the work."""
    import tracemalloc

    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """300 MB of one letter in 300 kB."""
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb", compresslevel=6) as out:
        for _ in range(300):
            out.write(b"x" * 1_000_000)
    assert len(held.getvalue()) < 1_000_000
    return held.getvalue()


@pytest.mark.parametrize("what", ["sessions", "csv", "votes", "view"])
def test_a_gzip_bomb_is_refused_in_bounded_memory(what: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("s.csv.gz" if what in ("csv", "votes") else "sessions.jsonl.gz")
    path.write_bytes(gzip.compress(b"worker,task,label\n") + bomb if what in ("csv", "votes") else bomb)

    def read_it() -> None:
        if what == "sessions":
            list(import_sessions(path))
        elif what == "csv":
            list(READERS["csv"](path, None))
        elif what == "votes":
            list(votes._rows(path, ("worker",)))
        else:
            list(rows_of_view.stream(tmp_path, "sessions"))

    def work() -> None:
        with pytest.raises(BadInput):
            read_it()

    assert peak_of(work) < 250_000_000


def test_a_zip_bomb_in_an_inspect_log(tmp_path: Path) -> None:
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", '{"eval": {}}')
        with packed.open("samples/1.json", "w", force_zip64=True) as member:
            for _ in range(80):
                member.write(b" " * 1_000_000)

    def work() -> None:
        with pytest.raises(BadSessions):
            list(READERS["inspect"](path, None))

    peak_of(work)


# keys -------------------------------------------------------------------------------------------------------------

KEY = "sk-planted-0123456789abcdef"


class Echo:
    """An endpoint that says the key again wherever it can: in errors, in answers, in names of tokens."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One answer."""
        key = request.headers.get("Authorization", "")
        body = await request.json()
        number = body["seed"] % 5
        if number == 0:
            return web.json_response({"error": {"message": f"bad key {key}"}}, status=429)
        if number == 1 and "annoyed" in json.dumps(body):
            return web.json_response({"error": {"message": f"bad key {key}"}}, status=401)
        message = {"role": "assistant", "content": f"I would like to say {key} please."}
        return web.json_response({"choices": [{"message": message, "finish_reason": key}], "key": key, "id": [key]})


def test_a_planted_key_is_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    import asyncio
    import threading

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    quick = endpoint.Patience(tries=2, first_pause=0.001)
    monkeypatch.setattr(endpoint, "Patience", lambda: quick)
    loop = asyncio.new_event_loop()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Echo().handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    out = tmp_path / "run"
    try:
        port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        name = f"openai:tiny@http://127.0.0.1:{port}/v1"
        argv = ["run", "returns", "-n", "3", "--seed", "5", "--max-failed", "0.99", "--out", str(out), "--model"]
        assert run([*argv, name, "--assistant", name]) in (0, 1, 3)
        run(["export", str(out), "--out", str(tmp_path / "e"), "--min-tier", "rejected"])
        run(["doctor", str(out)])
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    said = "".join(capfd.readouterr())
    assert KEY not in said
    from assay.runs.ledger import Ledger

    answers = failures = 0
    with Ledger(out) as ledger:
        for (key,) in ledger._db.execute("SELECT key FROM calls").fetchall():
            call = ledger.call(key)
            assert KEY not in json.dumps(call)
            answers += call["answer"] is not None
            failures += call["error"] is not None
    assert answers, "some were answered, with the key in the answer"
    assert failures, "some failed, with the key in the error"
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert [p.name for p in files if KEY.encode() in p.read_bytes()] == []
    assert len(files) > 5


@pytest.mark.parametrize("url", ["http://127.0.0.1/v1?api_key=s", "http://127.0.0.1/v1#key", "http://u:p@127.0.0.1/v1"])
def test_no_key_in_an_address(url: str, tmp_path: Path, capsys: Capture) -> None:
    assert run(["run", "returns", "-n", "1", "--model", f"openai:x@{url}", "--out", str(tmp_path / "r")]) == 2
    assert not (tmp_path / "r").exists()
    assert "OPENAI_API_KEY" in capsys.readouterr().err


# code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["python:owned_module:f", "scripted:owned_module:f", "openai:x@http://127.0.0.1:9/v1", "http:x.yaml"]
)
@pytest.mark.parametrize("role", ["model", "assistant"])
def test_a_strangers_run_folder_runs_no_code_and_gets_no_key(
    role: str, spec: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owned_module.py").write_text("open('owned', 'w').close()\ndef f(x):\n    return 'hi'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out = tmp_path / "run"
    assert run(["author", "returns", "-n", "1", "--model", "template", "--out", str(out)]) == 0
    held = json.loads((out / "run.json").read_text())
    held["config"][role] = spec
    (out / "run.json").write_text(json.dumps(held))
    for argv in (["simulate", str(out)], ["gap", str(out)]):
        assert run(argv) in (2, 4)
        said = capsys.readouterr().err
        assert "Traceback" not in said
    assert run(["simulate", str(out)]) == 4
    assert "ASSAY_TRUST_FOLDER=1" in capsys.readouterr().err
    assert not (tmp_path / "owned").exists()
    assert "owned_module" not in sys.modules


def test_who_began_a_run_goes_on_with_its_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    out, words = tmp_path / "run", "scripted:fake_user:speak"
    assert run(["author", "returns", "-n", "1", "--model", words, "--out", str(out)]) == 0
    assert run(["simulate", str(out)]) == 0
    held = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(
        json.dumps({**held, "models_asked": "0" * 64, "stages": {"author": held["stages"]["author"]}})
    )
    assert run(["simulate", str(out)]) == 4
    monkeypatch.setenv("ASSAY_TRUST_FOLDER", "1")
    assert run(["simulate", str(out)]) == 0


def test_the_source_loads_no_pickles_and_runs_no_texts() -> None:
    bad = re.compile(
        r"import pickle|import dill|import joblib|from joblib|cloudpickle|marshal\.load|shelve\.|(?<![\w.])eval\(|"
        r"(?<![\w.])exec\(|allow_pickle=True|yaml\.(?:load|unsafe_load|full_load)\(|os\.system\(|shell=True|"
        r"weights_only=False|trust_remote_code=True|verify=False|ssl=False"
    )
    found, loads = [], 0
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found += [f"{path.name}: {m[0]}" for m in bad.finditer(text)]
        for m in re.finditer(r"np\.load\(([^\n]*)", text):
            loads += 1
            assert "allow_pickle=False" in m[1], f"{path.name}: {m[0]}"
        for m in re.finditer(r"torch\.load\(([^\n]*)", text):
            assert "weights_only=True" in m[1], f"{path.name}: {m[0]}"
    assert found == []
    assert loads >= 2
