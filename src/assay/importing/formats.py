"""The formats that can be read: name -> reader of a file's rows in the session form."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.importing.csv_rows import csv_rows
from assay.importing.hf import hf_rows
from assay.importing.inspect_logs import inspect_rows
from assay.importing.openai import openai_rows
from assay.importing.sdialog import sdialog_rows
from assay.importing.tau import tau_rows

Rows = Iterator[tuple[str, dict[str, Any]]]
Reader = Callable[[Path, Mapping[str, Any] | None], Rows]

READERS: dict[str, Reader] = {
    "openai": lambda file, mapping: openai_rows(file),
    "tau2": lambda file, mapping: tau_rows(file),
    "sdialog": lambda file, mapping: sdialog_rows(file),
    "inspect": lambda file, mapping: inspect_rows(file),
    "hf": hf_rows,
    "csv": csv_rows,
}
"""All but the session form, which `importing.sessions` reads itself."""

FORMATS = ("sessions", *READERS)
"""Names of the formats, as `assay import` takes them."""


def is_format(name: str) -> bool:
    """Whether `assay import` reads it: one of FORMATS, or a reader of somebody's own, `python:module:callable`."""
    return name in FORMATS or name.startswith("python:")


def reader_of(name: str) -> Reader | None:
    """The reader of a format; None for the session form. A reader of your own is called with the path of a file.

    Raises BadInput for a callable that is not there.
    """
    if not name.startswith("python:"):
        return READERS.get(name)
    from assay.models.resolve import load_callable

    own: Callable[[Path], Rows] = load_callable(name.partition(":")[2])
    return lambda file, mapping: own(file)
