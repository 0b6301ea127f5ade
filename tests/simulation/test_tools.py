"""The desk: bad calls first, then what tools may read and write on a session's own copy of the world."""

import json

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.errors import BadBlueprint
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.tools import Desk, desk_of, wire_tools

RETURNS, MOVIES = load_blueprint("returns"), load_blueprint("movies")


def desk(blueprint: Blueprint = RETURNS, **world: str) -> tuple[Desk, Scenario]:
    s = author_one(blueprint, 5, 1)
    s = s.model_copy(update={"world": {**s.world, **world}})
    return desk_of(blueprint, s), s


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("drop_tables", "{}", "no tool"),
        ("", "{}", "no tool"),
        ("lookup_order", "{", "not a JSON object"),
        ("lookup_order", "[]", "not a JSON object"),
        ("lookup_order", '"NB-12345"', "not a JSON object"),
        ("lookup_order", '{"order_number": ["NB-12345"]}', "not a JSON object"),
        ("lookup_order", '{"order_number": true}', "not a JSON object"),
        ("lookup_order", "{}", "needs order_number"),
        ("lookup_order", '{"order_number": null}', "needs order_number"),
        ("lookup_order", '{"order_number": "NB-1", "drop": "x"}', "takes no drop"),
        ("lookup_order", "[" * 5000, "not a JSON object"),
        ("lookup_order", 7, "not a JSON object"),
    ],
)
def test_bad_calls_are_answered_with_an_error_and_counted(name: str, arguments: object, says: str) -> None:
    d, _ = desk()
    before = dict(d.state)
    done = d.call(name, arguments)
    assert done.fault
    assert says in done.answer["error"]
    assert (d.calls, d.faults, d.state) == (1, 1, before)


def test_a_number_that_is_not_on_file_finds_nothing_and_is_no_fault() -> None:
    d, s = desk(in_time="yes")
    done = d.call("refund_order", json.dumps({"order_number": "NB-00000"}))
    assert "nothing on file" in done.answer["error"]
    assert not done.fault
    assert d.state["refunded"] == "no"
    assert "price" in d.call("lookup_order", {"order_number": s.slots["order_number"].lower()}).answer


def test_what_the_record_does_not_allow_changes_nothing() -> None:
    d, s = desk(in_time="no")
    done = d.call("refund_order", {"order_number": s.slots["order_number"]})
    assert done.answer == {"error": "the 30 days for returns are over"}
    assert (done.fault, d.state["refunded"]) == (False, "no")


def test_a_write_reaches_this_desk_only() -> None:
    d, s = desk(in_time="yes")
    other = desk_of(RETURNS, s)
    done = d.call("refund_order", {"order_number": s.slots["order_number"]})
    assert done.answer == {"ok": True, "refund_days": s.world["refund_days"]}
    assert d.state["refunded"] == "yes"
    assert other.state["refunded"] == RETURNS.world.state["refunded"] == "no"
    assert "refunded" not in s.world


def test_a_catalogue_is_searched_by_its_columns() -> None:
    d, _ = desk(MOVIES)
    found = d.call("search_films", {"genre": "Dramas", "mood": "strange"}).answer["found"]
    assert [r["title"] for r in found] == ["Stairs Without a House"]
    assert d.call("search_films", {"genre": "westerns"}).answer == {"found": []}
    assert len(d.call("search_films", {}).answer["found"]) == MOVIES.tools["search_films"].most
    d.call("choose_film", {"title": "Small Boats"})
    assert d.state["chosen"] == "Small Boats"


@pytest.mark.parametrize("name", BUNDLED)
def test_the_wire_form_holds_nothing_of_a_scenario(name: str) -> None:
    blueprint = load_blueprint(name)
    tools = wire_tools(blueprint)
    assert [t["function"]["name"] for t in tools] == list(blueprint.tools)
    for tool in tools:
        parameters = tool["function"]["parameters"]
        assert tool["type"] == "function"
        assert set(parameters["required"]) <= set(parameters["properties"])
        assert parameters["additionalProperties"] is False
    assert json.loads(json.dumps(tools)) == list(tools)


@pytest.mark.parametrize("name", BUNDLED)
def test_no_tool_gives_away_a_private_fact(name: str) -> None:
    blueprint = load_blueprint(name)
    for i in range(20):
        s = author_one(blueprint, 9, i)
        d = desk_of(blueprint, s)
        # what a catalogue's columns hold is public, and so is the record
        public = {*s.world.values(), *(v for row in blueprint.world.rows for v in row.values())}
        private = {v for party in s.facts.values() for v in party.values()} - public
        assert private
        for tool, spec in blueprint.tools.items():
            args = {a: s.slots.get(a, "x") for a, kind in spec.args.items() if kind != "row"}
            told = json.dumps(d.call(tool, args).answer)
            given = set(args.values())
            assert not [v for v in private - given if f'"{v}"' in told]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"args": {"nothing": "slot"}}, "no slot"),
        ({"args": {"order_number": "magic"}}, "no kind"),
        ({"args": {"order_number": "row"}}, "no column"),
        ({"reads": ["secrets"]}, "no 'secrets'"),
        ({"sets": {"price": "0 euros"}}, "no 'price'"),
        ({"needs": {"mood": "good"}}, "no 'mood'"),
        ({"optional": ["x"]}, "no 'x'"),
    ],
)
def test_a_blueprint_with_a_bad_tool_is_refused(change: dict[str, object], says: str) -> None:
    row = RETURNS.model_dump(by_alias=True)
    row["tools"]["lookup_order"] |= change
    with pytest.raises((BadBlueprint, ValueError), match=says):
        Blueprint.model_validate(row)
