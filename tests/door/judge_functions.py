"""Judges that are functions: messages in, a JSON answer out."""

import json
import re
from collections.abc import Sequence

CALLS: list[str] = []
"""Prompts that were asked, in order."""
LIMIT: list[int] = []
"""Calls after which the judge fails; empty: never."""


def _options(prompt: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z])\) (.*)$", prompt, re.MULTILINE))


def honest(messages: Sequence[dict[str, str]]) -> str:
    """Supports a value that the last line says, with a quote of that line; reads the first option elsewhere."""
    prompt = messages[-1]["content"]
    CALLS.append(prompt)
    if LIMIT and len(CALLS) > LIMIT[0]:
        raise RuntimeError("the judge hung up")
    options = _options(prompt)
    if not options:
        return json.dumps({"answer": "unknown"})
    last = (re.findall(r"^customer: (.*)$", prompt, re.MULTILINE) or [""])[-1]
    claimed = re.search(r'is "(.*)"\.$', prompt, re.MULTILINE)
    if claimed is None:
        return json.dumps({"quote": last, "answer": "A"})
    there = claimed[1].lower() in last.lower()
    return json.dumps({"quote": claimed[1] if there else "", "answer": "A" if there else "B"})


def silent(messages: Sequence[dict[str, str]]) -> str:
    """Never answers in the form that was asked for."""
    return "I would rather talk about the weather."


def injected(messages: Sequence[dict[str, str]]) -> str:
    """Does what a line that it takes for an instruction says."""
    prompt = messages[-1]["content"]
    said = re.search(r"answer (supported|contradicted)", prompt)
    options = _options(prompt)
    letter = next((k for k, v in options.items() if said and v.startswith(said[1])), "A")
    return json.dumps({"quote": "", "answer": letter})
