"""ROUGE-L by hand, and what is left out because of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.layers import added, own_pools, pools_from, pools_of, pools_row
from assay.authoring.near_duplicates import THRESHOLD, find_like, longest_common, rouge_l
from assay.records.layers import Layers, Persona, Subtopic

TEXT = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),  # Lin 2004, the example of section 3.1
        ("police killed the gunman", "the gunman kill police", 0.5),
        ("A gift, for an AUNT!", "a gift for an aunt", 1.0),
        ("one two", "three four", 0.0),
        ("a b c d", "d c b a", 0.25),
        ("", "", 1.0),
        ("", "words", 0.0),
        ("wait for the bus", "wait a bit for that bus", 0.6),
    ],
)
def test_by_hand(one: str, other: str, score: float) -> None:
    assert rouge_l(one, other) == pytest.approx(score)


@given(TEXT, TEXT)
def test_symmetric_bounded_and_like_the_recursion(one: str, other: str) -> None:
    def slow(a: list[str], b: list[str]) -> int:
        if not a or not b:
            return 0
        return 1 + slow(a[1:], b[1:]) if a[0] == b[0] else max(slow(a[1:], b), slow(a, b[1:]))

    a, b = one.split(), other.split()
    assert longest_common(a, b) == slow(a, b)
    assert rouge_l(one, other) == rouge_l(other, one)
    assert 0 <= rouge_l(one, other) <= 1
    assert rouge_l(one, one) == 1


def test_the_first_stays_and_the_threshold_counts_as_alike() -> None:
    assert find_like("the gunman kill police", ["x y", "police killed the gunman"]) == ("police killed the gunman", 0.5)
    assert find_like("the gunman kill police", ["police killed the gunman"], threshold=0.51) is None
    assert THRESHOLD == 0.5


def subtopic(*topic: str, personas: tuple[str, ...] = ()) -> Subtopic:
    return Subtopic(topic=topic, personas=tuple(Persona(text=p) for p in personas))


def test_subtopics_are_compared_within_a_topic_and_personas_within_a_subtopic() -> None:
    layers = Layers(
        subtopics={
            "a gift for an aunt": subtopic("novels", personas=("Feeds the ducks daily.", "Feeds ducks daily.")),
            "a gift for my aunt": subtopic("novels"),
            "a gift for one aunt": subtopic("maps", personas=("Feeds the ducks daily.",)),
        }
    )
    pools = pools_of(layers, ("novels", "maps"))
    assert list(pools.subtopics) == ["a gift for an aunt", "a gift for one aunt"]
    assert [(r.kind, r.text, r.origin) for r in pools.removed] == [
        ("persona", "Feeds ducks daily.", "blueprint"),
        ("subtopic", "a gift for my aunt", "blueprint"),
    ]
    assert all(len(s.personas) == 1 for s in pools.subtopics.values())


def test_what_a_model_adds_is_held_to_the_same_rule() -> None:
    pools = pools_of(Layers(subtopics={"a gift for an aunt": subtopic("novels")}), ("novels",))
    more = added(pools, {"gift for an old aunt": subtopic("novels"), "a rainy week": subtopic("novels")}, "model")
    assert list(more.subtopics) == ["a gift for an aunt", "a rainy week"]
    assert [(r.text, r.origin) for r in more.removed] == [("gift for an old aunt", "model")]
    assert pools_from(pools_row(more)) == more


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_pools_hold_no_near_duplicates(name: str) -> None:
    pools = own_pools(load_blueprint(name))
    assert pools.removed == ()
    lines = [p.text for s in pools.subtopics.values() for p in s.personas]
    assert len(lines) == len(set(lines)) >= 30
