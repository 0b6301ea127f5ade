"""Growing pools with a model: lists in any form are read, rubbish is counted, near-duplicates never get in."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.authoring.blueprints import parse_blueprint
from assay.authoring.growing import TRIES, grow, parse_list, usable
from assay.authoring.layers import Pools, own_pools
from assay.authoring.one import author_one
from assay.errors import BadInput
from assay.records.blueprint import Blueprint
from assay.records.layers import Grow

HERE = Path(__file__).parent
TINY = (HERE / "tiny.yaml").read_text(encoding="utf-8")
LAYERED = TINY + (HERE / "layered.yaml").read_text(encoding="utf-8")
THREE = ["a rainy week", "an exam tomorrow", "a new hobby"]


@pytest.mark.parametrize(
    "answer",
    [
        "1. a rainy week\n2. an exam tomorrow\n3. a new hobby",
        "Here you are:\n\n1) **a rainy week**\n2) an exam tomorrow\n 3) `a new hobby`\nHope that helps!",
        "- a rainy week\n* an exam tomorrow\n\u2022 a new hobby",
        '["a rainy week", "an exam tomorrow", "a new hobby"]',
        "subtopics = ['a rainy week', \"an exam tomorrow\", 'a new hobby'] # done",
        '```json\n[\n "a rainy week",\n "an exam tomorrow",\n "a new hobby"\n]\n```',
        '<think>1. something else\n2. ["not", "this"]</think>\n1. a rainy week\n2. an exam tomorrow\n3. a new hobby',
        "As asked [in the prompt]:\n(1) a rainy week\n(2) an exam tomorrow\n(3) a new hobby",
    ],
)
def test_lists_in_any_form(answer: str) -> None:
    assert parse_list(answer) == THREE


@pytest.mark.parametrize(
    "answer", ["", "I am sorry, I cannot help with that.", "[1, 2, 3]", "[]", "[[]]", "<think>1. endless", "a, b, c",
               "[" * 3000, "__import__('os').system('x')"],
)  # fmt: skip
def test_no_list_is_no_items(answer: str) -> None:
    assert parse_list(answer) == []


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert all(item == item.strip() and item for item in parse_list(text))


def test_usable_items() -> None:
    assert usable("a rainy week", 2, 14)
    assert not usable("rain", 2, 14)
    assert not usable("word " * 20, 2, 14)
    assert not usable("a {topic} of note", 2, 14)
    assert not usable("Subtopic 3:", 2, 14)


def run(blueprint: Blueprint, answer: Callable[[str, int], str], wanted: Grow) -> Pools:
    async def ask(prompt: str, number: int) -> str:
        return answer(prompt, number)

    return asyncio.run(grow(blueprint, own_pools(blueprint), ask, wanted))


PHRASES = {
    ("novels", "borrow"): "1. three weeks at sea\n2. curtains drawn since Monday\n",
    ("novels", "renew"): "1. forty pages left\n2. reading aloud to grandfather\n",
    ("maps", "borrow"): "1. hiking without signal\n2. tracing an old border\n",
    ("maps", "renew"): "1. still folding it wrong\n2. walls papered blue\n",
    ("globes", "borrow"): "1. spinning for fun\n",
    ("globes", "renew"): "1. one more lesson\n",
}


def scripted(prompt: str, number: int) -> str:
    """Subtopics that differ by topic and goal, with one that is there already; personas that differ by subtopic."""
    if "Topic: " in prompt:
        topic = prompt.split("Topic: ")[1].split(".")[0]
        return PHRASES[topic, "renew" if "renew" in prompt else "borrow"] + "3. a gift for an aunt\n4. x"
    about = prompt.split("Situation: ")[1][:9]
    return f"1. Sings of {about} all day long.\n2. Sings of {about} all night long.\n3. Owns nine very large umbrellas."


def test_what_grows_is_added_counted_and_drawn() -> None:
    blueprint = parse_blueprint(LAYERED)
    pools = run(blueprint, scripted, Grow(subtopics=3, personas=3))
    assert pools.grown["calls"] == 4 + len(pools.subtopics)
    assert pools.grown["malformed"] == 0
    assert pools.grown["unusable"] == 4
    assert pools.grown["subtopics"] == len(pools.subtopics) - 3 == 8
    assert pools.dropped == ()
    # the gift was there already: four times left out, and said
    assert sum(r.kind == "subtopic" and r.text == "a gift for an aunt" for r in pools.removed) == 4
    assert sum(r.kind == "persona" for r in pools.removed) == len(pools.subtopics)
    assert pools.subtopics["walls papered blue"].topic == ("maps",)
    assert pools.subtopics["walls papered blue"].when == {"goal": ("renew",)}
    seen = {author_one(blueprint, 1, i, pools).subtopic for i in range(200)}
    assert seen == set(pools.subtopics)
    plain = own_pools(blueprint)
    assert not plain.grown
    assert len(plain.subtopics) == 3


def test_some_rubbish_is_asked_again_counted_and_listed() -> None:
    def answer(prompt: str, number: int) -> str:
        if "Topic: maps" in prompt and "borrow" in prompt:
            return "no idea"
        return "nothing" if number == 0 else scripted(prompt, number)

    pools = run(parse_blueprint(LAYERED), answer, Grow(subtopics=2))
    assert pools.grown["malformed"] == TRIES + 3
    assert pools.grown["calls"] == TRIES + 6
    assert pools.dropped == ("subtopics of maps / borrow",)


def test_nothing_but_rubbish_is_an_error() -> None:
    with pytest.raises(BadInput, match=r"no usable list in 12 calls; the first answer: 'lorem ipsum'") as caught:
        run(parse_blueprint(LAYERED), lambda p, n: "lorem ipsum", Grow(subtopics=2))
    assert caught.value.where == "layers.grow"
    assert "--grow-with" in caught.value.now


def test_a_topic_left_without_subtopics_is_an_error() -> None:
    text = LAYERED.replace("{novels: 0.5, maps: 0.5}", "{novels: 0.4, maps: 0.4, globes: 0.2}")
    blueprint = parse_blueprint(text.replace("layers:", "layers:\n  grow: {subtopics: 2}"))
    with pytest.raises(BadInput, match="'globes' has no subtopics after growing"):
        run(blueprint, lambda p, n: "?" if "globes" in p else scripted(p, n), Grow(subtopics=2))
    pools = run(blueprint, scripted, Grow(subtopics=2))
    assert any("globes" in s.topic for s in pools.subtopics.values())


def test_the_prompts_give_topic_goal_and_number() -> None:
    asked: list[str] = []

    def answer(prompt: str, number: int) -> str:
        asked.append(prompt)
        return json.dumps(THREE)

    run(parse_blueprint(LAYERED), answer, Grow(subtopics=5))
    assert len(asked) == 4
    assert all("Name 5 different situations" in p for p in asked)
    assert sum("borrow a book" in p for p in asked) == 2
