"""Training on consistency with a model of a few thousand random numbers: masks, baselines, resumed after a kill."""

import html
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_base import write_base

from assay.errors import BadInput, NotEnoughData

NEEDED = ("torch", "transformers", "peft", "accelerate", "gguf", "safetensors", "trl", "datasets")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the extra `learn` is not installed: no {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


def write_plan(folder: Path, base: Path, **more: object) -> Path:
    fields: dict[str, object] = {
        "name": "tiny", "base": str(base), "personas": 3, "watched": 2, "sessions": 1, "facts": 2, "turns": 2,
        "steps": 4, "group": 2, "batch": 2, "sampled": 4, "tokens": 4, "longest": 200, "checkpoint_steps": 1,
        "look_steps": 2, "rank": 2, "rate": 0.01, "threads": 1, "device": "cpu", "stop_on_alarm": False,
    }  # fmt: skip
    path = folder / "plan.yaml"
    path.write_text(json.dumps({**fields, **more}))
    return path


def learn(plan: Path, out: Path, **more: Any) -> dict[str, Any]:
    from assay.door.learning import learn as verb

    return verb("consistency", plan, out, **more)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(folder / "final" / "adapter_model.safetensors"))


def test_an_adapter_for_another_base_is_refused_before_anything_is_written(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="adapter is for another base"):
        learn(write_plan(tmp_path, base, start="shipped"), tmp_path / "out")
    learn(write_plan(tmp_path, base, steps=1), tmp_path / "one")
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    summary["base"]["sha256"] = "0" * 64
    (tmp_path / "one" / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(BadInput, match="adapter is for another base"):
        learn(write_plan(tmp_path, base, start=str(tmp_path / "one")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_memory_than_there_is_is_said_before_it_starts(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="GiB are free"):
        learn(write_plan(tmp_path, base, longest=4096, group=4000), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_accepted_is_nothing_to_teach(base: Path, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="the judge accepts"):
        learn(write_plan(tmp_path, base, method="kto", turns=1, sampled=2), tmp_path / "out")


def test_only_the_users_tokens_are_trained_and_the_whole_is_the_prompt_of_a_run(base: Path) -> None:
    from assay.learning.consistency import Actor
    from assay.learning.consistency_config import ConsistencyPlan
    from assay.learning.own_personas import interview, people
    from assay.learning.persona_frames import Talk, rendered
    from assay.learning.rewarded import opened
    from assay.simulation import prompt

    model, tokenizer = opened(base, 2, 1, None, "cpu")
    actor = Actor(
        plan=ConsistencyPlan(), talker=None, builder=prompt, tokenizer=tokenizer, model=model, judge=None,  # type: ignore[arg-type]
    )  # fmt: skip
    rng = np.random.default_rng(1)
    frame = interview(people(1, 3, rng, held_out=False)[0], 0, rng, 4)
    talk = Talk(frame, ("I live there.", "A kettle: mine", "", "Bye!"))
    asked, completion, mask = actor.sequence(talk)
    own = tokenizer.decode([t for t, m in zip(completion, mask, strict=True) if m])
    assert own == "".join(f" {line}\n" for line in talk.lines)
    assert tokenizer.decode([*asked, *completion]) == rendered(prompt, frame, talk.lines)


@pytest.mark.parametrize("method", ["sft", "kto"])
def test_the_baselines_train_on_marked_lines(
    base: Path, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.door import persona_judges
    from assay.learning.persona_frames import Talk
    from assay.learning.persona_reward import Mark, Scores

    def judge(talk: Talk) -> Scores:
        marks = tuple(Mark(i % 2 == 1, False, True) for i in range(len(talk.lines)))
        return Scores(co01=0.5, co02=1.0, co03=0.5, coverage=1.0, degenerate=0.0, marks=marks)

    monkeypatch.setattr(persona_judges, "by_words", judge)
    found = learn(write_plan(tmp_path, base, method=method), tmp_path / "out")
    rows = [json.loads(x) for x in (tmp_path / "out" / "lines.jsonl").read_text().splitlines()]
    assert [r["label"] for r in rows] == [True, False] * 4
    assert found["training"]["steps"] == 4
    assert (tmp_path / "out" / "adapter.gguf").stat().st_size > 0
    page = html.unescape((tmp_path / "out" / "report.html").read_text())
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "Doubt of the words" in page


def test_a_killed_run_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base)
    whole = learn(plan, tmp_path / "whole")
    assert [x["step"] for x in whole["looks"]] == [0, 2, 4]
    assert whole["measured"]["sessions"] == 2
    assert whole["judges"]["evaluation"] == "values of the attributes"
    code = "from assay.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "learn", "consistency", str(plan), "-q", "--out"]
    process = subprocess.Popen([*command, str(tmp_path / "cut")], env=os.environ, stderr=subprocess.PIPE)
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        if any((tmp_path / "cut").glob("checkpoint-[123]/trainer_state.json")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    again = learn(plan, tmp_path / "cut")
    assert again["measured"] == whole["measured"]
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert a.keys() == b.keys()
    assert all(np.allclose(a[k], b[k], atol=1e-6) for k in a)


def test_a_log_that_a_kill_cut_short_is_mended(tmp_path: Path) -> None:
    from assay.learning.curves import log_rows, mend_log

    path = tmp_path / "progress.jsonl"
    mend_log(path)
    assert log_rows(path) == []
    path.write_text('{"step": 1}\n{"step": 2')
    mend_log(path)
    with path.open("a") as lines:
        lines.write('{"step": 3}\n')
    assert [r["step"] for r in log_rows(path)] == [1, 3]
