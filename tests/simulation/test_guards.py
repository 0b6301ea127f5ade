"""Guards: each stops what it is for, and lets a good line through."""

import asyncio

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.records.blueprint_parts import UserAct
from assay.simulation.one import topics
from assay.simulation.policy import Move
from assay.simulation.wording import CANDIDATES, MAX_CHARACTERS, Limits, fill, guard, says, word


def act(like: str) -> UserAct:
    return UserAct(like=like, means="test", says=("x",))


def check(text: str, like: str = "inform", slots: dict[str, str] | None = None, **more: object) -> str | None:
    closed = more.get("closed", {})
    earlier = more.get("earlier", [])
    firm, topic_words = more.get("firm", ()), more.get("topics", frozenset())
    limits = Limits(closed=closed, earlier=earlier, firm=firm, topics=topic_words)  # type: ignore[arg-type]
    return guard(text, Move(act="a", core_act=like, slots=slots or {}), act(like), limits)


@pytest.mark.parametrize(
    ("text", "like", "slots", "fault"),
    [
        ("  ", "inform", {}, "blank"),
        ("word " * (MAX_CHARACTERS // 4), "inform", {}, "too_long"),
        ("customer: hello", "greet", {}, "not_the_user"),
        ("How can I help you?", "greet", {}, "not_the_user"),
        ("As an AI I cannot say", "inform", {}, "not_the_user"),
        ("It is the kettle", "inform", {"item": "desk lamp"}, "value_missing"),
        ("It is NB-12345", "inform", {}, "invented_number"),
        ("It is NB-12345, I mean 98765", "inform", {"n": "NB-12345"}, "invented_number"),
        ("Sure, that is fine", "reject", {}, "opposite"),
        ("No, leave it", "confirm", {}, "opposite"),
        ("The lamp", "confirm", {}, "opposite"),
        ("Yes of course", "withhold", {}, "opposite"),
        ("I am fine", "request", {}, "opposite"),
        ("One more thing", "bye", {}, "opposite"),
        ("Goodbye", "thank", {}, "opposite"),
    ],
)
def test_stops(text: str, like: str, slots: dict[str, str], fault: str) -> None:
    assert check(text, like, slots) == fault


@pytest.mark.parametrize(
    ("text", "like", "slots"),
    [
        ("Hey there!", "greet", {}),
        ("it's the Desk Lamp.", "inform", {"item": "desk lamp"}),
        ("NB-12345, thanks", "inform", {"n": "NB-12345"}),
        ("No thanks", "reject", {}),
        ("Yes, why not", "confirm", {}),
        ("I'd rather not say", "withhold", {}),
        ("Why do you need that?", "withhold", {}),
        ("When will it arrive?", "request", {}),
        ("Ok thanks, bye", "bye", {}),
        ("Cheers!", "thank", {}),
    ],
)
def test_lets_through(text: str, like: str, slots: dict[str, str]) -> None:
    assert check(text, like, slots) is None


def test_fact_beyond_its_gate() -> None:
    assert check("I drink too much, sadly", closed={"secret": "drink too much"}) == "fact_beyond_gate"
    assert check("I drink tea", closed={"secret": "drink too much"}) is None


def test_repeat_except_for_small_words() -> None:
    assert check("It broke.", "inform", earlier=["it broke"]) == "repeat"
    assert check("Thanks!", "thank", earlier=["thanks"]) is None


def test_values_are_whole_words() -> None:
    assert says("the desk lamp, please", "desk lamp")
    assert not says("the desk lamps", "desk lamp")
    assert not says("NB-123456", "NB-12345")


def test_fill_leaves_unknown_marks() -> None:
    assert fill("{a} and {b}", {"a": "1"}) == "1 and {b}"


def worded(answers: list[str], like: str = "thank") -> object:
    asked: list[int] = []

    async def say(prompt: str, number: int) -> tuple[str, str]:
        asked.append(number)
        return answers[number], f"key{number}"

    move = Move(act="a", core_act=like, slots={})
    result = asyncio.run(word("p", move, act(like), limits=Limits(), say=say, fallback="Thank you."))
    assert asked == list(range(len(asked)))
    return result


def test_the_first_good_candidate_is_taken() -> None:
    result = worded(["", "customer: hi", "Thanks\na lot", "never asked"])
    assert (result.text, result.realised_by, result.key, result.tried) == ("Thanks a lot", "model", "key2", 3)
    assert result.failed == ("blank", "not_the_user")


def test_after_too_many_failures_the_template() -> None:
    result = worded([""] * CANDIDATES)
    assert (result.text, result.realised_by, result.key) == ("Thank you.", "template", "")
    assert result.failed == ("blank",) * CANDIDATES


def test_a_goal_stays_in_its_domain_and_is_held_to_itself_only_when_stated_again() -> None:
    words = frozenset({"refun", "order"})
    assert check("I need a hotel room.", "state_goal", topics=words) == "off_topic"
    assert check("I need to order something.", "state_goal", topics=words) is None
    assert check("I need a hotel room.", "inform", topics=words) is None
    assert check("I want my order.", "state_goal", topics=words, firm=("refund",)) == "goal_missing"
    assert check("I want a refund.", "state_goal", topics=words, firm=("refund",)) is None


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_template_passes_its_guard(name: str) -> None:
    """Templates are what a guard must let through: they are the blueprint's own idea of the act."""
    blueprint = load_blueprint(name)
    scenarios = [author_one(blueprint, 4, i) for i in range(40)]
    for act, spec in blueprint.user_acts.items():
        assert len(spec.says) >= 2, f"{act} needs varied words"
        for s in scenarios:
            if any(x not in s.slots for x in spec.slots):
                continue
            move = Move(act=act, core_act=spec.like, slots={x: s.slots[x] for x in spec.slots})
            for text in spec.says:
                line = fill(text, {"goal": blueprint.goals[s.goal].words, **s.slots})
                assert guard(line, move, spec, Limits(topics=topics(blueprint))) is None, (act, line)
