"""The pytest plugin: sessions of a run as fixtures. Every pytest loads it where assay is installed: it imports late."""

from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """The option that names the run."""
    group = parser.getgroup("assay")
    group.addoption("--assay-run", metavar="DIR", default=None, help="run folder whose sessions `assay_session` gives")


def pytest_generate_tests(metafunc: Any) -> None:
    """One test per session for those that ask for `assay_session`."""
    if "assay_session" not in metafunc.fixturenames:
        return
    directory = metafunc.config.getoption("--assay-run")
    if directory is None:
        metafunc.parametrize("assay_session", [pytest.param(None, marks=pytest.mark.skip(reason="no --assay-run DIR"))])
        return
    from assay.records.storage import read

    sessions = list(read(directory, "sessions"))
    metafunc.parametrize("assay_session", sessions, ids=[s.id for s in sessions])


@pytest.fixture(scope="session")
def assay_run(request: Any) -> Path:
    """The folder given as --assay-run; without it the test is skipped."""
    directory = request.config.getoption("--assay-run")
    if directory is None:
        pytest.skip("no --assay-run DIR")
    return Path(directory)
