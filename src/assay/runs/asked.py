"""Models that a run folder names: used only where a person on this machine asked for them.

A run folder is data, and may come from a stranger. Its run.json names the models to go on with, and three kinds of
names do something to whoever follows them: `python:module:callable` runs code, `openai:NAME@URL` and `http:FILE` send
text and a key to an address, a path loads a file. So the person who starts a run leaves a mark in run.json that only
this machine can make, and without it these names are refused until they are asked for.
"""

import hmac
import json
import os
import uuid
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from assay.errors import RunMismatch
from assay.models.names import EMBEDDED, model_of

ALLOW = "ASSAY_TRUST_FOLDER"
"""Environment variable that lets a folder's models in: 1."""
HARMLESS = ("template", "reference", "given", *EMBEDDED)
MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def reaching(specs: Iterable[str | None]) -> list[str]:
    """Names that run code, reach an address of their own, or load a file; sorted."""
    bare = {s: model_of(s) for s in specs if s}
    return sorted(s for s, b in bare.items() if b not in HARMLESS and not (b.startswith("openai:") and "@" not in b))


def mark_of(specs: Iterable[str | None]) -> str:
    """What this machine's user writes beside the names he asked for; nothing where there is nothing to ask."""
    wanted = reaching(specs)
    return hmac.new(_machine(), json.dumps(["assay", wanted]).encode(), sha256).hexdigest() if wanted else ""


def check_asked(specs: Iterable[str | None], mark: object, where: Path) -> None:
    """Raises RunMismatch for names of a folder that nobody asked for on this machine."""
    specs = list(specs)
    wanted = reaching(specs)
    if not wanted or os.environ.get(ALLOW) == "1":
        return
    if not isinstance(mark, str) or not hmac.compare_digest(mark.encode(), mark_of(specs).encode()):
        raise RunMismatch(
            f"this folder names {', '.join(wanted)}, and was not begun on this machine",
            where=str(where),
            now=f"that runs code or sends text to an address; if you trust it: {ALLOW}=1 before the same command",
        )


def _machine() -> bytes:
    """What is known on this machine only, and to this user."""
    for path in MACHINE:
        try:
            if held := path.read_text(encoding="ascii").strip():
                return f"{held}:{os.getuid()}".encode()
        except (OSError, UnicodeDecodeError):
            continue
    return f"{uuid.getnode()}:{os.getuid()}".encode()
