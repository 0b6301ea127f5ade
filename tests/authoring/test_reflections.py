"""Thoughts over the context fields: given values, kept apart from every word of the dialogue."""

import asyncio

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.authoring.priors import CONTEXT_POOLS
from assay.authoring.reflections import (
    HEADER_WORDS,
    PLAIN,
    RULES,
    read_reflection,
    reflect,
    reflect_with,
    reflection_prompt,
)
from assay.learning.pools import SITUATIONS
from assay.records.blueprint_parts import CONTEXT_FIELDS
from assay.records.scenario import Scenario
from assay.simulation.assistants import Assistant, Reply, reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.views import AssistantView, user_header

CONTEXT = {"age": "young adult", "emotion": "tired", "formality": "casual", "location": "in a cafe", "topic": "novels"}


def test_one_thought_for_each_field_in_order_with_its_drawn_value() -> None:
    for name in BUNDLED:
        s = author_one(load_blueprint(name), 4, 2)
        assert [t.field for t in s.reflection] == list(CONTEXT_FIELDS)
        assert {t.field: t.value for t in s.reflection} == s.context
        assert all(t.consequence.endswith(".") for t in s.reflection)


def test_rules_know_every_built_in_value() -> None:
    for field, pool in CONTEXT_POOLS.items():
        if RULES[field]:
            assert set(RULES[field]) == set(pool), field
        assert "{value}" in PLAIN[field]
    words = {w for rules in RULES.values() for _, ws in rules.values() for w in ws}
    assert words <= {w for ws in HEADER_WORDS.values() for w in ws}
    # the words of the situation are those that the user adapter was trained with
    assert {w for f, ws in HEADER_WORDS.items() if f != "formality" for w in ws} <= set(SITUATIONS)


def test_a_value_of_the_blueprints_own() -> None:
    thought = reflect({"location": "in the garden", "emotion": "curious"})
    assert [(t.value, t.words) for t in thought] == [("curious", ("curious",)), ("in the garden", ())]
    assert "in the garden" in thought[1].consequence


def test_the_model_is_given_the_values_and_cannot_change_them() -> None:
    asked: list[str] = []

    def write(prompt: str) -> str:
        asked.append(prompt)
        return (
            "Sure!\n1. The person is really seventy years old.\n2. Writes very little. [bored]\n"
            "3. Writes in capitals. [careful, casual]\n4) Hears many cups. [on the moon]\n"
        )

    thoughts, missing = reflect_with(write, CONTEXT, "library desk")
    assert all(f"{f}: {v}" in asked[0] for f, v in CONTEXT.items())
    assert [(t.field, t.value) for t in thoughts] == [
        ("age", "young adult"), ("emotion", "tired"), ("formality", "casual"), ("topic", "novels"),
        ("location", "in a cafe"),
    ]  # fmt: skip
    by = {t.field: t for t in thoughts}
    assert by["age"].consequence == "The person is really seventy years old."
    assert by["emotion"].words == ("bored",)
    assert by["formality"].words == ("careful",)
    # numbered 4 is the topic, which has no words; the location was left out and is by rule
    assert by["topic"].words == ()
    assert missing == ("location",)
    assert by["location"] == reflect({"location": "in a cafe"})[0]


@pytest.mark.parametrize(
    "rubbish", ["", "I cannot do that.", "1.", "1. Yes.", "x" * 20_000, "1. " + "word " * 200, "{}[]"]
)  # fmt: skip
def test_rubbish_is_by_rule_and_said(rubbish: str) -> None:
    thoughts, missing = read_reflection(rubbish, CONTEXT)
    assert thoughts == reflect(CONTEXT)
    assert set(missing) == set(CONTEXT)


def test_the_prompt_asks_for_nothing_to_be_assumed() -> None:
    prompt = reflection_prompt(CONTEXT, "library desk")
    assert "fixed" in prompt
    assert "assume" not in prompt.lower()


class Watching:
    """An assistant that keeps its views."""

    def __init__(self, inner: Assistant, views: list[str]) -> None:
        self.inner, self.views = inner, views

    async def reply(self, view: AssistantView) -> Reply:
        self.views.append(repr(view))
        return await self.inner.reply(view)


@pytest.mark.parametrize("name", BUNDLED)
def test_no_thought_reaches_a_word_a_prompt_or_the_assistant(name: str) -> None:
    """Sentences are replaced by marks; neither prompts nor views nor the session may hold any of them."""
    blueprint = load_blueprint(name)
    for i in range(8):
        s = author_one(blueprint, 6, i)
        marked = s.model_copy(
            update={
                "reflection": tuple(
                    t.model_copy(update={"consequence": f"zqmark {t.field} {t.consequence}"}) for t in s.reflection
                )
            }
        )
        held = everything(blueprint, marked)
        assert "zqmark" not in held
        for t in s.reflection:
            assert t.consequence not in held
        for line in (*s.behaviours.values(), s.persona_line):
            assert line not in held.replace(f"'line': {line!r}", "")
        assert everything(blueprint, s) == held
        header = user_header(blueprint, s)
        assert set(header.situation) <= set(SITUATIONS)


def everything(blueprint: object, s: Scenario) -> str:
    """Transcript, prompts of the user and views of the assistant of one session, worded by an echo of the prompt."""
    prompts: list[str] = []
    views: list[str] = []

    async def say(prompt: str, number: int) -> tuple[str, str]:
        prompts.append(prompt)
        return "yes, no, thanks, when is that? bye", "key"

    parts = Parts(
        assistant=lambda x, rng: Watching(reference_assistant(blueprint, x, rng), views),  # type: ignore[arg-type]
        say=lambda _: say,
    )
    session = asyncio.run(simulate_one(blueprint, s, parts))  # type: ignore[arg-type]
    labels = {k: v for k, v in session.session_labels.items() if k != "persona"}
    return "\n".join([*(t.text for t in session.turns), *prompts, *views, repr(labels), repr(session.extra)])
