"""A training run killed with SIGKILL goes on: step counter, dice and weights are those of an undisturbed run."""

import hashlib
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
from tiny_base import write_base, write_plan

from assay.errors import BadInput, Refused, RunMismatch
from assay.learning.curves import read_curves

NEEDED = ("torch", "transformers", "peft", "accelerate", "gguf", "safetensors")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the extra `learn` is not installed: no {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


def learn(plan: Path, out: Path, **more: Any) -> dict[str, Any]:
    from assay.door.learning import learn as verb

    return verb("sft", plan, out, **more)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    found = sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    return dict(load_file(found[-1] / "adapter_model.safetensors"))


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def killed_after(plan: Path, out: Path, step: int) -> None:
    """Start the command as a user would, and SIGKILL it once a checkpoint of that step or a later one is there."""
    code = "from assay.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "learn", "sft", str(plan), "--out", str(out), "-q"]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if any(int(p.parent.name.split("-")[1]) >= step for p in out.glob("checkpoint-*/state.json")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    process.wait()
    assert process.returncode == -signal.SIGKILL, process.stderr.read() if process.stderr else ""


def test_a_killed_run_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base, steps=40)
    whole = learn(plan, tmp_path / "whole")
    killed_after(plan, tmp_path / "cut", 3)
    done = read_curves(tmp_path / "cut" / "progress.jsonl").steps
    assert 3 <= done < 40, "killed in the middle"
    assert (
        not (tmp_path / "cut" / "summary.json").exists()
        or not json.loads((tmp_path / "cut" / "summary.json").read_text())["held_out"]
    )
    again = learn(plan, tmp_path / "cut")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert again["adapter"]["sha256"] == whole["adapter"]["sha256"]
    assert (again["training"]["steps"], again["training"]["starts"]) == (40, 2)
    one, two = (read_curves(tmp_path / name / "progress.jsonl") for name in ("whole", "cut"))
    assert one.loss == two.loss, "the same dice, step by step"
    assert again["training"]["tokens"] == whole["training"]["tokens"]


def test_another_seed_gives_other_weights(base: Path, tmp_path: Path) -> None:
    learn(write_plan(tmp_path, base, steps=2), tmp_path / "a")
    learn(write_plan(tmp_path, base, steps=2, seed=2), tmp_path / "b")
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_what_a_run_leaves_behind(base: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, base)
    told: list[str] = []
    found = learn(plan, tmp_path / "r", progress=lambda stage, done, total, note="": told.append(f"{stage} {note}"))
    out = tmp_path / "r"
    assert len(list(out.glob("checkpoint-*/state.json"))) == 2, "`keep`"
    adapter = out / found["adapter"]["file"]
    assert hashlib.sha256(adapter.read_bytes()).hexdigest() == found["adapter"]["sha256"]
    assert adapter.read_bytes()[:4] == b"GGUF"
    loss = found["held_out"]["new services"]
    assert loss["after"]["point"] < loss["before"]["point"]
    assert loss["sessions"] == 4
    card = (out / "README.md").read_text()
    for part in (found["adapter"]["sha256"], found["base"]["sha256"], "MIT", "shop", "new services"):
        assert part in card
    page = (out / "report.html").read_text()
    assert page.count("<polyline") >= 4
    assert "Learning rate" in page
    assert any("tokens/s" in t and "held-out" in t for t in told)
    steps = [json.loads(x)["step"] for x in (out / "progress.jsonl").read_text().splitlines() if '"loss"' in x]
    assert steps == list(range(1, 9))
    again = learn(plan, out)
    assert again["adapter"] == found["adapter"], "done is done"
    assert again["held_out"] == found["held_out"]


def test_the_engine_refuses_the_adapter_of_another_base(base: Path, tmp_path: Path) -> None:
    from assay.models.embedded import adapter_of

    found = learn(write_plan(tmp_path, base, steps=1), tmp_path / "r")
    assert not found["base"]["embedded"]
    assert found["words"] is None
    with pytest.raises(BadInput, match="trained on another base"):
        adapter_of(f"embedded:{tmp_path / 'r' / 'adapter.gguf'}")


def test_a_folder_of_another_configuration_is_refused(base: Path, tmp_path: Path) -> None:
    learn(write_plan(tmp_path, base, steps=1), tmp_path / "r")
    with pytest.raises(RunMismatch, match="plan"):
        learn(write_plan(tmp_path, base, steps=2), tmp_path / "r")
    plan = write_plan(tmp_path, base, steps=1)
    (tmp_path / "s.jsonl").write_text((tmp_path / "s.jsonl").read_text() + "\n")
    with pytest.raises(RunMismatch, match="data"):
        learn(plan, tmp_path / "r")


def test_a_loss_that_is_not_a_number_is_refused(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.learning import sft

    monkeypatch.setattr(sft, "target_loss", lambda model, item: sft.token_losses(model, item).sum() * float("nan"))
    with pytest.raises(Refused, match="not a number at step 0"):
        learn(write_plan(tmp_path, base), tmp_path / "r")


def test_texts_that_do_not_fit_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no held-out turn fits in 64 tokens"):
        learn(write_plan(tmp_path, base, longest=64), tmp_path / "r")


def test_draws_that_give_nothing_end(base: Path, tmp_path: Path) -> None:
    from assay.learning.data import TrainingText
    from assay.learning.sft import SftConfig, Trainer, encode

    text = TrainingText("x", "customer: yes\n", ((9, 14),))
    config = SftConfig(base=base, out=tmp_path, seconds=60.0, rank=2, threads=1)
    for nothing in (None, TrainingText("x", "customer: yes\n", ())):
        trainer = Trainer(config, lambda rng, none=nothing: none, lambda t: [encode(t, text)])
        with pytest.raises(BadInput, match="draws in a row gave no training text"):
            trainer.one_step()


def test_more_memory_than_there_is_is_said_before_it_starts(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.learning import base_weights

    monkeypatch.setattr(base_weights, "free_gib", lambda device: 0.1)
    with pytest.raises(BadInput, match=r"would take about \d+\.\d GiB, and 0.1 GiB are free"):
        learn(write_plan(tmp_path, base), tmp_path / "r")
    assert not (tmp_path / "r" / "run.json").exists()


def test_steps_and_the_clock(base: Path) -> None:
    from assay.learning.sft import SftConfig, rate

    by_steps = SftConfig(base=base, out=base, seconds=float("inf"), steps=100, warm_up=10, peak_rate=1.0)
    by_clock = SftConfig(base=base, out=base, seconds=100.0, warm_up=10, peak_rate=1.0)
    for config in (by_steps, by_clock):
        assert rate(config, 0, 0.0) == pytest.approx(0.1)
        assert rate(config, 50, 50.0) == pytest.approx(0.5)
        assert rate(config, 100, 100.0) == pytest.approx(0.0)
    assert rate(by_steps, 50, 1e9) == rate(by_steps, 50, 0.0), "the clock says nothing where steps are given"
