"""Scripted parties for whole runs: they answer from the request alone, and write down every call they receive."""

import os
import re
import time

from assay.models.model import Request, key_of
from assay.models.scripted import ScriptedModel
from assay.records.base import digest

OPENERS = {
    "greet": "Hello there.",
    "thank": "Thanks, that helps a lot.",
    "say goodbye": "That is all, bye.",
    "accept": "Yes, please do that.",
    "reject": "No, I would rather not.",
    "confirm": "Yes, that is right.",
    "deny": "No, that is not right.",
}
"""Act in the prompt -> words that pass its guard."""


def _received(script: object, request: Request) -> int:
    """Log the call's ledger key, wait a little, and return a number drawn by the request."""
    identity = ScriptedModel(script).identity()  # type: ignore[arg-type]
    if log := os.environ.get("FAKE_USER_LOG"):
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{key_of(identity, request)}\n".encode())
        os.close(handle)
    time.sleep(float(os.environ.get("FAKE_USER_DELAY", "0")))
    return int(digest(request.content())[:8], 16)


def _acts(prompt: str) -> tuple[str, list[str], str]:
    """(act, values to say, detail) of the turn that is to be worded."""
    line = prompt.rsplit("acts: ", 1)[-1].split("\n")[0]
    name, _, inside = line.partition("(")
    parts = [p.strip() for p in inside.rstrip(")").split(",") if p.strip()]
    values = [p.split(" = ", 1)[1] for p in parts if " = " in p]
    return name.strip(), values, " ".join(p for p in parts if " = " not in p)


def speak(request: Request) -> str:
    """Words for a user's turn; about a quarter of the candidates fail a guard. Readers get a letter."""
    drawn = _received(speak, request)
    if request.n_probs:
        return "AB"[drawn % 2]
    name, values, detail = _acts(request.prompt or "")
    if drawn % 4 == 0:
        return ("", "As an AI, I can help.", "My number is 998877", "Well then")[drawn // 4 % 4]
    said = [OPENERS.get(name, "What about this?" if name.startswith(("ask", "request")) else "I would like to say")]
    return " ".join([*said, detail, *values, ("today", "please", "now")[drawn % 3]]).strip()


def reply(request: Request) -> str:
    """A support agent that asks, offers and closes, by the length of the transcript."""
    drawn = _received(reply, request)
    turns = len([m for m in request.messages if m[0] == "user"])
    lines = ("Which order is it about?", "I can send you a refund, is that fine?", "Done, the refund is on its way.")
    return lines[min(turns, 3) - 1] if turns and drawn % 5 else "Anything else I can help with?"


def broken(request: Request) -> str:
    """A user model whose server is down."""
    raise AssertionError("never asked")


def polite_bot(messages: list[dict[str, str]]) -> str:
    """An assistant under test, as `--assistant python:fake_user:polite_bot`."""
    asked = [m["content"] for m in messages if m["role"] == "user"]
    number = re.search(r"[A-Z]{2}-?\d+", " ".join(asked))
    if len(asked) < 2 or not number:
        return "Which order number is it, please?"
    return "I have put the refund through for you." if len(asked) < 4 else "Thank you for your patience, goodbye."


def fails_now_and_then(messages: list[dict[str, str]]) -> str:
    """An assistant that breaks down while the file FAKE_BOT_DOWN names exists, for customers who are annoyed."""
    if os.path.exists(os.environ.get("FAKE_BOT_DOWN", "")) and digest(messages[-1]["content"])[0] in "0123":
        raise RuntimeError("out of order")
    return polite_bot(messages)
