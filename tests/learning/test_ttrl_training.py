"""Training on votes with a model of a few thousand random numbers: it runs, goes on after a kill, and refuses."""

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

from assay.errors import BadInput, Refused

NEEDED = ("torch", "transformers", "peft", "accelerate", "gguf", "safetensors", "trl", "datasets")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the extra `learn` is not installed: no {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


def write_talks(path: Path, n: int, first: int) -> None:
    rows = []
    for i in range(first, first + n):
        said = {"speaker": "user", "text": f"Number N{i}.", "labels": {"slots": {"number": f"N{i}"}}}
        rows.append({"id": str(i), "licence": "MIT", "turns": [said]})
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))


def write_plan(folder: Path, base: Path, **more: object) -> Path:
    for part, (n, first) in {"warm": (30, 1000), "data": (6, 2000), "gold": (100, 3000)}.items():
        write_talks(folder / f"{part}.jsonl", n, first)
    fields: dict[str, object] = {
        "name": "tiny", "base": str(base), "data": [{"file": "data.jsonl"}], "gold": [{"file": "gold.jsonl"}],
        "warm": [{"file": "warm.jsonl"}], "warm_steps": 2, "steps": 4, "prompts": 1, "trained": 2, "answer": 4,
        "checkpoint_steps": 1, "look_steps": 2, "rank": 2, "threads": 1, "device": "cpu", "reward": "random",
        "stop_on_alarm": False,
    }  # fmt: skip
    path = folder / "plan.yaml"
    path.write_text(json.dumps({**fields, **more}))
    return path


def learn(plan: Path, out: Path, **more: Any) -> dict[str, Any]:
    from assay.door.learning import learn as verb

    return verb("ttrl", plan, out, **more)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(folder / "final" / "adapter_model.safetensors"))


def test_votes_of_a_model_that_knows_nothing_are_refused(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base, reward="votes", steps=1)
    with pytest.raises(Refused, match="do not prefer right answers"):
        learn(plan, tmp_path / "out")
    kept = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert kept["outlook"]["n"] == 100
    assert "training" not in kept


def test_too_few_known_answers_are_said_before_anything_is_loaded(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base)
    write_talks(tmp_path / "gold.jsonl", 99, 3000)
    with pytest.raises(BadInput, match="gold: 99 questions"):
        learn(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_killed_run_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base)
    whole = learn(plan, tmp_path / "whole")
    assert whole["training"]["steps"] == 4
    assert sum(whole["fates"].values()) == 6
    assert (tmp_path / "whole" / "adapter.gguf").stat().st_size > 1000
    code = "from assay.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "learn", "ttrl", str(plan), "-q", "--out"]
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
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert a.keys() == b.keys()
    assert all(np.allclose(a[k], b[k], atol=1e-6) for k in a)
    assert again["after"] == whole["after"]


def test_the_trained_adapter_is_not_the_taught_one(base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    learn(write_plan(tmp_path, base, rate=0.01), tmp_path / "out")
    taught = load_file(tmp_path / "out" / "warm" / "adapter_model.safetensors")
    after = weights(tmp_path / "out")
    assert taught.keys() == after.keys()
    assert any(not np.array_equal(taught[k], after[k]) for k in taught)


def test_a_start_without_an_adapter_is_refused_before_anything_is_written(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="start: no checkpoint"):
        learn(write_plan(tmp_path, base, start=str(tmp_path)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_step_leaves_what_was_taught_and_another_run_goes_on_from_it(base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    taught = learn(write_plan(tmp_path, base, steps=0), tmp_path / "taught")
    assert taught["training"]["steps"] == 0
    assert taught["before"] == taught["after"]
    kept = load_file(tmp_path / "taught" / "warm" / "adapter_model.safetensors")
    assert all(np.array_equal(kept[k], v) for k, v in weights(tmp_path / "taught").items())
    plan = write_plan(tmp_path, base, steps=0, warm=[], warm_steps=0, start=str(tmp_path / "taught"))
    learn(plan, tmp_path / "on")
    assert all(np.array_equal(kept[k], v) for k, v in weights(tmp_path / "on").items())
