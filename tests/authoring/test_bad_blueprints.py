"""Every bad blueprint gives one error: what is wrong, file, line and field, and what to do now."""

from pathlib import Path

import pytest

from assay.authoring.blueprints import load_blueprint
from assay.errors import AssayError, BadBlueprint

TINY = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")

SWAPS = {
    "unknown field": ("title: A library desk", "title: A library desk\ncolour: red", "colour", "unknown field"),
    "unknown field deep down": ("pattern: ", "patern: ", "slots.card", ""),
    "probabilities": (
        "free: {values: {yes: 0.7, no: 0.3}}",
        "free: {values: {yes: 0.7, no: 0.4}}",
        "world.fields.free.values",
        "1.1",
    ),
    "negative probability": (
        "{rarely: 0.9, often: 0.1}",
        "{rarely: 1.1, often: -0.1}",
        "profile.visits.when",
        "negative",
    ),
    "values twice": ("[Monday, Friday]", "[Monday, Monday]", "world.fields.due_day.values", "twice"),
    "slot without values": ("[a novel, an atlas]", "[]", "slots.book.values", "no values"),
    "slot without anything": (
        "book: {words: book, values: [a novel, an atlas]}",
        "book: {words: book}",
        "slots.book",
        "exactly one of",
    ),
    "gate on no act": (
        "gate: {heard: [ask_card]}",
        "gate: {heard: [ask_kard]}",
        "facts.user.card.gate.heard",
        "ask_kard",
    ),
    "policy with no act": (
        "{heard: ask_book}, do: {give_book: 1.0}",
        "{heard: ask_book}, do: {give_bok: 1.0}",
        "policy.1.do",
        "give_bok",
    ),
    "policy hears no act": ("{heard: ask_book}", "{heard: ask_bok}", "policy.1.when.heard", "ask_bok"),
    "policy sees the world": (
        "{heard: ask_book}",
        "{world.free: yes}",
        "policy.1.when.world.free",
        "does not see the world",
    ),
    "no core act": (
        "like: bye, means: ends the",
        "like: vanish, means: ends the",
        "user_acts.bye.like",
        "not a core act",
    ),
    "unreachable: nothing tells": ("learn: [due_day]", "learn: [fine]", "goals.borrow.learn", "unreachable"),
    "unreachable: no flow": (
        "    renew: {cues: [renew], need: [card], test: free, done: lent, deny: deny}\n",
        "",
        "goals.renew",
        "unreachable",
    ),
    "unreachable: never said": (
        "{heard: ask_book}, do: {give_book: 1.0}",
        "{heard: ask_book}, do: {bye: 1.0}",
        "goals.borrow.tell",
        "unreachable",
    ),
    "no refusal": (
        "words: renew a loan,",
        "words: renew a loan, ends: [resolved, gave_up],",
        "goals.renew.ends",
        "refused",
    ),
    "last row with a condition": (
        "  - {do: {bye: 1.0}}",
        "  - {when: {heard: ask_more}, do: {bye: 1.0}}",
        "policy.4",
        "last row",
    ),
    "cycle": (
        "age_group: {values: {18 to 40: 0.5, 41 or older: 0.5}}",
        "age_group: {given: profile.visits, when: {rarely: {18 to 40: 1.0}, else: {41 or older: 1.0}}}",
        "profile.age_group",
        "cycle",
    ),
    "given of nothing": (
        "visits: {given: profile.age_group",
        "visits: {given: context.mood",
        "profile.visits.given",
        "not drawn",
    ),
    "constraint": (
        "{forbid: {slots.book: an atlas, profile.visits: rarely}, why: atlases are for regulars}",
        "{forbid: {goal: [borrow, renew]}, why: closed}",
        "constraints.0",
        "cannot be satisfied",
    ),
    "field twice": ("schema: 1", "schema: 1\nname: tony", "name", "twice"),
}


def problem(tmp_path: Path, text: str) -> BadBlueprint:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadBlueprint) as caught:
        load_blueprint(file)
    assert caught.value.exit_code == 2
    assert str(file) in caught.value.where
    assert caught.value.now
    return caught.value


def test_the_unbroken_blueprint_loads(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TINY, encoding="utf-8")
    assert load_blueprint(file).name == "tiny"


@pytest.mark.parametrize("case", SWAPS)
def test_names_line_and_field(tmp_path: Path, case: str) -> None:
    old, new, field, words = SWAPS[case]
    assert TINY.count(old) == 1, "the swap must break exactly one place"
    error = problem(tmp_path, TINY.replace(old, new))
    assert error.what.startswith(field)
    assert words in error.what
    line = int(error.where.rsplit("line ", 1)[1])
    here = TINY[: TINY.index(old)].count("\n") + 1
    if "unreachable: no" in case:
        here = 1 + TINY[: TINY.index(f"  {field.split('.')[1]}: {{weight")].count("\n")
    if case in ("unreachable: nothing tells", "unreachable: never said"):
        here = 1 + TINY[: TINY.index("  borrow: {weight")].count("\n")
    assert here <= line <= here + 1 + (case == "field twice"), f"{error}"


def test_not_yaml(tmp_path: Path) -> None:
    error = problem(tmp_path, TINY.replace("[a novel, an atlas]", "[a novel, an atlas"))
    assert error.what.startswith("not YAML")
    assert "line 6" in error.where or "line 7" in error.where


def test_control_character(tmp_path: Path) -> None:
    error = problem(tmp_path, TINY.replace("A library desk", "A library\x00desk"))
    assert error.what.startswith("not YAML")
    assert "line 3" in error.where


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_not_a_mapping(tmp_path: Path, text: str) -> None:
    assert "mapping of fields" in problem(tmp_path, text).what


def test_anchor_of_itself(tmp_path: Path) -> None:
    assert "an alias inside of what it stands for" in problem(tmp_path, TINY + "free: &a [*a]\n").what


def test_not_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(BadBlueprint, match="cannot read"):
        load_blueprint(file)


def test_missing_field(tmp_path: Path) -> None:
    assert problem(tmp_path, TINY.replace("name: tiny\n", "")).what == "name: this field is missing"


def test_no_such_file_names_the_bundled_ones() -> None:
    with pytest.raises(AssayError, match="returns, movies, clinic"):
        load_blueprint("no-such-blueprint")
