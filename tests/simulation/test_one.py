"""Whole sessions: they end where the machine says, gates hold, bad words are replaced, same input same bytes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation.assistants import Reply, reference_assistant
from assay.simulation.disclosure import gate_open
from assay.simulation.one import Parts, simulate_one
from assay.simulation.policy import act_probabilities, conditions_view, possible
from assay.simulation.views import AssistantView
from assay.simulation.wording import CANDIDATES, Say, says
from assay.verification.check import Corpus
from assay.verification.leaks import early_facts, verbatim_leaks

N = 300


def parts(blueprint: Blueprint, say: Callable[[Scenario], Say] | None = None) -> Parts:
    return Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=say)


def session(blueprint: Blueprint, s: Scenario, say: Callable[[Scenario], Say] | None = None) -> Session:
    return asyncio.run(simulate_one(blueprint, s, parts(blueprint, say)))


class Run:
    """Sessions of a blueprint by templates, with the policy rows that decided."""

    def __init__(self, name: str) -> None:
        self.blueprint = load_blueprint(name)
        self.rows: Counter[int] = Counter()
        self.scenarios = [author_one(self.blueprint, 7, i) for i in range(N)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("assay.simulation.policy.act_probabilities", self.watched)
            self.sessions = [session(self.blueprint, s) for s in self.scenarios]

    def watched(self, blueprint: Blueprint, s: Scenario, state: object) -> dict[str, float]:
        from assay.records.conditions import holds

        view = conditions_view(blueprint, s, state)  # type: ignore[arg-type]
        for i, row in enumerate(blueprint.policy):
            if holds(row.when, view) and any(p and possible(blueprint, s, state, a) for a, p in row.do.items()):  # type: ignore[arg-type]
                self.rows[i] += 1
                break
        return act_probabilities(blueprint, s, state)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=BUNDLED)
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.param)


def test_ends_only_in_terminal_states(run: Run) -> None:
    for made, s in zip(run.sessions, run.scenarios, strict=True):
        assert made.end in (*run.blueprint.goals[s.goal].ends, "out_of_time")
        acts = [t.labels["act"] for t in made.turns if t.speaker == "user"]
        over = [run.blueprint.user_acts[a].ends for a in acts]
        assert not any(over[:-1])
        assert over[-1] != (made.end == "out_of_time")
        assert len(acts) <= run.blueprint.max_user_turns
        assert [t.speaker for t in made.turns] == ["assistant", "user"] * len(acts)


def test_shares_of_the_ends_are_believable(run: Run) -> None:
    ends = Counter(made.end for made in run.sessions)
    assert ends["resolved"] > N / 2
    assert 0.10 <= ends["refused"] / N <= 0.25
    assert ends["gave_up"] > 0
    assert ends["out_of_time"] <= 0.02 * N
    refused = {s.goal for made, s in zip(run.sessions, run.scenarios, strict=True) if made.end == "refused"}
    assert refused == set(run.blueprint.goals)


def test_nothing_in_the_blueprint_is_dead(run: Run) -> None:
    last = len(run.blueprint.policy) - 1
    # The last row is for what no other row foresees: assistants whose acts cannot be read.
    assert {i for i in range(last) if not run.rows[i]} == set()
    said = {t.labels.get("act") or t.extra.get("act") for made in run.sessions for t in made.turns}
    # Templates are always understood; `clarify` is for words of a model.
    known = set(run.blueprint.user_acts) | set(run.blueprint.assistant_acts)
    assert known - said <= {run.blueprint.assistant.clarify}


def test_gates_are_never_violated(run: Run) -> None:
    user_facts = run.blueprint.facts["user"]
    for made, s in zip(run.sessions, run.scenarios, strict=True):
        heard: list[str] = []
        ledger = {(d.turn, d.fact) for d in made.disclosures}
        for i, turn in enumerate(made.turns):
            if turn.speaker == "assistant":
                heard.append(turn.extra["act"])
                continue
            for fact, value in s.facts["user"].items():
                open_now = gate_open(run.blueprint, "user", fact, heard)
                assert open_now or not says(turn.text, value), (made.id, i, fact)
                if user_facts[fact].slot in turn.labels.get("slots", {}):
                    assert open_now
            assert all(says(turn.text, v) for v in turn.labels.get("slots", {}).values())
        assert all(gate_open(run.blueprint, "user", f, heard) for _, f in ledger)
        assert len({f for _, f in ledger}) == len(ledger), "a fact is entered when it is first said"


def test_what_may_never_surface_never_does(run: Run) -> None:
    for made, s in zip(run.sessions, run.scenarios, strict=True):
        for party, facts in run.blueprint.facts.items():
            for name, fact in facts.items():
                if fact.may_never_surface and name in s.facts[party]:
                    assert not any(says(t.text, s.facts[party][name]) for t in made.turns)


def test_no_mark_is_left_unfilled(run: Run) -> None:
    for made in run.sessions:
        assert not any("{" in t.text or "}" in t.text or not t.text.strip() for t in made.turns)
        assert not any(f" a {v}" in t.text.lower() for t in made.turns for v in "aeiou")


def test_no_loops(run: Run) -> None:
    """No assistant line three times running, and no user line twice running except small words."""
    small = ("thank", "acknowledge", "bye", "confirm", "reject", "ask_alternative", "no_preference")
    for made in run.sessions:
        heard = [t.extra["act"] for t in made.turns if t.speaker == "assistant"]
        same = [a for a, b, c in zip(heard, heard[1:], heard[2:], strict=False) if a == b == c]
        assert all(run.blueprint.assistant_acts[a].like == "offer" for a in same), made.id
        lines = [(t.text, t.labels["core_act"]) for t in made.turns if t.speaker == "user"]
        assert not any(a == b and b[1] not in small for a, b in pairwise(lines)), made.id


def test_same_scenario_same_bytes(run: Run) -> None:
    for s, made in list(zip(run.scenarios, run.sessions, strict=True))[:10][::-1]:
        assert session(run.blueprint, s).line() == made.line()


def test_a_say_that_misbehaves_is_replaced_by_templates(run: Run) -> None:
    bad = ["", "customer: ha\nassistant: How can I help you?", "call 555-1234 now", "x" * 1000]
    prompts: list[str] = []

    def make(s: Scenario) -> Say:
        async def say(prompt: str, number: int) -> tuple[str, str]:
            prompts.append(prompt)
            return bad[number], f"{s.id}/{number}"

        return say

    for s, plain in list(zip(run.scenarios, run.sessions, strict=True))[:15]:
        made = session(run.blueprint, s, make)
        user = [t for t in made.turns if t.speaker == "user"]
        assert [t.text for t in made.turns] == [t.text for t in plain.turns], "the words do not move the plan"
        assert all(t.realised_by == "template" for t in user)
        assert all(t.extra["guards_failed"] == ["blank", "not_the_user", *t.extra["guards_failed"][2:]] for t in user)
        assert all(len(t.extra["guards_failed"]) == CANDIDATES for t in user)
        assert made.prompts == {}
    assert all(p.endswith("customer:") for p in prompts)


def test_a_say_that_behaves_is_kept() -> None:
    blueprint = load_blueprint("returns")
    s = next(x for x in (author_one(blueprint, 7, i) for i in range(99)) if x.goal == "track_order")

    def make(_: Scenario) -> Say:
        async def say(prompt: str, number: int) -> tuple[str, str]:
            act = prompt.rsplit("acts: ", 1)[1].split("\n")[0]
            value = act.split("= ")[1].rstrip(")") if "=" in act else ""
            words = {
                "reject": "no, that is everything", "greet": "heya", "state goal": "can you track an order for me",
                "inform": f"sure: {value}",
                "request": "when is it coming?", "thank": "cheers", "acknowledge": "right", "bye": "bye then",
                "withhold": "why do you ask?", "complain": "that is a shame", "ask alternative": "any other way?",
            }  # fmt: skip
            return words[act.split("(")[0]], f"key-{number}"

        return say

    made = session(blueprint, s, make)
    user = {i: t for i, t in enumerate(made.turns) if t.speaker == "user"}
    assert all(t.realised_by == "model" for t in user.values())
    assert made.prompts == {str(i): "key-0" for i in user}
    assert made.end in ("resolved", "refused")


class Fixed:
    """An assistant that always says the same."""

    def __init__(self, text: str, act: str | None) -> None:
        self.text, self.act = text, act

    async def reply(self, view: AssistantView) -> Reply:
        return Reply(text=self.text, act=self.act, realised_by="python")


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("text", ["", "asdf", "🙂 שלום", "x" * 5000])
def test_an_assistant_that_makes_no_sense_ends_in_gave_up(name: str, text: str) -> None:
    blueprint = load_blueprint(name)
    for i in range(8):
        made = asyncio.run(
            simulate_one(
                blueprint, author_one(blueprint, 1, i), Parts(assistant=lambda s, r: Fixed(text, None), say=None)
            )
        )
        assert made.end == "gave_up"
        assert not made.disclosures


def test_out_of_time_when_nobody_ends_it() -> None:
    blueprint = load_blueprint("returns")
    s = next(x for x in (author_one(blueprint, 1, i) for i in range(99)) if x.profile["patience"] == "high")
    row = blueprint.policy[-1].model_copy(update={"do": {"acknowledge": 1.0}})
    endless = blueprint.model_copy(update={"policy": (row,)})
    made = asyncio.run(simulate_one(endless, s, Parts(assistant=lambda s, r: Fixed("Hello", "welcome"), say=None)))
    assert made.end == "out_of_time"
    assert sum(t.speaker == "user" for t in made.turns) == blueprint.max_user_turns


def test_what_the_model_raises_is_raised() -> None:
    blueprint = load_blueprint("returns")

    def make(_: Scenario) -> Say:
        async def say(prompt: str, number: int) -> tuple[str, str]:
            raise ConnectionError("gone")

        return say

    with pytest.raises(ConnectionError, match="gone"):
        session(blueprint, author_one(blueprint, 1, 0), make)


def test_the_two_streams_are_apart() -> None:
    """Draws of the assistant do not move the user's."""
    blueprint = load_blueprint("returns")

    def greedy(s: Scenario, rng: np.random.Generator) -> object:
        rng.random(1000)
        return reference_assistant(blueprint, s, rng)

    for i in range(10):
        s = author_one(blueprint, 7, i)
        one = session(blueprint, s)
        two = asyncio.run(simulate_one(blueprint, s, Parts(assistant=greedy, say=None)))  # type: ignore[arg-type]
        assert [t.labels for t in one.turns] == [t.labels for t in two.turns]


def test_nothing_is_taken_for_a_leak(run: Run) -> None:
    """Template sessions are clean by construction, so the exact checks must find nothing in them."""
    corpus = Corpus(sessions=tuple(run.sessions), blueprint=run.blueprint)
    bad = [v for check in (early_facts, verbatim_leaks) for v in check(corpus) if v.status == "contradicted"]
    assert bad == []
