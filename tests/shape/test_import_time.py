"""`import assay` is quick and light, and so is the help page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).parents[2] / "src")
HEAVY = ("torch", "ray", "sklearn", "scipy", "xllamacpp", "transformers", "pyarrow", "onnxruntime", "aiohttp", "numpy")
MOST_SECONDS = 0.4
"""User CPU time of the whole process, python's own start included."""


def spent(code: str) -> tuple[float, str]:
    """(user CPU seconds, output) of a python process; its own time, however busy the machine is."""
    read, write = os.pipe()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", code],
        {"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status, used = os.wait4(pid, 0)
    assert status == 0, text
    return used.ru_utime, text


SHOW = f"import sys; print(*sorted(m for m in {HEAVY!r} if m in sys.modules))"


@pytest.mark.parametrize(
    "code",
    [
        f"import assay; {SHOW}",
        f"import assay; dir(assay); assay.__version__; {SHOW}",
        f"import sys; from assay.cli.root import run; sys.stdout = sys.stderr; run(['--help']); "
        f"sys.stdout = sys.__stdout__; {SHOW}",
    ],
    ids=["import", "dir", "help"],
)
def test_importing_assay_is_quick_and_pulls_in_nothing_heavy(code: str) -> None:
    # once unmeasured, since byte code may have to be compiled first
    subprocess.run(
        [sys.executable, "-c", "import assay.cli.root"], env={**os.environ, "PYTHONPATH": SOURCE}, check=True
    )
    times, said = zip(*(spent(code) for _ in range(3)), strict=True)
    assert said[0].split() == []
    assert min(times) < MOST_SECONDS, f"{min(times):.2f} s of user CPU time"


def test_a_run_on_templates_pulls_in_no_training_or_engine() -> None:
    code = (
        "import sys, tempfile; from assay.testing import tiny_run; tiny_run(tempfile.mkdtemp() + '/r', n=1); "
        "print(*[m for m in ('torch', 'ray', 'transformers', 'xllamacpp') if m in sys.modules])"
    )
    assert spent(code)[1].split() == []


def test_the_test_can_fail() -> None:
    assert spent(f"import numpy; {SHOW}")[1].split() == ["numpy"]
