"""Licences, splits by dialogue and by service, act mapping: what is refused, and leaks found with their rows."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BadInput, BadSessions
from assay.learning.sft_config import DataSource, SftPlan, load_plan
from assay.learning.sft_data import Corpus, is_open, read_corpus

SHARED = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"


def row(name: str, service: str = "shop", split: str = "train", licence: str | None = "MIT", words: str = "") -> Any:
    said = [f"{words or name} one", f"{words or name} two, it is KX-1", f"{words or name} three"]
    turns: list[Any] = []
    acts = ("greet", "tell", "bye")
    for act, text in zip(acts, said, strict=True):
        labels: dict[str, Any] = {"do": act}
        if act == "tell":
            labels["slots"] = {"orderNumber": "KX-1", "colour": "red"}
        turns += [{"speaker": "assistant", "text": "Yes?"}, {"speaker": "user", "text": text, "labels": labels}]
    found = {"id": name, "split": split, "session_labels": {"services": [service], "goal": "ask"}, "turns": turns}
    return found if licence is None else {**found, "licence": licence}


def write(path: Path, *rows: Any) -> Path:
    data = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def plan_of(*sources: dict[str, Any], **more: Any) -> SftPlan:
    defaults: dict[str, Any] = {"act": "do", "acts": {"tell": "inform"}}
    return SftPlan(data=tuple(DataSource(**{**defaults, **s}) for s in sources), steps=1, **more)


def corpus(plan: SftPlan, folder: Path) -> Corpus:
    return read_corpus(plan, [folder], lambda p: hashlib.sha256(p.read_bytes()).hexdigest())


BOTH = {"file": "a.jsonl", "train": ["train"], "held_out": ["test"]}


@pytest.mark.parametrize(
    ("licence", "open_"),
    [
        ("MIT", True), ("CC-BY-SA-4.0", True), ("Apache-2.0 (carrier repo LICENSE)", True), ("CC0-1.0", True),
        ("CC-BY-NC-4.0", False), ("CC-BY-ND-4.0", False), ("", False), ("none stated", False), ("proprietary", False),
        ("CC-BY-4.0 (CCPE-M); carrier repo USS has no licence file", False), ("CC-BY-4.0 (no licence file)", False),
        ("no licence file beside the data; the tool carries a CC-BY-4.0 LICENSE", False),
    ],
)  # fmt: skip
def test_licences(licence: str, open_: bool, tmp_path: Path) -> None:
    assert is_open(licence) == open_
    rows = [row("x", licence=licence), row("y", "bank", "test", licence=licence)]
    write(tmp_path / "a.jsonl", *rows)
    if open_:
        assert len(corpus(plan_of(BOTH), tmp_path).train) == 1
        return
    with pytest.raises(BadInput, match="does not clearly allow training"):
        corpus(plan_of(BOTH), tmp_path)
    assert len(corpus(plan_of(BOTH, allow_licences=(licence,)), tmp_path).train) == 1


def test_a_licence_can_be_stated_for_rows_that_have_none(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x", licence=None), row("y", "bank", "test", licence=None))
    with pytest.raises(BadInput, match="none stated"):
        corpus(plan_of(BOTH), tmp_path)
    assert corpus(plan_of({**BOTH, "licence": "CC-BY-4.0"}), tmp_path).train[0].licence == "CC-BY-4.0"


def test_a_dialogue_on_both_sides_is_refused_with_its_row(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x"), row("y"))
    write(tmp_path / "b.jsonl", row("again", "bank", "test", words="y"), row("fine", "bank", "test"))
    two = ({"file": "a.jsonl"}, {"file": "b.jsonl", "train": [], "held_out": ["test"]})
    with pytest.raises(BadInput, match=r"1 dialogues are both trained on and held out:\n    b.jsonl: again"):
        corpus(plan_of(*two), tmp_path)
    same = ({"file": "a.jsonl"}, {"file": "a.jsonl", "train": [], "held_out": ["train"]})
    with pytest.raises(BadInput, match="2 dialogues are both trained on"):
        corpus(plan_of(*same), tmp_path)


def test_a_service_on_both_sides_is_refused_or_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x"), row("y", "shop", "test"), row("z", "bank", "test"))
    with pytest.raises(BadInput, match=r"1 held-out sessions .* trained on:\n    a.jsonl: y \(shop\)"):
        corpus(plan_of(BOTH), tmp_path)
    kept = corpus(plan_of({**BOTH, "services": "keep_new"}), tmp_path)
    assert [s.id for s in kept.groups()["new services"]] == ["z"]
    assert kept.shares[0].left_out == 1
    shared = corpus(plan_of({**BOTH, "services": "shared"}), tmp_path)
    assert list(shared.groups()) == ["known services"]
    assert len(shared.groups()["known services"]) == 2


def test_sessions_without_a_service_need_a_word(tmp_path: Path) -> None:
    rows = [row("x"), {**row("y", split="test"), "session_labels": {}}]
    write(tmp_path / "a.jsonl", *rows)
    with pytest.raises(BadInput, match=r"1 held-out sessions name no service, e\.g\. y"):
        corpus(plan_of(BOTH), tmp_path)


def test_nothing_held_out_or_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x"), row("y", "shop", "test"))
    with pytest.raises(BadInput, match="no session is held out"):
        corpus(plan_of({**BOTH, "held_out": []}), tmp_path)
    with pytest.raises(BadInput, match="no session is held out"):
        corpus(plan_of({**BOTH, "services": "keep_new"}), tmp_path)
    with pytest.raises(BadInput, match="nothing to train on"):
        corpus(plan_of({**BOTH, "train": []}), tmp_path)
    with pytest.raises(BadInput, match=r"has no split dev.*its splits are test, train|has no split dev"):
        corpus(plan_of({**BOTH, "train": ["dev"]}), tmp_path)
    with pytest.raises(BadInput, match=r"no data file none\.jsonl"):
        corpus(plan_of({"file": "none.jsonl"}), tmp_path)


def test_a_share_holds_out_whole_services(tmp_path: Path) -> None:
    rows = [row(f"{s}{i}", s, "") for s in ("shop", "bank", "bus", "film") for i in range(5)]
    both = row("mixed", split="")
    both["session_labels"]["services"] = ["shop", "bank", "bus", "film"]
    write(tmp_path / "a.jsonl", *rows, both)
    found = corpus(plan_of({"file": "a.jsonl", "held_out": 0.2}), tmp_path)
    held = {n for s in found.groups()["new services"] for n in s.services}
    assert held
    assert held.isdisjoint(found.services())
    assert 5 <= len(found.groups()["new services"]) <= 10
    assert found.shares[0].left_out == 1, "a session of services on both sides is on neither"
    one = corpus(plan_of({"file": "a.jsonl", "held_out": 0.2, "services": "shared"}), tmp_path)
    assert len(one.groups()["known services"]) == 4


def test_acts_are_mapped_and_values_found(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x"), row("y", "bank", "test"))
    turns = corpus(plan_of(BOTH), tmp_path).train[0].turns
    assert [[a.name for a in t.acts] for t in turns] == [["greet"], ["inform"], ["bye"]]
    assert turns[1].acts[0].slots == [("order number", "KX-1"), ("colour", "red")]
    assert [t.target for t in turns] == [True, False, True], "red is not in the words: context, never a target"


def test_acts_without_a_mapping(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", row("x"), row("y", "bank", "test"))
    cut = corpus(plan_of({**BOTH, "acts": {}}), tmp_path).train[0]
    assert len(cut.turns) == 1, "cut before the first unknown act: the frame needs them all"
    with pytest.raises(BadSessions, match="no user turn has the label 'core_act'"):
        corpus(plan_of({**BOTH, "act": "core_act"}), tmp_path)
    rows = [row("x"), row("y", "bank", "test")]
    for r in rows:
        r["turns"] = [t for t in r["turns"] if t.get("labels", {}).get("do") != "greet"]
    write(tmp_path / "a.jsonl", *rows)
    with pytest.raises(BadSessions, match="no act is mapped to a core act; the acts are tell"):
        corpus(plan_of({**BOTH, "acts": {}}), tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "says"),
    [
        ("a.jsonl", ["{oops"], "not JSON"),
        ("a.jsonl", [{"id": "x"}], "it needs `id` and `turns`"),
        ("a.jsonl", [{"id": "x", "turns": [{"speaker": 7, "text": ""}]}], "a turn needs"),
    ],
)
def test_files_of_another_form(name: str, rows: list[Any], says: str, tmp_path: Path) -> None:
    write(tmp_path / name, *rows)
    with pytest.raises(BadSessions, match=says) as error:
        corpus(plan_of({**BOTH, "file": name}), tmp_path)
    assert "a.jsonl, line 1" in error.value.where


def test_a_reader_of_another_set_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", row("x"), row("y", "bank", "test"))
    for reader in ("sgd", "camrest"):
        with pytest.raises(BadSessions, match=f"the reader {reader} expects"):
            corpus(plan_of({**BOTH, "file": "a.jsonl.gz", "reader": reader}), tmp_path)
    write(tmp_path / "a.jsonl", row("x"), row("y", "bank", "test"))
    with pytest.raises(BadSessions, match="cannot read the file"):
        corpus(plan_of({**BOTH, "reader": "sgd"}), tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public sets are not here")
def test_the_shipped_plan_on_the_public_sets() -> None:
    found = read_corpus(load_plan("sft-user-cpu"), [SHARED], lambda p: p.name)
    known = set(found.services())
    groups = found.groups()
    assert all(known.isdisjoint(s.services) for s in groups["new services"])
    assert {s.services for s in groups["known services"]} == {("camrest",)}
    assert len(found.train) > 3000
    assert {x for share in found.shares for x in share.licences} == {
        "CC-BY-SA-4.0", "CC-BY-4.0", "Apache-2.0 (carrier repo LICENSE)",
    }  # fmt: skip
