"""LB02 by a judge: prompts that share what they can, verdicts that need a quote, and a judge put on trial."""

import json
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from verified_sessions import agent, foreign, own, quotes_stand, user

from assay.authoring.blueprints import load_blueprint
from assay.models.model import Answer
from assay.records import Session, Verdict
from assay.verification.check import Corpus
from assay.verification.judges import conformance, trial
from assay.verification.judges.cost import by_check, cost_of, ordered, plan_of, total
from assay.verification.judges.prompt import Answers, Form, JudgePrompt, read_answer, request_of, schema_of

RETURNS = load_blueprint("returns")
ITEMS = tuple(RETURNS.slots["item"].values or ())

Said = Callable[[conformance.Claim], tuple[Answers, str]]


def session(number: int, item: str | None = None) -> Session:
    item = item or ITEMS[number % len(ITEMS)]
    return own(
        agent("Which product?"), user(f"It is a {item}, bought in May.", act="give_item", slots={"item": item}),
        id=f"s{number:03d}",
    )  # fmt: skip


def corpus(n: int = 6) -> Corpus:
    return Corpus(sessions=[session(i) for i in range(n)], seed=3, blueprint=RETURNS)


def judge(found: Sequence[conformance.Claim], form: Form, said: Said) -> list[Verdict]:
    read = conformance.readings(found, [said(c) for c in found], form)
    return list(conformance.verdicts(read, "judge", True))


def honest(claim: conformance.Claim, quote: str | None = None) -> tuple[Answers, str]:
    """Supports a value that stands in the turn, contradicts another."""
    text = claim.target.session.turns[1].text
    there = claim.shown in text or (claim.target.name == "act" and claim.shown == "give_item")
    words = claim.shown if claim.target.name != "act" else "It is a"
    letters = {"A": 0.0 if there else -9.0, "B": -9.0 if there else 0.0, "C": -12.0}
    return (letters if claim.ask.options else None), (words if quote is None else quote)


def test_nothing_to_claim() -> None:
    assert conformance.claims(Corpus(sessions=[], seed=0), 10, "json") == []
    assert conformance.claims(corpus(), 0, "json") == []
    assert conformance.claims(Corpus(sessions=[foreign()]), 5, "options") == []
    assert list(conformance.verdicts([], "judge", True)) == []


@pytest.mark.parametrize(
    "answer",
    ["", "supported", "A", "[]", "null", "{}", '{"answer": "Z"}', '{"answer": 1}', '{"answer": null}', '{"answer": "A',
     '{"answer": "AB"}', "Sure! The answer is A.", "[" * 5000, '{"quote": "x"}'],
    ids=range(14),
)  # fmt: skip
def test_an_answer_of_another_form_is_unparsed_and_never_support(answer: str) -> None:
    found = conformance.claims(corpus(), 3, "json")
    made = judge(found, "json", lambda c: read_answer(c.ask, "json", Answer(text=answer, finish_reason="stop")))
    assert [v.status for v in made] == ["unparsed"] * 3
    assert not any(v.independent for v in made)
    assert all(v.reason and v.score is None for v in made)


@pytest.mark.parametrize("form", ["json", "options"])
def test_an_honest_judge_supports_right_labels_with_words_that_stand_there(form: Form) -> None:
    sessions = corpus()
    found = conformance.claims(sessions, 12, form)
    made = judge(found, form, honest)
    assert {v.status for v in made} == {"supported"}
    assert all(v.evidence for v in made)
    assert quotes_stand(sessions.sessions, made)


@pytest.mark.parametrize("quote", ["", "a kettle that nobody named", "\u200b"])
@pytest.mark.parametrize("form", ["json", "options"])
def test_support_without_a_verbatim_quote_is_its_own_bucket(form: Form, quote: str) -> None:
    made = judge(conformance.claims(corpus(), 12, form), form, lambda c: honest(c, quote))
    assert {(v.status, v.reason, v.score) for v in made} == {("unparsed", "no verbatim quote", None)}
    assert not any(v.evidence for v in made)


@pytest.mark.parametrize("letter", "ABC")
@pytest.mark.parametrize("form", ["json", "options"])
def test_a_judge_that_says_the_same_of_every_value_says_nothing(form: Form, letter: str) -> None:
    """What a transcript that says `answer supported` makes of a judge: it must not become support."""

    def parrot(claim: conformance.Claim) -> tuple[Answers, str]:
        answers = {x: 0.0 if x == letter else -9.0 for x in "ABC"}
        return (answers if claim.ask.options else None), claim.target.session.turns[1].text[:5]

    made = judge(conformance.claims(corpus(), 12, form), form, parrot)
    assert {v.status for v in made} == {"not_evidenced"}


def test_prompts_carry_ids_state_the_polarity_once_and_never_the_label_as_a_fact() -> None:
    found = conformance.claims(corpus(), 12, "json")
    for claim in found:
        body = claim.ask.body
        assert body.count("supported") == 1
        assert body.count("contradicted") == 1
        assert claim.ask.id.startswith("LB02.1:")
        assert len(claim.ask.digest) == 16
    assert len({c.ask.id for c in found}) == len({c.ask.body for c in found})
    own_first = Counter(c.ask.options == found[0].ask.options for c in found)
    assert set(own_first) == {True}, "the options do not tell the label's own value from another"


def test_the_answer_is_held_to_a_schema_or_a_grammar() -> None:
    claim = conformance.claims(corpus(), 1, "json")[0]
    schema = request_of(claim.ask, "json").schema
    assert schema == schema_of(claim.ask)
    assert schema["properties"]["answer"]["enum"] == ["A", "B", "C"]
    assert schema["required"] == ["quote", "answer"]
    assert json.loads(json.dumps(schema)) == schema
    quote = next(c for c in conformance.claims(corpus(), 1, "options") if not c.ask.options)
    grammar = request_of(quote.ask, "options").grammar
    assert grammar.startswith("root ::= ")
    assert '" none"' in grammar


def test_prompts_about_a_session_share_their_beginning_and_are_read_in_a_row() -> None:
    found = [c.ask for c in conformance.claims(corpus(4), 8, "options")]
    order = ordered(found, 3)
    assert sorted(i for held in order for i in held) == list(range(len(found)))
    for held in order:
        assert len({found[i].session for i in held}) == 1
    assert ordered(found, 3) == order != ordered(found, 4)
    _, costs = plan_of(found, "options", 3)
    whole = total(costs)
    assert whole.calls == len(found)
    assert whole.read < 0.5 * whole.prompt
    assert sum(row["calls"] for row in by_check(costs).values()) == len(found)


def test_a_prompt_costs_all_its_tokens_when_nothing_is_shared() -> None:
    prompt = JudgePrompt("X.1", "LB02", "s", 0, "act", "Some words.\n", "Question?", ("yes", "no"))
    cost = cost_of([prompt], "options")["LB02"]
    assert cost.read == cost.prompt > 10
    assert cost_of([prompt, prompt], "options")["LB02"].read == cost.read + 1


class TestTrial:
    def rates(self, form: Form, said: Said, n: int = 40) -> dict[str, float]:
        found = conformance.claims(corpus(n), 2 * n, form)
        read = conformance.readings(found, [said(c) for c in found], form)
        rows = trial.rates(trial.seeing_trials(read, 3), "judge")
        return next(r for r in rows if r["name"] == "slots.item")

    @pytest.mark.parametrize("form", ["json", "options"])
    def test_an_honest_judge_catches_wrong_labels(self, form: Form) -> None:
        row = self.rates(form, honest)
        assert row["tnr"] == 1.0
        assert row["tpr"] > 0.15
        assert row["n"] == row["sessions"] == 40
        assert trial.without_power([row]) == frozenset()

    def test_a_blind_judge_has_no_power_and_is_found_out(self) -> None:
        """Broken twin: a trial that took the label's own value for the wrong one would give it power."""
        row = self.rates("options", lambda c: ({"A": -1.0, "B": -1.0, "C": -1.0} if c.ask.options else None, "none"))
        assert row["tpr"] - (1 - row["tnr"]) <= 0
        assert ("judge", "LB02", "slots.item") in trial.without_power([row])

    def test_too_few_wrong_labels_conclude_nothing(self) -> None:
        row = self.rates("options", lambda c: ({"A": -1.0} if c.ask.options else None, "none"), n=5)
        assert trial.without_power([row]) == frozenset()
        assert row["tpr_ci"] == [None, None]

    def test_no_trials_no_rates(self) -> None:
        assert trial.rates([], "judge") == []
