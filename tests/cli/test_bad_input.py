"""Bad input on the command line: exit code 2, one error that says what, where and what now, and nothing written."""

import gzip
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from assay.cli.root import COMMANDS, MODULES, SECTIONS, run
from assay.testing import tiny_run

SOURCE = str(Path(__file__).parents[2] / "src")
KINDS = (
    "AssayError", "Refused", "BadInput", "BadBlueprint", "BadSessions", "BadAnswers", "ProviderFailed", "RunMismatch",
    "StorageFailed", "NotEnoughData",
)  # fmt: skip
TEMPLATE = ["--model", "template"]
Capture = pytest.CaptureFixture[str]


def refused(argv: list[Any], capsys: Capture, *says: str, code: int = 2, now: bool = True) -> str:
    """Run a command that must be refused; returns its one error."""
    assert run([str(a) for a in argv]) == code
    out, text = capsys.readouterr()
    assert out == ""
    heads = [line for line in text.splitlines() if line.split(":")[0] in KINDS]
    assert len(heads) == 1, f"{len(heads)} errors:\n{text}"
    assert "Traceback" not in text
    assert len(text) < 3000, "an error is read by a person"
    for word in says:
        assert word in text, f"{word!r} is not in\n{text}"
    assert not now or "  -> " in text, f"does not say what to do now:\n{text}"
    return text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small run. Read it, or copy it."""
    out = tmp_path_factory.mktemp("made") / "run"
    tiny_run(out, n=4)
    return out


# numbers, models, folders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["-n", "0"], "-n must be at least 1, not 0"),
        (["-n", "-3"], "-n must be at least 1, not -3"),
        (["-n", "10000001"], "beyond 10,000,000"),
        (["-n", "many"], "Invalid value for '-n'"),
        (["-n", "1", "--seed", "-1"], "--seed must not be negative"),
        (["-n", "1", "--seed", "1.5"], "Invalid value for '--seed'"),
        (["-n", "1", "--model", "gpt-17"], "no model 'gpt-17'"),
        (["-n", "1", "--model", "openai:"], "no model 'openai:'"),
        (["-n", "1", "--model", "openai:x@ftp://127.0.0.1"], "not an http address"),
        (["-n", "1", "--model", "embedded:/no/such.gguf"], "/no/such.gguf"),
        (["-n", "1", "--assistant", "hal"], "no model 'hal'"),
        (["-n", "1", "--judge", "solomon"], "no model 'solomon'"),
        (["-n", "1", *TEMPLATE, "--max-failed", "1.5"], "between 0 and 1, not 1.5"),
        (["-n", "1", *TEMPLATE, "--mode", "telepathy"], "mode 'telepathy'"),
        (["-n", "1", *TEMPLATE, "--colour"], "No such option: --colour"),
        ([*TEMPLATE], "Missing option '-n'"),
    ],
)
def test_what_a_run_is_asked_for(more: list[str], says: str, tmp_path: Path, capsys: Capture) -> None:
    refused(["run", "returns", "--out", tmp_path / "r", *more], capsys, says)
    assert not (tmp_path / "r").exists(), "nothing is written for a run that cannot be"


def test_author_checks_the_same(tmp_path: Path, capsys: Capture) -> None:
    for more, says in ((["-n", "0"], "at least 1"), (["-n", "1", "--seed", "-9"], "negative")):
        refused(["author", "returns", "--out", tmp_path / "r", *more], capsys, says)
        assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("command", ["run", "author", "audit", "import", "export"])
def test_an_output_folder_that_is_a_file(command: str, made: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    sessions = _write(tmp_path / "s.jsonl", GOOD)
    argv = {
        "run": ["run", "returns", "-n", "1", *TEMPLATE],
        "author": ["author", "returns", "-n", "1", *TEMPLATE],
        "audit": ["audit", sessions],
        "import": ["import", "sessions", sessions],
        "export": ["export", made],
    }[command]
    refused([*argv, "--out", out], capsys, str(out))
    assert out.read_text() == "mine"


@pytest.mark.parametrize("option", ["--model", "--assistant", "--judge"])
@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["plan", "run"])
def test_a_model_that_is_not_there(option: str, dry: list[str], tmp_path: Path, capsys: Capture) -> None:
    refused(["run", "returns", "--out", tmp_path / "r", "-n", "2", option, "nosuch", *dry], capsys, "no model 'nosuch'")
    assert not (tmp_path / "r" / "run.json").exists()


@pytest.mark.parametrize("command", ["simulate", "verify", "power", "certify", "report", "status"])
def test_a_folder_that_is_no_run(command: str, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    refused([command, folder], capsys, str(folder))


@pytest.mark.parametrize("command", ["simulate", "verify", "power", "certify", "report", "status", "show", "sample"])
def test_a_folder_that_is_not_there_is_not_made(command: str, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "nowhere"
    more = {"show": ["s1"], "sample": ["-n", "5", "--out", tmp_path / "s.csv"]}.get(command, [])
    refused([command, folder, *more], capsys, str(folder))
    assert not folder.exists()


def test_usage(capsys: Capture, made: Path, tmp_path: Path) -> None:
    refused(["walk"], capsys, "walk", "assay --help lists the commands")
    refused(["run"], capsys, "BLUEPRINT", "assay run --help")
    refused(["audit", "--out", "x"], capsys, "FILE", "assay audit --help")
    refused(["show", made, "no-such-session"], capsys, "no-such-session")
    refused(["checks", "ZZ99"], capsys, "ZZ99")
    refused(["verify", made, "--checks", "LB01,ZZ99"], capsys, "ZZ99")
    refused(["verify", made, "--checks", "LB01"], capsys, "another configuration", "checks", code=4)
    refused(["sample", made, "-n", "0", "--out", tmp_path / "s.csv"], capsys, "0")
    refused(["sample", made, "-n", "5", "--label", "mood", "--out", tmp_path / "s.csv"], capsys, "mood")
    refused(["certify", made, "--answers", tmp_path / "none.csv"], capsys)
    refused(["export", made, "--format", "xml", "--out", tmp_path / "e"], capsys, "xml")
    refused(["plant", made / "sessions.jsonl", "--operator", "gremlin"], capsys)
    refused(["import", "telegrams", made / "sessions.jsonl", "--out", tmp_path / "i"], capsys, "telegrams")
    assert not (tmp_path / "s.csv").exists()


# blueprints: one or two of each kind; the rest is tests/authoring -----------------------------------------------------


def _yaml(path: Path, change: Callable[[str], str]) -> Path:
    text = (Path(SOURCE) / "assay" / "blueprints" / "returns.yaml").read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [["run", "-n", "1", *TEMPLATE, "--out"], ["author", "-n", "1", "--out"], ["lint"]])
def test_a_blueprint_that_is_not_one(command: list[str], tmp_path: Path, capsys: Capture) -> None:
    name, *more = command
    out = [tmp_path / "r"] if more else []
    for text, says in (
        ("title: [unclosed\n", "line"),
        ("- a\n- list\n", "bad.yaml"),
        ("", "bad.yaml"),
        ("name: x\ntitle: y\n", "this field is missing"),
    ):
        (tmp_path / "bad.yaml").write_text(text)
        refused([name, tmp_path / "bad.yaml", *more, *out], capsys, says, "bad.yaml")
    refused([name, tmp_path / "none.yaml", *more, *out], capsys, "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe\n")
    refused([name, tmp_path / "bytes.yaml", *more, *out], capsys, "bytes.yaml")
    refused([name, tmp_path, *more, *out], capsys, str(tmp_path))
    assert not (tmp_path / "r").exists()


def test_an_unknown_field_is_named_with_its_line(tmp_path: Path, capsys: Capture) -> None:
    path = _yaml(tmp_path / "b.yaml", lambda text: text.replace("title:", "favourite_colour: red\ntitle:", 1))
    line = path.read_text(encoding="utf-8").splitlines().index("favourite_colour: red")
    text = refused(
        ["run", path, "-n", "1", *TEMPLATE, "--out", tmp_path / "r"], capsys, "BadBlueprint", "favourite_colour"
    )
    assert f"line {line + 1}" in text


# sessions -----------------------------------------------------------------------------------------------------------

GOOD = {
    "id": "a",
    "turns": [{"speaker": "user", "text": "hello", "labels": {"act": "greet"}}, {"speaker": "assistant", "text": "hi"}],
}


def _write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def _turn(**fields: Any) -> dict[str, Any]:
    return {"id": "b", "turns": [{"speaker": "user", "text": "hi", **fields}]}


BAD = {
    "not JSON": ([GOOD, GOOD | {"id": "c"}, "{oops"], ("line 3", "not JSON")),
    "a missing field": ([GOOD, {"id": "b", "turns": [{"speaker": "user"}]}], ("line 2", "missing field text")),
    "a speaker that is a number": ([GOOD, _turn(speaker=7)], ("line 2", "turns.0.speaker", "number")),
    "duplicate ids": ([GOOD, GOOD | {"id": "c"}, GOOD], ("line 3", "'a'")),
    "no sessions": ([], ("0 sessions: nothing to read",)),
    "only blank lines": (["", "  ", ""], ("0 sessions: nothing to read",)),
    "10 MB in one turn": ([GOOD, _turn(text="x" * 10_000_001)], ("line 2", "turns.0.text", "10,000,001 bytes")),
    "a control character": ([GOOD, _turn(text="a\x00b")], ("line 2", "turns.0.text", "U+0000")),
}


@pytest.mark.parametrize("command", [["audit"], ["import", "sessions"], ["plant"]])
@pytest.mark.parametrize("what", BAD)
def test_sessions_that_cannot_be_read(what: str, command: list[str], tmp_path: Path, capsys: Capture) -> None:
    rows, says = BAD[what]
    path = _write(tmp_path / "s.jsonl", *rows)
    more = ["--operator", "blank", "--truth", tmp_path / "t.jsonl"] if command == ["plant"] else []
    refused([*command, path, *more, "--out", tmp_path / "r"], capsys, "BadSessions", str(path), *says)
    assert not (tmp_path / "r" / "sessions.jsonl").exists()
    assert not (tmp_path / "r" / "run.json").exists()


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Capture) -> None:
    whole = gzip.compress(json.dumps(GOOD).encode() * 50)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-12])
    (tmp_path / "no.jsonl.gz").write_text("no gzip at all")
    (tmp_path / "latin.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n\xe9\xff\n")
    for name, says in (("cut.jsonl.gz", "ends early"), ("no.jsonl.gz", "gzip"), ("latin.jsonl", "line 2")):
        refused(["audit", tmp_path / name, "--out", tmp_path / "r"], capsys, name, says)
    refused(["audit", tmp_path / "none.jsonl", "--out", tmp_path / "r"], capsys, "none.jsonl")
    refused(["audit", tmp_path, "--out", tmp_path / "r"], capsys, str(tmp_path))
    refused(["audit", tmp_path / "latin.jsonl", "--map", tmp_path / "none.yaml", "--out", tmp_path / "r"], capsys)


def test_a_map_that_is_not_one(tmp_path: Path, capsys: Capture) -> None:
    path, rules = _write(tmp_path / "s.jsonl", GOOD), tmp_path / "map.yaml"
    for text in ("a: [", "- a list\n", "no_such_key: 1\n"):
        rules.write_text(text)
        refused(["audit", path, "--map", rules, "--out", tmp_path / "r"], capsys, "map.yaml")


def test_right_to_left_text_and_emoji_simply_work(tmp_path: Path, capsys: Capture) -> None:
    said = (
        "שלום, אני רוצה להחזיר מוצר",
        "مرحبا، أين طلبي؟",
        "👩‍👩‍👧 thanks 🙏🏽",
        "\u202eright to left\u202c",
        "ok 🇳🇱",
    )
    rows = [
        {
            "id": f"שיחה {n} 🙂",
            "language": "und",
            "turns": [
                {"speaker": "user", "text": said[n % 5], "labels": {"act": f"פעולה {n % 2}"}},
                {"speaker": "assistant", "text": said[(n + 1) % 5]},
            ],
            "private": {"user": {"סוד": "🔑 12345"}},
        }
        for n in range(30)
    ]
    path = _write(tmp_path / "ראשון 🙂.jsonl", *rows)
    assert run(["audit", str(path), "--out", str(tmp_path / "r"), "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sessions"], found["import"]["sessions"], found["import"]["balanced"]) == (30, 30, True)
    kept = [json.loads(x) for x in (tmp_path / "r" / "sessions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [[t["text"] for t in s["turns"]] for s in kept] == [[t["text"] for t in r["turns"]] for r in rows]
    assert "שלום" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")


# as a process -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["run", "returns", "--out", "r"], 2),
        (["run", "returns", "-n", "0", "--out", "r"], 2),
        (["audit", "none.jsonl", "--out", "r"], 2),
        (["--help"], 0),
        ([], 0),
        (["--version"], 0),
    ],
)
def test_the_exit_code_of_the_process(argv: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from assay.cli import main; main()", *argv],
        capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin"}, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (code == 2)
    assert bool(done.stdout) == (code == 0)
    assert list(tmp_path.iterdir()) == []


# help and --json ----------------------------------------------------------------------------------------------------


def test_help_lists_the_sections(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    page = capsys.readouterr().out.splitlines()
    assert [line for line in page if line in {title for title, _ in SECTIONS}] == ["Start", "More", "Research"]
    assert [line.split()[0] for line in page if line.startswith("  ") and line.split()[0] in COMMANDS] == list(COMMANDS)
    assert all(len(line) <= 100 for line in page)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    assert run([command, "--help"]) == 0
    page = capsys.readouterr().out
    assert "Usage:" in page
    assert f"assay {command}" in page, "an example to copy"
    assert "--json" in page


def test_json_is_one_object_on_stdout(made: Path, tmp_path: Path, capsys: Capture) -> None:
    """Every command that has --json."""
    rows = [GOOD | {"id": str(n)} for n in range(6)]
    sessions = _write(tmp_path / "s.jsonl", *rows)
    session = json.loads((made / "sessions.jsonl").read_text().splitlines()[0])["id"]
    fresh = tmp_path / "fresh"
    votes = tmp_path / "votes.csv"
    votes.write_text("item,annotator,label\na,w,x\na,v,y\n" + "".join(f"{i},w,x\n{i},v,x\n" for i in range(12)))
    schema, said = tmp_path / "schema.yaml", tmp_path / "said.csv"
    schema.write_text("labels: {mood: {values: {calm: at ease, cross: complains}}}")
    said.write_text("session,turn,name,annotator,label\n0,0,mood,ann,calm\n")
    asked: list[list[Any]] = [
        ["run", "returns", "--out", made, "-n", "4", "--seed", "0", *TEMPLATE],
        ["run", "returns", "--out", tmp_path / "d", "-n", "4", "--dry-run"],
        ["audit", sessions, "--out", tmp_path / "audit"],
        ["label", sessions, "--schema", schema, "--annotator", f"votes:{said}", "--out", tmp_path / "label"],
        ["import", "sessions", sessions, "--out", tmp_path / "import"],
        ["import", "--guess", sessions],
        ["author", "returns", "--out", fresh, "-n", "2", *TEMPLATE],
        ["simulate", fresh],
        ["verify", fresh],
        ["power", fresh],
        ["sample", made, "-n", "5", "--out", tmp_path / "sample.csv"],
        ["certify", fresh],
        ["certify", fresh, "--plan"],
        ["report", fresh],
        ["export", made, "--out", tmp_path / "data", "--tier", "suspect"],
        ["plant", sessions, "--operator", "blank", "--rate", "0.5", "--out", tmp_path / "p", "--truth", tmp_path / "t"],
        ["plant", "--list"],
        ["lint", "returns"],
        ["init", tmp_path / "mine.yaml"],
        ["checks"],
        ["checks", "LB01"],
        ["show", made, session],
        ["compare", made, made],
        ["diff", made, made],
        ["status", made],
        ["models"],
        ["doctor"],
        ["doctor", made],
        ["gap", fresh, "-n", "2"],
        ["realism", sessions, _write(tmp_path / "real.jsonl", *(GOOD | {"id": f"r{n}"} for n in range(8)))],
        ["consensus", votes, "--out", tmp_path / "posterior.csv"],
        ["forget", shutil.copytree(made, tmp_path / "forgetful"), session],
        ["reliability", votes],
        ["learn", "sft", "sft-smoke", "--out", tmp_path / "learn", "--dry-run"],
    ]
    has_json = {
        name for name in COMMANDS
        if "as_json" in inspect.signature(import_module(f"assay.cli.{MODULES.get(name, name)}").command).parameters
    }  # fmt: skip
    # the demo runs the embedded model for minutes: tests/docs and `make run` read its output; a review and
    # a view end with Ctrl-C: tests/door/test_reviewing.py and test_viewing.py read their output; a gate needs a
    # certificate: tests/door/test_labelling.py
    assert has_json - {"demo", "review", "view", "gate"} == {str(argv[0]) for argv in asked}
    for argv in asked:
        code = run([*map(str, argv), "--json"])
        text = capsys.readouterr().out
        assert code == 0 or argv[0] == "doctor", argv
        assert isinstance(json.loads(text), dict), f"{argv}: {text[:200]}"
        assert text.endswith("}\n")


def test_an_import_without_a_format_says_which_one_it_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n', encoding="utf-8")
    assert run(["import", str(file), "--out", str(tmp_path / "o")]) == 2
    assert f"assay import openai {file} --out {tmp_path / 'o'}" in capsys.readouterr().err
    assert run(["import", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "o")]) == 2
    assert not (tmp_path / "o").exists()
