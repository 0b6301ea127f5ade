"""Subtopics and personas by a language model, added to the blueprint's own pools.

One call per topic and goal asks for subtopics, one per subtopic for personas. An answer that holds no list is asked
for again, counted as malformed and never lost; what could not be grown is listed as dropped. Whether the model or the
blueprint wrote it, near-duplicates (ROUGE-L >= 0.5) are left out and counted (authoring.layers.added).
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from assay.authoring.feasible import Space
from assay.authoring.layers import Pools, added
from assay.authoring.near_duplicates import Removed, words
from assay.authoring.people import BEHAVIOURS
from assay.errors import BadInput
from assay.records.blueprint import Blueprint
from assay.records.layers import Grow, Persona, Subtopic

Ask = Callable[[str, int], Awaitable[str]]
"""(prompt, number of the try) -> the model's text."""

TRIES = 3
"""Calls for one list before it is given up."""
SUBTOPIC_WORDS = (2, 14)
PERSONA_WORDS = (4, 40)
"""Fewest and most words of an item; others are counted as unusable."""
THINKING = re.compile(r"<think>.*?(</think>|\Z)", re.S | re.I)
FENCE = re.compile(r"```[\w-]*\n?")
ITEM = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|[-*\u2022\u2013])\s+(.+?)\s*$")
PLACEHOLDER = re.compile(r"[{}<>\[\]]|\.\.\.$|^(subtopic|persona|situation|person|item)\s*\d*\W*$", re.I)


def parse_list(answer: str) -> list[str]:
    """Items of a list in a model's answer: a JSON or Python list anywhere in it, else numbered or bulleted lines.

    Thinking and code fences are taken off, quotes and bold marks too. No list gives an empty list. Nothing is ever
    evaluated.
    """
    text = FENCE.sub("", THINKING.sub("", answer))
    for found in re.finditer(r"\[", text):
        items = _literal(text[found.start() :])
        if items:
            return [_clean(i) for i in items if _clean(i)]
    lines = [m[1] for line in text.splitlines() if (m := ITEM.match(line))]
    return [item for line in lines if (item := _clean(line))]


def _literal(text: str) -> list[str]:
    """The list of texts at the start of a text, or nothing."""
    end = text.find("]")
    while end != -1 and end < 20_000:
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(text[: end + 1])
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
                return value
            return []
        end = text.find("]", end + 1)
    return []


def _clean(text: str) -> str:
    plain = " ".join(str(text).replace("**", " ").replace("`", " ").split())
    return plain.strip(" \"'\u201c\u201d")


def usable(item: str, least: int, most: int) -> bool:
    """Whether an item has a fitting length and is no placeholder."""
    return least <= len(words(item)) <= most and PLACEHOLDER.search(item) is None


def subtopics_prompt(blueprint: Blueprint, topic: str, goal: str, n: int) -> str:
    """What a model is asked for subtopics; topic and goal are given."""
    return (
        f"Setting: {blueprint.title}.\nTopic: {topic}.\nA user of it wants to {blueprint.goals[goal].words}.\n"
        f"Name {n} different situations in which that happens. Each is a noun phrase of 3 to 8 words, without names, "
        "numbers or amounts. No two may mean the same.\nAnswer with a numbered list and nothing else.\n"
    )


def personas_prompt(blueprint: Blueprint, subtopic: str, n: int) -> str:
    """What a model is asked for personas; the subtopic is given."""
    shown = "; ".join(f"{trait}: {lines['high']}" for trait, lines in BEHAVIOURS.items())
    return (
        f"Setting: {blueprint.title}.\nSituation: {subtopic}.\n"
        f"Describe {n} different people who could be in it, as users. One sentence of 6 to 20 words each, about how "
        "they live or behave, without names, ages, genders or wishes. They should differ in temper, for example:\n"
        f"{shown}\nAnswer with a numbered list and nothing else.\n"
    )


@dataclass(slots=True)
class Growth:
    """What growing did, counted."""

    counts: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    first: str = ""
    """First malformed answer, for the message when all are."""


async def grow(blueprint: Blueprint, pools: Pools, ask: Ask, wanted: Grow) -> Pools:
    """Pools with `wanted.subtopics` per topic and goal and `wanted.personas` per subtopic added by a model.

    `Pools.grown` counts calls, malformed answers, unusable items, and the subtopics and personas that were added.
    Raises BadInput when no answer at all held a list, or when a topic is left without any subtopic.
    """
    done = Growth()
    if wanted.subtopics:
        pools = await _grow_subtopics(blueprint, pools, ask, wanted.subtopics, done)
    if wanted.personas:
        for name in list(pools.subtopics):
            lines = await _items(ask, personas_prompt(blueprint, name, wanted.personas), PERSONA_WORDS, done)
            if not lines:
                done.dropped.append(f"personas of {name}")
            before = len(pools.subtopics[name].personas)
            spec = pools.subtopics[name].model_copy(
                update={"personas": tuple(Persona(text=t) for t in lines[: wanted.personas])}
            )
            pools = added(pools, {name: spec}, "model")
            done.counts["personas"] += len(pools.subtopics[name].personas) - before
    if done.counts["calls"] and done.counts["calls"] == done.counts["malformed"]:
        raise BadInput(
            f"the growing model gave no usable list in {done.counts['calls']} calls; the first answer: "
            f"{done.first[:120]!r}",
            where="layers.grow",
            now="use another model (--grow-with MODEL), or write the pools into the blueprint",
        )
    filled = {t for s in pools.subtopics.values() for t in s.topic}
    empty = [t for t in pools.topics if t not in filled]
    if empty:
        raise BadInput(
            f"topic {empty[0]!r} has no subtopics after growing",
            where="layers.subtopics",
            now="add one to the blueprint, or use another model (--grow-with MODEL)",
        )
    order = ("calls", "malformed", "unusable", "subtopics", "personas")
    return replace(pools, grown={k: done.counts[k] for k in order}, dropped=tuple(done.dropped))


async def _grow_subtopics(blueprint: Blueprint, pools: Pools, ask: Ask, n: int, done: Growth) -> Pools:
    space = Space(blueprint, replace(pools, subtopics={}))
    for topic in pools.topics:
        for goal in blueprint.goals:
            if space.possible({"context.topic": topic, "goal": goal}) is False:
                continue
            names = await _items(ask, subtopics_prompt(blueprint, topic, goal, n), SUBTOPIC_WORDS, done)
            if not names:
                done.dropped.append(f"subtopics of {topic} / {goal}")
            before = len(pools.subtopics)
            more = {name.rstrip("."): Subtopic(topic=(topic,), when={"goal": (goal,)}) for name in names[:n]}
            same = [name for name in more if name in pools.subtopics]
            pools = replace(pools, removed=(*pools.removed, *(_same(name, topic) for name in same)))
            pools = added(pools, {k: v for k, v in more.items() if k not in same}, "model")
            done.counts["subtopics"] += len(pools.subtopics) - before
    return pools


def _same(name: str, topic: str) -> Removed:
    return Removed(kind="subtopic", where=topic, text=name, like=name, rouge_l=1.0, origin="model")


async def _items(ask: Ask, prompt: str, length: tuple[int, int], done: Growth) -> list[str]:
    """Usable items of the first answer that has any, of at most TRIES."""
    for number in range(TRIES):
        answer = await ask(prompt, number)
        done.counts["calls"] += 1
        items = parse_list(answer)
        good = [i for i in items if usable(i, *length)]
        done.counts["unusable"] += len(items) - len(good)
        if good:
            return good
        done.counts["malformed"] += 1
        done.first = done.first or answer
    return []
