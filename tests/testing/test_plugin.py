"""The pytest plugin and `assert_certified`, in a pytest of their own."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import assay
from assay.errors import BadInput
from assay.testing import assert_certified, tiny_run

SOURCE = str(Path(__file__).parents[2] / "src")
TEST = """
from assay.testing import assert_certified

def test_every_session_ends(assay_session):
    assert assay_session.end

def test_labels(assay_run):
    assert_certified(assay_run, max_error=0.2, names=["core_act"])
"""


@pytest.fixture(scope="module")
def certified(tmp_path_factory) -> Path:
    """A run with a granted claim: the truth itself plays the assessor."""
    out = tmp_path_factory.mktemp("certified") / "run"
    tiny_run(out, n=8)
    assay.sample(out, 40, out / "s.csv", labels=["core_act"], alpha=0.2)
    items = json.loads((out / "sample.json").read_text())["items"]
    rows = ["sample_id,assessor,answer,seconds", *(f"{i['sample_id']},Ada,{i['truth']},1" for i in items)]
    (out / "a.csv").write_text("\n".join(rows) + "\n")
    assert assay.certify(out, answers=out / "a.csv", alpha=0.2).status == "granted"
    return out


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_mine.py").write_text(TEST)
    # an installed assay registers the plugin by itself, and pytest takes no plugin twice
    installed = any(e.name == "assay" for e in metadata.entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "assay.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": SOURCE}
    )


def test_a_certified_run_passes_and_every_session_is_a_test(certified, tmp_path):
    done = ran(tmp_path, "--assay-run", str(certified))
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


def test_a_run_without_certificate_fails_and_says_why(tmp_path):
    tiny_run(tmp_path / "run", n=3)
    done = ran(tmp_path, "--assay-run", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "no granted claim of an error of at most 0.2" in done.stdout
    assert "3 passed" in done.stdout


def test_without_a_run_the_tests_are_skipped(tmp_path):
    assert "2 skipped" in ran(tmp_path).stdout


def test_what_is_missing_is_said(certified):
    assert_certified(certified, max_error=0.2, names=["core_act"], min_share=0.9)
    with pytest.raises(AssertionError, match=r"at most 0\.05"):
        assert_certified(certified)
    with pytest.raises(AssertionError, match="covers goal"):
        assert_certified(certified, max_error=0.2, names=["goal"])
    with pytest.raises(AssertionError, match="labels certified"):
        assert_certified(certified, max_error=0.2, min_share=0.99)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises((BadInput, OSError)):
        assert_certified(tmp_path)
