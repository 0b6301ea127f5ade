"""Bad layers: each gives one error with what, where (file, line, field) and what to do now."""

from pathlib import Path

import pytest

from assay.authoring.blueprints import parse_blueprint
from assay.authoring.one import author_one
from assay.errors import BadBlueprint, BadInput
from assay.records.scenario import Scenario
from assay.records.storage import read_rows

HERE = Path(__file__).parent
TINY = (HERE / "tiny.yaml").read_text(encoding="utf-8")
LAYERED = TINY + (HERE / "layered.yaml").read_text(encoding="utf-8")

SWAPS = {
    "topic without subtopics": (
        "{novels: 0.5, maps: 0.5}",
        "{novels: 0.4, maps: 0.4, globes: 0.2}",
        "layers.subtopics",
        "'globes' has no subtopics",
    ),
    "unknown topic": ("topic: maps", "topic: mapps", "layers.subtopics.a school project.topic", "no topic 'mapps'"),
    "no topic at all": ("topic: [novels, maps]", "topic: []", "layers.subtopics.a gift for an aunt.topic", "no topic"),
    "persona above 1": ("{extraversion: 0.9}", "{extraversion: 1.2}", "big_five", "outside [0, 1]"),
    "persona below 0": ("{extraversion: 0.9}", "{extraversion: -0.1}", "big_five", "outside [0, 1]"),
    "unknown trait": ("{extraversion: 0.9}", "{charm: 0.9}", "big_five", "not a Big Five trait"),
    "subtopic twice": ("a long train ride:", "A gift for  an Aunt:", "layers.subtopics", "the same subtopic"),
    "subtopic twice, same letters": ("a long train ride:", "a school project:", "a school project", "written twice"),
    "persona twice": (
        "[Builds bridges out of matchsticks.]",
        "[Builds bridges., builds bridges.]",
        "layers.subtopics.a school project.personas.1",
        "listed twice",
    ),
    "topic probabilities": ("{novels: 0.5, maps: 0.5}", "{novels: 0.5, maps: 0.6}", "layers.topics", "1.1"),
    "condition on an unknown goal": ("{goal: borrow}", "{goal: burrow}", "when.goal", "burrow"),
    "condition on the world": ("{goal: borrow}", "{world.free: yes}", "when.world.free", "user's own draw"),
    "condition on the talk": ("{goal: borrow}", "{heard: ask_card}", "when.heard", "user's own draw"),
    "weight of nothing": ("topic: maps", "topic: maps\n      weight: 0", "weight", "greater than 0"),
    "too many to grow": ("layers:", "layers:\n  grow: {subtopics: 51}", "layers.grow.subtopics", "50"),
    "topics said twice": (
        "context:\n",
        "context:\n  topic: {values: [novels, maps]}\n",
        "layers.topics",
        "drawn already",
    ),
    "subtopics without topics": (
        "  topics: {novels: 0.5, maps: 0.5}\n",
        "",
        "layers.subtopics",
        "no topic they could belong to",
    ),
}


def test_the_whole_one_is_fine() -> None:
    assert author_one(parse_blueprint(LAYERED), 1, 0).subtopic


@pytest.mark.parametrize("case", SWAPS)
def test_says_what_and_where(case: str) -> None:
    old, new, field, message = SWAPS[case]
    assert LAYERED.count(old) == 1
    with pytest.raises(BadBlueprint) as caught:
        parse_blueprint(LAYERED.replace(old, new), "mine.yaml")
    assert field in caught.value.what, caught.value.what
    assert message in caught.value.what
    assert "mine.yaml, line " in caught.value.where
    assert caught.value.now


def test_a_draw_that_no_subtopic_fits() -> None:
    text = LAYERED.replace("topic: [novels, maps]", "topic: [novels, maps]\n      when: {slots.book: a novel}")
    text = text.replace("topic: novels", "topic: novels\n      when: {slots.book: a novel}")
    text = text.replace("when: {goal: borrow}", "when: {slots.book: a novel}")
    text = text[: text.index("constraints:")] + text[text.index("layers:") :]
    some = [author_one(parse_blueprint(text), 1, i) for i in range(40)]
    assert sum(s.rejected for s in some) > 10
    assert all(s.slots.get("book", "a novel") == "a novel" for s in some)
    with pytest.raises(BadBlueprint, match="no subtopic fits: 1000 of 1000") as caught:
        parse_blueprint(text.replace("values: [a novel, an atlas]", "values: {a novel: 0, an atlas: 1}"))
    assert "layers.subtopics" in caught.value.where
    assert "without `when`" in caught.value.now


def test_a_stored_persona_outside_the_unit_interval(tmp_path: Path) -> None:
    scenario = author_one(parse_blueprint(LAYERED), 1, 0)
    path = tmp_path / "scenarios.jsonl"
    for value in ("1.2", "-0.2"):
        good = scenario.line()
        bad = good.replace(f'"openness":{scenario.persona["openness"]}', f'"openness":{value}')
        assert bad != good
        path.write_text(bad + "\n", encoding="utf-8")
        with pytest.raises(BadInput, match=r"persona\.openness") as caught:
            list(read_rows(path, Scenario))
        assert "line 1" in caught.value.where
