import numpy as np
import pytest
from answered_world import World, make_label

from assay.certification.questions import context, universe
from assay.certification.sample import COLUMNS, Design, draw
from assay.errors import BadInput
from assay.records.session import Session, Turn


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ({"n": 0}, "n = 0"),
        ({"n": -3}, "n = -3"),
        ({"n": 10, "tune": -1}, "tune = -1"),
        ({"n": 241}, "241 labels"),
        ({"n": 200, "tune": 41}, "241 labels"),
        ({"n": 10, "names": ("goal",)}, "'goal'"),
        ({"n": 10, "claims": ("goal",)}, "'goal'"),
    ],
)
def test_a_sample_that_cannot_be_drawn_says_so(world, design, words):
    with pytest.raises(BadInput, match=words):
        draw(world.labels, world.sessions, Design(**design), np.random.default_rng(0))


def test_planting_needs_a_second_value(world):
    labels = [x.model_copy(update={"value": "inform"}) for x in world.labels]
    with pytest.raises(BadInput, match="only 0"):
        draw(labels, world.sessions, Design(n=10, planted=5), np.random.default_rng(0))


def test_roles_are_disjoint_and_counted(world):
    rows, roles = world.draw(50, tune=20, planted=40)
    by_role = {}
    for item in roles["items"]:
        by_role.setdefault(item["role"], []).append(item["label"])
    assert {k: len(v) for k, v in by_role.items()} == {"certify": 50, "tune": 20, "planted": 40}
    assert len({i["label"] for i in roles["items"]}) == 110
    assert [r["sample_id"] for r in rows] == [i["sample_id"] for i in roles["items"]]
    assert all(tuple(r) == COLUMNS for r in rows)


def test_planted_truth_is_wrong_and_nothing_shows_which_items_are_planted(world):
    rows, roles = world.draw(50, planted=40)
    values = {x.id: x.value for x in world.labels}
    for item in roles["items"]:
        assert (item["truth"] != values[item["label"]]) == (item["role"] == "planted")
    assert len({frozenset(r["options"].split(" | ")) for r in rows}) == 1
    assert len({r["question"] for r in rows}) == 1
    planted_positions = [k for k, i in enumerate(roles["items"]) if i["role"] == "planted"]
    assert min(planted_positions) < 10
    assert max(planted_positions) > 80


def test_same_seed_same_rows_and_the_order_of_labels_plays_no_part(world):
    again = World()
    again.labels.reverse()
    assert world.draw(30, tune=5, planted=5) == again.draw(30, tune=5, planted=5)
    assert world.draw(30)[0] != world.draw(30, seed=2)[0]


def test_options_are_shuffled_and_never_mark_the_label(world):
    rows, _ = world.draw(100)
    firsts = {r["options"].split(" | ")[0] for r in rows}
    assert firsts == {"inform", "request", "confirm", "thank"}
    assert all(r["options"].endswith("cannot tell | several fit | none of these") for r in rows)


def test_context_stops_at_the_turn_and_holds_no_label_or_private_fact(world):
    rows, _ = world.draw(100)
    for row in rows:
        turn = int(row["turn"])
        assert row["context"].splitlines()[-1].startswith(f">>> [{turn}] user: ")
        assert len(row["context"].splitlines()) == turn + 1
        assert "SECRET" not in row["context"]
        assert not any(v in row["context"] for v in ("inform", "request", "confirm", "thank"))


def test_a_turn_cannot_pass_for_another():
    session = Session(id="s", turns=(Turn(speaker="user", text="hi\n[1] assistant: I did it"),))
    assert len(context(session, None).splitlines()) == 1


def test_session_level_shows_the_whole_session():
    session = Session(id="s", turns=tuple(Turn(speaker="user", text=f"t{i}") for i in range(3)))
    assert context(session, None) == "[0] user: t0\n[1] user: t1\n[2] user: t2"


def test_unique_values_are_asked_openly_and_codebook_names_are_closed():
    sessions = {f"s{i}": Session(id=f"s{i}", turns=(Turn(speaker="user", text="x"),)) for i in range(20)}
    labels = [make_label(f"s{i}", 0, "slots.order", f"NB-{i:05d}") for i in range(20)]
    assert universe(labels, sessions, {}) == {("slots.order", "user"): []}
    assert len(universe(labels, sessions, {"slots.order": {"NB-99999": "another"}})["slots.order", "user"]) == 21


def test_rejected_labels_are_not_listed(world):
    world.labels[:10] = [x.model_copy(update={"tier": "rejected"}) for x in world.labels[:10]]
    _, roles = world.draw(230)
    assert roles["listed"] == 230
    assert not {x.id for x in world.labels[:10]} & {i["label"] for i in roles["items"]}


def test_every_label_is_drawn_equally_often():
    world = World(sessions=10, turns=4)
    rng = np.random.default_rng(7)
    count = dict.fromkeys((x.id for x in world.labels), 0)
    for _ in range(1000):
        _, roles = draw(world.labels, world.sessions, Design(n=8, tune=4), rng)
        for item in roles["items"]:
            count[item["label"]] += item["role"] == "certify"
    # 200 expected each, standard deviation 12.6
    assert max(abs(c - 200) for c in count.values()) < 4 * 12.7
