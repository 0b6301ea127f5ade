"""The measures of RL07 on sessions whose figures are known."""

from pathlib import Path
from typing import Any

import pytest

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.door.gap_numbers import MEASURES, completed, first_mention, mentioned, position, sayable, surfaced
from assay.door.running import author, simulate
from assay.records.scenario import Scenario
from assay.records.session import Session, Turn
from assay.records.storage import read
from assay.verification.check import Corpus
from assay.verification.expression import slot_conformance

BOOK = load_blueprint("returns")
FIGURE = {m.name: m.of for m in MEASURES}


def scenario(goal: str = "return_item") -> Scenario:
    drawn = next(s for s in (author_one(BOOK, 3, i) for i in range(60)) if s.goal == goal)
    return drawn.model_copy(update={"world": {**drawn.world, "in_time": "yes"}})


def session(*texts: str, end: str = "resolved", first: str = "assistant") -> Session:
    order = (first, "user" if first == "assistant" else "assistant")
    turns = tuple(Turn(speaker=order[i % 2], text=t) for i, t in enumerate(texts))
    return Session(id="x", turns=turns, end=end, scenario="x")


def test_nothing_to_measure_is_none_and_never_a_number() -> None:
    s = scenario()
    empty = session()
    for name, of in FIGURE.items():
        value = of(BOOK, s, empty)
        assert value is None or 0 <= value <= 1, name
    assert FIGURE["words_per_user_turn"](BOOK, s, session("hello")) is None
    bare = s.model_copy(update={"facts": {"user": {}, "assistant": {}}})
    assert position(BOOK, bare, session("hi", "yes")) is None
    assert surfaced(BOOK, bare, session("hi", "yes")) is None


@pytest.mark.parametrize(
    ("end", "in_time", "reached"),
    [
        ("resolved", "yes", 1),
        ("refused", "no", 1),
        ("refused", "yes", 0),
        ("gave_up", "yes", 0),
        ("out_of_time", "no", 0),
    ],
)
def test_a_goal_is_reached_when_it_is_resolved_or_rightly_refused(end: str, in_time: str, reached: int) -> None:
    s = scenario().model_copy(update={"world": {**scenario().world, "in_time": in_time}})
    assert completed(BOOK, s, session("a", "b", end=end)) == reached


def test_first_mentions_are_shares_of_turns_and_never_counts_as_the_end() -> None:
    s = scenario()
    facts = sayable(BOOK, s)
    assert set(facts) == {"order_number", "reason"}
    made = session("hi", f"It is {facts['order_number'].lower()}!", "why?", "no")
    assert first_mention(made, facts["order_number"]) == 1
    assert position(BOOK, s, made) == pytest.approx((1 / 4 + 1) / 2)
    assert mentioned(BOOK, s, made) == 0.5
    assert position(BOOK, s, session("hi", "no")) == 1
    assert "email" in sayable(BOOK, scenario("refund_status"))


def test_what_may_never_surface_is_found_in_either_partys_words() -> None:
    s = scenario()
    secret, voucher = s.facts["user"]["true_reason"], s.facts["assistant"]["goodwill"]
    assert surfaced(BOOK, s, session("hi", "bye")) == 0
    assert surfaced(BOOK, s, session("hi", f"well, {secret}.")) == 1
    assert surfaced(BOOK, s, session(f"take the {voucher}", "ok")) == 1


def test_words_clarifications_and_acknowledgements_are_counted() -> None:
    s, made = (
        scenario(),
        session("Sorry, I did not understand. What?", "I want it back", "Okay, which one?", "the red one"),
    )
    figures: dict[str, Any] = {name: of(BOOK, s, made) for name, of in FIGURE.items()}
    assert figures["words_per_user_turn"] == 3.5
    assert figures["clarification"] == 0.25
    assert figures["acknowledgement"] == 0.25


@pytest.mark.parametrize(
    ("mode", "regime", "guarded"),
    [("agents", "controlled", True), ("mindreaders", "controlled", True), ("script", "controlled", False),
     ("agents", "conditioned", False)],
)  # fmt: skip
def test_a_value_in_words_that_no_guard_held_is_evidence(mode: str, regime: str, guarded: bool) -> None:
    labels = {"act": "give_item", "core_act": "inform", "slots": {"item": "smart watch"}}
    made = Session(
        id="x",
        scenario="x",
        mode=mode,
        regime=regime,
        turns=(Turn(speaker="user", text="a smart watch", labels=labels),),
    )  # type: ignore[arg-type]
    for verdict in slot_conformance(Corpus(sessions=(made,), blueprint=BOOK)):
        assert verdict.status == "supported"
        assert (verdict.guard, verdict.independent) == (guarded, not guarded)


def test_a_regime_of_the_command_wins_over_the_blueprint_s_also_later(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "src/assay/blueprints/returns.yaml").read_text(encoding="utf-8")
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace("max_user_turns:", "regime: conditioned\nmax_user_turns:", 1), encoding="utf-8")
    for asked, made in ((None, "conditioned"), ("controlled", "controlled")):
        out = tmp_path / made
        author(own, out, n=1, model="template", regime=asked)
        simulate(out)
        assert {s.regime for s in read(out, "sessions")} == {made}
