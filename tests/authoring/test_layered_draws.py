"""Layers of a scenario: drawn in order, tied as written, stored; the prior of the rest stays what it was."""

import math
from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import binomtest

from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.layers import own_pools
from assay.authoring.names import NAMES
from assay.authoring.one import author_one
from assay.authoring.people import BEHAVIOURS, behaviours, derived_line, draw_name, gender_pool
from assay.authoring.priors import BANDS, band, draw_all, stream
from assay.records.blueprint_parts import CONTEXT_FIELDS, TRAITS
from assay.records.scenario import Scenario

HERE = Path(__file__).parent
TINY = (HERE / "tiny.yaml").read_text(encoding="utf-8")
LAYERED = TINY + (HERE / "layered.yaml").read_text(encoding="utf-8")
N = 600


@pytest.fixture(scope="module")
def drawn() -> list[Scenario]:
    blueprint = parse_blueprint(LAYERED)
    return [author_one(blueprint, 5, i) for i in range(N)]


def within(hits: int, n: int, p: float) -> bool:
    return bool(binomtest(hits, n, p).pvalue > 1e-4)


def test_every_layer_is_stored(drawn: list[Scenario]) -> None:
    for s in drawn:
        assert s.topic == s.context["topic"] in ("novels", "maps")
        assert s.subtopic
        assert s.persona_line
        assert s.name
        assert s.arm == "prior"
        assert set(s.context) == set(CONTEXT_FIELDS)
        assert s.behaviours == {t: BEHAVIOURS[t][band(s.persona[t])] for t in TRAITS}


def test_shares_of_topics_and_subtopics(drawn: list[Scenario]) -> None:
    assert within(sum(s.topic == "maps" for s in drawn), N, 0.5)
    maps = [s for s in drawn if s.topic == "maps" and s.goal == "borrow"]
    assert within(sum(s.subtopic == "a school project" for s in maps), len(maps), 0.5)
    assert not within(sum(s.subtopic == "a school project" for s in maps), len(maps), 0.75)


def test_conditions_of_subtopics_and_personas_hold(drawn: list[Scenario]) -> None:
    seen = Counter((s.subtopic, s.persona_line) for s in drawn)
    assert len({k for k, _ in seen}) == 3
    for s in drawn:
        if s.subtopic == "a school project":
            assert (s.topic, s.goal) == ("maps", "borrow")
            assert s.persona_line == "Builds bridges out of matchsticks."
        if s.subtopic == "a long train ride":
            assert s.topic == "novels"
            assert s.persona_line == derived_line(s.persona)
        if s.persona_line == "Talks to every cat in the street.":
            assert s.persona["extraversion"] >= 2 / 3 - 1e-9
    assert seen["a gift for an aunt", "Talks to every cat in the street."] > 20


def test_layers_leave_the_other_draws_alone() -> None:
    plain, layered = parse_blueprint(TINY), parse_blueprint(LAYERED)
    for i in range(30):
        a, b = author_one(plain, 3, i), author_one(layered, 3, i)
        assert (a.profile, a.slots, a.facts, a.name) == (b.profile, b.slots, b.facts, b.name)
    assert author_one(plain, 3, 0).subtopic == ""
    assert author_one(plain, 3, 0).topic == "general"


def test_the_derived_line_is_of_the_two_traits_farthest_from_the_middle() -> None:
    persona = {
        "openness": 0.5,
        "conscientiousness": 0.9,
        "extraversion": 0.45,
        "agreeableness": 0.02,
        "neuroticism": 0.6,
    }
    expected = f"{BEHAVIOURS['agreeableness']['low']} {BEHAVIOURS['conscientiousness']['high']}"
    assert derived_line(persona) == expected
    assert behaviours({"openness": 0.1}) == {"openness": BEHAVIOURS["openness"]["low"]}


def test_behaviours_are_what_people_do() -> None:
    lines = [line for bands in BEHAVIOURS.values() for line in bands.values()]
    assert set(BEHAVIOURS) == set(TRAITS)
    assert all(set(bands) == set(BANDS) for bands in BEHAVIOURS.values())
    assert len(set(lines)) == 15
    # a verb first, no label of the trait: nothing of the kind "is very agreeable"
    assert all(not line.startswith(("Is ", "Very ")) for line in lines)
    assert not any(trait[:6] in line.lower() for trait in TRAITS for line in lines)


@pytest.mark.parametrize("name", BUNDLED)
def test_no_name_is_used_in_more_than_five_percent(name: str) -> None:
    blueprint = load_blueprint(name)
    scenarios = [author_one(blueprint, 1, i) for i in range(200)]
    top = Counter(s.name for s in scenarios).most_common(1)[0][1]
    assert top / 200 <= 0.05
    assert len({s.name for s in scenarios}) >= 150
    for s in scenarios:
        assert s.name in NAMES[gender_pool(s.context["gender"])]


def test_names_by_gender_and_at_most_once_a_round() -> None:
    assert (gender_pool("woman"), gender_pool(" Man "), gender_pool("agender")) == ("f", "m", "n")
    for gender, pool in (("woman", "f"), ("man", "m"), ("robot", "n")):
        names = [draw_name(gender, 7, i) for i in range(1000)]
        assert set(names) == set(NAMES[pool])
        assert Counter(names).most_common(1)[0][1] == math.ceil(1000 / len(NAMES[pool]))
    assert draw_name("woman", 1, 5) != draw_name("woman", 2, 5)
    assert min(len(pool) for pool in NAMES.values()) >= 100


def test_fixed_values_are_kept_and_bands_are_drawn_inside() -> None:
    blueprint = parse_blueprint(TINY)
    for own in BANDS:
        for i in range(80):
            fixed = {"goal": "renew", "context.emotion": "tired", "persona.openness": own}
            draw = draw_all(blueprint, stream(1, f"{own}{i}"), fixed)
            assert (draw["goal"], draw["context.emotion"]) == ("renew", "tired")
            assert band(float(draw["persona.openness"])) == own


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_layers_cover_every_topic_and_goal(name: str) -> None:
    blueprint = load_blueprint(name)
    pools = own_pools(blueprint)
    scenarios = [author_one(blueprint, 2, i) for i in range(200)]
    assert {s.topic for s in scenarios} == set(pools.topics)
    assert {s.subtopic for s in scenarios} == set(pools.subtopics)
    assert sum(s.rejected for s in scenarios) < 20
