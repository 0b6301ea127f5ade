"""From the name of a model on the command line to a Model."""

import importlib
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.models.model import Model

NAMES = (
    "embedded                  the bundled SmolLM2-135M with its adapter",
    "embedded-base             the same without the adapter",
    "embedded:FILE             the same with an adapter of yours (GGUF)",
    "openai:NAME               OPENAI_BASE_URL, OPENAI_API_KEY",
    "openai:NAME@URL           another OpenAI-compatible endpoint",
    "python:module:callable    a function from messages to a text",
    "http:FILE.yaml            an assistant with an HTTP interface of its own, described in the file",
)
"""What can be asked for, one line each."""


def resolve(spec: str, *, slots: int | None = None) -> Model:
    """The model of a name. `slots`: calls in flight, None for the model's own default.

    Raises BadInput for an unknown name (with the list), a missing package, module or URL.
    """
    kind, _, rest = spec.partition(":")
    if spec in ("embedded", "embedded-base") or (kind == "embedded" and rest):
        from assay.models.embedded import EmbeddedModel

        return EmbeddedModel(spec, slots=slots)
    if kind == "openai" and rest:
        from assay.models.endpoint import EndpointModel, endpoint_of

        return EndpointModel(endpoint_of(rest), slots=slots)
    if kind == "python" and rest:
        from assay.models.python import PythonModel

        return PythonModel(spec, load_callable(rest), slots=slots)
    if kind == "http" and rest:
        from assay.models.http_assistant import HttpModel, read_spec

        return HttpModel(spec, read_spec(rest), slots=slots)
    if kind == "scripted":
        from assay.models.scripted import ScriptedModel

        return ScriptedModel(load_callable(rest), slots=slots or 8) if rest else ScriptedModel(slots=slots or 8)
    plugin = _plugin(kind)
    if plugin is not None:
        made: Model = plugin(spec, slots=slots)
        return made
    listed = "\n".join(f"     {line}" for line in NAMES)
    raise BadInput(f"no model {spec!r}", where="--model, --judge or --assistant", now=f"one of\n{listed}")


def load_callable(rest: str) -> Callable[..., Any]:
    """The object `module:name`. Modules of the current folder are found. Raises BadInput when it is not there."""
    module, _, name = rest.partition(":")
    where, now = f"python:{rest}", "python:module:callable, e.g. python:my_bot:answer"
    if not module or not name:
        raise BadInput("a python model needs a module and a name", where=where, now=now)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise BadInput(f"cannot import {module}: {error}", where=where, now=now) from error
    target: Any = found
    for part in name.split("."):
        target = getattr(target, part, None)
    if not callable(target):
        raise BadInput(f"{module} has no callable {name!r}", where=where, now=now)
    return target  # type: ignore[no-any-return]


def _plugin(kind: str) -> Callable[..., Any] | None:
    for entry in metadata.entry_points(group="assay.models"):
        if entry.name == kind:
            return entry.load()  # type: ignore[no-any-return]
    return None
