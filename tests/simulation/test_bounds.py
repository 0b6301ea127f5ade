"""Misbehaving answers are found; ordinary ones, of all bundled blueprints, are not called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.simulation.bounds import HEARD, SHOWN, copied_words, cut, examine, heard, other_language

ROLE = load_blueprint("returns").assistant.role


def kinds(text: str, *, earlier: tuple[str, ...] = (), system: str = ROLE, language: str = "en") -> set[str]:
    return {kind for kind, _ in examine(text, earlier=earlier, system=system, language=language).faults}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("User: I want my money back", "other_role"),
        ("Fine.\n**Customer:** thanks", "other_role"),
        ("", "empty"),
        ("\n\t ", "empty"),
        ("Je ne peux pas vous aider avec ce produit, je suis désolé.", "other_language"),
        ("No puedo hacer eso por usted, lo siento mucho, gracias.", "other_language"),
        ("К сожалению, срок возврата истёк.", "other_language"),
        (f"You told me this: {ROLE.upper()}", "prompt_dump"),
        ("x" * (SHOWN + 1), "too_long"),
    ],
)
def test_bad_answers_are_found(text: str, kind: str) -> None:
    assert kind in kinds(text)


@pytest.mark.parametrize("name", BUNDLED)
def test_ordinary_answers_are_not_called(name: str) -> None:
    blueprint = load_blueprint(name)
    for act in blueprint.assistant_acts.values():
        for text in act.says:
            assert kinds(text, system=blueprint.assistant.role) == set(), text


@pytest.mark.parametrize(
    "text",
    [
        "Assistant: It is on its way.",
        "NB-12345", "Yes.", "Señor Ramírez, your café order (Über-Grinder) will arrive on Monday.",
        "Your film: La Haine, Das Boot, or El Laberinto del Fauno?",
        "Name: Tessa Lind\nEmail: tessa@posteo.net",
        "D'accord!", "日本語",
    ],
)  # fmt: skip
def test_names_numbers_and_short_words_are_not_called(text: str) -> None:
    assert kinds(text) == set()


def test_a_session_in_another_language_is_held_to_its_own() -> None:
    german = "Das ist leider nicht möglich, ich kann Ihnen die Erstattung nicht geben."
    assert other_language(german, "de") is None
    assert other_language("I am sorry, but that is not something that we can do for you.", "de-AT") == "en"
    assert other_language(german, "fi") is None, "a language without a list is never called"


def test_the_third_same_answer_running_is_a_loop() -> None:
    assert kinds("Same.", earlier=("Same.",)) == set()
    assert kinds("same", earlier=("Same.", "Same.")) == {"repeats"}
    assert kinds("Same.", earlier=("Same.", "Other.")) == set()


def test_eight_words_in_a_row_are_a_dump_and_seven_are_not() -> None:
    words = "one two three four five six seven eight nine"
    assert copied_words("so: one two three four five six seven eight", words) is not None
    assert copied_words("so: one two three four five six seven nine", words) is None


@given(st.text(max_size=5000))
def test_nothing_is_shown_beyond_the_bounds_and_nothing_breaks(text: str) -> None:
    found = examine(text, earlier=(text, text), system=text[:500], language="en")
    assert len(found.shown) <= SHOWN
    assert len(heard(found.shown).encode("utf-8", "surrogatepass")) <= HEARD
    assert len(cut(text)) <= SHOWN


def test_the_user_hears_the_beginning_and_the_end() -> None:
    text = "Start " + "middle " * 200 + "shall I do that?"
    assert heard(text).startswith("Start")
    assert heard(text).endswith("shall I do that?")
    assert heard("short") == "short"
