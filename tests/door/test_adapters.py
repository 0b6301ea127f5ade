"""The doctor says which adapter words the user, and finds one that is not what it was."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from assay.door import adapters
from assay.door.doctor import check_run
from assay.errors import BadInput
from assay.models import embedded
from assay.models.adapter import check_base
from assay.runs.folder import RunFolder


def gguf(path: Path, **texts: str) -> Path:
    """A GGUF file with a head and no tensors; dots in keys are written as __."""

    def packed(text: str) -> bytes:
        return struct.pack("<Q", len(text.encode())) + text.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(texts))
    head += b"".join(packed(k.replace("__", ".")) + struct.pack("<I", 8) + packed(v) for k, v in texts.items())
    path.write_bytes(head)
    return path


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    other = gguf(tmp_path / "a.gguf", assay__base__sha256="0" * 64)
    with pytest.raises(BadInput, match="trained on another base: 0000000000000000"):
        embedded.adapter_of(f"embedded:{other}")
    assert adapters.described(other)[0] == "broken"
    (tmp_path / "no.gguf").write_text("no")
    with pytest.raises(BadInput, match="not a usable GGUF adapter"):
        embedded.adapter_of(f"embedded:{tmp_path / 'no.gguf'}")


def test_one_that_says_nothing_is_refused_unless_it_is_the_first_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = gguf(tmp_path / "b.gguf", general__name="x")
    with pytest.raises(BadInput, match=r"does not say on which weights .*assay\.base\.sha256") as caught:
        embedded.adapter_of(f"embedded:{silent}")
    assert str(silent) in caught.value.where
    assert embedded.WEIGHTS_SHA256 in caught.value.now
    digest = hashlib.sha256(silent.read_bytes()).hexdigest()
    monkeypatch.setattr(embedded, "SILENT_ADAPTERS", frozenset((digest,)))
    assert embedded.adapter_of(f"embedded:{silent}") == silent


def test_one_of_this_base_is_taken(tmp_path: Path) -> None:
    own = gguf(tmp_path / "a.gguf", general__name="mine", assay__base__sha256=embedded.WEIGHTS_SHA256)
    check_base(own, embedded.WEIGHTS_SHA256)
    state, what, detail = adapters.described(own)
    assert (state, what) == ("fine", "adapter")
    assert detail.startswith("mine (a.gguf), sha256 ")
    assert detail.endswith("made for the embedded weights")
    assert embedded.adapter_of(f"embedded:{own}") == own


def test_the_shipped_adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert adapters.shipped()[0] == "fine"
    monkeypatch.setattr(embedded, "ADAPTER", tmp_path / "none.gguf")
    assert adapters.shipped()[0] == "missing"


def test_a_run_says_who_worded_it(tmp_path: Path) -> None:
    path = gguf(tmp_path / "a.gguf", general__name="first", assay__base__sha256=embedded.WEIGHTS_SHA256)
    mark = adapters.model_mark(f"embedded:{path}")
    run = {"config": {"model": f"embedded:{path}", "weights": mark}}
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(run))
    assert adapters.of_run(RunFolder(folder))[0][0] == "fine"
    gguf(path, general__name="second, put in its place", assay__base__sha256=embedded.WEIGHTS_SHA256)
    state, _, detail = adapters.of_run(RunFolder(folder))[0]
    assert state == "missing"
    assert mark in detail
    path.unlink()
    assert "no such adapter" in adapters.of_run(RunFolder(folder))[0][2]
    (folder / "run.json").write_text(json.dumps({"config": {"model": "openai:x"}}))
    assert adapters.of_run(RunFolder(folder)) == []


def test_a_training_folder(tmp_path: Path) -> None:
    run = {"command": "learn sft", "stages": {"train": {"done": True, "steps": 8, "checkpoint": "checkpoint-8"}}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert [f.state for f in check_run(tmp_path)] == ["fine", "missing", "missing"]
    adapter = gguf(tmp_path / "adapter.gguf", general__name="mine", assay__base__sha256=embedded.WEIGHTS_SHA256)
    digest = hashlib.sha256(adapter.read_bytes()).hexdigest()
    summary = {"adapter": {"file": "adapter.gguf", "sha256": digest}, "base": {"embedded": True, "name": "x"}}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert [f.state for f in check_run(tmp_path)] == ["fine", "missing", "fine"]
    gguf(adapter, general__name="another")
    assert check_run(tmp_path)[-1].state == "broken"
