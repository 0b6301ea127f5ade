"""The ledger of knowledge: exact at every turn, gates and never-surfacing facts included; profiles show in it."""

import asyncio

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.door.gap_numbers import position
from assay.errors import BadInput
from assay.records.knowledge import knows
from assay.records.scenario import Scenario
from assay.records.session import Knowledge, Session, Turn
from assay.simulation.assistants import reference_assistant
from assay.simulation.disclosure import gate_open
from assay.simulation.knowing import knowledge_of
from assay.simulation.one import Parts, simulate_one
from assay.simulation.wording import says

N = 400


def made(name: str, n: int, seed: int = 11) -> list[tuple[Scenario, Session]]:
    book = load_blueprint(name)
    parts = Parts(assistant=lambda s, rng: reference_assistant(book, s, rng), say=None)
    drawn = [author_one(book, seed, i) for i in range(n)]
    return [(s, asyncio.run(simulate_one(book, s, parts))) for s in drawn]


@pytest.fixture(scope="module")
def returns() -> list[tuple[Scenario, Session]]:
    return made("returns", N)


def test_a_fact_that_is_not_there_is_refused(returns: list[tuple[Scenario, Session]]) -> None:
    session = returns[0][1]
    with pytest.raises(BadInput, match="no private fact 'shoe_size'"):
        knows(session, "assistant", "shoe_size", 3)
    rows = (
        Knowledge(party="user", fact="x", knower="assistant"),
        Knowledge(party="assistant", fact="x", knower="user"),
    )
    both = session.model_copy(update={"knowledge": rows})
    with pytest.raises(BadInput, match="both parties"):
        knows(both, "user", "x", 0)
    assert knows(both, "user", "user.x", 0)
    assert not knows(both, "assistant", "user.x", 9)


@pytest.mark.parametrize("name", BUNDLED)
def test_every_fact_has_an_entry_and_it_agrees_with_the_transcript_at_every_turn(name: str) -> None:
    book, checked = load_blueprint(name), 0
    for scenario, session in made(name, 60):
        facts = {(p, f) for p, held in scenario.facts.items() for f in held}
        assert {(k.party, k.fact) for k in session.knowledge} == facts
        record = {str(v).lower() for v in scenario.world.values()}
        for k in session.knowledge:
            value = scenario.facts[k.party][k.fact]
            if k.party == "user" and value.lower() in record:
                continue
            for turn in range(len(session.turns) + 1):
                told = any(t.speaker == k.party and says(t.text, value) for t in session.turns[:turn])
                heard = [t.extra["act"] for t in session.turns[:turn] if t.speaker == "assistant"]
                assert knows(session, k.knower, f"{k.party}.{k.fact}", turn) == told
                assert knows(session, k.party, f"{k.party}.{k.fact}", turn)
                opened = k.gate_turn is not None and turn >= k.gate_turn
                assert opened == gate_open(book, k.party, k.fact, heard)
                checked += 1
    assert checked > 300 or not book.facts


def test_what_was_let_out_is_known_from_the_next_turn_and_never_before_its_gate(
    returns: list[tuple[Scenario, Session]],
) -> None:
    for _, session in returns:
        entries = {k.fact: k for k in session.knowledge if k.party == "user"}
        for d in session.disclosures:
            k = entries[d.fact]
            assert (k.from_turn, k.how) == (d.turn + 1, "said")
            assert k.gate_turn is not None
            assert k.gate_turn <= d.turn
        for k in session.knowledge:
            if k.may_never_surface:
                assert k.from_turn is None
                assert k.gate_turn is None


def test_a_tool_and_the_record_tell_the_assistant() -> None:
    book = load_blueprint("returns")
    scenario = author_one(book, 1, 0)
    value = scenario.facts["user"]["order_number"]
    turns = [Turn(speaker="user", text="hello"), Turn(speaker="tool", text=f'{{"order": "{value}"}}'),
             Turn(speaker="assistant", text="found")]  # fmt: skip
    k = next(x for x in knowledge_of(book, scenario, turns, "agents") if x.fact == "order_number")
    assert (k.from_turn, k.how) == (2, "looked_up")
    on_file = scenario.model_copy(update={"world": {**scenario.world, "order": value}})
    k = next(x for x in knowledge_of(book, on_file, turns, "agents") if x.fact == "order_number")
    assert (k.from_turn, k.how) == (0, "looked_up")
    nobody = next(x for x in knowledge_of(book, scenario, turns[:1], "agents") if x.fact == "order_number")
    assert (nobody.from_turn, nobody.how) == (None, None)


def test_a_ledger_without_the_gate_would_be_caught(returns: list[tuple[Scenario, Session]]) -> None:
    """The broken twin: turns counted one too early differ from the transcript somewhere."""
    early = 0
    for scenario, session in returns[:60]:
        for k in session.knowledge:
            if k.how == "said" and k.from_turn:
                value = scenario.facts[k.party][k.fact]
                early += not any(t.speaker == k.party and says(t.text, value) for t in session.turns[: k.from_turn - 1])
    assert early > 20


def test_reluctant_and_forthcoming_profiles_behave_differently(returns: list[tuple[Scenario, Session]]) -> None:
    """400 sessions: the reluctant refuse far more often and say their facts later; both beyond any doubt of chance."""
    from scipy.stats import fisher_exact, mannwhitneyu

    book = load_blueprint("returns")
    held: dict[str, list[bool]] = {"forthcoming": [], "reluctant": []}
    told: dict[str, list[float]] = {"forthcoming": [], "reluctant": []}
    for scenario, session in returns:
        value = scenario.profile["disclosure"]
        held[value].append(any(t.labels.get("core_act") == "withhold" for t in session.turns))
        where = position(book, scenario, session)
        if where is not None:
            told[value].append(where)
    assert min(map(len, held.values())) > 100
    table = [[sum(held[v]), len(held[v]) - sum(held[v])] for v in held]
    assert fisher_exact(table).pvalue < 1e-6
    assert mannwhitneyu(told["reluctant"], told["forthcoming"], alternative="greater").pvalue < 1e-3
    # the same test on a split that means nothing finds nothing
    even, odd = ([position(book, s, x) or 0 for s, x in returns[k::2]] for k in (0, 1))
    assert mannwhitneyu(even, odd).pvalue > 1e-3
