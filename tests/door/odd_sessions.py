"""Sessions that no check was made for: each has something missing, too much of something, or two of a kind."""

from typing import Any

LONG = 5_000
WORDS = 10_000


def turn(speaker: str, text: str, **labels: Any) -> dict[str, Any]:
    return {"speaker": speaker, "text": text, "labels": labels}


def talk(n: int, **labels: Any) -> list[dict[str, Any]]:
    """n turns, the user's labelled."""
    said = ("I want to book a table for two", "for tonight at seven please", "thank you, that is all")
    rest = ("near the sea", "with my dog", "and no garlic", "if there is room", "in the open")
    return [
        turn("user", f"{said[i // 2 % 3]} {rest[i // 6 % 5]}", **labels)
        if i % 2 == 0
        else turn("assistant", f"Noted{f' as {i}' if i % 50 == 1 else ''}.")
        for i in range(n)
    ]


def odd_sessions() -> list[dict[str, Any]]:
    """One session for each oddity, by what its id says."""
    persona = " ".join(f"I have been to town number {i}." for i in range(WORDS // 7 + 1))
    return [
        {"id": "one-speaker", "turns": [turn("user", f"line {i} of mine", act="inform") for i in range(6)]},
        {"id": "no-user-turn", "turns": [turn("assistant", f"Is anybody there, {i}?") for i in range(4)],
         "private": {"assistant": {"limit": "floor 300"}}},
        {"id": "no-turns", "turns": [], "session_labels": {"goal": "book"}},
        {"id": "one-turn", "turns": [turn("user", "hello", act="greet")]},
        {"id": "5000-turns", "turns": talk(LONG, act="request"), "session_labels": {"goal": "book"},
         "private": {"user": {"instruction": "You want a table for two tonight.", "code": "AB-7731"}}},
        {"id": "labels-on-some-turns", "turns": [*talk(2, act="inform"), *talk(6), *talk(2, act="request")]},
        {"id": "names-differ-by-case", "turns": talk(4, act="inform", Act="INFORM", ACT="Inform"),
         "session_labels": {"Goal": "book", "goal": "cancel"}},
        {"id": "mixed-types", "turns": [
            turn("user", "one", stars=1), turn("assistant", "ok"), turn("user", "two", stars="2"),
            turn("user", "three", stars=3.5), turn("user", "none", stars=None), turn("user", "yes", stars=True),
            turn("user", "many", stars=["a", 1, None]), turn("user", "deep", stars={"x": {"y": [1, "b"]}}),
        ]},
        {"id": "empty-private-fact", "turns": talk(4, act="inform"),
         "private": {"user": {"secret": "", "pin": "   ", "list": [], "none": None, "table": {}}}},
        {"id": "empty-persona", "turns": talk(4, act="inform"), "private": {"user": {"persona": ["", "  "]}}},
        {"id": "persona-of-10000-words", "turns": talk(6, act="inform"), "private": {"user": {"persona": persona}}},
        {"id": "blank-turns", "turns": [turn("user", "", act="inform"), turn("assistant", ""), turn("user", " \n ")]},
        {"id": "only-tools", "turns": [turn("tool", "{}"), turn("tool", "null")]},
        {"id": "numbers-as-facts", "turns": talk(4), "private": {"user": {"age": 34, "ratio": 0.5, "yes": True}}},
    ]  # fmt: skip
