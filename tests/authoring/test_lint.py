# ruff: noqa: E501  (the tables below hold one case a line)
"""Each AU code with a blueprint that breaks exactly it; the bundled ones are clean."""

import asyncio
from pathlib import Path

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.lint import lint
from assay.authoring.meanings import contradict, meaning, years
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import Attribute, Slot
from assay.records.scenario import Scenario
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one

TINY = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")

BROKEN = {
    "slot that no goal pins": (
        "AU01", "slots.colour", "  card: {words: card number", "  colour: {words: colour, values: [red, blue]}\n  card: {words: card number",
    ),
    "mark that the act does not pin": ("AU01", "user_acts.give_book.says", '"It is {book}."', '"It is {book}, on {card}."'),
    "words without the labelled slot": ("AU01", "user_acts.give_book.says", '"I mean {book}."', '"That one."'),
    "mark that is drawn nowhere": ("AU01", "assistant_acts.lent.says", '"It is yours."', '"It is yours, {reader}."'),
    "free names no slot": ("AU01", "free", "constraints:", "free: [colour]\nconstraints:"),
    "age drawn twice": ("AU02", "context.age", "{given: profile.age_group, when: {18 to 40: {young adult: 1.0}, else: {older adult: 1.0}}}", "{values: [teenager, older adult]}"),
    "age against age": ("AU02", "context.age.when.41 or older", "else: {older adult: 1.0}", "else: {teenager: 1.0}"),
    "gender beside the built-in one": ("AU02", "profile.sex", "profile:\n", "profile:\n  sex: {values: [female, male]}\n"),
    "birth year against age": (
        "AU02", "profile.birth_year", "profile:\n", "profile:\n  birth_year: {values: [1950, 2000]}\n",
    ),
    "no denial": ("AU03", "assistant.flows.renew.deny", "renew: {cues: [renew], need: [card], test: free, done: lent, deny: deny}", "renew: {cues: [renew], need: [card], test: free, done: lent}"),
    "denial that refuses nothing": ("AU03", "assistant.flows.borrow.deny", "says that it is not possible, sets: refused,", "says that it is not possible,"),
    "nothing to deny": ("AU03", "assistant.flows.renew.test", "renew: {cues: [renew], need: [card], test: free,", "renew: {cues: [renew], need: [card],"),
    "always allowed": ("AU03", "assistant.flows.borrow.test", "free: {values: {yes: 0.7, no: 0.3}}", "free: {values: {yes: 1.0, no: 0.0}}"),
    "done that resolves nothing": ("AU03", "assistant.flows.borrow.done", "says that it is lent, sets: resolved,", "says that it is lent,"),
    "goal that is not understood": ("AU03", "assistant.flows.renew.cues", "cues: [renew]", "cues: [prolong]"),
    "gate that never opens": ("AU03", "facts.user.card.gate", "gate: {heard: [ask_card]}", "gate: {heard: [tell_due]}"),
    "question that nobody answers": ("AU03", "goals.renew.tell", "{when: {heard: ask_card}, do: {give_card: 1.0}}", "{when: {heard: ask_card, goal: borrow}, do: {give_card: 1.0}}"),
    "secret in a line of the assistant": ("AU04", "assistant_acts.close.says", 'means: ends, says: ["Goodbye."]', 'means: ends, says: ["Goodbye. Hides from the neighbours!"]'),
    "secret in the role": ("AU04", "assistant.role", "You are a librarian.", "You are a librarian. The reader lost the last one."),
    "secret in the world": ("AU04", "world.fields.due_day", "[Monday, Friday]", "[Monday, lost the last one]"),
    "number of the form of a private one": ("AU04", "assistant_acts.ask_card.says", '"Your card number, please?"', '"Your card number, like LC-123?"'),
    "resolved by saying hello": ("AU05", "assistant_acts.welcome.sets", "welcome: {like: greet, means: opens,", "welcome: {like: greet, means: opens, sets: resolved,"),
    "told everything unasked": ("AU05", "assistant_acts.ask_goal.tells", "means: asks what is wanted,", "means: asks what is wanted, tells: due_day,"),
    "goal without sub-goals": ("AU05", "goals.renew", "words: renew a loan, tell: [card]}", "words: renew a loan}"),
}  # fmt: skip


def talk(blueprint: Blueprint, scenario: Scenario) -> str:
    parts = Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=None)
    return str(asyncio.run(simulate_one(blueprint, scenario, parts)).end)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_blueprints_are_clean(name: str) -> None:
    assert lint(load_blueprint(name), talk) == []


def test_tiny_is_clean() -> None:
    assert lint(parse_blueprint(TINY), talk) == []


@pytest.mark.parametrize("case", BROKEN)
def test_breaks_exactly_one(case: str) -> None:
    code, field, old, new = BROKEN[case]
    assert TINY.count(old) == 1, "the swap must break exactly one place"
    found = lint(parse_blueprint(TINY.replace(old, new)))
    assert {f.code for f in found} == {code}, found
    assert field in {f.field for f in found}
    assert all(f.message for f in found)


def test_declared_free_is_not_reported() -> None:
    text = TINY.replace(
        "  card: {words: card number", "  colour: {words: colour, values: [red, blue]}\n  card: {words: card number"
    )
    assert lint(parse_blueprint(text + "free: [colour]\n")) == []


def test_a_constraint_between_the_two_settles_a_contradiction() -> None:
    text = TINY.replace("profile:\n", "profile:\n  sex: {values: [female, male]}\n") + (
        "  - {forbid: {profile.sex: female, context.gender: man}, why: one person}\n"
    )
    assert lint(parse_blueprint(text)) == []


def test_both_hanging_on_a_third_is_no_contradiction() -> None:
    text = TINY.replace(
        "  card: {words: card number",
        "  born: {words: year of birth, given: profile.age_group, when: {18 to 40: [1990, 2000], else: [1950, 1960]}}\n"
        "  card: {words: card number",
    )
    assert lint(parse_blueprint(text + "free: [born]\n")) == []


def test_walking_finds_what_the_tables_cannot_show() -> None:
    """Every table is in order, but the user always leaves before the assistant can deny."""
    text = TINY.replace(
        "{when: {heard: ask_card}, do: {give_card: 1.0}}", "{when: {heard: ask_card, said: bye}, do: {give_card: 1.0}}"
    )
    blueprint = parse_blueprint(text)
    assert lint(blueprint) == []
    found = lint(blueprint, talk)
    assert {(f.code, f.field) for f in found} == {("AU03", "goals.borrow"), ("AU03", "goals.renew")}
    assert {f.message.split()[0] for f in found} == {"resolved", "refused"}
    assert "ends seen: gave_up" in found[0].message


def test_findings_come_in_the_order_of_the_codes() -> None:
    text = TINY
    for case in (
        "no denial",
        "secret in the role",
        "gender beside the built-in one",
        "resolved by saying hello",
        "free names no slot",
    ):
        _, _, old, new = BROKEN[case]
        text = text.replace(old, new)
    codes = [f.code for f in lint(parse_blueprint(text), talk)]
    assert codes == sorted(codes)
    assert set(codes) == {"AU01", "AU02", "AU03", "AU04", "AU05"}


def test_a_catalogue_column_is_vocabulary_but_other_text_is_not() -> None:
    movies = load_blueprint("movies")
    assert any(row["mood"] == "light" for row in movies.world.rows)
    rows = ({**movies.world.rows[0], "era": "a light nineties film"}, *movies.world.rows[1:])
    leaky = movies.model_copy(update={"world": movies.world.model_copy(update={"rows": rows})})
    assert [(f.code, f.field) for f in lint(leaky)] == [("AU04", "world.rows.0.era")]


@pytest.mark.parametrize(
    ("value", "span"),
    [("18 to 29", (18, 29)), ("70 or older", (70, 120)), ("under 18", (0, 18)), ("41", (41, 41)), ("1950", (72, 80)), ("12 May 1950", (72, 80)), ("teenager", (13, 19)), ("blue", None)],
)  # fmt: skip
def test_years(value: str, span: tuple[float, float] | None) -> None:
    assert years(value) == span


def test_meanings() -> None:
    words = Attribute(values={"teenager": 0.5, "older adult": 0.5})
    assert meaning("profile.who", words) == "age"
    assert meaning("slots.dob", Slot(pattern="####")) == "age"
    assert meaning("slots.x", Slot(pattern="####", words="date of birth")) == "age"
    assert meaning("profile.language", Attribute(values={"en": 1.0})) is None, "age inside a word is no age"
    assert contradict("age", "18 to 29", "1950")
    assert not contradict("age", "18 to 29", "2000")
    assert contradict("gender", "woman", "male")
    assert not contradict("gender", "woman", "somebody")
