"""Script mode: whatever the one call answers, no session is lost, and what could not be used is counted."""

import asyncio
from collections.abc import Callable

import pytest

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.records.session import Session
from assay.simulation.assistants import reference_assistant
from assay.simulation.modes import simulate_any
from assay.simulation.one import Parts
from assay.simulation.script import Brief, brief, grammar, parse, script_one
from assay.simulation.wording import MAX_CHARACTERS, says

BOOK = load_blueprint("returns")


def parts(answer: Callable[[Brief], str] | None, seen: list[Brief] | None = None) -> Parts:
    def writer(_: object) -> object:
        async def write(asked: Brief) -> tuple[str, str]:
            if seen is not None:
                seen.append(asked)
            return answer(asked) if answer else "", "k"

        return write

    return Parts(
        assistant=lambda s, rng: reference_assistant(BOOK, s, rng), say=None, mode="script",
        write=writer if answer is not None else None,
    )  # fmt: skip


def script(answer: Callable[[Brief], str] | None, number: int = 3, seen: list[Brief] | None = None) -> Session:
    return asyncio.run(script_one(BOOK, author_one(BOOK, 1, number), parts(answer, seen)))


def plan_lines(asked: Brief) -> list[str]:
    return [line for line in asked.prompt.split("plan:\n")[1].split("\n\n")[0].splitlines()]


def obedient(asked: Brief) -> str:
    return "\n".join(f"{line.split()[1]} say {line.split(':')[1].strip()}" for line in plan_lines(asked))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "I can't help with that.",
        "{}",
        "customer",
        "```\n```",
        "\x00\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_what_cannot_be_parsed_is_flagged_and_worded_by_templates(text: str) -> None:
    made = script(lambda _: text)
    assert made.extra["script"]["unparsable"] is True
    assert {t.realised_by for t in made.turns} == {"template"}
    assert made.extra["script"]["replaced"] == {"line_missing": len(made.turns)}
    assert made.end == made.extra["script"]["planned_end"]
    assert made.prompts == {}


def test_a_script_that_breaks_off_keeps_what_it_has() -> None:
    made = script(lambda b: "\n".join(obedient(b).splitlines()[:5]))
    assert [t.realised_by for t in made.turns[:6]] == ["model"] * 5 + ["template"]
    assert made.extra["script"]["replaced"] == {"line_missing": len(made.turns) - 5}
    assert not made.extra["script"]["unparsable"]
    assert made.turns[5].extra["guards_failed"] == ["line_missing"]


def test_lines_that_are_blank_or_without_end_are_replaced() -> None:
    def answer(asked: Brief) -> str:
        lines = obedient(asked).splitlines()
        lines[1] = "customer:"
        lines[3] = "customer: " + "x" * (MAX_CHARACTERS + 1)
        return "\n".join([*lines, *["customer: and more"] * 50])

    made = script(answer)
    assert made.extra["script"]["replaced"] == {"blank": 1, "too_long": 1}
    assert made.extra["script"]["lines"] == len(made.turns) + 50
    assert all("and more" not in t.text for t in made.turns)


def test_speaker_marks_are_read_in_whatever_dress() -> None:
    text = (
        "Sure! Here is the chat:\n\n**Assistant:** Hello there!\n2. Customer (tired): hi\nplease help\n[sighs]\n"
        "acts: inform\n- AGENT: which one?\n> user: the kettle\n```\nScript: end\nCaller: bye"
    )
    assert parse(text) == [
        ("assistant", "Hello there!"), ("user", "hi please help"), ("assistant", "which one?"), ("user", "the kettle"),
        ("user", "bye"),
    ]  # fmt: skip


def test_words_about_a_customer_are_no_speaker_mark() -> None:
    assert parse("assistant: Our customers like it\ncustomer service is closed") == [
        ("assistant", "Our customers like it customer service is closed")
    ]


def test_labels_are_the_plan_and_the_outcome_is_read_from_the_words() -> None:
    made = script(obedient)
    plain = script(None)
    assert [t.labels for t in made.turns] == [t.labels for t in plain.turns]
    assert all(t.realised_by == "model" for t in made.turns)
    assert set(made.prompts.values()) == {"k"}
    assert len(made.prompts) == len(made.turns)

    def silent(asked: Brief) -> str:
        return "\n".join("assistant: hm" if "assistant" in x else "customer: hm" for x in plan_lines(asked))

    lost = script(silent)
    assert lost.extra["script"]["planned_end"] == "resolved"
    assert lost.end == "gave_up"


def test_the_record_says_what_it_is() -> None:
    made = script(obedient)
    assert (made.mode, made.non_interference) == ("script", False)
    assert all(k.how == "view" and k.from_turn == 0 for k in made.knowledge)


def test_the_writer_sees_both_sides() -> None:
    seen: list[Brief] = []
    script(obedient, seen=seen)
    s = author_one(BOOK, 1, 3)
    for value in (*s.facts["user"].values(), *s.facts["assistant"].values(), *s.world.values()):
        assert says(seen[0].prompt, str(value)) or str(value) in seen[0].prompt


def test_one_call_a_session_and_it_is_bounded() -> None:
    for number in range(20):
        seen: list[Brief] = []
        made = script(obedient, number, seen)
        assert len(seen) == 1
        assert seen[0].max_tokens <= 1200
        assert len(made.turns) <= 2 * BOOK.max_user_turns


def test_the_grammar_gives_every_step_its_speaker_and_survives_odd_values() -> None:
    text = grammar([("assistant", "opens"), ("user", 'inform(name = "a\\b")')])
    assert 'customer:"' in text
    assert '\\"a\\\\b\\"' in text
    assert text.count("words") == 3
    planned = asyncio.run(simulate_any(BOOK, author_one(BOOK, 1, 3), Parts(
        assistant=lambda s, rng: reference_assistant(BOOK, s, rng), say=None)))  # fmt: skip
    made = brief(BOOK, author_one(BOOK, 1, 3), planned)
    assert made.grammar.count("acts: ") == len(planned.turns) - 1


def test_same_answer_same_session() -> None:
    assert script(obedient).row() == script(obedient).row()
