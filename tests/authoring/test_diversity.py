"""Figures of variety by hand, and on broken twins that they must show."""

import math
from pathlib import Path

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint, parse_blueprint
from assay.authoring.covering import covering
from assay.authoring.diversity import copies, diversity_report, entropy, four_grams, persona_copied, top_share
from assay.authoring.layers import added, own_pools
from assay.authoring.one import author_one
from assay.records.layers import Subtopic
from assay.records.scenario import Scenario
from assay.records.session import Session, Turn

HERE = Path(__file__).parent
TINY = (HERE / "tiny.yaml").read_text(encoding="utf-8")
LAYERED = TINY + (HERE / "layered.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drawn() -> list[Scenario]:
    return [author_one(parse_blueprint(LAYERED), 1, i) for i in range(120)]


@pytest.mark.parametrize(
    ("values", "domain", "bits", "share"),
    [
        (["a", "b", "a", "b"], 2, 1.0, 1.0),
        (["a", "b", "a", "b"], 4, 1.0, 0.5),
        (["a", "a", "a", "a"], 2, 0.0, 0.0),
        (["a", "a", "a", "b"], 2, 0.8113, 0.8113),
        (["a", "b"], 100, 1.0, 1.0),
        (["a", "a"], 1, 0.0, None),
        ([], 3, 0.0, None),
    ],
)
def test_entropy(values: list[str], domain: int, bits: float, share: float | None) -> None:
    found = entropy(values, domain)
    assert found["bits"] == pytest.approx(bits, abs=1e-4)
    assert found["share_of_max"] == (None if share is None else pytest.approx(share, abs=1e-4))
    assert math.copysign(1, found["bits"]) == 1


def test_top_share() -> None:
    assert top_share(["b", "a", "a", "b", "", "c"]) == {"value": "a", "count": 2, "share": round(2 / 6, 6)}
    assert top_share([]) == {"value": None, "count": 0, "share": None}


def test_four_grams_are_of_case_folded_words() -> None:
    assert four_grams("Talks to EVERY cat, daily.") == {
        ("talks", "to", "every", "cat"),
        ("to", "every", "cat", "daily"),
    }
    assert four_grams("three words only") == set()
    assert copies(["Talks to every cat in the street."], ["well, he TALKS to: every cat"])
    assert not copies(["Talks to every cat in the street."], ["he talks to each cat in our street", ""])
    assert not copies(["short line"], ["short line"])


def session(s: Scenario, *texts: str, speaker: str = "user") -> Session:
    return Session(id=s.id, turns=tuple(Turn(speaker=speaker, text=t) for t in texts), scenario=s.id)


def test_persona_copies_are_counted_by_session(drawn: list[Scenario]) -> None:
    a, b, c, d = drawn[:4]
    sessions = [
        session(a, "Hello.", f"You know, {a.persona_line.lower()} And again: {a.persona_line}"),
        session(b, "Nothing of the kind.", b.subtopic),
        session(c, f"I am told: {c.behaviours['neuroticism']}"),
        session(d, d.persona_line, speaker="assistant"),
    ]
    assert persona_copied(drawn, sessions) == {"sessions": 2, "n": 4, "share": 0.5}


def test_the_report_of_layered_scenarios(drawn: list[Scenario]) -> None:
    blueprint = parse_blueprint(LAYERED)
    found = diversity_report(blueprint, drawn, [session(drawn[0], "Hi.")])
    assert found["n"] == 120
    assert found["arm"] == "prior"
    assert found["pairwise"]["by_arm"]["prior"]["share"] > 0.95
    cells = found["cells"]["topic x subtopic"]
    assert (cells["planned"], cells["present"], cells["absent"], cells["impossible"]) == (4, 4, 0, 0)
    assert found["cells"]["topic x subtopic x goal"]["planned"] == 7
    assert found["cells"]["subtopic x persona"]["planned"] == 3
    assert found["persona_copied"] == {"sessions": 0, "n": 1, "share": 0.0}
    assert found["rejected"] == sum(s.rejected for s in drawn)
    assert found["rejection_rate"] == round(found["rejected"] / (found["rejected"] + 120), 6)
    assert found["entropy"]["subtopic"]["domain"] == 3
    assert found["removed"] == {"subtopics": 0, "personas": 0, "list": []}


def test_a_lost_cell_is_named(drawn: list[Scenario]) -> None:
    blueprint = parse_blueprint(LAYERED)
    kept = [s for s in drawn if s.subtopic != "a school project"]
    cells = diversity_report(blueprint, kept)["cells"]
    assert cells["topic x subtopic"]["absent_cells"] == ["maps / a school project"]
    assert cells["topic x subtopic x goal"]["absent_cells"] == ["maps / a school project / borrow"]
    assert cells["subtopic x persona"]["absent"] == 1


def test_an_impossible_cell_is_no_absent_one() -> None:
    text = LAYERED.replace("topic: maps", "topic: [maps, novels]").replace(
        "constraints:\n", "constraints:\n  - {forbid: {context.topic: novels, goal: borrow}, why: made up}\n"
    )
    blueprint = parse_blueprint(text)
    drawn = [author_one(blueprint, 1, i) for i in range(120)]
    cells = diversity_report(blueprint, drawn)["cells"]["topic x subtopic"]
    assert cells["impossible_cells"] == ["novels / a school project"]
    assert cells["planned"] == cells["present"] + cells["absent"] + cells["impossible"]


def test_a_collapse_of_names_and_values_shows(drawn: list[Scenario]) -> None:
    blueprint = parse_blueprint(LAYERED)
    fields = {"emotion": "calm", "location": "at home"}
    flat = [s.model_copy(update={"name": "John", "context": {**s.context, **fields}}) for s in drawn]
    good, bad = diversity_report(blueprint, drawn), diversity_report(blueprint, flat)
    assert bad["top_name"] == {"value": "John", "count": 120, "share": 1.0}
    assert good["top_name"]["share"] <= 0.05
    assert bad["entropy"]["context.emotion"]["bits"] == 0
    assert bad["pairwise"]["by_arm"]["prior"]["share"] < good["pairwise"]["by_arm"]["prior"]["share"] - 0.2


def test_removed_near_duplicates_are_listed(drawn: list[Scenario]) -> None:
    blueprint = parse_blueprint(LAYERED)
    pools = added(own_pools(blueprint), {"gift for an aunt": Subtopic(topic=("novels",))}, "model")
    found = diversity_report(blueprint, drawn, pools=pools)["removed"]
    assert (found["subtopics"], found["personas"]) == (1, 0)
    assert found["list"][0]["like"] == "a gift for an aunt"


def test_shares_are_those_of_the_prior_arm_alone(drawn: list[Scenario]) -> None:
    blueprint = parse_blueprint(LAYERED)
    rows = [s.model_copy(update={"name": "John"}) for s in covering(blueprint, 1, 40)]
    both = diversity_report(blueprint, [*drawn, *rows])
    alone = diversity_report(blueprint, drawn)
    assert both["entropy"] == alone["entropy"]
    assert both["top_name"] == alone["top_name"]
    assert both["rejection_rate"] == alone["rejection_rate"]
    assert set(both["pairwise"]["by_arm"]) == {"prior", "covering"}
    assert diversity_report(blueprint, rows)["arm"] == "covering"


@pytest.mark.parametrize("name", BUNDLED)
def test_the_figures_that_issue_3_asks_for(name: str) -> None:
    """On 200 scenarios of each bundled blueprint; sessions are measured by bench/diversity.py."""
    blueprint = load_blueprint(name)
    found = diversity_report(blueprint, [author_one(blueprint, 1, i) for i in range(200)])
    assert found["top_name"]["share"] <= 0.05
    assert found["pairwise"]["by_arm"]["prior"]["share"] >= 0.95
    assert found["pairwise"]["undecided"] == 0
    assert found["rejection_rate"] < 0.1
    for cells in found["cells"].values():
        assert cells["planned"] == cells["present"] + cells["absent"] + cells["impossible"]
        assert len(cells["absent_cells"]) == cells["absent"]
        assert cells["present"] >= 0.75 * (cells["planned"] - cells["impossible"])
