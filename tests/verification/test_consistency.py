"""CO01 to CO04: clashes are found and quoted, a persona is told from another one's, and every session is answered."""

from typing import Any

import pytest
from verified_sessions import agent, foreign, own, quotes_stand, user

from assay.models.embeddings import available
from assay.records import Session, Verdict
from assay.verification.check import Corpus
from assay.verification.consistency.claims import clash
from assay.verification.consistency.lines import LineAnswer
from assay.verification.consistency.measures import Parts, above_empty, drift, rate_score
from assay.verification.consistency.one import line_to_line, persona_fit, prompt_to_line
from assay.verification.consistency.persona import persona_facts
from assay.verification.consistency.scores import degenerate_share, scores

PERSONA = ["I have two dogs.", "I am vegan.", "I live in Oslo.", "I love to paint the sea."]
LINES = [
    "Hello there, how was your day?",
    "I took my two dogs for a walk along the harbour",
    "I paint, mostly the sea near Oslo where I live",
    "I cook vegan food for my friends every weekend",
]
OTHERS = [
    "Hey, I just got off my shift at the steel mill",
    "My truck broke down so I am fixing the engine again",
    "I go hunting deer with my brother in Texas",
    "We grill steaks and watch football every Sunday",
]
needs_embedder = pytest.mark.skipif(not available(), reason="the sentence embedder is not installed")


def talk(*lines: str, persona: Any = PERSONA, **more: Any) -> Session:
    """A session of these user lines with a partner who says little."""
    turns = [t for line in lines for t in (agent("Tell me more."), user(line))]
    return foreign(*turns, private={"user": {"persona": persona}} if persona is not None else {}, **more)


def every(session: Session) -> list[Verdict]:
    """All CO01 to CO04 verdicts."""
    corpus = Corpus(sessions=[session])
    return [*prompt_to_line(corpus), *line_to_line(corpus), *persona_fit(corpus)]


class TestBadInput:
    @pytest.mark.parametrize("persona", [None, "", [], {}, 7, ["", "..."], "word " * 10_000])
    @pytest.mark.parametrize("lines", [(), ("",), ("", "..."), ("Hi",), ("Hi", "I see", "Well", "Bye")])
    def test_each_session_is_answered_for_each_code(self, persona: Any, lines: tuple[str, ...]) -> None:
        session = talk(*lines, persona=persona)
        found = every(session)
        assert {v.code for v in found} >= {"CO02", "CO03", "CO04"}
        assert any(v.code == "CO01" for v in found)
        assert all(v.reason for v in found if v.status in ("not_applicable", "unparsed"))
        assert quotes_stand([session], found)

    def test_no_turns_at_all_and_only_the_partner(self) -> None:
        for session in (foreign(), foreign(agent("Hi"), private={"user": {"persona": PERSONA}})):
            assert {v.status for v in every(session)} == {"not_applicable"}

    def test_without_the_embedder_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("assay.verification.consistency.one.available", lambda: False)
        found = list(persona_fit(Corpus(sessions=[talk(*LINES)])))
        assert {(v.code, v.status, v.reason) for v in found} == {
            (code, "not_applicable", "no_embedder") for code in ("CO01", "CO03", "CO04")
        }


class TestClash:
    @pytest.mark.parametrize(
        ("first", "second", "rule"),
        [
            ("I have two dogs.", "I don't have two dogs.", "polarity"),
            ("I have two dogs.", "Well. It is not true that I have two dogs.", "polarity"),
            ("I have two dogs.", "I never said that I have two dogs, and it is not so.", "polarity"),
            ("I love horror movies.", "I can't stand horror movies", "polarity"),
            ("My favorite color is blue.", "My least favorite color is blue.", "polarity"),
            ("My favorite color is blue.", "my favorite color is red!", "value"),
            ("I have two dogs.", "I have three dogs at home", "number"),
            ("I am 30 years old.", "I'm 45 years old", "value"),
            ("I live in Oslo.", "I live in Texas with my wife", "value"),
            ("I am vegan.", "I love a good steak", "diet"),
        ],
    )
    def test_found(self, first: str, second: str, rule: str) -> None:
        found = clash(first, second)
        assert found is not None
        assert (found.rule, found.said in second) == (rule, True)

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("I have two dogs.", "I have two dogs."),
            ("I have two dogs.", "Do you have dogs? I don't have a cat."),
            ("I agree with you.", "I couldn't agree more."),
            ("I love hamburgers and fries.", "I love hamburgers and fries, but not soda."),
            ("I am vegan.", "I don't eat steak"),
            ("I hate rain.", "You love rain"),
            ("I like tea.", "I don't know."),
            ("", "I have no dogs"),
        ],
    )
    def test_left_alone(self, first: str, second: str) -> None:
        assert clash(first, second) is None

    def test_a_persona_in_the_third_person(self) -> None:
        assert clash("She has two dogs.", "I never said that she has two dogs.") is None
        found = clash(
            "She owns a large bakery in Rome.", "It is not true that I own a large bakery in Rome", of_speaker=True
        )
        assert found is not None


class TestLines:
    def test_a_contradicted_fact_is_quoted_at_its_turn(self) -> None:
        session = talk(*LINES, "Sure. I have three dogs. Bye")
        bad = [v for v in prompt_to_line(Corpus(sessions=[session])) if v.status == "contradicted"]
        assert [(v.turn, v.name, v.evidence[0].quote) for v in bad] == [(9, "persona", "I have three dogs.")]

    def test_an_earlier_line_within_ten(self) -> None:
        filler = [f"Number {k} is a fine thing" for k in range(12)]
        near = talk("I live in Oslo.", *filler[:9], "I live in Rome.")
        far = talk("I live in Oslo.", *filler[:10], "I live in Rome.")
        turns = [
            [v.turn for v in line_to_line(Corpus(sessions=[s])) if v.status == "contradicted"] for s in (near, far)
        ]
        assert turns == [[21], []]

    def test_the_partners_lines_are_not_ones_own(self) -> None:
        session = foreign(user("I live in Oslo."), agent("I live in Rome."), user("Nice, and warm in May"))
        assert not [v for v in line_to_line(Corpus(sessions=[session])) if v.status == "contradicted"]

    def test_another_reader_and_its_unparsed_answers(self) -> None:
        """A language model's answers come in through the same door; what could not be read never passes."""
        session = talk(*LINES)
        made = prompt_to_line(Corpus(sessions=[session]), lambda qs: [LineAnswer(None) for _ in qs])
        found = [v for v in made if v.turn is not None]
        assert {(v.status, v.score) for v in found} == {("unparsed", None)}
        assert scores([session], found)[0].parts.co01 is None

    def test_a_quote_that_does_not_stand_is_replaced_by_the_line(self) -> None:
        session = talk(*LINES)
        made = list(prompt_to_line(Corpus(sessions=[session]), lambda qs: [LineAnswer(True, 0, "made up")] * len(qs)))
        assert quotes_stand([session], made)

    def test_latents_of_own_sessions_are_no_told_persona(self) -> None:
        session = own(user("Hi"), user("Bye"), session_labels={"persona": {"line": "Does the accounts on Sundays."}})
        assert {v.reason for v in prompt_to_line(Corpus(sessions=[session]))} == {"no_persona"}


class TestMeasures:
    def test_overall_is_the_harmonic_mean_less_the_degenerate(self) -> None:
        parts = Parts(co01=1.0, co02=1.0, co03=0.5, co04=0.5, degenerate=0.25)
        assert parts.overall == pytest.approx(4 / (1 + 1 + 2 + 2) * 0.75)
        assert Parts(co01=1.0, co02=1.0, co03=0.0, co04=1.0, degenerate=0.0).overall == 0.0
        assert Parts(co01=None, co02=1.0, co03=1.0, co04=1.0, degenerate=0.0).overall is None

    def test_unparsed_above_five_per_cent_voids(self) -> None:
        assert rate_score(1, 95, 5) == pytest.approx(1 - 1 / 95)
        assert rate_score(0, 94, 6) is None
        assert rate_score(0, 0) is None

    def test_the_empty_transcript_is_taken_off(self) -> None:
        assert above_empty(0.8, 0.6) == pytest.approx(0.5)
        assert above_empty(0.1, 0.6) == 0.0
        assert above_empty(1.0, 1.0) is None

    def test_drift(self) -> None:
        assert drift([False] * 4 + [True] * 2) == 1.0
        assert drift([True, False]) is None


@needs_embedder
class TestFit:
    def test_own_lines_fit_and_anothers_do_not(self) -> None:
        own_fit, other = (
            next(v for v in persona_fit(Corpus(sessions=[talk(*x)])) if v.code == "CO01") for x in (LINES, OTHERS)
        )
        assert own_fit.status == "supported"
        assert own_fit.score is not None
        assert other.score is not None
        assert other.score < 0.1 < own_fit.score

    def test_coverage_and_answers(self) -> None:
        found = {v.code: v for v in persona_fit(Corpus(sessions=[talk(*LINES)]))}
        assert found["CO04"].score is not None
        assert found["CO03"].score is not None
        assert found["CO04"].score >= found["CO03"].score >= 0.5
        none = {v.code: v for v in persona_fit(Corpus(sessions=[talk(*OTHERS)]))}
        assert (none["CO03"].score, none["CO03"].status) == (0.0, "not_evidenced")

    def test_a_contradicted_fact_is_not_answered(self) -> None:
        session = talk(*LINES, "I do not have two dogs.")
        found = next(v for v in persona_fit(Corpus(sessions=[session])) if v.code == "CO03")
        assert (found.status, found.evidence[0].turn) == ("contradicted", 9)

    def test_too_few_lines_for_halves(self) -> None:
        found = next(v for v in persona_fit(Corpus(sessions=[talk(*LINES[:3])])) if v.code == "CO01")
        assert (found.status, found.reason) == ("not_applicable", "too_short")

    def test_degenerate_speakers_score_nothing_much(self) -> None:
        speakers = {
            "real": LINES,
            "blank": [""] * 4,
            "generic": ["Okay, sounds good.", "I see.", "That is interesting.", "Sure, no problem."],
            "repeat": [LINES[1]] * 4,
            "copy": PERSONA,
        }
        overall = {}
        for name, lines in speakers.items():
            session = talk(*lines)
            parts = scores([session], every(session))[0].parts
            overall[name] = parts.overall or 0.0
        real = overall.pop("real")
        assert max(overall.values()) < 0.05 < 0.35 < real

    def test_a_line_repeated_now_and_then_was_said_once(self) -> None:
        some, all_of_it = (degenerate_share(talk(*x), "user") for x in ([*LINES, LINES[0]], [LINES[1]] * 5))
        assert (some, all_of_it) == (0.2, 1.0)
        assert degenerate_share(foreign(agent("Hi")), "user") == 1.0

    def test_the_order_of_sessions_changes_nothing(self) -> None:
        some = [talk(*LINES, id="a"), talk(*OTHERS, id="b"), talk(*OTHERS, id="c", persona=["I hunt deer in Texas."])]
        first, second = (
            sorted(persona_fit(Corpus(sessions=s)), key=lambda v: (v.session, v.code)) for s in (some, some[::-1])
        )
        assert first == second


def test_attributes_become_sentences_and_parties_keep_their_own() -> None:
    session = foreign(
        user("Hi"), agent("Hi"), private={"user": {"profile.age": 34}, "assistant": {"persona": "I am Bo."}}
    )
    assert [f.text for f in persona_facts(session)] == ["My age is 34."]
    assert [f.text for f in persona_facts(session, "assistant")] == ["I am Bo."]
